"""Writes src/verify/fixtures/<model>.json: what `npm run verify` compares with. Run by hand, from any folder:

    pip install torch==2.14.1 torchvision==0.29.1 timm==1.0.31
    python test/reference/generate_verify.py             # all, about a minute
    python test/reference/generate_verify.py resnet18 …

Every layer's result in evaluation and in training mode, then loss and gradients, in float64, with the weights of
pseudo_state. Layers are compared where both sides have the same value (src/nn/tap.ts): behind a norm with the
residual and the activation that follow it, behind a convolution's or linear layer's activation where there is no norm,
behind squeeze-and-excitation, and behind the pool of a stage that ends with one. Values are in NHWC order.
"""

import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import numpy as np  # noqa: E402
import timm  # noqa: E402
import torch  # noqa: E402
import torchvision  # noqa: E402
from timm.layers import BatchNormAct2d  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn.functional import cross_entropy  # noqa: E402
from torchvision.models.efficientnet import MBConv  # noqa: E402
from torchvision.models.mobilenetv2 import InvertedResidual  # noqa: E402
from torchvision.models.resnet import BasicBlock, Bottleneck  # noqa: E402
from torchvision.ops import Conv2dNormActivation, SqueezeExcitation, StochasticDepth  # noqa: E402

from generate_variants import AlexNet2012  # noqa: E402
from models import CLASSES, DEFAULT, RESNET_TRAINING, labels_of  # noqa: E402
from pseudo import pseudo_pictures, pseudo_state  # noqa: E402
from summary import encode, norms, sample_positions, shorten  # noqa: E402

# Odd sizes that are no squares, so that every edge is met.
EVALUATION = (2, 95, 77, 3)
TRAINING = (4, 64, 64, 3)
SAMPLES = 6
B0 = {"gain": 1.1, "lastGain": 0.25, "shift": 0}
# In training ReLU6 sees 3 ± 0.75, four standard deviations from both of its kinks: float32 noise almost never crosses one.
LITE_TRAINING = {"gain": 0.75, "lastGain": 0.25, "shift": 4}

# model: weights in evaluation, in training
MODELS = {
    "alexnet": (DEFAULT, DEFAULT),
    "alexnet_2012": (DEFAULT, DEFAULT),
    "resnet18": (DEFAULT, RESNET_TRAINING),
    "resnet50": (DEFAULT, RESNET_TRAINING),
    "efficientnet_b0": (B0, DEFAULT),
    "efficientnet_lite0": (DEFAULT, LITE_TRAINING),
    "tf_efficientnet_lite0": (DEFAULT, LITE_TRAINING),
    "mobilenet_v2": ({**DEFAULT, "gain": 0.8}, LITE_TRAINING),
}


def build(name: str, weights: dict, dtype: torch.dtype) -> nn.Module:
    if hasattr(torchvision.models, name):
        model = getattr(torchvision.models, name)(num_classes=CLASSES)
    elif name == "alexnet_2012":
        model = AlexNet2012(CLASSES)
    else:
        model = timm.create_model(name, num_classes=CLASSES)
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    model.load_state_dict({key: torch.tensor(value) for key, value in pseudo_state(shapes, **weights).items()})
    for module in model.modules():
        if isinstance(module, (nn.Dropout, StochasticDepth)):
            module.p = 0.0
    return model.to(dtype)


