"""The rows that are inference, as ONNX graphs exported by PyTorch, in ONNX Runtime and in OpenVINO."""
import io
import warnings

import numpy as np
import rows
import torch
import torch_kit
import torch_rows

KINDS = ("classify", "conv", "conv_transpose", "gelu", "softmax", "layer_norm", "attention", "matmul", "add", "network")


def exported(module, args, names):
    out = io.BytesIO()
    with torch.inference_mode(), warnings.catch_warnings():
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # the shapes that Python code looks at are fixed
        torch.onnx.export(module.eval(), args, out, dynamo=False, input_names=names, output_names=["out"], opset_version=17)
    return out.getvalue()


class Side:
    """engine: 'onnxruntime' or 'openvino'."""

    def __init__(self, engine, threads):
        self.engine, self.threads = engine, threads
        self.library = __import__(engine)

    def about(self):
        return {self.engine: self.library.__version__.split("-")[0]}

    def variants(self, row):
        return ["session" if self.engine == "onnxruntime" else "compiled"] if row.kind in KINDS else []

    def build(self, row, _):
        if row.kind == "classify":
            return self.classify(row)
        if row.kind == "network":
            args = [torch_kit.example(row).numpy()]
            run = self.runner(torch_kit.Network(row), args)
            return lambda: run(args), lambda: torch_kit.last(run(args))
        args = torch_rows.op_inputs(row)
        run = self.runner(torch_rows.Op(row), args)
        return lambda: run(args), lambda: torch_rows.last(row, run(args))

    def runner(self, module, args):
        """A function from a list of arrays to the first output."""
        names = [f"in{i}" for i in range(len(args))]
        graph = exported(module, tuple(map(torch.from_numpy, args)), names)
        if self.engine == "onnxruntime":
            settings = self.library.SessionOptions()
            settings.intra_op_num_threads = self.threads
            session = self.library.InferenceSession(graph, settings, ["CPUExecutionProvider"])
            return lambda a: session.run(None, dict(zip(names, a)))[0]
        core = self.library.Core()
        settings = {"INFERENCE_NUM_THREADS": self.threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        request = core.compile_model(core.read_model(graph), "CPU", settings).create_infer_request()
        return lambda a: request.infer(dict(enumerate(a)), share_inputs=True)[0]

    def classify(self, row):
        net, n = row.p["net"], row.p["images"]
        x, y = rows.images(net, n)
        x, size = torch_rows.first(x), min(n, rows.BATCH)
        f = self.runner(torch_rows.Cnn(net), [x[:size]])

        def run():
            hits = 0
            for k in range(0, n, size):
                part = x[k:k + size]
                if len(part) < size:  # the graph has a fixed batch: repeat the last images, as a program would
                    part = x[n - size:]
                    hits += int((f([part]).argmax(1) == y[n - size:])[size - (n - k):].sum())
                else:
                    hits += int((f([part]).argmax(1) == y[k:k + size]).sum())
            return hits
        return run, lambda: np.array(f([x[:size]]))
