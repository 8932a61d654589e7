"""Functions over trees: nestings of dicts, lists and tuples whose other values are leaves.

It knows nothing of arrays or modules; a `Module` counts as the dict that it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = [
    "tree_flatten",
    "tree_map",
    "tree_map_with_path",
    "tree_merge",
    "tree_reduce",
    "tree_unflatten",
]


def _like(sequence, items: list):
    """A list or tuple of the kind of `sequence`, named tuples included."""
    kind = type(sequence)
    return kind(*items) if hasattr(kind, "_fields") else kind(items)


def tree_map(
    fn: Callable, tree: Any, *rest: Any, is_leaf: Callable | None = None
) -> Any:
    """A tree of the structure of `tree` with `fn(leaf, *leaves of rest)` at every leaf.

    Each tree of `rest` has at least the places of `tree`; what more it has is ignored, and
    where `tree` has a leaf, all that the other trees have there is passed. `is_leaf(node)`
    returning true makes a container a leaf. Mappings come back as plain dicts.

    Raises KeyError or IndexError where a tree of `rest` lacks a place.
    """
    if is_leaf is not None and is_leaf(tree):
        return fn(tree, *rest)
    if isinstance(tree, (list, tuple)):
        return _like(
            tree,
            [
                tree_map(fn, child, *(r[i] for r in rest), is_leaf=is_leaf)
                for i, child in enumerate(tree)
            ],
        )
    if isinstance(tree, dict):
        return {
            key: tree_map(fn, child, *(r[key] for r in rest), is_leaf=is_leaf)
            for key, child in tree.items()
        }
    return fn(tree, *rest)


def tree_map_with_path(
    fn: Callable,
    tree: Any,
    *rest: Any,
    is_leaf: Callable | None = None,
    path: Any | None = None,
) -> Any:
    """Like `tree_map`, with the dotted path of the leaf as first argument of `fn`.

    `path` is put before every path. The path of a tree that is itself a leaf is `path`.

        >>> tree_map_with_path(lambda path, leaf: path, {"layers": [{"w": 0}, {"w": 1}]})
        {'layers': [{'w': 'layers.0.w'}, {'w': 'layers.1.w'}]}
    """
    if is_leaf is not None and is_leaf(tree):
        return fn(path, tree, *rest)

    def child_result(key, child):
        child_path = f"{path}.{key}" if path else str(key)
        others = (r[key] for r in rest)
        return tree_map_with_path(fn, child, *others, is_leaf=is_leaf, path=child_path)

    if isinstance(tree, (list, tuple)):
        return _like(tree, [child_result(i, child) for i, child in enumerate(tree)])
    if isinstance(tree, dict):
        return {key: child_result(key, child) for key, child in tree.items()}
    return fn(path, tree, *rest)


def tree_flatten(
    tree: Any,
    prefix: str = "",
    is_leaf: Callable | None = None,
    destination: list | dict | None = None,
) -> list[tuple[str, Any]] | dict[str, Any]:
    """The leaves of `tree` with their dotted paths, depth first.

    `prefix` goes before every path and loses its first character (so ".model" gives
    "model.w"). `destination` is the list or dict that receives the leaves, a new list by
    default; it is returned. Empty containers leave no trace.

        >>> tree_flatten({"a": [1, {"b": 2}]})
        [('a.0', 1), ('a.1.b', 2)]

    Raises ValueError for any other destination.
    """
    if destination is None:
        destination = []
    if isinstance(destination, list):

        def put(path, leaf):
            destination.append((path[1:], leaf))

    elif isinstance(destination, dict):

        def put(path, leaf):
            destination[path[1:]] = leaf

    else:
        raise ValueError(
            "[tree_flatten] destination must be a list, a dict or None, "
            f"not {type(destination).__name__}"
        )

    def walk(node, path):
        if is_leaf is not None and is_leaf(node):
            put(path, node)
        elif isinstance(node, (list, tuple)):
            for i, child in enumerate(node):
                walk(child, f"{path}.{i}")
        elif isinstance(node, dict):
            for key, child in node.items():
                walk(child, f"{path}.{key}")
        else:
            put(path, node)

    walk(tree, prefix)
    return destination


def tree_unflatten(tree: list[tuple[str, Any]] | dict[str, Any]) -> Any:
    """The tree that `tree_flatten` took apart, from pairs of path and leaf.

    A level whose keys are all integers, no two the same, becomes a list, missing positions
    filled with {}; any other level becomes a dict. No pairs at all give [].

        >>> tree_unflatten([("a.0", 1), ("a.1.b", 2)])
        {'a': [1, {'b': 2}]}
    """
    if len(tree) == 0:
        return []
    pairs = list(tree.items()) if isinstance(tree, dict) else tree
    if len(pairs) == 1 and pairs[0][0] == "":
        return pairs[0][1]

    levels: dict[str, list] = {}
    for path, leaf in pairs:
        key, _, remainder = path.partition(".")
        levels.setdefault(key, []).append((remainder, leaf))

    try:
        positions = sorted((int(key), key) for key in levels)
        is_list = len({position for position, _ in positions}) == len(positions)
    except ValueError:
        is_list = False
    if not is_list:
        return {key: tree_unflatten(below) for key, below in levels.items()}
    items: list = []
    for position, key in positions:
        items.extend({} for _ in range(position - len(items)))
        items.append(tree_unflatten(levels[key]))
    return items


def tree_reduce(fn: Callable, tree: Any, initializer=None, is_leaf=None) -> Any:
    """`fn(accumulated, leaf)` over the leaves in order; the last result.

    Starts with `initializer`, or with the first leaf when that is None. None when there is
    no leaf either.

        >>> tree_reduce(lambda total, leaf: total + leaf, {"a": [1, 2], "b": 3}, 0)
        6
    """
    result = initializer
    for _, leaf in tree_flatten(tree, is_leaf=is_leaf):
        result = leaf if result is None else fn(result, leaf)
    return result


def _is_empty(tree) -> bool:
    return tree is None or (isinstance(tree, (dict, list, tuple)) and len(tree) == 0)


def tree_merge(tree_a, tree_b, merge_fn: Callable | None = None):
    """One tree with the values of both; None and empty containers count as absent.

    Where both trees have a leaf, or containers of different kinds, the result is
    `merge_fn(a, b)`.

        >>> tree_merge({"a": {"x": 1}}, {"a": {"y": 2}})
        {'a': {'x': 1, 'y': 2}}

    Raises ValueError where both have a value and there is no `merge_fn`.
    """
    empty_a, empty_b = _is_empty(tree_a), _is_empty(tree_b)
    if empty_a and empty_b:
        if tree_a is not None and tree_b is not None:
            if type(tree_a) is type(tree_b):
                return tree_b
            raise ValueError(
                f"[tree_merge] cannot merge {type(tree_a).__name__} with {type(tree_b).__name__}"
            )
        tree_a = tree_b = None
    elif empty_a or empty_b:
        return tree_b if empty_a else tree_a
    if isinstance(tree_a, (list, tuple)) and isinstance(tree_b, (list, tuple)):
        both = min(len(tree_a), len(tree_b))
        merged = [tree_merge(tree_a[i], tree_b[i], merge_fn) for i in range(both)]
        return _like(tree_a, merged + list(tree_a[both:]) + list(tree_b[both:]))
    if isinstance(tree_a, dict) and isinstance(tree_b, dict):
        merged = dict(tree_a)
        for key, b in tree_b.items():
            merged[key] = tree_merge(merged[key], b, merge_fn) if key in merged else b
        return merged
    if merge_fn is None:
        raise ValueError(
            "[tree_merge] both trees have a value at the same place and no merge_fn was given: "
            f"{type(tree_a).__name__} and {type(tree_b).__name__}"
        )
    return merge_fn(tree_a, tree_b)
