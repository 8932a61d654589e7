"""The rows in PyTorch. In float64 they are the reference that all sides' results are held against."""
import math

import numpy as np
import rows
import torch
import torch.nn.functional as F
import torch_kit
from mlx_rows import GELU_A, GELU_B
from torch import nn


def first(a):
    """Channels last (NHWC, OHWI, NLC, OKI) to PyTorch's order."""
    return np.ascontiguousarray(np.moveaxis(a, -1, 1))


class Cnn(nn.Module):
    def __init__(self, net):
        super().__init__()
        widths, sizes = (net.channels, *net.filters), (net.flat, net.flat // 2, net.flat // 4, 10)
        self.convs = nn.ModuleList(nn.Conv2d(widths[i], widths[i + 1], net.kernel, padding=net.kernel // 2) for i in range(3))
        self.linears = nn.ModuleList(nn.Linear(sizes[i], sizes[i + 1]) for i in range(3))
        self.drop = nn.Dropout(0.3)
        weights = rows.net_weights(net)
        end = net.side // 8
        # Flattened, PyTorch's order is channels first.
        weights[6] = weights[6].reshape(-1, end, end, net.filters[-1]).transpose(0, 3, 1, 2).reshape(weights[6].shape)
        for i, layer in enumerate([*self.convs, *self.linears]):
            w = first(weights[2 * i]) if i < 3 else np.ascontiguousarray(weights[2 * i])
            layer.weight.data, layer.bias.data = torch.from_numpy(w), torch.from_numpy(weights[2 * i + 1])

    def forward(self, x):
        for c in self.convs:
            x = F.max_pool2d(F.relu(c(x)), 2)
        x = F.relu(self.drop(self.linears[0](x.flatten(1))))
        x = self.drop(self.linears[1](x))
        return F.log_softmax(self.drop(self.linears[2](x)), 1)


class Op(nn.Module):
    """A row of one op. Arguments: its inputs in PyTorch's layouts, in the order of op_inputs."""

    def __init__(self, row):
        super().__init__()
        self.row = row

    def forward(self, x, *a):
        p, kind = self.row.p, self.row.kind
        if kind == "conv":
            f = F.conv2d if x.ndim == 4 else F.conv1d
            return f(x, a[0], padding=p.get("padding", 0), groups=p.get("groups", 1))
        if kind == "conv_transpose":
            return F.conv_transpose1d(x, a[0], groups=p["groups"])
        if kind == "gelu":
            return x * 0.5 * (1 + torch.tanh(GELU_A * (x + GELU_B * x * x * x)))
        if kind == "softmax":
            return torch.softmax(x, -1)
        if kind == "layer_norm":
            return F.layer_norm(x, x.shape[-1:], a[0], a[1])
        if kind == "sort":
            return torch.sort(x)[0]
        if kind == "attention":
            return F.scaled_dot_product_attention(x, a[0], a[1])
        if kind == "matmul":
            return x @ a[0]
        return x + a[0] if kind == "add" else torch.fft.fft(x)


def op_inputs(row):
    made = rows.inputs(row)
    if row.kind == "conv_transpose":  # (out, k, 1) with one channel a group is PyTorch's (in, 1, k)
        return [first(made["x"]), first(made["w"])]
    return [first(a) if row.kind == "conv" else a for a in made.values()]


def last(row, a):
    """A result back in channels-last order."""
    return np.moveaxis(a, 1, -1) if row.kind in ("conv", "conv_transpose") else a


# ---- BigVGAN v2 ----


class AliasFree(nn.Module):
    """Up by two, x + sin^2(a x) / b, down by two; (N, C, L) to (N, C, L)."""

    def __init__(self, channels):
        super().__init__()
        self.alpha, self.beta = nn.Parameter(torch.zeros(channels)), nn.Parameter(torch.zeros(channels))
        at = np.arange(12) - 5.5
        taps = 0.5 * np.kaiser(12, _beta()) * np.sinc(0.5 * at)
        self.register_buffer("taps", torch.from_numpy((taps / taps.sum()).astype(np.float32)).reshape(1, 1, 12))

    def forward(self, x):
        channels = x.shape[1]
        taps = self.taps.expand(channels, -1, -1)
        x = F.pad(x, (5, 5), mode="replicate")
        x = 2 * F.conv_transpose1d(x, taps, stride=2, groups=channels)[..., 15:-15]
        alpha, beta = (torch.exp(v)[None, :, None] for v in (self.alpha, self.beta))
        x = x + (1.0 / (beta + 1e-9)) * torch.sin(x * alpha).pow(2)
        return F.conv1d(F.pad(x, (5, 6), mode="replicate"), taps, stride=2, groups=channels)


def _beta():
    """Kaiser window of the low-pass filter: 12 taps, half width 0.3."""
    attenuation = 2.285 * 5 * math.pi * 4 * 0.3 + 7.95
    return 0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21) if attenuation <= 50 else 0.1102 * (attenuation - 8.7)


class Block(nn.Module):
    def __init__(self, channels, kernel):
        super().__init__()
        conv = lambda d: nn.Conv1d(channels, channels, kernel, dilation=d, padding=d * (kernel - 1) // 2)
        self.convs1 = nn.ModuleList(conv(d) for d in rows.DILATIONS)
        self.convs2 = nn.ModuleList(conv(1) for _ in rows.DILATIONS)
        self.activations = nn.ModuleList(AliasFree(channels) for _ in range(2 * len(rows.DILATIONS)))

    def forward(self, x):
        for i, (one, two) in enumerate(zip(self.convs1, self.convs2)):
            x = x + two(self.activations[2 * i + 1](one(self.activations[2 * i](x))))
        return x


class BigVgan(nn.Module):
    def __init__(self):
        super().__init__()
        widths = [rows.CHANNELS >> i for i in range(len(rows.RATES) + 1)]
        self.conv_pre = nn.Conv1d(rows.MELS, widths[0], 7, padding=3)
        self.ups = nn.ModuleList(nn.ModuleList([nn.ConvTranspose1d(widths[i], widths[i + 1], k, rate, padding=(k - rate) // 2)])
                                 for i, (rate, k) in enumerate(zip(rows.RATES, rows.KERNELS)))
        self.resblocks = nn.ModuleList(Block(w, k) for w in widths[1:] for k in rows.BLOCK_KERNELS)
        self.activation_post = AliasFree(widths[-1])
        self.conv_post = nn.Conv1d(widths[-1], 1, 7, padding=3, bias=False)
        weights = {}
        for name, w in rows.bigvgan_weights().items():
            if w.ndim == 3:
                w = w.transpose(2, 0, 1) if name.startswith("ups") else w.transpose(0, 2, 1)
            weights[name.replace(".act.", ".")] = torch.from_numpy(np.ascontiguousarray(w))
        self.load_state_dict(weights, strict=False)

    def forward(self, x):
        x, n = self.conv_pre(x), len(rows.BLOCK_KERNELS)
        for i, (up,) in enumerate(self.ups):
            x = up(x)
            x = sum(block(x) for block in self.resblocks[i * n:(i + 1) * n]) / n
        return torch.clamp(self.conv_post(self.activation_post(x)), -1.0, 1.0)


def mel(frames):
    return torch.from_numpy(first(rows.mel(frames)))


# ---- the side ----


class Side:
    def __init__(self, threads, compiled, dtype=torch.float32):
        torch.set_num_threads(threads)
        self.compiled, self.dtype = compiled, dtype

    def about(self):
        return {"torch": torch.__version__}

    def variants(self, row):
        made = ["eager"]
        if row.kind in ("train", "classify") or (row.kind == "network" and len(row.p["x"]) == 4) or (row.kind == "conv" and len(row.p["x"]) == 4):
            made.append("channels_last")
        if self.compiled and not row.neighbour and row.kind in ("train", "classify", "simple", "gelu", "softmax", "layer_norm"):
            made.append("compile")
        return made

    def build(self, row, variant):
        return getattr(self, row.kind, self.op)(row, variant)

    def model(self, module, variant):
        module = module.to(self.dtype)
        if variant == "channels_last":
            module = module.to(memory_format=torch.channels_last)
        return module, torch.compile(module) if variant == "compile" else module

    def tensor(self, a, variant="eager"):
        t = torch.from_numpy(a).to(self.dtype)
        return t.contiguous(memory_format=torch.channels_last) if variant == "channels_last" and t.ndim == 4 else t

    def train(self, row, variant):
        net, batch = row.p["net"], row.p["batch"]
        x, y = rows.images(net, 32 * batch)
        x, y = self.tensor(first(x), variant), torch.from_numpy(y).long()
        module, f = self.model(Cnn(net), variant)
        module.train()
        optimizer = torch.optim.SGD(module.parameters(), lr=0.01, momentum=0.9)
        at = [0]

        def step():
            k = at[0]
            at[0] = (k + batch) % (32 * batch)
            optimizer.zero_grad()
            loss = F.nll_loss(f(x[k:k + batch]), y[k:k + batch])
            loss.backward()
            optimizer.step()
            return loss.item()

        def result():
            fresh = self.model(Cnn(net), "channels_last" if variant == "channels_last" else "eager")[0].eval()
            F.nll_loss(fresh(x[:batch]), y[:batch]).backward()
            return np.moveaxis(fresh.convs[0].weight.grad.numpy(), 1, -1)
        return step, result

    def classify(self, row, variant):
        net, n = row.p["net"], row.p["images"]
        x, y = rows.images(net, n)
        x, y = self.tensor(first(x), variant), torch.from_numpy(y).long()
        module, _ = self.model(Cnn(net).eval(), "channels_last" if variant == "channels_last" else "eager")
        size = min(n, rows.BATCH)

        def answer(a):
            return module(a).argmax(1)
        if variant == "compile":
            answer = torch.compile(answer)

        def run():
            with torch.inference_mode():
                return sum(int((answer(x[k:k + size]) == y[k:k + size]).sum()) for k in range(0, n, size))

        def one():
            with torch.inference_mode():
                return int(answer(x))

        def result():
            with torch.inference_mode():
                return module(x[:size]).numpy()
        return (run if n > 1 else one), result

    def simple(self, row, variant):
        batch = row.p["batch"]
        data_x, data_y, weights = rows.simple_data(batch)

        def trainer():
            plain = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 10))
            for p, w in zip(plain.parameters(), weights):
                p.data = torch.from_numpy(w.copy())
            module, f = self.model(plain, variant)
            optimizer = torch.optim.SGD(module.parameters(), lr=0.01)
            x, y, at = self.tensor(data_x), torch.from_numpy(data_y).long(), [0]

            def step():
                k = at[0]
                at[0] = (k + batch) % len(data_y)
                optimizer.zero_grad()
                loss = F.cross_entropy(f(x[k:k + batch]), y[k:k + batch])
                loss.backward()
                nn.utils.clip_grad_norm_(module.parameters(), 1.0)
                optimizer.step()
                return loss.item()
            return step, module

        def result():
            step, module = trainer()
            step()
            return module[0].weight.detach().numpy()
        return trainer()[0], result

    def bigvgan(self, row, variant):
        generator, _ = self.model(BigVgan().eval(), variant)
        x = mel(row.p["frames"]).to(self.dtype)

        def run():
            with torch.inference_mode():
                return generator(x)
        return run, lambda: run().numpy()[0, 0]

    def network(self, row, variant):
        network, _ = self.model(torch_kit.Network(row), variant)
        x = torch_kit.example(row)
        x = self.tensor(x.numpy(), variant) if x.ndim == 4 else x

        def run():
            with torch.inference_mode():
                return network(x)
        return run, lambda: torch_kit.last(run().numpy())

    def op(self, row, variant):
        args = [self.tensor(a, variant) for a in op_inputs(row)]
        op = Op(row)
        f = torch.compile(op) if variant == "compile" else op.forward

        def run():
            with torch.inference_mode():
                return f(*args)
        return run, lambda: last(row, run().numpy())
