"""The kit of networks.py in MLX's interface: for MLX and for Quern."""
import networks
import numpy as np


class Kit:
    def __init__(self, mx, nn):
        self.mx, self.nn, self.layers = mx, nn, {}
        self.relu, self.relu6, self.gelu, self.silu = nn.relu, nn.relu6, nn.gelu, nn.silu

    def made(self, name, make, **kinds):
        """The layer of that name; at first made, with weights of these kinds."""
        if name not in self.layers:
            layer = self.layers[name] = make()
            for part, kind in kinds.items():
                setattr(layer, part, self.mx.array(networks.weight(f"{name}.{part}", getattr(layer, part).shape, kind)))
            layer.eval()
            self.mx.eval(layer.parameters())
        return self.layers[name]

    def parameter(self, name, shape):
        if name not in self.layers:
            self.layers[name] = self.mx.array(networks.weight(name, shape, "small"))
        return self.layers[name]

    def channels(self, x):
        return x.shape[-1]

    def conv(self, name, x, filters, kernel, stride=1, padding=0, groups=1, bias=True):
        make = lambda: self.nn.Conv2d(x.shape[-1], filters, kernel, stride=stride, padding=padding, groups=groups, bias=bias)
        kinds = {"bias": "small"} if bias else {}
        return self.made(name, make, weight="scaled" if bias else "rectified", **kinds)(x)

    def batch_norm(self, name, x):
        kinds = dict(weight="near one", bias="small", running_mean="small", running_var="near one")
        return self.made(name, lambda: self.nn.BatchNorm(x.shape[-1]), **kinds)(x)

    def layer_norm(self, name, x):
        return self.made(name, lambda: self.nn.LayerNorm(x.shape[-1]), weight="near one", bias="small")(x)

    def group_norm(self, name, x, groups):
        make = lambda: self.nn.GroupNorm(groups, x.shape[-1], pytorch_compatible=True)
        return self.made(name, make, weight="near one", bias="small")(x)

    def linear(self, name, x, out):
        return self.made(name, lambda: self.nn.Linear(x.shape[-1], out), weight="scaled", bias="small")(x)

    def embedding(self, name, ids, rows, width):
        return self.made(name, lambda: self.nn.Embedding(rows, width), weight="small")(ids)

    def max_pool(self, x, kernel, stride, padding):
        return self.nn.MaxPool2d(kernel, stride, padding)(x)

    def mean_over_pixels(self, x):
        return x.mean((1, 2))

    def twice_as_large(self, x):
        return self.nn.Upsample(2.0)(x)

    def join(self, a, b):
        return self.mx.concatenate([a, b], -1)

    def tokens(self, x):
        return x.reshape(x.shape[0], -1, x.shape[-1])

    def transpose(self, x, axes):
        return x.transpose(axes)

    def attention(self, q, k, v, causal):
        mask = "causal" if causal else None
        return self.mx.fast.scaled_dot_product_attention(q, k, v, scale=q.shape[-1] ** -0.5, mask=mask)


def build(mx, nn, row, compiled):
    """(one run, its result as NumPy array, channels last)."""
    kit, network, x = Kit(mx, nn), networks.BY_NAME[row.p["network"]], mx.array(networks.example(row.p))
    mx.eval(network(kit, x))
    f = mx.compile(lambda x: network(kit, x)) if compiled else lambda x: network(kit, x)
    return lambda: mx.eval(f(x)), lambda: np.array(f(x))
