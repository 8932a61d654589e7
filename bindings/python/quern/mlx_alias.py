"""Importing this module makes `import mlx`, `mlx.core`, `mlx.nn`, `mlx.optimizers`, `mlx.utils` and their submodules
mean Quern, for programs and installed packages written for MLX. It touches nothing but sys.modules and sys.meta_path.
"""

import importlib
import importlib.abc
import importlib.machinery
import sys
import types

_PREFIX = "mlx"


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds mlx.X as quern.X. mlx.core's parts that are namespaces in MLX are found as attributes."""

    def find_spec(self, name, path=None, target=None):
        if name != _PREFIX and not name.startswith(_PREFIX + "."):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        if spec.name == _PREFIX:
            module = types.ModuleType(_PREFIX, __doc__)
            module.__path__ = []
            return module
        ours = "quern" + spec.name[len(_PREFIX) :]
        try:
            module = importlib.import_module(ours)
        except ModuleNotFoundError as error:
            if error.name != ours:
                raise
            parent, _, leaf = ours.rpartition(".")
            module = getattr(importlib.import_module(parent), leaf, None)
            if not isinstance(module, types.ModuleType):
                raise ModuleNotFoundError(f"No module named {spec.name!r} (Quern stands for MLX here)", name=spec.name)
        # The import system writes the alias' spec into the module it is given: keep what the module has.
        spec.loader_state = {k: getattr(module, k, None) for k in _KEPT}
        return module

    def exec_module(self, module):
        spec = module.__spec__
        if spec.name == _PREFIX or not spec.loader_state:
            return
        kept = spec.loader_state
        for name, value in kept.items():
            setattr(module, name, value)


_KEPT = ("__spec__", "__loader__", "__package__", "__path__", "__file__", "__name__")


def install() -> None:
    """Makes the alias. RuntimeError when the real MLX was imported before."""
    there = sys.modules.get(_PREFIX)
    if there is not None and not any(isinstance(f, _Finder) for f in sys.meta_path):
        raise RuntimeError("mlx was imported already; import quern.mlx_alias first.")
    if not any(isinstance(f, _Finder) for f in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


install()