class Taps:
    """Results by the engine's names, in the order in which they are computed."""

    def __init__(self, model: nn.Module):
        self.rows: list[tuple[str, bool, torch.Tensor]] = []
        self.modules = dict(model.named_modules())
        for name, module in self.modules.items():
            self.watch(name, module)

    def hook(self, path: str, *names: str, stage: bool = False, then=lambda output: output) -> None:
        """The calls of the module at `path`, and what `then` makes of them, are the results of `names` in turn."""
        calls = 0

        def record(_module, _inputs, output):
            nonlocal calls
            self.rows.append((names[calls % len(names)], stage, then(output.detach()).clone()))
            calls += 1

        self.modules[path].register_forward_hook(record)

    def watch(self, name: str, module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            self.hook(name, name)
        elif isinstance(module, torchvision.models.ResNet):
            self.hook("relu", "bn1")
            self.hook("maxpool", "conv1", stage=True)
        elif isinstance(module, BasicBlock):
            self.hook(f"{name}.relu", f"{name}.bn1", f"{name}.bn2")
        elif isinstance(module, Bottleneck):
            self.hook(f"{name}.relu", f"{name}.bn1", f"{name}.bn2", f"{name}.bn3")
        elif name.endswith(".downsample"):
            self.hook(name, f"{name}.1")
        elif isinstance(module, torchvision.models.AlexNet):
            convolutions = [int(path[9:]) for path, m in self.modules.items() if isinstance(m, nn.Conv2d)]
            for index in convolutions:
                self.hook(f"features.{index + 1}", f"features.{index}")
                if isinstance(self.modules.get(f"features.{index + 2}"), nn.MaxPool2d):
                    self.hook(f"features.{index + 2}", f"features.{index}", stage=True)
        elif isinstance(module, AlexNet2012):
            for index in range(1, 6):
                self.hook(f"conv{index}", f"conv{index}", then=torch.relu)
            self.hook("pool", "conv1", "conv2", "conv5", stage=True)
        elif isinstance(module, SqueezeExcitation):
            self.hook(f"{name}.activation", f"{name}.fc1")
            self.hook(f"{name}.scale_activation", f"{name}.fc2")
            self.hook(name, name)
        elif isinstance(module, InvertedResidual):
            self.hook(name, f"{name}.conv.{len(module.conv) - 1}")
        elif isinstance(module, Conv2dNormActivation):
            block = self.modules.get(name.rpartition(".block.")[0])
            closes = isinstance(block, MBConv) and block.use_res_connect and module is block.block[-1]
            self.hook(name.rpartition(".block.")[0] if closes else name, f"{name}.1")
        elif isinstance(module, BatchNormAct2d):
            path, _, own = name.rpartition(".")
            block = self.modules[path]
            last = [key for key, child in block.named_children() if isinstance(child, BatchNormAct2d)][-1]
            closes = getattr(block, "has_skip", False) and own == last
            self.hook(path if closes else name, name)


def numpy(value: torch.Tensor) -> np.ndarray:
    value = value.double()
    return (value.permute(0, 2, 3, 1) if value.ndim == 4 else value).contiguous().numpy()


def row(name: str, stage: bool, tensor: torch.Tensor) -> dict:
    values = numpy(tensor)
    flat = values.ravel()
    norm, *projections = norms(flat)
    return {
        "at": name,
        **({"stage": True} if stage else {}),
        "shape": list(values.shape),
        "max": shorten(np.abs(flat).max()),
        "norms": [norm, *projections],
        "samples": encode(flat[sample_positions(flat.size, SAMPLES)]),
    }


def pictures(shape, dtype: torch.dtype) -> torch.Tensor:
    return torch.tensor(pseudo_pictures("pictures", shape), dtype=dtype).permute(0, 3, 1, 2)


def run(name: str, shape, weights: dict, training: bool, dtype: torch.dtype) -> tuple[list, dict]:
    model = build(name, weights, dtype).train(training)
    taps = Taps(model)
    logits = model(pictures(shape, dtype))
    if not training:
        return taps.rows, {}
    loss = cross_entropy(logits, torch.tensor(labels_of(shape[0])))
    loss.backward()
    gradients = {key: value.grad for key, value in model.named_parameters()}
    return taps.rows, {"loss": loss.item(), "gradients": gradients}


def float32_error(reference: list, single: list) -> float:
    errors = [
        np.abs(numpy(a) - numpy(b)).max() / np.abs(numpy(a)).max() for (_, _, a), (_, _, b) in zip(reference, single)
    ]
    return max(errors)


def mode(name: str, shape, weights: dict, training: bool) -> dict:
    (rows, rest), (single, _) = (run(name, shape, weights, training, dtype) for dtype in (torch.float64, torch.float32))
    print(f"{name} {'training' if training else 'evaluation'}: {len(rows)} layers, float32 {float32_error(rows, single):.1e}")
    document = {"input": {"name": "pictures", "shape": shape}, "weights": weights, "layers": [row(*r) for r in rows]}
    if not training:
        return document
    table = {key: norms(value.double().numpy()) for key, value in rest["gradients"].items()}
    largest = max(norm for norm, *_ in table.values())
    # What is zero but for rounding (a bias that the next norm subtracts) is stored as zeros.
    table = {key: value if value[0] > 1e-9 * largest else [0, 0, 0] for key, value in table.items()}
    return {**document, "labels": labels_of(shape[0]), "loss": shorten(rest["loss"]), "gradients": table}


def main(names: list[str]) -> None:
    folder = Path(__file__).parent / "../../src/verify/fixtures"
    unknown = set(names) - set(MODELS)
    if unknown:
        raise SystemExit(f"no model called {', '.join(sorted(unknown))}; there are {', '.join(MODELS)}")
    for name in names or MODELS:
        in_evaluation, in_training = MODELS[name]
        document = {
            "model": name,
            "numClasses": CLASSES,
            "evaluation": mode(name, EVALUATION, in_evaluation, False),
            "training": mode(name, TRAINING, in_training, True),
        }
        path = folder.resolve() / f"{name}.json"
        path.write_text(json.dumps(document, separators=(",", ":")) + "\n")
        print(f"{path.name}: {path.stat().st_size / 1e3:.0f} kB")


main(sys.argv[1:])
