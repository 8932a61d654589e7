"""Sight: which kernels run, why, and how long they take.

print(quern.explain(model, x))
with quern.profile("trace.json") as p: ...
quern.set_kernels("matmul=openblas")"""

from .explain import Explanation, explain
from .kernels import Tuning, kernels_used, set_kernels, set_tuning, tuning
from .profile import Profile, profile
from .rows import Kernel

__all__ = [
    "Explanation",
    "Kernel",
    "Profile",
    "Tuning",
    "explain",
    "kernels_used",
    "profile",
    "set_kernels",
    "set_tuning",
    "tuning",
]
