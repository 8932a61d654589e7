"""Module: attributes, trees, freezing, updating, modes. Each program runs in Quern and in MLX."""

import copy
import pickle

import pytest
from peer import MLX, QUERN, assert_same


def model_of(side):
    nn, mx = side.nn, side.mx

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(2, 3)
            self.layers = [
                nn.Linear(3, 3),
                nn.ReLU(),
                {"a": nn.Linear(3, 1, bias=False)},
            ]
            self.w = mx.zeros((2,))
            self._hidden = mx.ones((1,))
            self.number = 3.0
            self.name = "x"
            self.pair = (nn.Linear(1, 1),)
            self.d = {"k": mx.ones((1,)), "sub": nn.Dropout(0.3)}
            self.arrays = [mx.zeros((1,)), mx.zeros((2,))]
            self.nothing = None

    side.mx.random.seed(1)
    return Model()


# Expressions over a fresh model `m`; where they change it, the second expression shows how.
VALUES = """
repr(m)
list(m.keys())
sorted(m.__dict__)
m.state is m
list(m.children())
repr(m.children())
repr(m.leaf_modules())
[type(x).__name__ for x in m.modules()]
[(name, type(x).__name__) for name, x in m.named_modules()]
(m.training, m.eval().training, m.first.training, m.layers[2]["a"].training, m.pair[0].training)
m.train(False).train().training
m.parameters()
m.trainable_parameters()
(m.freeze() is m, m.trainable_parameters())
(m.freeze(), m.first._no_grad, m._no_grad)[1:]
(m.freeze(), m.unfreeze(recurse=False), m.trainable_parameters())[2]
(m.freeze(), m.unfreeze(keys="bias"), m.trainable_parameters())[2]
(m.freeze(keys=["bias", "zzz"]), m.trainable_parameters())[1]
(m.freeze(keys="bias", strict=True), m.trainable_parameters())[1]
(m.freeze(keys="first"), m.trainable_parameters())[1]
(m.freeze(keys=("bias",), recurse=False), m.trainable_parameters())[1]
(m.freeze(keys="_hidden", strict=True), sorted(m._no_grad))[1]
(m.update({"first": {"weight": mx.ones((3, 2))}}) is m, m.first.weight)
(m.update({"first": {"zz": mx.ones((1,))}}, strict=False), "zz" in m.first)[1]
(m.update({"layers": [{"weight": mx.zeros((1,))}]}), m.parameters())[1]
(m.update({"layers": [{}, {}, {}, {"weight": mx.zeros((1,))}]}, strict=False), m.parameters())[1]
(m.update({"layers": {"weight": mx.zeros((1,))}}, strict=False), m.parameters())[1]
(m.update({"arrays": [mx.ones((7,))]}), m.arrays)[1]
(m.update({"_hidden": mx.zeros((4,))}), m._hidden)[1]
(m.update({"w": mx.zeros((9,))}), m.w)[1]
(m.update({"d": {"k": mx.zeros((4,))}}), m.d["k"])[1]
(m.update({"first": []}), m.parameters())[1]
(m.update([]), m.parameters())[1]
(m.update_modules({"first": nn.Linear(5, 5)}) is m, repr(m.first))
(m.update_modules({"layers": [nn.Linear(7, 7)]}), repr(m.layers))[1]
(m.update_modules({"layers": [{}, {}, {"a": nn.Linear(8, 8)}]}), repr(m.layers))[1]
(m.update_modules({"number": nn.Linear(1, 1)}, strict=False), m.number)[1]
(m.update_modules({"w": nn.Linear(1, 1)}, strict=False), m.w)[1]
(m.update_modules({"first": 3, "w": {}}, strict=False), repr(m.first))[1]
(m.update_modules({"first": {}, "w": {}}), repr(m))[1]
m.filter_and_map(nn.Module.valid_parameter_filter, map_fn=lambda x: x.size)
m.filter_and_map(lambda m, k, v: k != "pair" and "sub" not in k)
m.filter_and_map(nn.Module.valid_child_filter, is_leaf_fn=lambda m, k, v: k == "first")["first"]
nn.Module.valid_parameter_filter(m, "_x", mx.zeros(1))
nn.Module.valid_parameter_filter(m, "x", mx.zeros(1))
[nn.Module.valid_parameter_filter(m, "x", v) for v in ({}, [], (), None, 3)]
[nn.Module.valid_child_filter(m, "x", v) for v in ({}, [], (), None, mx.zeros(1), m)]
[nn.Module.is_module(v) for v in (m, {}, 3)]
(m.apply(lambda x: x.astype(mx.float16)), m.parameters(), m._hidden)[1:]
(m.apply(lambda x: x + 1, lambda module, k, v: k in ("first", "bias")), m.parameters())[1]
m.set_dtype(mx.bfloat16)
(m.set_dtype(mx.float16), m.parameters())[1]
(m.set_dtype(mx.int32, predicate=None), m.parameters())[1]
(setattr(m, "q", mx.zeros((1,))), setattr(m, "q", 3), "q" in m, m.q)[2:]
(setattr(m, "q", 3), setattr(m, "q", mx.ones((2,))), m.__dict__.get("q"), m.q)[2:]
(setattr(m, "w", None), "w" in m, m.w)[1:]
(delattr(m, "w"), hasattr(m, "w"))[1]
(delattr(m, "number"), hasattr(m, "number"))[1]
(m["first"] is m.first, m.get("zz", 1), len(m))
(m.__setitem__("new", nn.Linear(1, 1)), repr(m.new))[1]
(setattr(m, "again", m.first), len(m.modules()), len(m.parameters()))[1:]
(bool(nn.ReLU()), nn.ReLU() == nn.ReLU())
(m.load_weights(utils.tree_flatten(m.parameters())) is m, m.load_weights([], strict=False) is m)
m.load_weights(dict(utils.tree_flatten(m.parameters()))) is m
(m.load_weights([("first.weight", mx.zeros((2, 2))), ("q", mx.zeros((1,)))], strict=False), m.parameters())[1]
""".strip().splitlines()

