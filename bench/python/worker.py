"""Runs one network in one engine, on one thread, when asked: worker.py ENGINE ONNX INPUT.

INPUT holds the photograph as little-endian floats, 3 x side x side; the answer (asked.py)
is the logits.
"""

import sys

import numpy as np

from asked import serve


def onnx_runtime(path, photograph):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        path, options, providers=["CPUExecutionProvider"]
    )
    fed = {"photograph": photograph}
    run = lambda: session.run(["logits", "maps"], fed)
    return f"ONNX Runtime {onnxruntime.__version__}", run, lambda: run()[0]


def openvino(path, photograph, precision):
    import openvino

    core = openvino.Core()
    settings = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": 1,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
    }
    request = core.compile_model(path, "CPU", settings).create_infer_request()
    request.set_input_tensor(openvino.Tensor(photograph, shared_memory=True))
    version = openvino.__version__.split("-")[0]
    name = {"f32": "", "bf16": " bfloat16"}[precision]

    def answer():
        request.infer()
        return request.get_tensor("logits").data

    return f"OpenVINO {version}{name}", request.infer, answer


ENGINES = {
    "onnxruntime": onnx_runtime,
    "openvino": lambda path, photograph: openvino(path, photograph, "f32"),
    "openvino-bf16": lambda path, photograph: openvino(path, photograph, "bf16"),
}


def main():
    engine, path, photograph = sys.argv[1:]
    photograph = np.fromfile(photograph, "<f4")
    side = round((photograph.size / 3) ** 0.5)
    name, run, answer = ENGINES[engine](path, photograph.reshape(1, 3, side, side))
    serve(name, run, lambda: answer().ravel().tolist())


main()
