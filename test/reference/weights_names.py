"""The same layers under the names of three libraries: weights_names.json. Run by hand, from any folder:

    pip install torch==2.14.1 torchvision==0.29.1 timm==1.0.31 efficientnet_pytorch==0.7.1
    python test/reference/weights_names.py

Layers are paired by the order in which a forward pass runs them, so nothing here knows any naming rule. Stored for each
network: the libraries, and a row of names per convolution, batch norm and linear layer, with the weight's shape.
"""

import json
import sys
from pathlib import Path

import timm
import torch
import torchvision
from efficientnet_pytorch import EfficientNet

LAYERS = (torch.nn.Conv2d, torch.nn.BatchNorm2d, torch.nn.Linear)


def order(model: torch.nn.Module) -> list[tuple[str, list[int]]]:
    """Names and weight shapes of the layers in the order in which they run."""
    ran = []
    for name, module in model.named_modules():
        if isinstance(module, LAYERS):
            entry = (name, list(module.weight.shape))
            module.register_forward_hook(lambda *_, entry=entry: ran.append(entry))
    with torch.no_grad():
        model.eval()(torch.zeros(1, 3, 64, 64))
    return ran


def rows(b: int) -> list:
    """B0 and the larger ones as the three libraries build them."""
    lists = [
        order(EfficientNet.from_name(f"efficientnet-b{b}")),
        order(timm.create_model(f"tf_efficientnet_b{b}")),
        order(getattr(torchvision.models, f"efficientnet_b{b}")()),
    ]
    assert len({len(one) for one in lists}) == 1
    result = []
    for layer in zip(*lists):
        shapes = [shape for _, shape in layer]
        assert shapes[0] == shapes[1] == shapes[2], layer
        result.append([*(name for name, _ in layer), shapes[0]])
    return result


def main() -> None:
    data = {f"efficientnet_b{b}": rows(b) for b in (0, 2)}
    lines = [
        f'"{name}": [\n' + ",\n".join(json.dumps(row, separators=(",", ":")) for row in table) + "\n]"
        for name, table in data.items()
    ]
    path = Path(__file__).with_suffix(".json")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB", file=sys.stderr)


main()
