"""What one would write in Python for `fovea grade`: grade.py ONNX SIZE FOLDER.

OpenCV reads and prepares every photograph of the folder as Fovea's core does (a large
JPEG is decoded at a part of its size; the field is found in a small copy, cut out as a
square, resampled, and blackened outside), ONNX Runtime runs the student; all on one
thread. Says `photographs N` at the end. Unlike
Fovea it does not ask whether a photograph can be judged, and decides nothing.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

# A photograph is decoded at no less than so many times the student's side.
ENOUGH = 2
REDUCED = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
WORKING_SIDE = 256
THRESHOLD = 0.16
KEPT_RADIUS = 0.98


def shorter_side(jpeg):
    """Of a baseline JPEG, from its header: 0 where that does not say."""
    at = 2
    while at + 9 <= len(jpeg) and jpeg[at] == 0xFF and jpeg[at + 1] != 0xDA:
        if jpeg[at + 1] in (0xC0, 0xC1):
            height, width = (int.from_bytes(jpeg[i : i + 2]) for i in (at + 5, at + 7))
            return min(height, width)
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4])
    return 0


def read(file, side):
    """Decoded as small as leaves ENOUGH times `side` to both sides of the photograph."""
    jpeg = file.read_bytes()
    most = shorter_side(jpeg) // (ENOUGH * side)
    by = max(by for by in REDUCED if by == 1 or by <= most)
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), REDUCED[by])


def field(photograph):
    """Centre and radius of the lit disc, in pixels of the photograph."""
    height, width = photograph.shape[:2]
    scale = WORKING_SIDE / max(height, width)
    size = (round(width * scale), round(height * scale))
    value = cv2.resize(photograph, size, interpolation=cv2.INTER_AREA).max(axis=2)
    lit = np.percentile(value, 90)
    _, _, boxes, centres = cv2.connectedComponentsWithStats(
        (value > THRESHOLD * lit).astype(np.uint8)
    )
    largest = 1 + boxes[1:, cv2.CC_STAT_AREA].argmax()
    left, top, wide, high, _ = boxes[largest]
    x, y = left + wide / 2, top + high / 2
    return x / scale, y / scale, max(wide, high) / 2 / scale


def prepare(photograph, side):
    x, y, radius = field(photograph)
    radius *= KEPT_RADIUS
    left, top = max(round(x - radius), 0), max(round(y - radius), 0)
    right, bottom = round(x + radius), round(y + radius)
    cut = photograph[top:bottom, left:right]
    square = cv2.resize(cut, (side, side), interpolation=cv2.INTER_AREA)
    disc = np.zeros((side, side), np.uint8)
    cv2.circle(disc, (side // 2, side // 2), side // 2, 255, -1)
    square = cv2.bitwise_and(square, square, mask=disc)
    return cv2.dnn.blobFromImage(square, 1 / 128, (side, side), (127,) * 3, swapRB=True)


def main():
    onnx, side, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    cv2.setNumThreads(1)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        onnx, options, providers=["CPUExecutionProvider"]
    )
    files = sorted(folder.glob("*.jpg"))
    for file in files:
        photograph = prepare(read(file, side), side)
        session.run(["logits", "maps"], {"photograph": photograph})
    print("photographs", len(files))


main()
