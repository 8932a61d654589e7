"""Prints what tests recorded with record_property("surface", ..) as a table at the end of a run, also of one in parallel."""


def pytest_terminal_summary(terminalreporter):
    rows = [
        row
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "call"
        for name, row in report.user_properties
        if name == "surface"
    ]
    if rows:
        terminalreporter.section("names of MLX that are there")
        for module, present, total in sorted(rows):
            terminalreporter.line(f"{module:24} {present:4} of {total:4}  {100 * present / total:5.1f} %")
