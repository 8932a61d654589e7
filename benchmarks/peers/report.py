"""The report: a Markdown table and a plot of what run.py measured. usage: report.py FOLDER (with results.json in it)
It measures nothing."""
import json
import platform
import sys
import time
from pathlib import Path

PEERS = ["torch", "onnxruntime", "openvino", "jax", "mlx"]


def cpu_name():
    try:
        for text in open("/proc/cpuinfo"):
            if text.startswith("model name"):
                return text.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.machine()


def duration(s):
    for unit, scale in (("s", 1), ("ms", 1e3), ("µs", 1e6)):
        if s * scale >= 1:
            return f"{s * scale:.3g} {unit}" if s * scale < 1000 else f"{s * scale:.0f} {unit}"
    return f"{s * 1e9:.0f} ns"


def best(entries, side, variant=None):
    fitting = [e for e in entries if e["side"] == side and variant in (None, e["variant"])]
    return min(fitting, key=lambda e: e["seconds"]) if fitting else None


def ratio_of(entry):
    """How many times slower than Quern through Python in the same run."""
    return entry["seconds"] / entry["ours"]


def rival(entries):
    """The fastest entry that is not ours, None without one or without ours."""
    others = [e for e in entries if e["side"] in PEERS and e["ours"]]
    return min(others, key=ratio_of) if others else None


def verdict(entries, goals):
    """(how many times faster than the fastest rival or None, text)."""
    other = rival(entries)
    if not other:
        return None, "-"
    if ratio_of(other) < 1:
        return ratio_of(other), "**LOST**"
    missed = []
    for goal, factor in goals.items():
        theirs = best(entries, *goal.split())
        if theirs and ratio_of(theirs) < factor:
            missed.append(f"{goal} {ratio_of(theirs):.2f} of {factor}x")
    return ratio_of(other), "won; short of the goal: " + ", ".join(missed) if missed else "won"


def line(row, entries):
    parts = [f"{e['side']} {e['variant']} {duration(e['seconds'])}" for e in entries]
    return f"{row}: " + ", ".join(parts)


def memory_line(e):
    mib = {k: e[k] / 2**20 for k in ("built", "peak", "growth")}
    return (f"memory, batch {e['batch']}: {e['side']} {e['variant']}: peak {mib['peak']:.1f} MiB, "
            f"step alone {mib['peak'] - mib['built']:.1f}"
            + (f", growth over {e['steps']} steps {mib['growth']:.2f}" if e["steps"] else ""))


def scaling_line(row, s):
    return f"scaling, {row}: {duration(s['one'])} on one thread, {duration(s['all'])} on all, {s['one'] / s['all']:.2f}x"


def memory_table(entries):
    out = ["", "## Memory", "", "Resident memory of a CNN training step in a fresh process, above that after the imports; the "
           "step alone: without model and data; growth: what so many steps after the thirtieth left behind.", "",
           "| side | batch | peak, MiB | step alone | growth | peak / quern's |", "|---|---|---|---|---|---|"]
    for e in entries:
        ours = min((o["peak"] for o in entries if o["side"] == "quern" and o["batch"] == e["batch"]), default=None)
        ratio = f"{e['peak'] / ours:.2f}x" if ours and e["side"] not in ("quern", "quern C") else "-"
        out.append(f"| {e['side']} {e['variant']} | {e['batch']} | {e['peak'] / 2**20:.1f} | "
                   f"{(e['peak'] - e['built']) / 2**20:.1f} | "
                   + (f"{e['growth'] / 2**20:.2f} in {e['steps']:,} steps" if e["steps"] else "-") + f" | {ratio} |")
    return out


def scaling_table(scaling, threads, known):
    out = ["", "## Scaling", "", f"Quern through Python, from 1 to {threads} threads.", "",
           f"| row | 1 thread | {threads} threads | faster | efficiency |", "|---|---|---|---|---|"]
    for name, s in scaling.items():
        times = s["one"] / s["all"]
        title = known[name].title if name in known else name
        out.append(f"| {title} | {duration(s['one'])} | {duration(s['all'])} | {times:.2f}x | {100 * times / threads:.0f} % |")
    return out


