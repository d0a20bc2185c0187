"""Fixtures of inputs that are no squares: oblong.json. Run by hand, from any folder:

    pip install torch==2.14.1 torchvision==0.29.1 timm==1.0.31 pillow==13.0.0 numpy==2.4.6
    python test/reference/generate_oblong.py

`transforms`: what timm's evaluation (transforms_imagenet_eval, crop_mode 'center' and 'border') and torchvision's
Resize(side) and CenterCrop((h, w)) make of pictures that `formula` of generate_data.py computes.
`models`: one of each family in the form of models.py, on pictures twice as wide as high and the other way round.
"""

import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import torch  # noqa: E402
import torchvision.transforms as T  # noqa: E402
from PIL import Image  # noqa: E402
from timm.data.transforms_factory import transforms_imagenet_eval  # noqa: E402

import generate_variants  # noqa: E402
import models  # noqa: E402
from generate_data import formula, summary  # noqa: E402

HERE = Path(__file__).parent
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

# picture (w, h), input (h, w), crop_pct or the shorter side, interpolation
CASES = [
    ((90, 60), (32, 64), 0.875, "bilinear"),
    ((60, 90), (32, 64), 0.875, "bicubic"),
    ((61, 47), (64, 32), 0.95, "bicubic"),
    ((47, 61), (33, 64), 1.0, "bilinear"),
    ((200, 31), (40, 24), 1.0, "bilinear"),
    ((31, 200), (40, 24), 0.9, "bicubic"),
    ((20, 13), (32, 64), 1.0, "bilinear"),
    ((64, 32), (32, 64), 1.0, "bilinear"),
    ((50, 37), (32, 32), 1.0, "bilinear"),
    ((37, 50), (32, 32), 1.0, "bicubic"),
    ((37, 50), (33, 33), 0.875, "bilinear"),
]
BY_SIDE = [((90, 60), (32, 40), 44, "bilinear"), ((60, 91), (40, 24), 36, "bicubic"), ((40, 30), (33, 20), 24, "bilinear")]


def transforms():
    cases = []

    def add(pipeline, size, crop, name, **how):
        out = pipeline(Image.fromarray(formula(*size, "smooth")))
        values = out.permute(1, 2, 0).contiguous().numpy()
        cases.append({"in": size, "inputSize": crop, "interpolation": name, **how, **summary(values)})

    for size, crop, share, name in CASES:
        for mode, fit in (("center", "crop"), ("border", "pad")):
            pipeline = transforms_imagenet_eval(
                crop, crop_pct=share, crop_mode=mode, interpolation=name, mean=MEAN, std=STD, use_prefetcher=False
            )
            add(pipeline, size, crop, name, cropShare=share, fit=fit)
    for size, crop, side, name in BY_SIDE:
        pipeline = T.Compose(
            [
                T.Resize(side, interpolation=getattr(T.InterpolationMode, name.upper())),
                T.CenterCrop(crop),
                T.ToTensor(),
                T.Normalize(MEAN, STD),
            ]
        )
        add(pipeline, size, crop, name, resizeSize=side, fit="crop")
    return {"mean": MEAN, "std": STD, "cases": cases}


WIDE, HIGH = (2, 64, 128, 3), (2, 128, 64, 3)
# Weights, and the shape of a step at which float32 noise turns no ReLU on or off.
NETWORKS = {
    "resnet18": (models.DEFAULT, [(WIDE, models.RESNET_TRAINING, 1)]),
    "alexnet": (models.DEFAULT, [(WIDE, models.DEFAULT, 1)]),
    "alexnet_2012": (models.DEFAULT, []),
    "mobilenet_v2": ({**models.DEFAULT, "gain": 0.8}, [((4, 40, 72, 3), {"gain": 0.75, "lastGain": 0.25, "shift": 4}, 1)]),
    "efficientnet_b0": ({"gain": 1.1, "lastGain": 0.25, "shift": 0}, [((4, 40, 72, 3), models.DEFAULT, 1)]),
    # TensorFlow's padding is counted for each axis by itself.
    "tf_efficientnet_lite0": (models.DEFAULT, [((4, 43, 72, 3), models.RESNET_TRAINING, 1)]),
}


def networks():
    rows = []
    ours = models.build
    for name, (weights, trainings) in NETWORKS.items():
        models.build = ours if name in models.MODELS else generate_variants.build
        row = {
            "model": name,
            "numClasses": models.CLASSES,
            "evaluation": [models.evaluate(name, shape, weights) for shape in (WIDE, HIGH)],
            "training": [models.train(name, *training) for training in trainings],
        }
        for training in row["training"]:
            print(name, training["input"]["shape"], training["float32Error"])
        rows.append(row)
    models.build = ours
    return rows


if __name__ == "__main__":
    torch.set_flush_denormal(True)
    document = {"transforms": transforms(), "models": networks()}
    text = "{\n" + ",\n".join(f'"{key}": {json.dumps(value, separators=(",", ":"))}' for key, value in document.items()) + "\n}\n"
    (HERE / "oblong.json").write_text(text)
    print(f"oblong.json: {len(text) / 1e3:.0f} kB")