ERRORS = """
m.missing
nn.Module().missing
delattr(m, "missing")
setattr(m, "training", False)
hash(m)
m.freeze(True)
m.freeze(keys=["bias", "zz"], strict=True)
m.unfreeze(keys=["weight", "zzz"], strict=True)
m.first.freeze(keys="zz", strict=True)
m.freeze(keys="arrays.0", strict=True)
m.freeze(keys="number", strict=True)
m.freeze(keys="weight", strict=True, recurse=False)
m.update({"first": {"zz": mx.ones((1,))}})
m.update({"zz": mx.ones((1,))})
m.update({"first": {"weight": 3}})
m.update({"first": 5})
m.update({"w": [1, 2]})
m.update({"w": {}})
m.update({"w": {"a": mx.zeros((1,))}})
m.update({"layers": [{}, {}, {}, {"weight": mx.zeros((1,))}]})
m.update({"layers": {"weight": mx.zeros((1,))}})
m.update({"number": mx.zeros((1,))})
m.update({"pair": ({"weight": mx.zeros((1,))},)})
m.update({"d": mx.zeros((4,))})
m.update({"first": mx.zeros((4,))})
m.update(3)
m.update(nn.Linear(1, 1))
m.update_modules({"zz": nn.Linear(5, 5)})
m.update_modules({"first": 3})
m.update_modules({"w": nn.Linear(1, 1)})
m.update_modules({"w": []})
m.update_modules({"layers": [{}, {}, {}, nn.Linear(8, 8)]})
m.update_modules({"first": {"weight": nn.Linear(1, 1)}})
m.update_modules({"number": nn.Linear(1, 1)})
m.update_modules({"layers": 3})
m.update_modules(3)
m.filter_and_map(nn.Module.valid_parameter_filter, is_leaf_fn=lambda m, k, v: k == "layers")
m.load_weights([("first.weight", mx.zeros((3, 2)))])
m.load_weights(utils.tree_flatten(m.parameters()) + [("zz.a", mx.zeros((1,)))])
m.load_weights([(k, v if k != "w" else mx.zeros((17,))) for k, v in utils.tree_flatten(m.parameters())])
m.load_weights([(k, v if k != "w" else 3) for k, v in utils.tree_flatten(m.parameters())])
m.load_weights(3)
m.load_weights("missing.xyz")
m.save_weights("weights.xyz")
m.save_weights("/missing/folder/weights.safetensors")
""".strip().splitlines()

