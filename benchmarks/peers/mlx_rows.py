"""The rows in MLX's interface: one source for MLX and for Quern. Weights and inputs come from rows.py."""
import importlib
import sys
from importlib.metadata import version
from pathlib import Path

import mlx_kit
import numpy as np
import rows

GELU_A, GELU_B = 0.79788456, 0.044715


class Side:
    """base: 'quern' or 'mlx'."""

    def __init__(self, base):
        if base == "quern":
            importlib.import_module("quern.mlx_alias")  # packages written for MLX get Quern
        self.base = base
        self.mx, self.nn, self.optim, self.utils = (importlib.import_module(f"{base}.{m}")
                                                    for m in ("core", "nn", "optimizers", "utils"))
        self.mx.set_default_device(self.mx.cpu)
        self.package = importlib.util.find_spec("mlx_bigvgan") is not None

    def about(self):
        if self.base == "mlx":
            return {"mlx": version("mlx")}
        info = importlib.import_module("quern._ext").build_info().splitlines()[0]
        return {"quern": info, **({"mlx-bigvgan": _package()} if self.package else {})}

    def variants(self, row):
        if row.kind == "bigvgan":
            return (["example"] if self.base == "quern" else []) + (["mlx-bigvgan"] if self.package else [])
        return ["lazy", "compile"] if row.kind in ("train", "classify", "simple", "gelu", "network") else ["lazy"]

    def build(self, row, variant):
        """(one run, the result to judge as NumPy array)."""
        return getattr(self, row.kind, self.op)(row, variant)

    # ---- models ----

    def cnn(self, net):
        mx, nn = self.mx, self.nn

        class Cnn(nn.Module):
            def __init__(self):
                super().__init__()
                widths, sizes = (net.channels, *net.filters), (net.flat, net.flat // 2, net.flat // 4, 10)
                self.convs = [nn.Conv2d(widths[i], widths[i + 1], net.kernel, padding=net.kernel // 2) for i in range(3)]
                self.linears = [nn.Linear(sizes[i], sizes[i + 1]) for i in range(3)]
                self.drop, self.pool = nn.Dropout(0.3), nn.MaxPool2d(2, 2)

            def __call__(self, x):
                for c in self.convs:
                    x = self.pool(nn.relu(c(x)))
                x = nn.relu(self.drop(self.linears[0](x.reshape(x.shape[0], -1))))
                x = self.drop(self.linears[1](x))
                return nn.log_softmax(self.drop(self.linears[2](x)), axis=1)

        model = Cnn()
        weights = rows.net_weights(net)
        for i, layer in enumerate([*model.convs, *model.linears]):
            layer.weight, layer.bias = mx.array(weights[2 * i]), mx.array(weights[2 * i + 1])
        mx.eval(model.parameters())
        return model

    def train(self, row, variant):
        mx, nn, batch = self.mx, self.nn, row.p["batch"]
        model, optimizer = self.cnn(row.p["net"]), self.optim.SGD(learning_rate=0.01, momentum=0.9)
        x, y = map(mx.array, rows.images(row.p["net"], 32 * batch))
        mx.eval(x, y)
        gradient = nn.value_and_grad(model, lambda m, a, b: nn.losses.nll_loss(m(a), b, reduction="mean"))

        def update(a, b):
            loss, g = gradient(model, a, b)
            optimizer.update(model, g)
            return loss

        if variant == "compile":
            optimizer.init(model.trainable_parameters())
            state = [model.state, optimizer.state, mx.random.state]
            update = mx.compile(update, inputs=state, outputs=state)
        at = [0]

        def step():
            k = at[0]
            at[0] = (k + batch) % (32 * batch)
            model.train()
            loss = update(x[k:k + batch], y[k:k + batch])
            mx.eval(loss, model.state, optimizer.state)
            return loss.item()

        def result():
            fresh = self.cnn(row.p["net"])
            fresh.eval()
            f = nn.value_and_grad(fresh, lambda m, a, b: nn.losses.nll_loss(m(a), b, reduction="mean"))
            return np.array(f(fresh, x[:batch], y[:batch])[1]["convs"][0]["weight"])
        return step, result

    def classify(self, row, variant):
        mx, n = self.mx, row.p["images"]
        model = self.cnn(row.p["net"])
        model.eval()
        answer = lambda a: mx.argmax(model(a), axis=1)
        if variant == "compile":
            answer = mx.compile(answer)
        x, y = map(mx.array, rows.images(row.p["net"], n))
        mx.eval(x, y)
        size = min(n, rows.BATCH)

        def many():
            return sum((answer(x[k:k + size]) == y[k:k + size]).sum().item() for k in range(0, n, size))
        return (many if n > 1 else lambda: answer(x).item()), lambda: np.array(model(x[:size]))

    def simple(self, row, variant):
        mx, nn, optim, batch = self.mx, self.nn, self.optim, row.p["batch"]
        data_x, data_y, weights = rows.simple_data(batch)

        class SimpleModel(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc1, self.fc2 = nn.Linear(32, 64), nn.Linear(64, 10)
                self.fc1.weight, self.fc1.bias, self.fc2.weight, self.fc2.bias = map(mx.array, weights)

            def __call__(self, a):
                return self.fc2(nn.relu(self.fc1(a)))

        def trainer():
            model, optimizer = SimpleModel(), optim.SGD(learning_rate=0.01)
            optimizer.init(model.trainable_parameters())
            gradient = nn.value_and_grad(model, lambda m, a, b: nn.losses.cross_entropy(m(a), b, reduction="mean"))

            def update(a, b):
                loss, g = gradient(model, a, b)
                g, _ = optim.clip_grad_norm(g, 1.0)
                optimizer.update(model, g)
                return loss

            state = [model.state, optimizer.state]
            if variant == "compile":
                update = mx.compile(update, inputs=state, outputs=state)
            x, y, at = mx.array(data_x), mx.array(data_y), [0]
            mx.eval(state, x, y)

            def step():
                k = at[0]
                at[0] = (k + batch) % len(data_y)
                loss = update(x[k:k + batch], y[k:k + batch])
                mx.eval(loss, state)
                return loss.item()
            return step, model

        def result():
            step, model = trainer()
            step()
            return np.array(model.fc1.weight)
        return trainer()[0], result

    def bigvgan(self, row, variant):
        mx, weights = self.mx, rows.bigvgan_weights()
        if variant == "example":
            sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bindings" / "python" / "examples"))
            generator = importlib.import_module("bigvgan").Generator()
        else:
            bigvgan = importlib.import_module("mlx_bigvgan.bigvgan")
            generator = bigvgan.BigVGAN(bigvgan.ModelConfig())
            weights = {_name_in_package(n): w for n, w in weights.items()}
        generator.load_weights([(n, mx.array(w)) for n, w in weights.items()], strict=False)
        generator.eval()
        mx.eval(generator.parameters())
        x = mx.array(rows.mel(row.p["frames"]))
        run = lambda: generator(x)
        return lambda: mx.eval(run()), lambda: np.array(run())[0, :, 0]

    def network(self, row, variant):
        return mlx_kit.build(self.mx, self.nn, row, variant == "compile")

    # ---- single ops ----

    def op(self, row, variant):
        mx = self.mx
        a = {n: mx.array(v) for n, v in rows.inputs(row).items()}
        x, w, p = a["x"], a.get("w"), row.p
        mx.eval(*a.values())
        gelu = lambda v: v * 0.5 * (1 + mx.tanh(GELU_A * (v + GELU_B * v * v * v)))
        if variant == "compile":
            gelu = mx.compile(gelu)
        f = {
            "conv": lambda: (mx.conv2d if x.ndim == 4 else mx.conv1d)(x, w, padding=p.get("padding", 0), groups=p.get("groups", 1)),
            "conv_transpose": lambda: mx.conv_transpose1d(x, w, groups=p["groups"]),
            "gelu": lambda: gelu(x),
            "softmax": lambda: mx.softmax(x, axis=-1),
            "layer_norm": lambda: mx.fast.layer_norm(x, w, a["b"], 1e-5),
            "sort": lambda: mx.sort(x),
            "attention": lambda: mx.fast.scaled_dot_product_attention(x, a["k"], a["v"], scale=p["x"][-1] ** -0.5),
            "matmul": lambda: x @ w,
            "add": lambda: x + w,
            "fft": lambda: mx.fft.fft(x),
        }[row.kind]
        return lambda: mx.eval(f()), lambda: np.array(f())


def _package():
    try:
        return version("mlx-bigvgan")
    except importlib.metadata.PackageNotFoundError:
        return "present"


def _name_in_package(name):
    """The mlx-bigvgan package's name of a weight."""
    name = name.replace(".0.weight", ".weight").replace(".0.bias", ".bias") if name.startswith("ups") else name
    parts = name.replace(".act.", ".activation.act.").split(".")
    if parts[0] == "activation_post":
        return f"activation_post.act.{parts[-1]}"
    if parts[0] != "resblocks":
        return name
    block, part, i = parts[1], parts[2], int(parts[3])
    if part == "activations":
        return f"resblocks.{block}.layers.{i // 2}.layers.{2 * (i % 2)}.act.{parts[-1]}"
    return f"resblocks.{block}.layers.{i}.layers.{1 if part == 'convs1' else 3}.{parts[-1]}"
