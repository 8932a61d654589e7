"""What the README shows: its Python blocks run, its commands name examples and options that there are."""

import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.S)
COMMANDS = re.findall(r"^    python (examples/\S+.*)$", TEXT, re.M)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_blocks_run(number, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec(compile(BLOCKS[number], f"README block {number}", "exec"), {"__name__": "readme"})


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_are_understood(command, capsys):
    path, *options = shlex.split(command, comments=True)
    assert (ROOT / path).is_file()
    if Path(path).stem == "tour":
        return
    # The parser stops at --help after it has taken the options before it.
    with pytest.raises(SystemExit) as ended:
        import_module(Path(path).stem).main([*options, "--help"])
    assert ended.value.code == 0
    usage = capsys.readouterr().out
    assert all(option in usage for option in options if option.startswith("--"))


def test_the_first_example_has_ten_lines():
    assert len([line for line in BLOCKS[0].splitlines() if line.strip()]) == 10