# These texts are what people search for.
SAME_TEXT = ("m.load_weights([(", "m.load_weights(utils", "m.update", "m.freeze", "m.missing")


@pytest.mark.parametrize("expression", VALUES)
def test_same_value(expression):
    ours = QUERN.eval(expression, m=model_of(QUERN))
    theirs = MLX.eval(expression, m=model_of(MLX))
    assert_same(ours, theirs)


@pytest.mark.parametrize("expression", ERRORS)
def test_same_error(expression):
    caught = []
    for side in (QUERN, MLX):
        with pytest.raises(Exception) as error:
            side.eval(expression, m=model_of(side))
        caught.append(error)
    ours, theirs = caught
    assert ours.type is theirs.type, f"{ours.value!r}, not {theirs.value!r}"
    if expression.startswith(SAME_TEXT):
        text = str(theirs.value).replace("mx.array", "an array")
        assert str(ours.value) == text or "array" in text


@pytest.mark.parametrize("change", ["update", "update_modules"])
def test_a_refused_update_changes_nothing(change):
    m = model_of(QUERN)
    before = m.first.weight if change == "update" else m.first
    offered = (
        {"first": {"weight": QUERN.mx.ones((1,)), "zz": QUERN.mx.ones((1,))}}
        if change == "update"
        else {"first": QUERN.nn.ReLU(), "zz": QUERN.nn.ReLU()}
    )
    with pytest.raises(ValueError):
        getattr(m, change)(offered)
    assert (m.first.weight if change == "update" else m.first) is before


def test_apply_to_modules_visits_each_in_mlx_order():
    seen = []
    for side in (QUERN, MLX):
        names = []
        m = model_of(side)
        assert m.apply_to_modules(lambda name, _, names=names: names.append(name)) is m
        seen.append(names)
    assert seen[0] == seen[1]


def test_copies_and_pickles():
    m = QUERN.nn.Sequential(QUERN.nn.Linear(2, 3), QUERN.nn.ReLU(), QUERN.nn.BatchNorm(3))
    for other in (copy.deepcopy(m), copy.copy(m), pickle.loads(pickle.dumps(m))):
        assert repr(other) == repr(m)
        assert_same(other.parameters(), MLX_like(m.parameters()))
        assert_same(other.trainable_parameters(), MLX_like(m.trainable_parameters()))


def MLX_like(tree):
    from peer import numpy_of

    return QUERN.utils.tree_map(lambda a: MLX.array(numpy_of(a)), tree)


def test_properties_with_setters_hold_arrays():
    class WithProperty(QUERN.nn.Module):
        def __init__(self):
            super().__init__()
            self._p = 1

        @property
        def doubled(self):
            return 2 * self._p

    m = WithProperty()
    assert m.doubled == 2
    m._p = 3
    assert m.doubled == 6


def test_an_unset_module_still_prints():
    class Bare(QUERN.nn.Module):
        def __init__(self):
            self.x = QUERN.mx.zeros((1,))

    assert repr(Bare()) == "Bare()"
    assert list(Bare().parameters()) == ["x"]


def test_batch_norm_statistics_stay_frozen():
    for side in (QUERN, MLX):
        layer = side.nn.BatchNorm(3)
        layer.unfreeze()
        assert layer._no_grad == {"running_mean", "running_var"}
        layer.freeze()
        assert layer._no_grad >= {"weight", "bias"}
