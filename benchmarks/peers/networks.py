"""Whole networks at inference, written once. `k` is a framework's kit (mlx_kit.py, torch_kit.py): its layers are made at the
first call under the name given, with the weights of `weight` below, the same bits for every framework. Images come and go
channels last; in between they have the framework's own order, which only the kit knows."""
import zlib

import numpy as np

TOKENS = 8000  # of the vocabulary


def weight(name, shape, kind):
    """float32. kind: 'scaled' (spread 1/sqrt(inputs), the signal keeps its size), 'rectified' (the same before a ReLU),
    'small' (biases and means), 'near one' (gains and variances)."""
    x = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape, dtype=np.float32)
    if kind in ("scaled", "rectified"):
        gain = 2 if kind == "rectified" else 1
        return x * np.float32((gain / np.prod(shape[1:])) ** 0.5)
    return np.float32(0.1) * x if kind == "small" else 1 + np.float32(0.1) * np.abs(x)


def _conv_norm(k, name, x, filters, kernel, stride=1, groups=1):
    x = k.conv(f"{name}.conv", x, filters, kernel, stride, kernel // 2, groups, bias=False)
    return k.batch_norm(f"{name}.norm", x)


def _residual_stage(k, name, x, width, blocks, stride, bottleneck):
    for i in range(blocks):
        at, step, skip = f"{name}.{i}", stride if i == 0 else 1, x
        out = 4 * width if bottleneck else width
        if step != 1 or k.channels(x) != out:
            skip = _conv_norm(k, f"{at}.skip", x, out, 1, step)
        if bottleneck:
            y = k.relu(_conv_norm(k, f"{at}.a", x, width, 1))
            y = k.relu(_conv_norm(k, f"{at}.b", y, width, 3, step))
            y = _conv_norm(k, f"{at}.c", y, out, 1)
        else:
            y = k.relu(_conv_norm(k, f"{at}.a", x, width, 3, step))
            y = _conv_norm(k, f"{at}.b", y, out, 3)
        x = k.relu(y + skip)
    return x


def _resnet(k, x, blocks, bottleneck):
    x = k.max_pool(k.relu(_conv_norm(k, "stem", x, 64, 7, 2)), 3, 2, 1)
    for i, n in enumerate(blocks):
        x = _residual_stage(k, f"stage{i}", x, 64 << i, n, 1 if i == 0 else 2, bottleneck)
    return k.linear("head", k.mean_over_pixels(x), 1000)


def resnet18(k, x):
    """K. He, X. Zhang, S. Ren, J. Sun, Deep residual learning for image recognition, CVPR 2016."""
    return _resnet(k, x, (2, 2, 2, 2), False)


def resnet50(k, x):
    """The same paper's, with bottlenecks; the stride lies in the 3x3 convolution."""
    return _resnet(k, x, (3, 4, 6, 3), True)


def mobilenet(k, x):
    """MobileNetV2: M. Sandler et al., Inverted residuals and linear bottlenecks, CVPR 2018."""
    x = k.relu6(_conv_norm(k, "stem", x, 32, 3, 2))
    table = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
    for i, (expand, out, blocks, stride) in enumerate(table):
        for j in range(blocks):
            at, y, inside = f"{i}.{j}", x, expand * k.channels(x)
            if expand > 1:
                y = k.relu6(_conv_norm(k, f"{at}.expand", y, inside, 1))
            y = k.relu6(_conv_norm(k, f"{at}.depth", y, inside, 3, stride if j == 0 else 1, groups=inside))
            y = _conv_norm(k, f"{at}.project", y, out, 1)
            x = x + y if k.channels(x) == out and (stride == 1 or j > 0) else y
    return k.linear("head", k.mean_over_pixels(k.relu6(_conv_norm(k, "last", x, 1280, 1))), 1000)


def unet(k, x):
    """Two levels with group normalisation and SiLU, as denoisers have them; four channels in and out."""
    def block(name, x, out):
        y = k.conv(f"{name}.a", k.silu(k.group_norm(f"{name}.na", x, 8)), out, 3, 1, 1)
        y = k.conv(f"{name}.b", k.silu(k.group_norm(f"{name}.nb", y, 8)), out, 3, 1, 1)
        return y + (x if k.channels(x) == out else k.conv(f"{name}.skip", x, out, 1))

    a = block("down1", k.conv("in", x, 64, 3, 1, 1), 64)
    b = block("down2", k.conv("half1", a, 128, 3, 2, 1), 128)
    c = block("middle", k.conv("half2", b, 256, 3, 2, 1), 256)
    c = block("up2", k.join(k.twice_as_large(c), b), 128)
    return k.conv("out", block("up1", k.join(k.twice_as_large(c), a), 64), 4, 3, 1, 1)


def _transformer(k, x, layers, heads, causal=False, norm_first=True):
    width = x.shape[-1]
    for i in range(layers):
        at = f"layer{i}"

        def attend(y):
            n, length, _ = y.shape
            y = k.transpose(k.linear(f"{at}.qkv", y, 3 * width).reshape(n, length, 3, heads, width // heads), (2, 0, 3, 1, 4))
            y = k.attention(y[0], y[1], y[2], causal)
            return k.linear(f"{at}.out", k.transpose(y, (0, 2, 1, 3)).reshape(n, length, width), width)

        def feed(y):
            return k.linear(f"{at}.down", k.gelu(k.linear(f"{at}.up", y, 4 * width)), width)

        if norm_first:
            x = x + attend(k.layer_norm(f"{at}.n1", x))
            x = x + feed(k.layer_norm(f"{at}.n2", x))
        else:
            x = k.layer_norm(f"{at}.n1", x + attend(x))
            x = k.layer_norm(f"{at}.n2", x + feed(x))
    return x


def vit(k, x):
    """ViT-S/16 (A. Dosovitskiy et al., An image is worth 16x16 words, ICLR 2021; the mean of all tokens is classified)."""
    x = k.tokens(k.conv("patches", x, 384, 16, 16))
    x = _transformer(k, x + k.parameter("places", (x.shape[1], 384)), 12, 6)
    return k.linear("head", k.layer_norm("last", x).mean(1), 1000)


def gpt(k, ids):
    """GPT-2's small size (A. Radford et al., 2019) with a smaller vocabulary: logits of every place."""
    x = k.embedding("tokens", ids, TOKENS, 768) + k.parameter("places", (ids.shape[1], 768))
    return k.linear("head", k.layer_norm("last", _transformer(k, x, 12, 12, causal=True)), TOKENS)


def bert(k, ids):
    """BERT's base size (J. Devlin et al., NAACL 2019): the last layer's states."""
    x = k.embedding("tokens", ids, TOKENS, 768) + k.parameter("places", (ids.shape[1], 768))
    return _transformer(k, k.layer_norm("first", x), 12, 12, norm_first=False)


BY_NAME = {f.__name__: f for f in (resnet18, resnet50, mobilenet, unet, vit, gpt, bert)}


def example(p):
    """The input of a row: images (N, H, W, C) float32 or token ids (N, L) int64."""
    rng = np.random.default_rng(7)
    if p["network"] in ("gpt", "bert"):
        return rng.integers(0, TOKENS, p["x"])
    return rng.standard_normal(p["x"], dtype=np.float32)
