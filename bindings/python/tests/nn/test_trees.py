"""quern.utils against mlx.utils, for fixed trees and drawn ones."""

import collections

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from peer import MLX, QUERN, assert_same_error

Pair = collections.namedtuple("Pair", "a b")

EXPRESSIONS = """
utils.tree_flatten({"a": [1, (2, 3)], "b": {}, "c": [], "d": None, "e": "text", "f": ()})
utils.tree_flatten(5)
utils.tree_flatten(5, prefix=".x")
utils.tree_flatten({"a": [1, {}]}, prefix=".p")
utils.tree_flatten({"a": [1, 2]}, destination={})
utils.tree_flatten({"a": [1, 2]}, destination=[("z", 1)])
utils.tree_flatten({"a": [1, 2], "b": (3,)}, is_leaf=lambda x: isinstance(x, list))
utils.tree_flatten({1: {2: 3}})
utils.tree_flatten(Pair(1, 2))
utils.tree_unflatten([("a.b", 1), ("a.c", 2)])
utils.tree_unflatten([("0", 1), ("1", 2)])
utils.tree_unflatten([("a.0", 1), ("a.2", 2)])
utils.tree_unflatten([("a.1", 1), ("a.0", 2)])
utils.tree_unflatten([("", 5)])
utils.tree_unflatten([])
utils.tree_unflatten({})
utils.tree_unflatten({"a.b": 1})
utils.tree_unflatten([("a.0", 1), ("a.x", 2)])
utils.tree_unflatten([("a", 1), ("a.b", 2)])
utils.tree_unflatten([("", 5), ("a", 2)])
utils.tree_unflatten([("01", 1), ("-1", 2)])
utils.tree_unflatten([("10", 1)])
utils.tree_map(lambda x: x + 1, {"a": [1, (2, 3)], "b": {}})
utils.tree_map(lambda x, y: x + y, [1, 2], [3, 4])
utils.tree_map(lambda x, y: x + y, {"a": 1}, {"a": 2, "b": 3})
utils.tree_map(lambda x, y: (x, y), {"a": 1}, {"a": [2]})
utils.tree_map(lambda x: len(x), {"a": [1, 2]}, is_leaf=lambda x: isinstance(x, list))
utils.tree_map(lambda x: x + 1, Pair(1, 2))
utils.tree_map(lambda x: x, None)
utils.tree_map(lambda x: x + 1, collections.OrderedDict(a=1))
utils.tree_map_with_path(lambda p, x: (p, x), {"a": [1, {"b": 2}]})
utils.tree_map_with_path(lambda p, x: (p, x), 3)
utils.tree_map_with_path(lambda p, x: (p, x), [3], path="pre")
utils.tree_map_with_path(lambda p, x, y: (p, x, y), {"a": 1}, {"a": [2]})
utils.tree_map_with_path(lambda p, x: (p, x), {"a": [1]}, is_leaf=lambda x: isinstance(x, list))
utils.tree_map_with_path(lambda p, x: (p, x), {1: 2}, path=7)
utils.tree_reduce(lambda a, x: a + x, {"a": [1, 2, 3], "b": [4, 5]}, 0)
utils.tree_reduce(lambda a, x: a + x, {"a": [1, 2, 3], "b": [4, 5]})
utils.tree_reduce(lambda a, x: a + x, {})
utils.tree_reduce(lambda a, x: a + x, {}, 7)
utils.tree_reduce(lambda a, x: a + len(x), {"a": [1, 2]}, 0, is_leaf=lambda x: isinstance(x, list))
utils.tree_reduce(lambda a, x: (a, x), [None, 2])
utils.tree_merge({"a": 1}, {"b": 2})
utils.tree_merge({"a": 1}, {"a": 2}, lambda x, y: x + y)
utils.tree_merge([{"a": 1}], [{"b": 2}, 3])
utils.tree_merge([{"a": 1}, 3], [{"b": 2}])
utils.tree_merge({"a": {}}, {"a": 3})
utils.tree_merge({"a": 3}, {"a": []})
utils.tree_merge(({"a": 1},), [{"b": 2}])
utils.tree_merge(None, 2)
utils.tree_merge({"a": 2}, {"a": None})
utils.tree_merge([[], 1], [2, []])
utils.tree_merge({"a": [{}, 1]}, {"a": [{"x": 1}]})
utils.tree_merge(Pair(1, {}), Pair({}, 2))
utils.tree_merge({"a": {"b": 1}}, {"a": 5}, lambda a, b: (a, b))
utils.tree_merge({}, {})
""".strip().splitlines()

ERRORS = """
utils.tree_flatten({"a": 1}, destination=())
utils.tree_flatten({"a": 1}, destination=3)
utils.tree_unflatten(3)
utils.tree_map(lambda x, y: x + y, {"a": 1}, {"b": 3})
utils.tree_map(lambda x, y: x + y, [1, 2], [3])
utils.tree_map(lambda x, y: x, [1, 2], {"a": 3})
utils.tree_merge({"a": 1}, {"a": 2})
utils.tree_merge({"a": [1]}, {"a": {"b": 1}})
utils.tree_merge(None, None)
utils.tree_merge({}, [])
utils.tree_merge(None, [])
""".strip().splitlines()

NAMES = {"Pair": Pair, "collections": collections}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_same_result(expression):
    ours = QUERN.eval(expression, **NAMES)
    theirs = MLX.eval(expression, **NAMES)
    assert ours == theirs
    assert type(ours) is type(theirs)


@pytest.mark.parametrize("expression", ERRORS)
def test_same_error(expression):
    assert_same_error(expression, **NAMES)


keys = st.text("abc01", min_size=1, max_size=2)
def trees_of(leaves, min_size=0):
    def containers(inner):
        lists = st.lists(inner, min_size=min_size, max_size=3)
        dicts = st.dictionaries(keys, inner, min_size=min_size, max_size=3)
        return lists | lists.map(tuple) | dicts

    return st.recursive(leaves, containers, max_leaves=8)


trees = trees_of(st.integers() | st.none())
# None and empty containers stand for "absent", which MLX treats in ways of its own in lists
full_trees = trees_of(st.integers(), min_size=1)


@given(trees, st.sampled_from(["", ".p", ".p.q"]))
@example({"1": 0, "01": 0}, "")  # two keys of one integer are no positions of a list
@settings(max_examples=40, deadline=None)
def test_drawn_trees_flatten_and_return_as_in_mlx(tree, prefix):
    flat = QUERN.utils.tree_flatten(tree, prefix=prefix)
    assert flat == MLX.utils.tree_flatten(tree, prefix=prefix)
    flat = QUERN.utils.tree_flatten(tree)
    assert QUERN.utils.tree_unflatten(flat) == MLX.utils.tree_unflatten(flat)


@given(trees)
@settings(max_examples=40, deadline=None)
def test_drawn_trees_map_as_in_mlx(tree):
    results = [
        side.utils.tree_map_with_path(lambda path, leaf: (path, leaf), tree)
        for side in (QUERN, MLX)
    ]
    assert results[0] == results[1]


@given(full_trees, full_trees)
@settings(max_examples=40, deadline=None)
def test_drawn_trees_merge_as_in_mlx(a, b):
    def merged(side):
        return side.utils.tree_merge(a, b, lambda x, y: (x, y))

    try:
        theirs = merged(MLX)
    except ValueError:
        with pytest.raises(ValueError):
            merged(QUERN)
    else:
        assert merged(QUERN) == theirs
