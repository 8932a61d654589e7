"""Weights saved by MLX load here and back, in both file formats."""

import pytest
from peer import MLX, QUERN, assert_same

MODELS = [
    "nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.BatchNorm(4), nn.Linear(4, 2))",
    "nn.Transformer(8, 2, 1, 1)",
    "nn.Sequential(nn.Embedding(4, 3), nn.GRU(3, 2), nn.LSTM(2, 2), nn.RNN(2, 2))",
    "nn.Sequential(nn.ConvTranspose1d(2, 3, 3), nn.GroupNorm(1, 3), nn.PReLU(3))",
]


@pytest.mark.parametrize("ending", ["npz", "safetensors"])
@pytest.mark.parametrize("expression", MODELS)
def test_both_directions(expression, ending, tmp_path):
    for source, target in ((MLX, QUERN), (QUERN, MLX)):
        saved, loaded = source.eval(expression), target.eval(expression)
        path = str(tmp_path / f"{source.name}.{ending}")
        saved.save_weights(path)
        assert loaded.load_weights(path) is loaded
        ours, theirs = (saved, loaded) if source is QUERN else (loaded, saved)
        assert_same(ours.parameters(), theirs.parameters(), tolerance=0)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_weights(dtype, tmp_path):
    saved, loaded = MLX.nn.Linear(3, 2), QUERN.nn.Linear(3, 2)
    saved.set_dtype(getattr(MLX.mx, dtype))
    path = str(tmp_path / "w.safetensors")
    saved.save_weights(path)
    loaded.load_weights(path)
    assert_same(loaded.parameters(), saved.parameters(), tolerance=0)


def test_paths_are_accepted(tmp_path):
    layer = QUERN.nn.Linear(3, 2)
    layer.save_weights(tmp_path / "w.npz")
    other = QUERN.nn.Linear(3, 2).load_weights(tmp_path / "w.npz")
    assert other.weight.tolist() == layer.weight.tolist()


def test_optimizer_state_survives_a_file(tmp_path):
    results = []
    for side in (QUERN, MLX):
        tree = {"a": side.mx.ones((2, 2)), "l": [side.mx.ones(3)]}
        first = side.optim.Adam(0.1)
        tree = first.apply_gradients(tree, tree)
        path = str(tmp_path / f"{side.name}.safetensors")
        side.mx.save_safetensors(
            path, side.utils.tree_flatten(first.state, destination={})
        )
        second = side.optim.Adam(0.1)
        second.state = side.utils.tree_unflatten(side.mx.load(path))
        results.append(second.apply_gradients(tree, tree))
    assert_same(*results)
