"""The trainer's loader in PyTorch: loader.py PIXELS SIDE THREADS BATCH DRAWS ANSWERED.

PIXELS holds prepared photographs, SIDE x SIDE x 3 bytes each, of which every batch takes
the next ones in turn. The changes are those of the trainer's `AugmentConfig::default()`
without damage, by torchvision's functions where it has them. A run is an epoch of DRAWS
photographs; the answer (asked.py) is what each of ANSWERED photographs has become, as
the trainer's worker measures it.
"""

import math
import sys

import numpy as np
import torch
import torchvision
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from asked import serve

# Darker than this in all channels is outside the field, in 255ths.
OUTSIDE = 8


def either(most):
    return (2 * torch.rand(()).item() - 1) * most


def between(low, high):
    return low + (high - low) * torch.rand(()).item()


class Warp(v2.Transform):
    """Flips, rotation, magnification, stretch and shift as one affine map."""

    def transform(self, x, _):
        angle = math.radians(either(180))
        scale, stretch = between(0.85, 1.2), math.exp(either(math.log(1.05)) / 2)
        fx = (-1 if torch.rand(()) < 0.5 else 1) / (scale * stretch)
        fy = (-1 if torch.rand(()) < 0.5 else 1) / (scale / stretch)
        # grid_sample counts from -1 to 1 over the picture.
        dx, dy = either(0.04) * 2, either(0.04) * 2
        sin, cos = math.sin(angle), math.cos(angle)
        a, b, d, e = fx * cos, fx * sin, -fy * sin, fy * cos
        theta = torch.tensor([[[a, b, -a * dx - b * dy], [d, e, -d * dx - e * dy]]])
        grid = torch.nn.functional.affine_grid(theta, [1, *x.shape], align_corners=True)
        return torch.nn.functional.grid_sample(x[None], grid, align_corners=True)[0]


class LowerResolution(v2.Transform):
    def transform(self, x, _):
        side = x.shape[-1]
        small = int(between(0.45, 1) * side)
        # Of bytes it takes half as long, both conversions included.
        x = F.to_dtype(x, torch.uint8, scale=True)
        x = F.resize(F.resize(x, [small, small]), [side, side])
        return F.to_dtype(x, torch.float32, scale=True)


class Focus(v2.Transform):
    """Towards the mean of the 3 x 3 neighbourhood, or away from it."""

    def transform(self, x, _):
        # This deviation makes the kernel 1 2 1.
        return x.lerp(F.gaussian_blur(x, 3, 0.8493), between(-0.8, 1)).clamp_(0, 1)


class Colour(v2.Transform):
    def transform(self, x, _):
        gain, contrast, gamma = (math.exp(either(s)) for s in (0.3, 0.25, 0.25))
        saturation = math.exp(either(0.3))
        balance = torch.tensor([math.exp(either(0.15)) for _ in range(3)])
        # What is outside the field stays as it is.
        inside = x.amax(0) >= OUTSIDE / 255
        y = F.adjust_gamma(x, gamma, gain) * balance.reshape(3, 1, 1)
        y = F.adjust_saturation(F.adjust_contrast(y, contrast), saturation)
        return torch.where(inside, y, x)


class Noise(v2.Transform):
    def transform(self, x, _):
        inside = x.amax(0) >= OUTSIDE / 255
        return torch.where(inside, F.gaussian_noise(x, sigma=between(0, 6) / 255), x)


CHANGES = v2.Compose(
    [
        v2.ToDtype(torch.float32, scale=True),
        Warp(),
        v2.RandomApply([LowerResolution()], 0.25),
        v2.RandomApply([Focus()], 0.3),
        Colour(),
        v2.RandomApply([Noise()], 0.2),
        v2.ToDtype(torch.uint8, scale=True),
    ]
)


class Photographs(Dataset):
    def __init__(self, pixels, draws):
        self.pixels, self.draws = pixels, draws

    def __len__(self):
        return self.draws

    def __getitem__(self, i):
        return CHANGES(self.pixels[i % len(self.pixels)])


def measured(x):
    """Of a photograph 3 x side x side; `measured` of batches.rs is the same."""
    x = x.numpy().astype(np.float64)
    side = x.shape[-1]
    inside = x.max(0) >= OUTSIDE
    light = x.mean(0) * inside
    places = np.arange(side) - (side - 1) / 2
    total = light.sum()
    centre_x, centre_y = (light * places).sum() / total, (light.T * places).sum() / total
    rows, columns = np.nonzero(inside)
    both = inside[:, 1:] & inside[:, :-1]
    red, green = (channel[inside].mean() for channel in x[:2])
    return [
        inside.mean(),
        math.log(light[inside].mean()),
        math.log(light[inside].std()),
        math.log(red / green),
        math.log((x.max(0) - x.min(0))[inside].mean()),
        math.log(np.abs(np.diff(x[1]))[both].mean()),
        centre_x / side,
        centre_y / side,
        math.log(columns.std() / rows.std()),
    ]


def main():
    path, *numbers = sys.argv[1:]
    side, threads, batch, draws, answered = map(int, numbers)
    pixels = np.fromfile(path, np.uint8).reshape(-1, side, side, 3)
    pixels = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()

    def loader(draws):
        photographs = Photographs(pixels, draws)
        return DataLoader(
            photographs, batch, num_workers=threads, persistent_workers=True
        )

    epochs = loader(draws)

    def run():
        for _ in epochs:
            pass

    def answer():
        return [n for some in loader(answered) for x in some for n in measured(x)]

    version = torchvision.__version__.split("+")[0]
    serve(f"PyTorch, torchvision {version}", run, answer)


main()
