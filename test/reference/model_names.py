"""Names and shapes of every model's state in torchvision and timm: names/FAMILY.json. Run by hand, from any folder:

    pip install torch==2.14.1 torchvision==0.29.1 timm==1.0.31
    python test/reference/model_names.py             # all families
    python test/reference/model_names.py resnet …    # these only

A model is the list of its lines "name [shape]", sorted, without num_batches_tracked. A few are stored whole, so that a
difference can be named; of the others the number of lines, the number of parameters and the SHA-256 of the lines.
"""

import hashlib
import json
import sys
from pathlib import Path

import timm
import torchvision

# family: its networks in torchvision, in timm
FAMILIES = {
    "alexnet": (["alexnet"], []),
    "resnet": ([f"resnet{depth}" for depth in (18, 34, 50, 101, 152)], []),
    "efficientnet": (
        [f"efficientnet_b{i}" for i in range(8)],
        [
            *(f"tf_efficientnet_b{i}" for i in range(8)),
            "efficientnet_lite0",
            *(f"tf_efficientnet_lite{i}" for i in range(5)),
        ],
    ),
    "mobilenet": (["mobilenet_v2"], [f"mobilenetv2_{width}" for width in ("050", "100", "110d", "120d", "140")]),
}
WHOLE = {"alexnet", "resnet18", "efficientnet_b0", "efficientnet_lite0", "tf_efficientnet_b0"}


def entry(name: str, model) -> dict:
    state = {key: value for key, value in model.state_dict().items() if not key.endswith("num_batches_tracked")}
    lines = sorted(f"{key} [{','.join(map(str, value.shape))}]" for key, value in state.items())
    row = {
        "tensors": len(lines),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "sha256": hashlib.sha256("\n".join(lines).encode()).hexdigest(),
    }
    return row | ({"lines": lines} if name in WHOLE else {})


def main() -> None:
    for family in sys.argv[1:] or FAMILIES:
        in_torchvision, in_timm = FAMILIES[family]
        rows = {name: entry(name, getattr(torchvision.models, name)()) for name in in_torchvision}
        rows |= {name: entry(name, timm.create_model(name)) for name in in_timm}
        path = Path(__file__).parent / "names" / f"{family}.json"
        path.write_text(json.dumps(rows, indent=1) + "\n")
        print(f"{path.name}: {len(rows)} models, {path.stat().st_size / 1e3:.0f} kB", file=sys.stderr)


main()
