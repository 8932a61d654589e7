"""compile, fit, evaluate and predict against loops written out."""

import numpy as np
import pytest
from small_model import model, same, samples

from quern import core as mx
from quern import nn, optimizers
from quern.data import ArrayDataset, DataLoader
from quern.train import Callback, Trainer, accuracy, get_loss, get_metrics, get_optimizer, top_k


@pytest.mark.parametrize("clipnorm", [None, 0.5])
@pytest.mark.parametrize("jit", [False, True])
def test_fit_is_the_loop_written_out(clipnorm, jit):
    x, y = samples()
    by_hand = model()
    optimizer = optimizers.SGD(0.1)
    step = nn.value_and_grad(by_hand, lambda x, y: nn.losses.cross_entropy(by_hand(x), y, reduction="mean"))
    losses = []
    for _ in range(3):
        total = 0.0
        for i in range(0, 50, 16):
            loss, gradients = step(mx.array(x[i : i + 16]), mx.array(y[i : i + 16]))
            if clipnorm:
                gradients, _ = optimizers.clip_grad_norm(gradients, clipnorm)
            optimizer.update(by_hand, gradients)
            mx.eval(by_hand.parameters())
            total += loss.item() * len(y[i : i + 16])
        losses.append(total / 50)
    fitted = model()
    fitted.compile("sgd", "cross_entropy", learning_rate=0.1, clipnorm=clipnorm, jit=jit)
    history = fitted.fit(x, y, batch_size=16, epochs=3, shuffle=False, verbose=0)
    same(by_hand, fitted, 1e-6)
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-5)
    assert history["epoch"] == [1, 2, 3] and history["learning_rate"] == pytest.approx([0.1] * 3)


def test_it_learns():
    x, y = samples(400)
    net = model()
    net.compile("adam", "cross_entropy", ["accuracy", top_k(2)], learning_rate=0.01)
    history = net.fit(x, y, epochs=12, validation_split=0.25, verbose=0)
    assert history["val_accuracy"][-1] > 0.8 > history["accuracy"][0]
    assert history["top2"][-1] >= history["accuracy"][-1]
    result = net.evaluate(x[300:], y[300:])
    assert result["accuracy"] == pytest.approx(history["val_accuracy"][-1], abs=1e-6)
    outputs = net.predict(x[300:], batch_size=7)
    assert outputs.shape == (100, 3)
    assert accuracy(outputs, mx.array(y[300:])).item() == pytest.approx(result["accuracy"], abs=1e-6)


def test_validation_split_takes_the_last_samples():
    x, y = samples(20)
    net = model()
    net.compile("sgd", "cross_entropy", learning_rate=0.0)
    history = net.fit(x, y, validation_split=0.25, verbose=0)
    assert history["val_loss"][0] == pytest.approx(net.evaluate(x[15:], y[15:])["loss"], rel=1e-5)
    assert history["loss"][0] == pytest.approx(net.evaluate(x[:15], y[:15])["loss"], rel=1e-5)


def test_every_source_of_data_is_the_same():
    x, y = samples(24)
    results = []
    for data, options in (
        ((x, y), {}),
        ((mx.array(x), mx.array(y)), {}),
        ((ArrayDataset(x, y), None), {"workers": 2}),
        ((DataLoader(ArrayDataset(x, y), 8), None), {}),
        (([(x[i : i + 8], y[i : i + 8]) for i in (0, 8, 16)], None), {}),
    ):
        net = model()
        net.compile("sgd", "cross_entropy")
        net.fit(*data, batch_size=8, shuffle=False, verbose=0, validation_data=(x, y), **options)
        results.append(net)
    for net in results[1:]:
        same(results[0], net)


def test_the_order_depends_on_the_seed_alone():
    x, y = samples(32)
    nets = [model() for _ in range(3)]
    for net, seed, workers in zip(nets, (5, 5, 6), (0, 3, 0)):
        net.compile("sgd", "cross_entropy", learning_rate=0.5)
        net.fit(x, y, batch_size=8, seed=seed, workers=workers, verbose=0)
    same(nets[0], nets[1])
    with pytest.raises(AssertionError):
        same(nets[0], nets[2])


def test_modes_are_set_and_given_back():
    seen = []

    class Watch(Callback):
        def on_batch_end(self, trainer, logs):
            seen.append(trainer.model.training)

    x, y = samples(16)
    net = model(0.5)
    net.eval()
    net.compile("sgd", "cross_entropy")
    net.fit(x, y, verbose=0, callbacks=[Watch()], validation_data=(x, y))
    assert seen == [True] and not net.training
    np.testing.assert_array_equal(np.array(net.predict(x)), np.array(net.predict(x)))


