"""Trees of lists, tuples and dictionaries with arrays as leaves, as the transforms take them."""

from .._ext import array


def flatten(tree, out=None):
    """The leaves in order: of lists, tuples and dictionaries (by insertion)."""
    out = [] if out is None else out
    if isinstance(tree, (list, tuple)):
        for item in tree:
            flatten(item, out)
    elif isinstance(tree, dict):
        for item in tree.values():
            flatten(item, out)
    else:
        out.append(tree)
    return out


def arrays(tree):
    """The leaves, all of which must be arrays."""
    leaves = flatten(tree)
    for leaf in leaves:
        if not isinstance(leaf, array):
            raise ValueError("[tree_flatten] The argument should contain only arrays")
    return leaves


def fill(tree, leaves):
    """A tree of the same structure whose leaves come from the iterator."""
    if isinstance(tree, tuple):
        items = [fill(item, leaves) for item in tree]
        return type(tree)(*items) if hasattr(tree, "_fields") else tuple(items)
    if isinstance(tree, list):
        return [fill(item, leaves) for item in tree]
    if isinstance(tree, dict):
        return {key: fill(item, leaves) for key, item in tree.items()}
    return next(leaves)


def fill_arrays(tree, leaves):
    """As fill, but leaves that are no arrays stay."""
    if isinstance(tree, tuple):
        items = [fill_arrays(item, leaves) for item in tree]
        return type(tree)(*items) if hasattr(tree, "_fields") else tuple(items)
    if isinstance(tree, list):
        return [fill_arrays(item, leaves) for item in tree]
    if isinstance(tree, dict):
        return {key: fill_arrays(item, leaves) for key, item in tree.items()}
    return next(leaves) if isinstance(tree, array) else tree


def only_arrays(tree):
    """The leaves that are arrays."""
    return [leaf for leaf in flatten(tree) if isinstance(leaf, array)]
