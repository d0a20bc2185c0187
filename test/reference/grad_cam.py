"""Grad-CAM by PyTorch's hooks on torchvision's models with pseudo-random weights, in float64: grad_cam.json.

    python test/reference/grad_cam.py            # torch 2.14.1, torchvision 0.29.1; a minute

A row: the model, the pictures, the class of each, and for each stage (a module of torchvision's) the maps before they are
divided by their largest values, relu(sum_k mean(dy_c/dA_k) A_k).
"""

import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import torch  # noqa: E402

import models  # noqa: E402
from pseudo import pseudo_pictures  # noqa: E402
from summary import encode  # noqa: E402

SHAPE = (2, 64, 64, 3)
CLASSES = [3, 7]
# ReLUs that float32 noise turns on or off would move a gradient: the weights that the training fixtures have.
MODELS = {
    "resnet18": (models.RESNET_TRAINING, ("layer2", "layer4")),
    "efficientnet_b0": ({"gain": 1.1, "lastGain": 0.25, "shift": 0}, ("features.3", "features.8")),
}


def grad_cam(model: torch.nn.Module, module: str, pictures: torch.Tensor) -> torch.Tensor:
    kept = {}
    hook = model.get_submodule(module).register_forward_hook(lambda _module, _inputs, output: kept.update(map=output))
    logits = model(pictures)
    hook.remove()
    chosen = sum(logits[picture, index] for picture, index in enumerate(CLASSES))
    (gradient,) = torch.autograd.grad(chosen, kept["map"])
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    return (weights * kept["map"]).sum(dim=1).relu().detach()


rows = []
for name, (weights, stages) in MODELS.items():
    stream = f"grad-cam/{name}"
    model = models.build(name, weights, torch.float64).eval()
    pictures = torch.tensor(pseudo_pictures(stream, SHAPE)).double().permute(0, 3, 1, 2)
    rows.append(
        {
            "model": name,
            "numClasses": models.CLASSES,
            "input": {"name": stream, "shape": SHAPE},
            "weights": weights,
            "classes": CLASSES,
            "maps": {
                stage: {"shape": list(found.shape), "values": encode(found.numpy())}
                for stage in stages
                for found in [grad_cam(model, stage, pictures)]
            },
        }
    )
    for stage, found in rows[-1]["maps"].items():
        print(name, stage, found["shape"])
(Path(__file__).parent / "grad_cam.json").write_text(json.dumps(rows) + "\n")
