"""The peers' sides of the comparison: the same workloads in PyTorch, MLX, ONNX Runtime and OpenVINO, and in Quern from
Python, which runs what MLX runs. Started by run.py, which holds the timing rules; the weights are each framework's own."""
import io
import json
import os
import statistics
import sys
import time

IMAGES, BATCH, FINAL, FLAT = 10000, 512, 100, 900


def data():
    import numpy as np
    rng = np.random.default_rng(0)
    return rng.random((IMAGES, 28, 28, 1), dtype=np.float32), rng.integers(0, 10, IMAGES).astype(np.int32)


def array(*shape):
    import numpy as np
    return np.random.default_rng(1).random(shape, dtype=np.float32) - np.float32(0.5)


def torch_net():
    import torch
    from torch import nn
    import torch.nn.functional as F

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.convs = nn.ModuleList([nn.Conv2d(1, 20, 5, padding=2), nn.Conv2d(20, 50, 5, padding=2),
                                        nn.Conv2d(50, FINAL, 5, padding=2)])
            self.linears = nn.ModuleList([nn.Linear(FLAT, FLAT // 2), nn.Linear(FLAT // 2, FLAT // 4),
                                          nn.Linear(FLAT // 4, 10)])
            self.drop = nn.Dropout(0.3)

        def forward(self, x):
            for c in self.convs:
                x = F.max_pool2d(F.relu(c(x)), 2)
            x = F.relu(self.drop(self.linears[0](x.flatten(1))))
            x = self.drop(self.linears[1](x))
            return F.log_softmax(self.drop(self.linears[2](x)), 1)

    torch.manual_seed(0)
    return Net()


def torch_side(threads, with_compile):
    import torch
    import torch.nn.functional as F
    torch.set_num_threads(threads)
    x, y = data()
    plain = torch.from_numpy(x).permute(0, 3, 1, 2).contiguous()
    labels = torch.from_numpy(y).long()
    table = {w: {} for w in ("train_64", "train_256", "classify_10k", "single")}

    def add_net(name, layout, compiled):
        net, images = torch_net().to(memory_format=layout), plain.contiguous(memory_format=layout)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
        f = torch.compile(net) if compiled else net

        def train(batch):
            at = [0]

            def step():
                k = at[0]
                at[0] = (k + batch) % (IMAGES - batch)
                net.train()
                optimizer.zero_grad()
                loss = F.nll_loss(f(images[k:k + batch]), labels[k:k + batch])
                loss.backward()
                optimizer.step()
                return loss.item()
            return step

        def classify():
            net.eval()
            with torch.inference_mode():
                return sum(int((f(images[k:k + BATCH]).argmax(1) == labels[k:k + BATCH]).sum())
                           for k in range(0, IMAGES, BATCH))

        def single():
            net.eval()
            with torch.inference_mode():
                return int(f(images[:1]).argmax(1))

        table["train_64"][name], table["train_256"][name] = train(64), train(256)
        table["classify_10k"][name], table["single"][name] = classify, single

    add_net("eager", torch.contiguous_format, False)
    add_net("channels_last", torch.channels_last, False)
    if with_compile:
        add_net("compile", torch.contiguous_format, True)
    t = {n: torch.from_numpy(a) for n, a in dict(a=array(1024, 1024), b=array(1024, 1024), s=array(64, 64), u=array(64, 64),
         x=array(4, 32, 32, 32), w=array(32, 32, 5, 5), v=array(1000000), z=array(1000000), m=array(4096, 1024),
         g=array(1024), h=array(1024)).items()}
    xl, wl = t["x"].contiguous(memory_format=torch.channels_last), t["w"].contiguous(memory_format=torch.channels_last)
    table["matmul_1024"] = {"eager": lambda: t["a"] @ t["b"]}
    table["matmul_64"] = {"eager": lambda: t["s"] @ t["u"]}
    table["conv2d"] = {"eager": lambda: F.conv2d(t["x"], t["w"], padding=2),
                       "channels_last": lambda: F.conv2d(xl, wl, padding=2)}
    table["add_1m"] = {"eager": lambda: t["v"] + t["z"]}
    table["softmax"] = {"eager": lambda: torch.softmax(t["m"], -1)}
    table["layer_norm"] = {"eager": lambda: F.layer_norm(t["m"], (1024,), t["g"], t["h"])}
    ops = ("matmul_1024", "matmul_64", "conv2d", "add_1m", "softmax", "layer_norm")

    def no_grad(f):
        def g():
            with torch.no_grad():
                f()
        return g
    for op in ops:
        table[op] = {k: no_grad(f) for k, f in table[op].items()}
    return {"torch": torch.__version__}, table


def onnx_bytes(batch):
    import torch
    net, out = torch_net().eval(), io.BytesIO()
    torch.onnx.export(net, torch.zeros(batch, 1, 28, 28), out, dynamo=False, input_names=["x"], output_names=["y"],
                      dynamic_axes={"x": {0: "n"}} if batch > 1 else None)
    return out.getvalue()


def classifier(run):
    import numpy as np
    x, y = data()
    x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))

    def classify():
        return sum(int((run(x[k:k + BATCH]).argmax(1) == y[k:k + BATCH]).sum()) for k in range(0, IMAGES, BATCH))
    return classify, x[:1]


def onnxruntime_side(threads, _):
    import onnxruntime
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    many, one = (onnxruntime.InferenceSession(onnx_bytes(b), settings, ["CPUExecutionProvider"]) for b in (BATCH, 1))
    classify, image = classifier(lambda x: many.run(None, {"x": x})[0])
    return {"onnxruntime": onnxruntime.__version__}, {
        "classify_10k": {"session": classify}, "single": {"session": lambda: one.run(None, {"x": image})[0].argmax(1)[0]}}


def openvino_side(threads, _):
    import openvino
    core = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    many, one = (core.compile_model(core.read_model(onnx_bytes(b)), "CPU", settings).create_infer_request() for b in (BATCH, 1))
    classify, image = classifier(lambda x: many.infer({0: x}, share_inputs=True)[0])
    return {"openvino": openvino.__version__.split("-")[0]}, {
        "classify_10k": {"compiled": classify},
        "single": {"compiled": lambda: one.infer({0: image}, share_inputs=True)[0].argmax(1)[0]}}


def mlx_side(_threads, with_compile):
    from functools import partial
    from importlib.metadata import version
    import mlx.core as mx
    import mlx.nn as nn
    import mlx.optimizers as optim
    mx.set_default_device(mx.cpu)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.convs = [nn.Conv2d(1, 20, 5, padding=2), nn.Conv2d(20, 50, 5, padding=2), nn.Conv2d(50, FINAL, 5, padding=2)]
            self.linears = [nn.Linear(FLAT, FLAT // 2), nn.Linear(FLAT // 2, FLAT // 4), nn.Linear(FLAT // 4, 10)]
            self.drop, self.pool = nn.Dropout(0.3), nn.MaxPool2d(2, 2)

        def __call__(self, x):
            for c in self.convs:
                x = self.pool(nn.relu(c(x)))
            x = nn.relu(self.drop(self.linears[0](x.reshape(x.shape[0], -1))))
            x = self.drop(self.linears[1](x))
            return nn.log_softmax(self.drop(self.linears[2](x)), axis=1)

    x, y = map(mx.array, data())
    net, optimizer = Net(), optim.SGD(learning_rate=0.01, momentum=0.9)
    mx.eval(net.parameters(), x, y)
    gradient = nn.value_and_grad(net, lambda m, a, b: nn.losses.nll_loss(m(a), b, reduction="mean"))

    def train(batch):
        def step():
            net.train()
            loss, g = gradient(net, x[:batch], y[:batch])
            optimizer.update(net, g)
            mx.eval(loss, net.state, optimizer.state)
            return loss.item()
        return step

    state = [net.state, optimizer.state, mx.random.state]

    @partial(mx.compile, inputs=state, outputs=state)
    def compiled_step(images, labels):
        loss, g = gradient(net, images, labels)
        optimizer.update(net, g)
        return loss

    def train_compiled(batch):
        def step():
            net.train()
            loss = compiled_step(x[:batch], y[:batch])
            mx.eval(loss, state)
            return loss.item()
        return step

    @partial(mx.compile, inputs=net.state)
    def answer(images):
        return mx.argmax(net(images), axis=1)

    def single_compiled():
        net.eval()
        return answer(x[:1]).item()

    def classify():
        net.eval()
        return sum((mx.argmax(net(x[k:k + BATCH]), axis=1) == y[k:k + BATCH]).sum().item() for k in range(0, IMAGES, BATCH))

    def single():
        net.eval()
        return mx.argmax(net(x[:1]), axis=1).item()

    a, b, s, u, v, z, m, g, h, cx, cw = map(mx.array, (array(1024, 1024), array(1024, 1024), array(64, 64), array(64, 64),
        array(1000000), array(1000000), array(4096, 1024), array(1024), array(1024), array(4, 32, 32, 32), array(32, 5, 5, 32)))
    lazily = {"train_64": train(64), "train_256": train(256), "classify_10k": classify, "single": single,
              "matmul_1024": lambda: mx.eval(a @ b), "matmul_64": lambda: mx.eval(s @ u),
              "conv2d": lambda: mx.eval(mx.conv2d(cx, cw, padding=2)), "add_1m": lambda: mx.eval(v + z),
              "softmax": lambda: mx.eval(mx.softmax(m, axis=-1)),
              "layer_norm": lambda: mx.eval(mx.fast.layer_norm(m, g, h, 1e-5))}
    table = {w: {"lazy": f} for w, f in lazily.items()}
    if with_compile:
        compiled = {"train_64": train_compiled(64), "train_256": train_compiled(256), "single": single_compiled}
        for w, f in compiled.items():
            table[w]["compiled"] = f
    return {"mlx": version("mlx")}, table


def quern_side(threads, _):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])  # its runtime takes what the process may use
    import quern.mlx_alias  # noqa: F401 - mlx means Quern from here on
    _, table = mlx_side(threads, True)
    return {}, table


def serve(peer, threads, with_compile):
    answers = os.fdopen(os.dup(1), "w")  # libraries may print; the protocol has a descriptor of its own
    os.dup2(2, 1)
    make = {"torch": torch_side, "onnxruntime": onnxruntime_side, "openvino": openvino_side, "mlx": mlx_side,
            "python": quern_side}[peer]
    about, table = make(threads, with_compile)
    for line in sys.stdin:
        words = line.split()
        if words == ["about"]:
            answer = about
        elif words == ["list"]:
            answer = {w: list(v) for w, v in table.items()}
        else:
            f, times = table[words[1]][words[2]], []
            try:
                for _ in range(int(words[3])):
                    start = time.perf_counter()
                    f()
                    times.append(time.perf_counter() - start)
                answer = statistics.median(times)
            except Exception as e:  # a variant that cannot run here is left out, not fatal
                print(f"{peer} {words[1]} {words[2]}: {type(e).__name__}: {e}", file=sys.stderr)
                answer = -1
        print(json.dumps(answer), file=answers, flush=True)
