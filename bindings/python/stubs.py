"""Writes quern/_ext.pyi, the types of the compiled part, from the module itself. Run by `./dev stubs`; a test compares.

What is bound through nanobind is described by its stub generator; the array type, dtypes and element-wise functions,
which are not, by their signatures here. Functions written in Python carry their types themselves.
"""

import inspect
import re
import sys
from pathlib import Path

# Python puts the script's folder first, where quern lies without its compiled part.
sys.path = [p for p in sys.path if Path(p or ".").resolve() != Path(__file__).resolve().parent]

STUB = Path(__file__).parent / "quern" / "_ext.pyi"
SPECIAL = {
    "__len__": "-> int",
    "__bool__": "-> bool",
    "__int__": "-> int",
    "__float__": "-> float",
    "__complex__": "-> complex",
    "__index__": "-> int",
    "__bytes__": "-> bytes",
    "__hash__": "-> int",
    "__repr__": "-> str",
    "__contains__": "-> bool",
    "__setitem__": "-> None",
    "__format__": "-> str",
    "__getstate__": "-> tuple[bytes, tuple[int, ...], int]",
    "__setstate__": "-> None",
    "__delitem__": "-> None",
    "__dlpack__": "-> Any",
    "item": "-> Any",
    "tolist": "-> Any",
}
ATTRIBUTES = {"shape": "tuple[int, ...]", "size": "int", "ndim": "int", "itemsize": "int", "nbytes": "int", "dtype": "Dtype"}
COMPARISONS = "__eq__ __ne__ __lt__ __le__ __gt__ __ge__".split()


def parameters(function):
    """The text between the parentheses, without annotations."""
    signature = inspect.signature(function)
    plain = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    return str(signature.replace(parameters=plain, return_annotation=signature.empty))[1:-1]


def method(name, value):
    if name in COMPARISONS:
        return f"    def {name}(self, other: Any) -> Any: ...  # type: ignore[override]"
    if isinstance(value, property):
        return f"    @property\n    def {name}(self) -> {'ArrayAt' if name == 'at' else 'array'}: ..."
    if name in ATTRIBUTES:
        return f"    @property\n    def {name}(self) -> {ATTRIBUTES[name]}: ..."
    if inspect.isgetsetdescriptor(value):
        return f"    @property\n    def {name}(self) -> array: ..."
    result = SPECIAL.get(name, "-> array" if re.match(r"__[ir]?\w+__$", name) else "-> Any")
    try:
        text = parameters(value)
    except ValueError:
        text = "self, *args: Any, **kwargs: Any"
    if inspect.isfunction(value):
        made = inspect.signature(value).return_annotation
        result = "-> array" if getattr(made, "__name__", "") == "array" else "-> Any"
        text = re.sub(r"^\w+", "self", text)
    return f"    def {name}({text.replace('$', '')}) {result}: ..."


HIDDEN = {"__doc__", "__module__", "__new__", "__weaklistoffset__", "__init__", "__dict__", "__weakref__"}


def array_class(array):
    lines = ["class array:", "    def __init__(self, val: Any, dtype: Dtype | None = None) -> None: ..."]
    for name, value in sorted(vars(array).items()):
        if name not in HIDDEN:
            lines.append(method(name, value))
    return "\n".join(lines)


def stub():
    """The text of the stub."""
    from nanobind.stubgen import StubGen

    import quern.core
    from quern import _ext

    generator = StubGen(_ext)
    generator.put(_ext)
    text = generator.get()
    text = re.sub(r"from quern\.core import \(.*?\n\)\n", "", text, flags=re.S)
    text = re.sub(r"^import quern\.core\n|^from quern\.core import .*\n", "", text, flags=re.M)
    text = text.replace("quern.core.Dtype", "Dtype").replace("quern.core.array", "array")
    functions = [
        f"def {name}({parameters(value)}) -> array: ..."
        for name, value in sorted(vars(_ext).items())
        if inspect.isbuiltin(value) and value.__module__ == "quern.core"
    ]
    dtype = "class Dtype:\n    @property\n    def size(self) -> int: ...\n    @property\n    def _name(self) -> str: ...\n    @property\n    def _code(self) -> int: ..."
    imports = "from quern.core._index import ArrayAt\n\n"
    assert quern.core.array is _ext.array
    return text.rstrip() + "\n\n" + imports + dtype + "\n\n" + array_class(_ext.array) + "\n\n" + "\n\n".join(functions) + "\n"


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if STUB.exists() and STUB.read_text() == stub() else "stale: bindings/python/quern/_ext.pyi; run ./dev stubs")
    STUB.write_text(stub())
