"""What is compared: the rows, their inputs and weights (the same bits for every side) and what is aimed at.
Arrays are NumPy's, float32, channels last, in the layouts of mlx.core. No framework is imported here."""
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Net:
    """The reference CNN: three convolutions with ReLU and max-pool 2, then linear n -> n/2 -> n/4 -> 10."""
    side: int = 28
    channels: int = 1
    filters: tuple = (20, 50, 100)
    kernel: int = 5

    @property
    def flat(self):
        return (self.side // 8) ** 2 * self.filters[-1]


RGB = Net(side=32, channels=3)
WIDE = Net(filters=(24, 48, 100))
K3 = Net(kernel=3)
K7 = Net(kernel=7)


@dataclass(frozen=True)
class Row:
    """One line of the report. kind chooses the code of each side, p are its parameters."""
    name: str
    title: str
    kind: str
    p: dict = field(default_factory=dict)
    goals: dict = field(default_factory=dict)  # peer -> how many times faster than it Quern is meant to be
    neighbour: bool = False  # a shape beside the one that is meant: kernels must not be made for one shape


def _nets():
    torch = {"torch": 1.6}
    rows = [Row(f"train_{b}", f"CNN, training step, batch {b}", "train", dict(net=Net(), batch=b), torch) for b in (64, 256)]
    rows += [Row("classify_10k", "CNN, 10,000 images by 512", "classify", dict(net=Net(), images=10_000),
                 {"openvino": 1.3, "torch eager": 2}),
             Row("single", "CNN, one image", "classify", dict(net=Net(), images=1), {"openvino": 1.5, "torch": 3.5})]
    rows.append(Row("train_96", "CNN, training step, batch 96", "train", dict(net=Net(), batch=96), torch, True))
    for tag, text, net in (("rgb", "32x32x3", RGB), ("wide", "filters 24, 48", WIDE), ("k3", "kernel 3", K3),
                           ("k7", "kernel 7", K7)):
        rows += [Row(f"train_{tag}", f"CNN {text}, training step, batch 64", "train", dict(net=net, batch=64), torch, True),
                 Row(f"classify_{tag}", f"CNN {text}, 1,024 images by 512", "classify", dict(net=net, images=1024),
                     {"openvino": 1.3, "torch eager": 2}, True)]
    return rows


def _network(name, batch, title, x):
    """A whole network of networks.py, inference on an input of shape x."""
    return Row(f"{name}_{batch}", title, "network", dict(network=name, x=x), {"torch": 1, "openvino": 1})


def _conv(name, title, kind, x, w, goal, neighbour=False, **p):
    return Row(name, title, kind, dict(x=x, w=w, **p), {"torch": goal}, neighbour)


ROWS = _nets() + [
    _conv("conv2d", "conv2d 4x32x32x32, 32 filters 5x5", "conv", (4, 32, 32, 32), (32, 5, 5, 32), 1.3, padding=2),
    _conv("conv2d_k3", "conv2d 4x32x32x32, 32 filters 3x3", "conv", (4, 32, 32, 32), (32, 3, 3, 32), 1.3, True, padding=1),
    _conv("conv2d_k7", "conv2d 4x32x32x32, 32 filters 7x7", "conv", (4, 32, 32, 32), (32, 7, 7, 32), 1.3, True, padding=3),
    _conv("conv2d_24", "conv2d 4x28x28x24, 48 filters 5x5", "conv", (4, 28, 28, 24), (48, 5, 5, 24), 1.3, True, padding=2),
    _conv("conv1d", "conv1d 8x1000x256, kernel 12, groups 8", "conv", (8, 1000, 256), (256, 12, 32), 3.5, groups=8),
    _conv("conv1d_1357", "conv1d 8x1357x256, kernel 12, groups 8", "conv", (8, 1357, 256), (256, 12, 32), 3.5, True, groups=8),
    _conv("conv1d_k7", "conv1d 3x1357x24, 48 filters of 7", "conv", (3, 1357, 24), (48, 7, 24), 1.3, True, padding=3),
    _conv("conv1d_k11", "conv1d 1x4000x128, 128 filters of 11", "conv", (1, 4000, 128), (128, 11, 128), 1.3, True, padding=5),
    _conv("convt1d", "conv_transpose1d 8x1000x256, kernel 12, groups 256", "conv_transpose", (8, 1000, 256), (256, 12, 1), 8,
          groups=256),
    _conv("convt1d_1357", "conv_transpose1d 8x1357x256, kernel 12, groups 256", "conv_transpose", (8, 1357, 256), (256, 12, 1),
          8, True, groups=256),
    Row("simple", "SimpleModel, training step, batch 64", "simple", dict(batch=64), {"torch eager": 5}),
    Row("simple_96", "SimpleModel, training step, batch 96", "simple", dict(batch=96), {"torch eager": 5}, True),
    Row("gelu", "gelu written out, 1M", "gelu", dict(x=(1 << 20,)), {"torch eager": 5, "torch compile": 1}),
    Row("gelu_1357", "gelu written out, 1357x511", "gelu", dict(x=(1357, 511)), {"torch eager": 5, "torch compile": 1}, True),
    Row("softmax", "softmax 4096x1024", "softmax", dict(x=(4096, 1024)), {"torch": 1.1}),
    Row("softmax_1357", "softmax 3000x1357", "softmax", dict(x=(3000, 1357)), {"torch": 1.1}, True),
    Row("layer_norm", "layer norm 4096x1024", "layer_norm", dict(x=(4096, 1024)), {"torch": 1.1}),
    Row("layer_norm_1357", "layer norm 3000x1357", "layer_norm", dict(x=(3000, 1357)), {"torch": 1.1}, True),
    Row("sort", "sort 1M", "sort", dict(x=(1 << 20,)), {"torch": 6}),
    Row("sort_rows", "sort 1357x700, rows", "sort", dict(x=(1357, 700)), {"torch": 6}, True),
    Row("attention", "attention, 8 heads, 512x64", "attention", dict(x=(1, 8, 512, 64)), {"torch": 1.2}),
    Row("attention_357", "attention, 6 heads, 357x48", "attention", dict(x=(2, 6, 357, 48)), {"torch": 1.2}, True),
    Row("matmul_1024", "matmul 1024x1024x1024", "matmul", dict(x=(1024, 1024), w=(1024, 1024)), {"torch": 1}),
    Row("matmul_odd", "matmul 500x700x900", "matmul", dict(x=(500, 700), w=(700, 900)), {"torch": 1}, True),
    Row("matmul_64", "matmul 64x64x64", "matmul", dict(x=(64, 64), w=(64, 64)), {"torch": 1.3}),
    Row("matmul_96", "matmul 96x96x96", "matmul", dict(x=(96, 96), w=(96, 96)), {"torch": 1.3}, True),
    Row("add_64", "add 64x64, evaluated", "add", dict(x=(64, 64)), {"torch": 1}),
    Row("add_1m", "add 1M", "add", dict(x=(1 << 20,)), {"torch": 1}, True),
    Row("fft", "fft 1M", "fft", dict(x=(1 << 20,)), {"torch": 1}),
    Row("fft_1e6", "fft 1,000,000", "fft", dict(x=(1_000_000,)), {"torch": 1}, True),
    Row("bigvgan_32", "BigVGAN v2, 32 frames", "bigvgan", dict(frames=32), {"torch": 1.3}),
    Row("bigvgan_128", "BigVGAN v2, 128 frames", "bigvgan", dict(frames=128), {"torch": 1.3}),
    _network("resnet18", 1, "ResNet-18, one image", (1, 224, 224, 3)),
    _network("resnet50", 1, "ResNet-50, one image", (1, 224, 224, 3)),
    _network("resnet50", 8, "ResNet-50, 8 images", (8, 224, 224, 3)),
    _network("mobilenet", 1, "MobileNetV2, one image", (1, 224, 224, 3)),
    _network("mobilenet", 8, "MobileNetV2, 8 images", (8, 224, 224, 3)),
    _network("unet", 2, "U-Net 64x64, 2 images", (2, 64, 64, 4)),
    _network("vit", 1, "ViT-S/16, one image", (1, 224, 224, 3)),
    _network("vit", 8, "ViT-S/16, 8 images", (8, 224, 224, 3)),
    _network("gpt", 1, "GPT-2 small, 128 tokens", (1, 128)),
    _network("bert", 4, "BERT base, 4x128 tokens", (4, 128)),
]
BY_NAME = {row.name: row for row in ROWS}
BATCH = 512  # of classification


def noise(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def inputs(row):
    """Name -> array for the rows of one op."""
    made = {"x": noise(1, *row.p["x"])}
    if "w" in row.p:
        made["w"] = noise(2, *row.p["w"])
    elif row.kind == "add":
        made["w"] = noise(2, *row.p["x"])
    elif row.kind == "layer_norm":
        made.update(w=noise(2, row.p["x"][-1]), b=noise(3, row.p["x"][-1]))
    elif row.kind == "attention":
        made.update(k=noise(2, *row.p["x"]), v=noise(3, *row.p["x"]))
    return made


def images(net, n):
    """(n, side, side, channels) in 0..1 and classes (n,) int32."""
    rng = np.random.default_rng(0)
    x = rng.random((n, net.side, net.side, net.channels), dtype=np.float32)
    return x, rng.integers(0, 10, n).astype(np.int32)


def _scaled(seed, *shape):
    fan_in = int(np.prod(shape[1:]))
    return noise(seed, *shape) * np.float32(fan_in ** -0.5)


def net_weights(net):
    """Weight, bias of the convolutions (out, k, k, in), then of the linears (out, in). The flattened order is NHWC."""
    widths, made = (net.channels, *net.filters), []
    for i in range(3):
        made += [_scaled(10 + i, widths[i + 1], net.kernel, net.kernel, widths[i]), 0.1 * noise(20 + i, widths[i + 1])]
    sizes = (net.flat, net.flat // 2, net.flat // 4, 10)
    for i in range(3):
        made += [_scaled(30 + i, sizes[i + 1], sizes[i]), 0.1 * noise(40 + i, sizes[i + 1])]
    return made


def simple_data(batch):
    """64 x batch samples (n, 32), their classes, and the weights and biases of Linear 32 -> 64 and 64 -> 10."""
    n = 64 * batch
    classes = np.random.default_rng(5).integers(0, 10, n).astype(np.int32)
    return noise(4, n, 32), classes, [_scaled(50, 64, 32), 0.1 * noise(51, 64), _scaled(52, 10, 64), 0.1 * noise(53, 10)]


# ---- BigVGAN v2, 24 kHz, 100 bands, after its paper; names as in bindings/python/examples/bigvgan.py ----

MELS, CHANNELS, RATES, KERNELS = 100, 1536, (4, 4, 2, 2, 2, 2), (8, 8, 4, 4, 4, 4)
BLOCK_KERNELS, DILATIONS = (3, 7, 11), (1, 3, 5)


def bigvgan_shapes():
    """Name -> shape of every weight, (out, k, in) for both kinds of convolution."""
    widths = [CHANNELS >> i for i in range(len(RATES) + 1)]
    shapes = {"conv_pre.weight": (widths[0], 7, MELS), "conv_pre.bias": (widths[0],), "conv_post.weight": (1, 7, widths[-1])}
    acts = {"activation_post": widths[-1]}
    for i, kernel in enumerate(KERNELS):
        shapes[f"ups.{i}.0.weight"] = (widths[i + 1], kernel, widths[i])
        shapes[f"ups.{i}.0.bias"] = (widths[i + 1],)
        for j, block in enumerate(BLOCK_KERNELS):
            at, width = f"resblocks.{i * len(BLOCK_KERNELS) + j}", widths[i + 1]
            for d in range(len(DILATIONS)):
                for part in ("convs1", "convs2"):
                    shapes[f"{at}.{part}.{d}.weight"] = (width, block, width)
                    shapes[f"{at}.{part}.{d}.bias"] = (width,)
            acts.update({f"{at}.activations.{a}": width for a in range(2 * len(DILATIONS))})
    for name, width in acts.items():
        shapes[f"{name}.act.alpha"] = shapes[f"{name}.act.beta"] = (width,)
    return shapes


def bigvgan_weights():
    """Random, scaled so that the signal keeps its size and the last convolution does not saturate."""
    made = {}
    for seed, (name, shape) in enumerate(sorted(bigvgan_shapes().items())):
        if len(shape) == 1:
            made[name] = 0.1 * noise(1000 + seed, *shape)
        else:
            spread = shape[1] // 2 if name.startswith("ups") else 1  # taps that meet one output
            gain = 0.3 if ".convs" in name or name == "conv_post.weight" else 1.0
            made[name] = float(gain * spread ** 0.5) * _scaled(1000 + seed, *shape)
    return made


def mel(frames):
    return noise(6, 1, frames, MELS)
