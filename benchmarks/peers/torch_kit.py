"""The kit of networks.py in PyTorch: a module whose layers appear when the network runs for the first time."""
import networks
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


class Network(nn.Module):
    """Images are (N, C, H, W) float, tokens (N, L) int64."""

    def __init__(self, row):
        super().__init__()
        self.network, self.layers, self.loose = networks.BY_NAME[row.p["network"]], nn.ModuleDict(), nn.ParameterDict()
        self.relu, self.relu6, self.gelu, self.silu = F.relu, F.relu6, F.gelu, F.silu
        self.eval()
        with torch.no_grad():
            self(example(row))
        for p in self.parameters():
            p.requires_grad_(False)

    def forward(self, x):
        return self.network(self, x)

    def made(self, name, make, **kinds):
        key = name.replace(".", "_")
        if key not in self.layers:
            layer = make().eval()
            for part, kind in kinds.items():
                old = getattr(layer, part)
                if old.ndim == 4:  # (out, kh, kw, in) to (out, in, kh, kw)
                    shape = (old.shape[0], *old.shape[2:], old.shape[1])
                    new = np.moveaxis(networks.weight(f"{name}.{part}", shape, kind), -1, 1)
                else:
                    new = networks.weight(f"{name}.{part}", tuple(old.shape), kind)
                old.data = torch.from_numpy(np.ascontiguousarray(new))
            self.layers[key] = layer
        return self.layers[key]

    def parameter(self, name, shape):
        if name not in self.loose:
            self.loose[name] = nn.Parameter(torch.from_numpy(networks.weight(name, shape, "small")), requires_grad=False)
        return self.loose[name]

    def channels(self, x):
        return x.shape[1]

    def conv(self, name, x, filters, kernel, stride=1, padding=0, groups=1, bias=True):
        make = lambda: nn.Conv2d(x.shape[1], filters, kernel, stride, padding, groups=groups, bias=bias)
        kinds = {"bias": "small"} if bias else {}
        return self.made(name, make, weight="scaled" if bias else "rectified", **kinds)(x)

    def batch_norm(self, name, x):
        kinds = dict(weight="near one", bias="small", running_mean="small", running_var="near one")
        return self.made(name, lambda: nn.BatchNorm2d(x.shape[1]), **kinds)(x)

    def layer_norm(self, name, x):
        return self.made(name, lambda: nn.LayerNorm(x.shape[-1]), weight="near one", bias="small")(x)

    def group_norm(self, name, x, groups):
        return self.made(name, lambda: nn.GroupNorm(groups, x.shape[1]), weight="near one", bias="small")(x)

    def linear(self, name, x, out):
        return self.made(name, lambda: nn.Linear(x.shape[-1], out), weight="scaled", bias="small")(x)

    def embedding(self, name, ids, rows, width):
        return self.made(name, lambda: nn.Embedding(rows, width), weight="small")(ids)

    def max_pool(self, x, kernel, stride, padding):
        return F.max_pool2d(x, kernel, stride, padding)

    def mean_over_pixels(self, x):
        return x.mean((2, 3))

    def twice_as_large(self, x):
        return F.interpolate(x, scale_factor=2)

    def join(self, a, b):
        return torch.cat([a, b], 1)

    def tokens(self, x):
        return x.flatten(2).transpose(1, 2)

    def transpose(self, x, axes):
        return x.permute(axes)

    def attention(self, q, k, v, causal):
        return F.scaled_dot_product_attention(q, k, v, is_causal=causal)


def example(row):
    x = networks.example(row.p)
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(x, -1, 1)) if x.ndim == 4 else x)


def last(a):
    """A result with channels last."""
    return np.moveaxis(a, 1, -1) if a.ndim == 4 else a
