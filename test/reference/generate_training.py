"""Writes training.json: what PyTorch's schedules, clipping and losses of distillation give. Run by hand, with torch 2.14.1:

    python test/reference/generate_training.py
"""

import json
import math
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from pseudo import pseudo  # noqa: E402
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau  # noqa: E402

SHAPES = [[1], [7], [5, 3], [3, 3, 4, 8], [33, 65]]


def sgd() -> torch.optim.SGD:
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)


def one_cycle(total: int, options: dict) -> list[float]:
    optimizer = sgd()
    schedule = OneCycleLR(optimizer, 1.0, total_steps=total, cycle_momentum=False, **options)
    rates = []
    for _ in range(total):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if len(rates) < total:
            schedule.step()
    return rates


def plateau(losses: list[float], options: dict) -> list[float]:
    """The rate after each epoch's loss."""
    optimizer = sgd()
    schedule = ReduceLROnPlateau(optimizer, **options)
    rates = []
    for loss in losses:
        schedule.step(loss)
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


def clipped(most: float) -> dict:
    parameters = [torch.zeros(shape, dtype=torch.float64, requires_grad=True) for shape in SHAPES]
    for i, parameter in enumerate(parameters):
        parameter.grad = torch.tensor(pseudo(f"clip/{i}", parameter.numel()), dtype=torch.float64).reshape(SHAPES[i])
    norm = torch.nn.utils.clip_grad_norm_(parameters, most)
    sums = [[parameter.grad.sum().item(), parameter.grad.square().sum().item()] for parameter in parameters]
    return {"most": most, "norm": norm.item(), "sums": sums}


def distilled(temperature: float, share: float, smoothing: float) -> dict:
    """Loss and its gradient for the student's logits, as Hinton et al. write them."""
    rows, classes = 5, 7
    values = lambda name: 4 * torch.tensor(pseudo(name, rows * classes), dtype=torch.float64).reshape(rows, classes)
    student, teacher = values("student").requires_grad_(), values("teacher")
    labels = torch.arange(rows) % classes
    hard = F.cross_entropy(student, labels, label_smoothing=smoothing)
    soft = F.kl_div(
        F.log_softmax(student / temperature, 1), F.softmax(teacher / temperature, 1), reduction="batchmean"
    )
    loss = (1 - share) * hard + share * temperature**2 * soft
    loss.backward()
    return {
        "temperature": temperature,
        "share": share,
        "smoothing": smoothing,
        "loss": loss.item(),
        "gradient": student.grad.flatten().tolist(),
    }


LOSSES = [1.0, 0.9, 0.9, 0.89999, 0.95, 0.7, 0.71, 0.72, 0.73, 0.74, 0.6999, 0.75, 0.76, 0.77, 0.78, 0.79, 0.5]

document = {
    "oneCycle": [
        {"total": total, "options": {names: value for names, value in ours.items()}, "rates": one_cycle(total, theirs)}
        for total, ours, theirs in [
            (20, {}, {}),
            (7, {}, {}),
            (2, {}, {}),
            (33, {"rise": 0.1, "start": 10, "end": 100}, {"pct_start": 0.1, "div_factor": 10.0, "final_div_factor": 100.0}),
        ]
    ],
    "plateau": [
        {"losses": LOSSES, "options": ours, "rates": plateau(LOSSES, theirs)}
        for ours, theirs in [
            ({"patience": 1, "factor": 0.5}, {"patience": 1, "factor": 0.5}),
            ({"patience": 0, "factor": 0.1, "threshold": 0.01}, {"patience": 0, "factor": 0.1, "threshold": 0.01}),
            ({"patience": 1, "factor": 0.5, "cooldown": 2, "least": 0.2}, {"patience": 1, "factor": 0.5, "cooldown": 2, "min_lr": 0.2}),
        ]
    ],
    "distil": [
        distilled(*case) for case in [(1.0, 1.0, 0.0), (4.0, 0.9, 0.0), (2.5, 0.5, 0.1), (20.0, 0.9, 0.0), (4.0, 0.0, 0.0)]
    ],
    "clip": {"shapes": SHAPES, "cases": [clipped(most) for most in (0.5, 10.0, 1000.0)]},
}
assert all(math.isfinite(case["norm"]) for case in document["clip"]["cases"])
Path(__file__).with_name("training.json").write_text(json.dumps(document, indent=1) + "\n")
