"""Runs one network in one engine, on one thread, when asked: worker.py ENGINE ONNX INPUT.

Says on standard output `ready NAME`, then reads lines: `run N` runs the network N times
and answers `times` with the nanoseconds of each; `answer` answers `answer` with the
logits. INPUT holds the photograph as little-endian floats, 3 x side x side.
"""

import sys
from time import perf_counter_ns

import numpy as np


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
    print("ready", name, flush=True)
    for line in sys.stdin:
        match line.split():
            case ["run", count]:
                times = []
                for _ in range(int(count)):
                    start = perf_counter_ns()
                    run()
                    times.append(perf_counter_ns() - start)
                print("times", *times, flush=True)
            case ["answer"]:
                print("answer", *answer().ravel().tolist(), flush=True)


main()
