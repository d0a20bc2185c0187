"""Pseudo-random numbers from one stated formula, bit for bit those of src/verify/pseudo.ts.

The formula stands in the header of that file; every function here has its namesake there.
"""

import math
import re

import numpy as np


def name_key(name: str) -> int:
    """32-bit FNV-1a hash of the UTF-8 bytes of the name."""
    value = 0x811C9DC5
    for byte in name.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def mix(values: np.ndarray) -> np.ndarray:
    values = (values ^ (values >> 16)) * np.uint32(0x7FEB352D)
    values = (values ^ (values >> 15)) * np.uint32(0x846CA68B)
    return values ^ (values >> 16)


def pseudo(name: str, count: int) -> np.ndarray:
    """The first `count` numbers of the stream called `name`: uniform in [-1, 1), float64 holding float32 values."""
    index = np.arange(count, dtype=np.uint32)
    bits = mix(mix(index) + np.uint32(name_key(name)))
    return (bits >> 8) / 2.0**23 - 1


def pseudo_fill(name: str, count: int, scale: float = 1, offset: float = 0, levels: int | None = None) -> np.ndarray:
    """`offset + scale * u`, or `offset + scale * floor(levels * (u + 1) / 2)`, rounded to float32 once."""
    u = pseudo(name, count)
    if levels is not None:
        u = np.floor(levels * (u + 1) / 2)
    return (offset + scale * u).astype(np.float32)


def pseudo_pictures(name: str, shape: tuple[int, int, int, int]) -> np.ndarray:
    """A batch [n, h, w, c] of coarse blocks of 8x8 pixels under fine noise: 2 * coarse + fine."""
    n, h, w, c = shape
    rows, columns = -(-h // 8), -(-w // 8)
    coarse = pseudo(f"{name}/coarse", n * rows * columns * c).reshape(n, rows, columns, c)
    fine = pseudo(f"{name}/fine", n * h * w * c).reshape(shape)
    blocks = coarse.repeat(8, axis=1).repeat(8, axis=2)[:, :h, :w]
    return (2 * blocks + fine).astype(np.float32)


def pseudo_state(shapes: dict[str, tuple[int, ...]], gain=1, lastGain=0.25, shift=0) -> dict[str, np.ndarray]:
    """All parameters and buffers of a model from their torchvision names and PyTorch shapes (float32)."""
    last = last_norms(shapes)
    state = {}
    for name, shape in shapes.items():
        count = math.prod(shape)
        layer, _, kind = name.rpartition(".")
        unit = lastGain if f"{layer}.weight" in last else gain
        if kind == "num_batches_tracked":
            values = np.zeros(count, np.float32)
        elif kind == "running_var":
            values = pseudo_fill(name, count, offset=1, scale=0.5)
        elif kind == "running_mean":
            values = pseudo_fill(name, count, scale=1 / 8)
        elif f"{layer}.running_var" not in shapes:
            scale = 1 / 8 if kind == "bias" else float(np.float32(math.sqrt(6 / (count / shape[0]))))
            values = pseudo_fill(name, count, scale=scale)
        elif kind == "weight":
            values = pseudo_fill(name, count, offset=unit, scale=unit / 4)
        else:
            sign = np.where(np.arange(count) % 4 == 3, -1, 1)
            values = (unit * (pseudo(name, count) / 8 + sign * shift)).astype(np.float32)
        state[name] = values.reshape(shape)
    return state


def last_norms(names) -> set[str]:
    """Names of the batch-norm weights that close a residual branch."""
    last: dict[str, tuple[int, str]] = {}
    for name in names:
        match = re.fullmatch(r"(layer\d\.\d+)\.bn(\d)\.weight", name) or re.fullmatch(
            r"(features\.\d+\.[1-9]\d*\.block)\.(\d)\.1\.weight", name
        )
        if match and int(match[2]) >= last.get(match[1], (0, ""))[0]:
            last[match[1]] = (int(match[2]), name)
    return {name for _, name in last.values()}
