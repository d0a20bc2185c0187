"""Fixtures for test/data/augmentation.test.ts: torchvision's colour jitter and random erasing with given factors.

Writes test/reference/augmentation.json: checksums of formula pictures (generate_data.py) after adjust_brightness,
adjust_contrast, adjust_saturation and adjust_hue, alone and one after the other; of every colour on a grid of 15 after
turns of its hue; and the rectangles of RandomErasing.get_params for given random numbers.

Run by hand from the repository root, with Pillow 13.0.0, torchvision 0.29.1, torch 2.14.1, numpy 2.4.6:
    python test/reference/generate_augmentation.py
"""

import json
import math

import numpy as np
import torch
import torchvision.transforms as T
import torchvision.transforms.functional as F
from PIL import Image

from generate_data import HERE, formula, summary

ADJUST = {
    "brightness": F.adjust_brightness,
    "contrast": F.adjust_contrast,
    "saturation": F.adjust_saturation,
    "hue": F.adjust_hue,
}
FACTORS = {
    "brightness": [0, 0.3, 0.7123, 1, 1.4, 2.5],
    "contrast": [0, 0.3, 0.7123, 1, 1.4, 2.5],
    "saturation": [0, 0.3, 0.7123, 1, 1.4, 2.5],
    "hue": [-0.5, -0.123, -0.003, 0, 0.05, 0.25, 0.5],
}


def every_colour():
    """All colours whose channels are multiples of 15, a row of 18 × 18 × 18 pixels."""
    r, g, b = np.mgrid[0:256:15, 0:256:15, 0:256:15].astype(np.uint8)
    return np.stack([r, g, b], -1).reshape(1, -1, 3)


def adjusted():
    cases = []
    for n, (name, factors) in enumerate(FACTORS.items()):
        for m, factor in enumerate(factors):
            factor = float(np.float32(factor))
            kind = ["smooth", "noise", "extreme"][(n + m) % 3]
            for size in [(37, 23), None]:
                a = formula(*size, kind) if size else every_colour()
                out = np.asarray(ADJUST[name](Image.fromarray(a), factor))
                cases.append({"size": size, "kind": kind, "changes": [[name, factor]], **summary(out)})
    rng = np.random.default_rng(3)
    for n in range(12):
        names = [list(ADJUST)[i] for i in rng.permutation(4)]
        changes = [[k, float(np.float32(rng.uniform(-0.2, 0.2) if k == "hue" else rng.uniform(0.4, 1.6)))] for k in names]
        kind = ["smooth", "noise", "extreme"][n % 3]
        image = Image.fromarray(formula(24, 31, kind))
        for name, factor in changes:
            image = ADJUST[name](image, factor)
        cases.append({"size": [24, 31], "kind": kind, "changes": changes, **summary(np.asarray(image))})
    return cases


def erasures():
    """RandomErasing.get_params, its random numbers replaced by the given ones; null: the picture as it was."""
    rng = np.random.default_rng(4)
    cases = []
    for width, height, count in [(224, 224, 8), (64, 48, 8), (5, 9, 8), (3, 3, 6), (2, 2, 3), (1, 1, 2), (1, 300, 2)]:
        for _ in range(count):
            u = (rng.integers(0, 2**24, 40) / 2**24).tolist()
            state = {"t": 0, "k": 0}

            class Fake:
                def __init__(self, draw):
                    self.draw = draw

                def uniform_(self, low, high):
                    low, high = torch.as_tensor(low).float(), torch.as_tensor(high).float()
                    return torch.tensor(u[self.draw]).float() * (high - low) + low

            def empty(_):
                if state["k"] == 2:
                    state.update(t=state["t"] + 1, k=0)
                fake = Fake(4 * state["t"] + state["k"])
                state["k"] += 1
                return fake

            def randint(low, high, size):
                value = low + math.floor(u[4 * state["t"] + state["k"]] * (high - low))
                state["k"] += 1
                return torch.tensor([value])

            image = torch.ones(3, height, width)
            real = torch.empty, torch.randint
            torch.empty, torch.randint = empty, randint
            try:
                top, left, h, w, v = T.RandomErasing.get_params(image, (0.02, 0.33), (0.3, 3.3), [0.0])
            finally:
                torch.empty, torch.randint = real
            used = u[: 4 * (state["t"] + 1)]
            cases.append({"size": [width, height], "uniform": used, "area": None if v is image else [left, top, w, h]})
    return cases


if __name__ == "__main__":
    data = {"adjusted": adjusted(), "erasures": erasures()}
    text = "{\n" + ",\n".join(f'"{key}": {json.dumps(value)}' for key, value in data.items()) + "\n}\n"
    (HERE / "augmentation.json").write_text(text)
