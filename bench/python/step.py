"""The trainer's step in PyTorch: step.py ARCH PRECISION START RATE DECAY CLIP.

The network that the trainer has, made of timm's or torchvision's layers: START holds the
trainer's weights under its own names, and the batch. A step is the forward pass, masked
binary cross-entropy, the backward pass, the gradient's norm held to CLIP, and AdamW. The
answer (asked.py) is the logits of the first step from START and the losses of the first
few.
"""

import sys

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from asked import serve
from safetensors.torch import load_file

# As many losses as the trainer's worker answers with.
LOSSES = 4

# What Keras subtracts, in the units of the input, (v - 127) / 128.
MEAN = (123.68, 116.779, 103.939)


class Shifted(torch.nn.Module):
    """A network whose input is moved first."""

    def __init__(self, net, shift):
        super().__init__()
        self.net = net
        self.register_buffer("shift", shift, persistent=False)

    def forward(self, x):
        return self.net(x + self.shift)


def efficientnet_lite0(start):
    import timm

    classes = len(start["net/classifier.bias"])
    # `efficientnet_lite0` pads alike on both sides; this one as the published network.
    net = timm.create_model("tf_efficientnet_lite0", num_classes=classes)
    names = {"features.stem": ("conv_stem", "bn1"), "features.head": ("conv_head", "bn2")}
    block = 0
    for s, stage in enumerate(net.blocks):
        for k, layers in enumerate(stage):
            ours, theirs = f"features.blocks.{block}.branch", f"blocks.{s}.{k}"
            if hasattr(layers, "conv_pwl"):
                parts = ("expand", "conv_pw"), ("depthwise", "conv_dw"), ("project", "conv_pwl")
            else:
                parts = ("depthwise", "conv_dw"), ("project", "conv_pw")
            for i, (part, conv) in enumerate(parts, start=1):
                names[f"{ours}.{part}"] = f"{theirs}.{conv}", f"{theirs}.bn{i}"
            block += 1
    fill(net, start, names, "classifier")
    return f"timm {timm.__version__}", net


def resnet50(start):
    import torchvision

    classes = len(start["net/classifier.bias"])
    net = torchvision.models.resnet50(num_classes=classes)
    names = {"features.stem": ("conv1", "bn1")}
    block = 0
    for s, stage in enumerate((net.layer1, net.layer2, net.layer3, net.layer4), start=1):
        for k, layers in enumerate(stage):
            ours, theirs = f"features.blocks.{block}", f"layer{s}.{k}"
            for i in range(3):
                names[f"{ours}.branch.{i}"] = f"{theirs}.conv{i + 1}", f"{theirs}.bn{i + 1}"
            if layers.downsample is not None:
                both = f"{theirs}.downsample.0", f"{theirs}.downsample.1"
                names[f"{ours}.shortcut"] = both
            # The original network, and the trainer's, strides where torchvision's does not.
            first, second = layers.conv1, layers.conv2
            first.stride, second.stride = second.stride, first.stride
            block += 1
    for layer in net.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.eps = 1e-3
    fill(net, start, names, "fc")
    shift = torch.tensor([(127 - mean) / 128 for mean in MEAN]).reshape(1, 3, 1, 1)
    return f"torchvision {torchvision.__version__.split('+')[0]}", Shifted(net, shift)


def fill(net, start, names, classifier):
    """Gives `net` the weights of START; `names` are its convolutions and norms by ours."""
    weights = {}
    for ours, tensor in start.items():
        if not ours.startswith("net/"):
            continue
        layer, kind = ours.removeprefix("net/").rsplit(".", 1)
        if layer == "classifier":
            weights[f"{classifier}.{kind}"] = tensor
        else:
            unit, part = layer.rsplit(".", 1)
            weights[f"{names[unit][part == 'norm']}.{kind}"] = tensor
    missing, unknown = net.load_state_dict(weights, strict=False)
    # Counts batches for a moving average without momentum; unused.
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or unknown:
        sys.exit(f"the networks differ: {missing} are missing, {unknown} unknown")


class Training:
    def __init__(self, make, precision, start, rate, decay, clip):
        self.name, net = make(start)
        self.net = net.to(memory_format=torch.channels_last).train()
        self.images = start["images"].to(memory_format=torch.channels_last)
        self.targets, self.mask = start["targets"], start["mask"]
        self.bfloat16 = precision == "bfloat16"
        self.clip = clip
        parameters = list(self.net.parameters())
        # As the trainer: normalisations and biases do not decay.
        groups = [
            {"params": [p for p in parameters if p.dim() > 1], "weight_decay": decay},
            {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
        ]
        self.adam = torch.optim.AdamW(groups, lr=rate, fused=True)

    def step(self):
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            logits = self.net(self.images)
        each = binary_cross_entropy_with_logits(
            logits.float(), self.targets, reduction="none"
        )
        loss = (each * self.mask).sum() / self.mask.sum().clamp(min=1)
        self.adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), self.clip)
        self.adam.step()
        return logits, loss


NETS = {"efficientnet_lite0": efficientnet_lite0, "resnet50": resnet50}


def main():
    arch, precision, path, *numbers = sys.argv[1:]
    rate, decay, clip = map(float, numbers)
    begin = lambda: Training(NETS[arch], precision, load_file(path), rate, decay, clip)
    training = begin()

    def answer():
        fresh = begin()
        steps = [fresh.step() for _ in range(LOSSES)]
        logits = steps[0][0].float().flatten().tolist()
        return logits + [loss.item() for _, loss in steps]

    serve(f"PyTorch, {training.name}", training.step, answer)


main()
