"""Writes well-known networks with random weights as ONNX files: nets.py FOLDER.

As the trainer exports a student: one photograph in, 27 activation maps and their means
out, every batch normalisation folded into its convolution. Time does not depend on what
the weights are, as long as no activation becomes so small that it is subnormal.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE = 224
OUTPUTS = 27
OPSET = 13


class Net:
    """A graph that grows by one layer after the other."""

    def __init__(self, name, same):
        self.name = name
        # TensorFlow's padding, which is not the same on both sides where it strides.
        self.same = same
        self.random = np.random.default_rng(1)
        self.nodes, self.tensors = [], []

    def tensor(self, name, values):
        self.tensors.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def node(self, kind, inputs, name=None, **attributes):
        name = name or f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name, **attributes))
        return name

    def conv(self, x, outputs, kernel=1, stride=1, depthwise=False, act="", name=None):
        """x is (name, channels, side); so is what comes back."""
        source, inputs, side = x
        if depthwise:
            outputs = inputs
        per_group = 1 if depthwise else inputs
        scale = np.sqrt(2 / (per_group * kernel * kernel))
        shape = (outputs, per_group, kernel, kernel)
        weight = self.random.normal(0, scale, shape).astype(np.float32)
        bias = self.random.normal(0, 0.1, outputs).astype(np.float32)
        number = len(self.nodes)
        weight = self.tensor(f"weight{number}", weight)
        bias = self.tensor(f"bias{number}", bias)
        after = -(-side // stride)
        if self.same:
            pad = max((after - 1) * stride + kernel - side, 0)
            before, behind = pad // 2, pad - pad // 2
        else:
            before = behind = kernel // 2
        made = self.node(
            "Conv",
            [source, weight, bias],
            name,
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[before, before, behind, behind],
            group=inputs if depthwise else 1,
        )
        return self.act((made, outputs, after), act)

    def act(self, x, act):
        if act == "relu":
            return (self.node("Relu", [x[0]]), *x[1:])
        if act == "relu6":
            if not any(tensor.name == "six" for tensor in self.tensors):
                self.tensor("zero", np.float32(0))
                self.tensor("six", np.float32(6))
            return (self.node("Clip", [x[0], "zero", "six"]), *x[1:])
        return x

    def add(self, x, y):
        return (self.node("Add", [x[0], y[0]]), *x[1:])

    def write(self, x, folder):
        maps = self.conv(x, OUTPUTS, name="maps")
        mean = self.node("GlobalAveragePool", [maps[0]])
        self.node("Flatten", [mean], "logits")
        info = lambda name, *shape: helper.make_tensor_value_info(
            name, TensorProto.FLOAT, shape
        )
        graph = helper.make_graph(
            self.nodes,
            self.name,
            [info("photograph", 1, 3, SIDE, SIDE)],
            [info("logits", 1, OUTPUTS), info("maps", 1, OUTPUTS, maps[2], maps[2])],
            self.tensors,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = 8
        onnx.checker.check_model(model)
        onnx.save(model, folder / f"{self.name}.onnx")


def inverted_residuals(name, same, stages, folder):
    """Sandler et al. 2018, and Tan and Le 2019 with kernels of two sizes."""
    net = Net(name, same)
    x = net.conv(("photograph", 3, SIDE), 32, 3, 2, act="relu6")
    for repeat, kernel, stride, expand, outputs in stages:
        for i in range(repeat):
            y = x
            if expand > 1:
                y = net.conv(y, x[1] * expand, act="relu6")
            y = net.conv(y, 0, kernel, stride if i == 0 else 1, True, "relu6")
            y = net.conv(y, outputs)
            x = net.add(y, x) if y[1:] == x[1:] else y
    net.write(net.conv(x, 1280, act="relu6"), folder)


def resnet(name, blocks, folder):
    """He et al. 2016, with blocks of two convolutions."""
    net = Net(name, False)
    x = net.conv(("photograph", 3, SIDE), 64, 7, 2, act="relu")
    pooled = net.node(
        "MaxPool", [x[0]], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]
    )
    x = (pooled, 64, SIDE // 4)
    for stage, repeat in enumerate(blocks):
        for i in range(repeat):
            stride = 2 if stage > 0 and i == 0 else 1
            outputs = 64 << stage
            y = net.conv(x, outputs, 3, stride, act="relu")
            y = net.conv(y, outputs, 3)
            if y[1:] != x[1:]:
                x = net.conv(x, outputs, 1, stride)
            x = net.act(net.add(y, x), "relu")
    net.write(x, folder)


def main():
    folder = Path(sys.argv[1])
    inverted_residuals(
        "efficientnet_lite0",
        True,
        [
            (1, 3, 1, 1, 16),
            (2, 3, 2, 6, 24),
            (2, 5, 2, 6, 40),
            (3, 3, 2, 6, 80),
            (3, 5, 1, 6, 112),
            (4, 5, 2, 6, 192),
            (1, 3, 1, 6, 320),
        ],
        folder,
    )
    inverted_residuals(
        "mobilenet_v2",
        False,
        [
            (1, 3, 1, 1, 16),
            (2, 3, 2, 6, 24),
            (3, 3, 2, 6, 32),
            (4, 3, 2, 6, 64),
            (3, 3, 1, 6, 96),
            (3, 3, 2, 6, 160),
            (1, 3, 1, 6, 320),
        ],
        folder,
    )
    resnet("resnet18", [2, 2, 2, 2], folder)
    resnet("resnet34", [3, 4, 6, 3], folder)


main()
