"""torchvision's models with pseudo-random weights (pseudo_state), computed in float64: model_<name>.json.

Evaluation: logits. Training: losses, every parameter's gradient, running statistics, its
change after each SGD step, by norm and projections in PyTorch's order of elements. Dropout and stochastic depth are off. `float32Error` says
how far PyTorch's own float32 run departs, which is what a comparison can resolve; `sensitivity` says how much
of the logits depends on the picture.

The training weights shift batch-norm outputs away from zero (`shift`): float32 noise then almost never turns a
ReLU on or off, and one such flip moves the gradients of every layer below it by a thousandth.
"""

import json
from pathlib import Path

import numpy as np
import torch
import torchvision
from torch.nn.functional import cross_entropy

from pseudo import pseudo_pictures, pseudo_state
from summary import encode, norms, shorten

CLASSES = 10
SGD = {"lr": 0.001, "momentum": 0.9}

RESNET_TRAINING = {"gain": 1, "lastGain": 0.25, "shift": 2.5}
DEFAULT = {"gain": 1, "lastGain": 0.25, "shift": 0}

# model: ([evaluation shape, weights], …), ([training shape, weights, number of SGD steps], …)
# The gains of EfficientNet keep signals neither vanishing nor exploding through SiLU and squeeze-and-excitation.
MODELS = {
    "resnet18": (
        [((2, 64, 64, 3), DEFAULT), ((1, 224, 224, 3), DEFAULT)],
        [((2, 64, 64, 3), RESNET_TRAINING, 3), ((2, 224, 224, 3), RESNET_TRAINING, 3)],
    ),
    "resnet34": ([((2, 64, 64, 3), DEFAULT)], []),
    "resnet50": ([((2, 64, 64, 3), DEFAULT)], [((4, 64, 64, 3), RESNET_TRAINING, 1)]),
    "resnet101": ([((2, 64, 64, 3), DEFAULT)], []),
    "resnet152": ([((2, 64, 64, 3), DEFAULT)], []),
    "alexnet": ([((2, 64, 64, 3), DEFAULT)], [((2, 64, 64, 3), DEFAULT, 1)]),
    # A size and shift at which float32 noise turns no ReLU6 on or off.
    "mobilenet_v2": ([((2, 64, 64, 3), {**DEFAULT, "gain": 0.8})], [((4, 48, 48, 3), {"gain": 0.75, "lastGain": 0.25, "shift": 4}, 1)]),
    "efficientnet_b0": (
        [((2, 64, 64, 3), {"gain": 1.1, "lastGain": 0.25, "shift": 0})],
        [((4, 64, 64, 3), DEFAULT, 1)],
    ),
    "efficientnet_b1": (
        [((2, 64, 64, 3), {"gain": 1.1, "lastGain": 0.25, "shift": 0})],
        [((4, 64, 64, 3), DEFAULT, 1)],
    ),
    **{
        f"efficientnet_b{i}": ([((2, 64, 64, 3), {"gain": gain, "lastGain": 0.25, "shift": 0})], [])
        for i, gain in [(2, 1.1), (3, 1.1), (4, 1.1), (5, 1.0625), (6, 1.0625), (7, 1.0625)]
    },
}


def build(name: str, weights: dict, dtype: torch.dtype) -> torch.nn.Module:
    model = getattr(torchvision.models, name)(num_classes=CLASSES)
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    model.load_state_dict({key: torch.tensor(value) for key, value in pseudo_state(shapes, **weights).items()})
    for module in model.modules():
        if isinstance(module, (torch.nn.Dropout, torchvision.ops.StochasticDepth)):
            module.p = 0.0
    return model.to(dtype)


def pictures(shape, dtype: torch.dtype) -> torch.Tensor:
    return torch.tensor(pseudo_pictures("pictures", shape), dtype=dtype).permute(0, 3, 1, 2)


def labels_of(batch: int) -> list[int]:
    return [(3 * i + 1) % CLASSES for i in range(batch)]


def summarise(tensors: dict[str, torch.Tensor]) -> dict[str, list[float]]:
    """Norm and projections of each; what is zero but for rounding (a bias that the next norm subtracts) as zeros."""
    result = {key: norms(value.detach().double().numpy()) for key, value in tensors.items()}
    largest = max((norm for norm, *_ in result.values()), default=0)
    return {key: value if value[0] > 1e-9 * largest else [0, 0, 0] for key, value in result.items()}


