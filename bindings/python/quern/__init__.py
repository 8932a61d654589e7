"""Quern: arrays and neural networks on CPUs, with MLX's names and meaning.

`quern.core` is the array library, `quern.nn`, `quern.optimizers` and `quern.utils` build on it.
"""
