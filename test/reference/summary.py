"""How a reference tensor is stored: small ones whole, large ones by norm, projections and samples.

A norm alone is blind to sign and order, a projection on a pseudo-random vector is not; samples say
where an error sits. test/helpers/expected.ts reads what is written here.
"""

import base64
import math

import numpy as np

from pseudo import pseudo, pseudo_fill

WHOLE = 128
SAMPLES = 64
PROJECTIONS = 2


def encode(values: np.ndarray) -> str:
    """Base64 of little-endian float32."""
    return base64.b64encode(np.ascontiguousarray(values, "<f4").tobytes()).decode()


def sample_positions(size: int, count: int = SAMPLES) -> np.ndarray:
    """First, last and pseudo-random positions in a tensor of `size` elements."""
    inner = pseudo_fill("samples", count - 2, levels=size).astype(np.int64)
    return np.concatenate([[0, size - 1], np.minimum(inner, size - 1)])


def shorten(value: float) -> float:
    """Nine significant digits: more than float32 can tell apart."""
    return float(f"{value:.9g}")


def norms(values: np.ndarray) -> list[float]:
    """L2 norm, then the projections on the streams `projection0`, `projection1`."""
    flat = values.astype(np.float64).ravel()
    projections = [flat @ pseudo(f"projection{i}", flat.size) for i in range(PROJECTIONS)]
    return [shorten(math.sqrt(flat @ flat)), *map(shorten, projections)]


def expected(values: np.ndarray) -> dict:
    """The stored form of a reference tensor."""
    flat = values.astype(np.float64).ravel()
    shape = list(values.shape)
    if flat.size <= WHOLE:
        return {"shape": shape, "values": encode(flat)}
    norm, *projections = norms(flat)
    return {
        "shape": shape,
        "max": shorten(np.abs(flat).max()),
        "norm": norm,
        "projections": projections,
        "samples": encode(flat[sample_positions(flat.size)]),
    }
