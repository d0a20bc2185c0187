"""SGD and AdamW of PyTorch over five steps on pseudo-random gradients, for ops.json."""

import math

import torch

from pseudo import pseudo
from summary import expected

SHAPES = [[1], [7], [5, 3], [3, 3, 4, 8], [33, 65]]
STEPS = 5

SGD = [
    {"lr": 0.1},
    {"lr": 0.1, "momentum": 0.9},
    {"lr": 0.1, "momentum": 0.9, "weightDecay": 0.01},
    {"lr": 0.1, "momentum": 0.9, "nesterov": True},
    {"lr": 0.1, "momentum": 0.5, "nesterov": True, "weightDecay": 0.1},
    {"lr": 0.5, "weightDecay": 0.1},
    # the learning rate of each step, as a schedule sets it
    {"lr": 0.1, "momentum": 0.9, "rates": [0.1, 0.2, 0.05, 0.0, 0.1]},
]
ADAMW = [
    {"lr": 0.01},
    {"lr": 0.01, "weightDecay": 0.0},
    {"lr": 0.01, "betas": [0.8, 0.99], "eps": 1e-6, "weightDecay": 0.1},
    {"lr": 0.1, "weightDecay": 0.05, "rates": [0.01, 0.1, 0.05, 0.0, 0.02]},
]
TORCH_NAMES = {"weightDecay": "weight_decay"}


def run(name: str, kind: str, options: dict) -> list[torch.Tensor]:
    """The parameters after every step, in float64."""
    parameters = [
        torch.tensor(pseudo(f"{name}/p{i}", math.prod(shape))).reshape(shape) for i, shape in enumerate(SHAPES)
    ]
    keywords = {TORCH_NAMES.get(key, key): value for key, value in options.items() if key != "rates"}
    optimizer = getattr(torch.optim, kind)(parameters, **keywords)
    for step in range(STEPS):
        if "rates" in options:
            optimizer.param_groups[0]["lr"] = options["rates"][step]
        for i, parameter in enumerate(parameters):
            parameter.grad = torch.tensor(pseudo(f"{name}/g{step}.{i}", parameter.numel())).reshape(parameter.shape)
        optimizer.step()
    return parameters


def optimizer_cases() -> list[dict]:
    rows = []
    for kind, table in (("SGD", SGD), ("AdamW", ADAMW)):
        for options in table:
            name = f"{kind}/{len(rows)}"
            results = [expected(parameter.numpy()) for parameter in run(name, kind, options)]
            rows.append({"name": name, "kind": kind, "options": options, "steps": STEPS, "parameters": results})
    return rows