def departure(actual: dict, reference: dict, floors: dict[str, float] | None = None) -> float:
    """Largest difference of norm or projection, over the reference's norm (plus a floor); zeros over the largest norm."""
    largest = max((values[0] for values in reference.values()), default=1)
    return max(
        (
            max(abs(a - r) for a, r in zip(actual[key], values)) / (values[0] + (floors or {}).get(key, 0) or largest)
            for key, values in reference.items()
        ),
        default=0,
    )


def evaluate(name: str, shape, weights: dict) -> dict:
    logits = {}
    for dtype in (torch.float64, torch.float32):
        with torch.no_grad():
            logits[dtype] = build(name, weights, dtype).eval()(pictures(shape, dtype)).numpy()
    reference, single = logits.values()
    largest = np.abs(reference).max()
    other = build_on_other_pictures(name, weights, shape)
    return {
        "input": {"name": "pictures", "shape": shape},
        "weights": weights,
        "logits": {"shape": reference.shape, "values": encode(reference)},
        "sensitivity": shorten(np.abs(reference - other).max() / largest),
        "float32Error": shorten(np.abs(single - reference).max() / largest),
    }


def build_on_other_pictures(name: str, weights: dict, shape) -> np.ndarray:
    """Logits of different pictures, to see how much the logits depend on them."""
    other = torch.tensor(pseudo_pictures("other", shape)).permute(0, 3, 1, 2)
    with torch.no_grad():
        return build(name, weights, torch.float32).eval()(other).numpy()


def train_run(name: str, shape, weights: dict, steps: int, dtype: torch.dtype) -> dict:
    model = build(name, weights, dtype).train()
    x, labels = pictures(shape, dtype), torch.tensor(labels_of(shape[0]))
    start = {key: value.detach().clone() for key, value in model.named_parameters()}
    optimizer = torch.optim.SGD(model.parameters(), **SGD)
    run: dict = {"losses": [], "changes": []}
    for step in range(steps + 1):
        optimizer.zero_grad()
        loss = cross_entropy(model(x), labels)
        run["losses"].append(shorten(loss.item()))
        if step == 0:
            buffers = {key: value for key, value in model.named_buffers() if "running" in key}
            run["running"] = summarise(buffers)
        if step == steps:
            return run
        loss.backward()
        if step == 0:
            run["gradients"] = summarise({key: value.grad for key, value in model.named_parameters()})
        optimizer.step()
        run["changes"].append(summarise({key: value - start[key] for key, value in model.named_parameters()}))
    return run


def train(name: str, shape, weights: dict, steps: int) -> dict:
    reference, single = (train_run(name, shape, weights, steps, dtype) for dtype in (torch.float64, torch.float32))
    floors = {key: value.detach().norm().item() / 1e3 for key, value in build(name, weights, torch.float64).named_parameters()}
    errors = {
        "losses": max(abs(a - r) / abs(r) for a, r in zip(single["losses"], reference["losses"])),
        "gradients": departure(single["gradients"], reference["gradients"]),
        "running": departure(single["running"], reference["running"]),
        # A float32 parameter keeps no change below its own rounding, hence a thousandth of its norm as a floor.
        "changes": max(departure(a, r, floors) for a, r in zip(single["changes"], reference["changes"])),
    }
    return {
        "input": {"name": "pictures", "shape": shape},
        "weights": weights,
        "labels": labels_of(shape[0]),
        "sgd": SGD,
        **reference,
        "float32Error": {key: float(f"{value:.2g}") for key, value in errors.items()},
    }


def generate(folder: Path, only: set[str] | None = None) -> None:
    for name, (evaluations, trainings) in MODELS.items():
        if only and name not in only:
            continue
        document = {
            "model": name,
            "numClasses": CLASSES,
            "evaluation": [evaluate(name, *row) for row in evaluations],
            "training": [train(name, *row) for row in trainings],
        }
        path = folder / f"model_{name}.json"
        path.write_text(json.dumps(document, separators=(",", ":")) + "\n")
        for row in document["evaluation"]:
            print(f"{name} {row['input']['shape']} logits: float32 {row['float32Error']:.1e}, sensitivity {row['sensitivity']:.2g}")
        for row in document["training"]:
            print(f"{name} {row['input']['shape']} training: losses {row['losses']} float32 {row['float32Error']}")
        print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")