def test_objective_and_several_inputs():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.out = nn.Linear(4, 1)

        def __call__(self, a, b):
            return self.out(mx.concatenate([a, b], axis=-1))

    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 40, 2)).astype(np.float32)
    target = (a + b).sum(1, keepdims=True)
    net = Two()
    net.compile("adam", "mse", ["mae"], learning_rate=0.05)
    history = net.fit((a, b), target, epochs=40, verbose=0)
    assert history["loss"][-1] < 0.05 * history["loss"][0] and "mae" in history
    assert net.predict((a, b)).shape == (40, 1)
    trainer = Trainer(net, "sgd", objective=lambda net, a, b, t: mx.mean(mx.abs(net(a, b) - t)))
    assert trainer.evaluate((a, b), target)["loss"] == pytest.approx(net.evaluate((a, b), target)["mae"], rel=1e-5)


def test_an_attribute_of_a_model_hides_the_method():
    class Predictor(nn.Module):
        def __init__(self):
            super().__init__()
            self.predict = nn.Linear(2, 2)

    net = Predictor()
    assert isinstance(net.predict, nn.Linear) and net.predict(mx.zeros((1, 2))).shape == (1, 2)
    assert callable(net.fit)


def test_progress(capsys):
    x, y = samples(16)
    net = model()
    net.compile("sgd", "cross_entropy", "accuracy")
    net.fit(x, y, verbose=2, epochs=2)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and lines[0].startswith("epoch 1/2  loss ") and "accuracy" in lines[0]
    net.fit(x, y, verbose=1)
    captured = capsys.readouterr()
    assert "epoch 1/1" in captured.out + captured.err


def test_wrong_use():
    x, y = samples(8)
    net = model()
    with pytest.raises(RuntimeError, match="call model.compile"):
        net.fit(x, y)
    net.compile("sgd", "cross_entropy")
    for call, error, text in (
        (lambda: net.fit(x, verbose=0), ValueError, "no targets"),
        (lambda: net.fit(x, y, validation_split=1.5), ValueError, "validation_split is 1.5"),
        (lambda: net.fit(x, y, validation_split=0.5, validation_data=(x, y)), ValueError, "not both"),
        (lambda: net.fit([], None, verbose=0), ValueError, "no batch"),
        (lambda: net.fit(3), TypeError, "data is a int"),
        (lambda: net.fit(x, y[:4], verbose=0), ValueError, "same first axis"),
        (lambda: net.fit(DataLoader(ArrayDataset(x, y)), y), ValueError, "y goes with arrays"),
        (lambda: net.fit([(x, y)], validation_split=0.5), ValueError, "needs arrays"),
        (lambda: net.fit(x, y, verbose=7), ValueError, "verbose is 7"),
        (lambda: net.compile("sdg", "mse"), ValueError, "no 'sdg', expected one of .*adam"),
        (lambda: net.compile("sgd", "mes"), ValueError, "no 'mes', expected one of .*cross_entropy"),
        (lambda: net.compile("sgd", "mse", ["acuracy"]), ValueError, "no 'acuracy'"),
        (lambda: net.compile("sgd"), ValueError, "loss or objective"),
        (lambda: net.compile(3, "mse"), TypeError, "a int"),
        (lambda: net.compile(optimizers.SGD(0.1), "mse", learning_rate=0.1), TypeError, "not with an optimizer"),
        (lambda: net.compile("sgd", "mse", clipnorm=0), ValueError, "clipnorm is 0"),
    ):
        with pytest.raises(error, match=text):
            call()


def test_names():
    for name in ("sgd", "Adam", "ADAMW", "rmsprop", "adagrad", "adadelta", "adamax", "lion", "adafactor"):
        assert type(get_optimizer(name)).__name__.lower() == name.lower()
    assert get_optimizer(optimizers.SGD, learning_rate=0.3, momentum=0.9).momentum == 0.9
    x, y = mx.array([[0.2, 0.8]]), mx.array([[0.0, 1.0]])
    assert get_loss("mse")(x, y).item() == pytest.approx(0.04, rel=1e-5)
    assert get_loss("mae")(x, y).item() == pytest.approx(0.2, rel=1e-5)
    assert get_loss("sparse_categorical_crossentropy")(x, mx.array([1])).item() == pytest.approx(
        -np.log(np.exp(0.8) / (np.exp(0.8) + np.exp(0.2))), rel=1e-5
    )
    assert list(get_metrics(["acc", accuracy, top_k(3)])) == ["acc", "accuracy", "top3"]
    assert get_metrics({"mine": accuracy}) == {"mine": accuracy}


def test_accuracy_of_each_kind():
    outputs = mx.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
    assert accuracy(outputs, mx.array([1, 0, 0])).item() == pytest.approx(2 / 3)
    assert accuracy(outputs, mx.array([[0.0, 1], [1, 0], [1, 0]])).item() == pytest.approx(2 / 3)
    assert accuracy(mx.array([2.0, -1.0]), mx.array([1.0, 1.0])).item() == 0.5
    assert top_k(2)(mx.array([[3.0, 2, 1], [3, 2, 1]]), mx.array([1, 2])).item() == 0.5
