"""What torchvision and timm say of their weights: catalog/FAMILY.json. Run by hand, from any folder:

    pip install torchvision==0.29.1 timm==1.0.31
    python test/reference/weights_catalog.py             # all families
    python test/reference/weights_catalog.py resnet …    # these only

For every set of weights of a network that this project has: [file or address, size in MB, input, resize, interpolation,
mean, std, top-1] of torchvision's enums, and [address, test input, test crop, interpolation, mean, std, licence] of timm's
pretrained configurations.
"""

import json
import sys
from pathlib import Path

import timm
from timm.models import get_pretrained_cfg, list_pretrained
from torchvision.models import get_model_weights

RESNETS = [f"resnet{depth}" for depth in (18, 34, 50, 101, 152)]
# family: its networks in torchvision, in timm
FAMILIES = {
    "alexnet": (["alexnet"], []),
    "resnet": (RESNETS, RESNETS),
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


def torchvision_row(weights) -> list:
    t = weights.transforms()
    size = weights.meta["_file_size"]
    top1 = weights.meta["_metrics"]["ImageNet-1K"]["acc@1"]
    return [weights.url, size, t.crop_size[0], t.resize_size[0], t.interpolation.value, t.mean, t.std, top1]


def timm_row(cfg) -> list:
    size = (cfg.test_input_size or cfg.input_size)[-1]
    crop = cfg.test_crop_pct or cfg.crop_pct
    return [cfg.url, size, crop, cfg.interpolation, cfg.mean, cfg.std, cfg.license]


def write(family: str, in_torchvision: list[str], in_timm: list[str]) -> None:
    torchvision = {
        f"{name}.{weights.name}".lower(): [*torchvision_row(weights), weights is get_model_weights(name).DEFAULT]
        for name in in_torchvision
        for weights in get_model_weights(name)
    }
    configurations = {name: get_pretrained_cfg(name) for base in in_timm for name in list_pretrained(f"{base}.*")}
    timm_rows = {
        name: timm_row(cfg)
        for name, cfg in configurations.items()
        if cfg.num_classes == 1000 and cfg.crop_mode == "center" and cfg.url
    }
    sections = []
    for section, rows in (("torchvision", torchvision), ("timm", timm_rows)):
        lines = [f"{json.dumps(name)}: {json.dumps(row)}" for name, row in rows.items()]
        sections.append(f'"{section}": {{\n' + ",\n".join(lines) + "\n}")
    path = Path(__file__).parent / "catalog" / f"{family}.json"
    path.write_text("{\n" + ",\n".join(sections) + "\n}\n")
    print(f"{path.name}: {len(torchvision)} + {len(timm_rows)}, timm {timm.__version__}", file=sys.stderr)


for family in sys.argv[1:] or FAMILIES:
    write(family, *FAMILIES[family])