def cell(entry):
    if entry is None:
        return "-"
    text = f"{duration(entry['seconds'])} {entry['variant']}"
    if entry["rounds"] > 1:
        text += f" ({duration(entry['low'])} – {duration(entry['high'])})"
    if entry["side"] != "quern" and entry["ours"]:
        text += f" **{ratio_of(entry):.2f}x**"
    return text + (f", {entry['error']:.1e}" if entry["error"] is not None else "")


def markdown(result, known=None):
    known = known or {}
    sides = ["quern", "quern C", *PEERS]
    versions = ", ".join(f"{k} {v}" for k, v in result["versions"].items())
    out = [f"# Quern and its peers, {time.strftime('%Y-%m-%d %H:%M')}", "",
           f"{result['cpu']}, {result['threads']} threads; {versions}. {result['minutes']:.0f} minutes."]
    if result["rows"]:
        out += rows_table(result, known, sides)
    if "memory" in result:
        out += memory_table(result["memory"])
    if "scaling" in result:
        out += scaling_table(result["scaling"], result["threads"], known)
    return "\n".join(out)


def rows_table(result, known, sides):
    present = [s for s in sides if any(best(e, s) for e in result["rows"].values())]
    out = ["", "Median of interleaved rounds (quartiles), **time relative to quern's**, largest error against float64 relative to "
           "the largest value. Each side's best variant stands here; `results.json` has all.", "",
           "| row | " + " | ".join(present) + " | fastest peer / quern | |", "|---" * (len(present) + 3) + "|"]
    lost = []
    for name, entries in result["rows"].items():
        row = known.get(name)
        title = (("+ " if row.neighbour else "") + row.title) if row else name
        ratio, text = verdict(entries, row.goals if row else {})
        if ratio is not None and ratio < 1:
            other = rival(entries)
            lost.append(f"- {title}: {duration(other['ours'])} against {duration(other['seconds'])} "
                        f"({other['side']} {other['variant']})")
        cells = [cell(best(entries, s)) for s in present]
        out.append(f"| {title} | " + " | ".join(cells) + f" | {f'{ratio:.2f}x' if ratio else '-'} | {text} |")
    out += ["", "`+` marks neighbouring shapes.", "", f"## Lost: {len(lost)} of {len(result['rows'])}", "", *lost]
    return out


def plot(result, known, path):
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    colours = dict(zip(PEERS, ("#d1495b", "#edae49", "#66a182", "#2e4057", "#8d96a3")))
    names = list(result["rows"])[::-1]
    figure, axes = plt.subplots(figsize=(10, 0.28 * len(names) + 1.5))
    for at, name in enumerate(names):
        for peer in PEERS:
            theirs = best(result["rows"][name], peer)
            if theirs and theirs["ours"]:
                axes.plot(ratio_of(theirs), at, "o", color=colours[peer], alpha=0.85)
    axes.set_xscale("log")
    axes.axvline(1, color="black", linewidth=1)
    axes.axvspan(axes.get_xlim()[0], 1, color="#d1495b", alpha=0.08)
    axes.set_yticks(range(len(names)), [known[n].title for n in names], fontsize=7)
    axes.set_xlabel("time of the peer / time of Quern through Python (right of 1: Quern is faster)")
    axes.grid(axis="x", alpha=0.3)
    shown = [p for p in PEERS if any(best(e, p) for e in result["rows"].values())]
    axes.legend([plt.Line2D([], [], marker="o", linestyle="", color=colours[p]) for p in shown],
                [f"{p} {result['versions'].get(p, '')}" for p in shown], fontsize=7)
    axes.set_title(f"{result['cpu']}, {result['threads']} threads, float32", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def main():
    import rows
    folder = Path(sys.argv[1])
    result = json.loads((folder / "results.json").read_text())
    text = markdown(result, rows.BY_NAME)
    (folder / "report.md").write_text(text + "\n")
    written = [folder / "report.md"]
    if result["rows"]:
        written.append(folder / "report.png")
        plot(result, rows.BY_NAME, written[-1])
    print(text)
    print("\nwritten: " + ", ".join(map(str, written)))


if __name__ == "__main__":
    main()
