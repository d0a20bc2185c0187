"""Runs the tables of cases.py through PyTorch (float64) and Pillow and writes ops.json."""

import base64
import json
import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from cases import CASES, PICTURES
from pseudo import pseudo, pseudo_fill
from optimizers import optimizer_cases
from summary import encode, expected
from torch_ops import OPS


def probabilities(name: str, rows: int, classes: int) -> np.ndarray:
    """Soft targets: parts of 0/64 … 7/64, the last class takes what is left, so that sums are exact."""
    parts = pseudo_fill(name, rows * classes, levels=8, scale=1 / 64).reshape(rows, classes)
    parts[:, -1] = 1 - parts[:, :-1].sum(1)
    return parts


def make_input(name: str, spec: dict) -> np.ndarray:
    if spec.get("probabilities"):
        return probabilities(name, *spec["shape"])
    return pseudo_fill(name, math.prod(spec["shape"]), **spec.get("fill", {})).reshape(spec["shape"])


def run(row: dict, dtype: torch.dtype) -> tuple[dict, dict]:
    """Outputs and gradients of sum(y * dy), dy pseudo-random, as numpy arrays by name."""
    name = row["name"]
    inputs = {
        key: torch.tensor(make_input(f"{name}/{key}", spec), dtype=dtype, requires_grad=spec.get("grad", True))
        for key, spec in row["inputs"].items()
    }
    positional = [value for key, value in inputs.items() if key.startswith("x")]
    named = {key: value for key, value in inputs.items() if not key.startswith("x")}
    outputs = OPS[row["op"]](*positional, **named, **row["parameters"])
    if not isinstance(outputs, dict):
        outputs = {"y": outputs}
    y = outputs["y"]
    y.backward(torch.tensor(pseudo(f"{name}/dy", y.numel()), dtype=dtype).reshape(y.shape))
    gradients = {key: value.grad.numpy() for key, value in inputs.items() if value.requires_grad}
    if row["op"] == "batchNorm" and not row["parameters"]["training"]:
        outputs = {"y": y}
    return {key: value.detach().numpy() for key, value in outputs.items()}, gradients


def relative(actual: dict, reference: dict) -> float:
    """Largest max|Δ| / max|reference| over the tensors of a case."""
    return max(
        np.abs(actual[key] - reference[key]).max(initial=0) / (np.abs(reference[key]).max(initial=0) or 1)
        for key in reference
    )


def op_cases() -> list[dict]:
    counts: dict[str, int] = defaultdict(int)
    errors: dict[str, list[float]] = defaultdict(lambda: [0, 0])
    rows = []
    for row in CASES:
        row = {"name": f"{row['op']}/{counts[row['op']]}", **row}
        counts[row["op"]] += 1
        outputs, gradients = run(row, torch.float64)
        single = run(row, torch.float32)
        for i, pair in enumerate(zip(single, (outputs, gradients))):
            error = relative(*pair)
            errors[row["op"]][i] = max(errors[row["op"]][i], error)
            limit = (1e-5, 1e-4)[i]
            if error > limit and "tolerance" not in row:
                raise ValueError(f"{row['name']}: float32 PyTorch itself is off by {error:.1e}, above {limit:.0e}")
        row["outputs"] = {key: expected(value) for key, value in outputs.items()}
        row["gradients"] = {key: expected(value) for key, value in gradients.items()}
        rows.append(row)
    print(f"{'op':20}cases  float32 PyTorch against float64: forward, gradients")
    for op, count in counts.items():
        print(f"{op:20}{count:5}  {errors[op][0]:.1e}  {errors[op][1]:.1e}")
    return rows


def picture_cases() -> list[dict]:
    """Pillow's resize of 8-bit pictures, which rounds to 8 bits after each of its two passes."""
    rows = []
    filters = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
    for interpolation, resample in filters.items():
        for (h, w, c), (height, width) in PICTURES:
            name = f"picture/{len(rows)}"
            pixels = pseudo_fill(name, h * w * c, levels=256).astype(np.uint8).reshape(h, w, c)
            # Channel by channel: Pillow would weight an RGBA picture by its alpha.
            planes = [Image.fromarray(pixels[:, :, i]).resize((width, height), resample) for i in range(c)]
            result = np.stack([np.asarray(plane) for plane in planes], axis=2)
            rows.append(
                {
                    "name": name,
                    "shape": [h, w, c],
                    "size": [height, width],
                    "interpolation": interpolation,
                    "bytes": base64.b64encode(result.tobytes()).decode(),
                }
            )
    return rows


def write(path: Path, document: dict) -> None:
    """One row a line, so that a change shows as the rows it changes."""
    lines = []
    for key, value in document.items():
        if isinstance(value, list):
            rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in value)
            lines.append(f'"{key}":[\n{rows}\n]')
        else:
            lines.append(f'"{key}":{json.dumps(value, separators=(",", ":"))}')
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")


def generate(folder: Path) -> None:
    write(
        folder / "ops.json",
        {
            "pseudo": {"name": "héllo", "values": encode(pseudo("héllo", 16))},
            "cases": op_cases(),
            "pictures": picture_cases(),
            "optimizers": optimizer_cases(),
        },
    )
