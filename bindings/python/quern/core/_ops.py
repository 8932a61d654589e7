"""The ops of the library as Python functions with positional arguments: inputs, then attributes (None = default).

`ops.NAME` is made from the schema that the loaded library reports, so no second list of ops exists here. It does not
hold MLX's signatures: those are in the other files of this folder.
"""

import json

from .. import _ext

_KIND = {"int": "i", "bool": "b", "float": "f", "ints": "I", "floats": "F", "str": "s", "dtype": "d"}


class _Ops:
    """Functions of ops, made on first use. An op the library does not have raises NotImplementedError when called."""

    def __init__(self):
        self._schema = {row["name"]: row for row in map(json.loads, _ext.schema())}

    def __contains__(self, name):
        return name in self._schema

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        row = self._schema.get(name)
        if row is None:

            def function(*args, **kwargs):
                raise NotImplementedError(f"[{name}] this build of libquern has no op '{name}'.")
        else:
            variadic = any(i.get("variadic") for i in row["inputs"])
            kinds = "".join(_KIND[a["type"]] for a in row["attrs"])
            function = _ext.op_function(name, len(row["inputs"]), variadic, kinds, len(row["outputs"]), row["doc"])
        setattr(self, name, function)
        return function


ops = _Ops()
