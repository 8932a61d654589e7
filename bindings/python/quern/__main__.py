"""python -m quern run PROGRAM.py [ARGS..]: runs a program written for MLX on Quern."""

import os
import runpy
import sys

_USAGE = """usage: python -m quern run PROGRAM.py [ARGS..]
       python -m quern run -m MODULE [ARGS..]
Runs a Python program in which `import mlx` means Quern."""


def main(arguments) -> int:
    """Runs the command; returns the exit status."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_USAGE)
        return 0 if arguments else 2
    if arguments[0] != "run" or len(arguments) < 2 or arguments[1:] == ["-m"]:
        print(_USAGE, file=sys.stderr)
        return 2
    from . import mlx_alias  # noqa: F401

    if arguments[1] == "-m":
        sys.argv = arguments[2:]
        sys.path.insert(0, os.getcwd())
        runpy.run_module(arguments[2], run_name="__main__", alter_sys=True)
        return 0
    program = arguments[1]
    if not os.path.exists(program):
        print(f"python -m quern run: no such file: {program}", file=sys.stderr)
        return 2
    sys.argv = arguments[1:]
    sys.path.insert(0, os.path.dirname(os.path.abspath(program)))
    runpy.run_path(program, run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
