"""Fixtures of the models that torchvision lacks, in the form of models.py. Run by hand, from any folder:

    pip install torch==2.14.1 torchvision==0.29.1 timm==1.0.31
    python test/reference/generate_variants.py            # all, about a minute
    python test/reference/generate_variants.py alexnet_2012 …

timm is the oracle for TensorFlow's padding and epsilon and for EfficientNet-Lite; AlexNet of 2012 is written down here.
"""

import sys
from pathlib import Path

sys.dont_write_bytecode = True

import timm  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402

import models  # noqa: E402
from pseudo import pseudo_state  # noqa: E402


class AlexNet2012(nn.Module):
    """Krizhevsky et al. 2012, with Caffe's names; the paper's alpha is not divided by the size, PyTorch's is."""

    def __init__(self, num_classes: int):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 96, 11, stride=4, padding=2)
        self.conv2 = nn.Conv2d(96, 256, 5, padding=2, groups=2)
        self.conv3 = nn.Conv2d(256, 384, 3, padding=1)
        self.conv4 = nn.Conv2d(384, 384, 3, padding=1, groups=2)
        self.conv5 = nn.Conv2d(384, 256, 3, padding=1, groups=2)
        self.fc6 = nn.Linear(256 * 6 * 6, 4096)
        self.fc7 = nn.Linear(4096, 4096)
        self.fc8 = nn.Linear(4096, num_classes)
        self.norm = nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2)
        self.pool = nn.MaxPool2d(3, stride=2)
        self.average = nn.AdaptiveAvgPool2d(6)

    def forward(self, x):
        x = self.pool(self.norm(self.conv1(x).relu()))
        x = self.pool(self.norm(self.conv2(x).relu()))
        x = self.conv4(self.conv3(x).relu()).relu()
        x = self.average(self.pool(self.conv5(x).relu()))
        return self.fc8(self.fc7(self.fc6(x.flatten(1)).relu()).relu())


def build(name: str, weights: dict, dtype: torch.dtype) -> nn.Module:
    make = AlexNet2012 if name == "alexnet_2012" else lambda num_classes: timm.create_model(name, num_classes=num_classes)
    model = make(num_classes=models.CLASSES)
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    model.load_state_dict({key: torch.tensor(value) for key, value in pseudo_state(shapes, **weights).items()})
    return model.to(dtype)


ROW = ((2, 64, 64, 3), models.DEFAULT)
# An odd size pads on both sides where an even one pads on one only.
ODD = ((2, 75, 53, 3), models.DEFAULT)

MODELS = {
    "alexnet_2012": ([ROW], [((2, 64, 64, 3), models.DEFAULT, 1)]),
    # A size and shift at which float32 noise turns no ReLU6 on or off (2e-4 to 1e-2 at others).
    "efficientnet_lite0": ([ROW], [((4, 48, 48, 3), {**models.RESNET_TRAINING, "shift": 3}, 1)]),
    "tf_efficientnet_lite0": ([ROW, ODD], [((4, 64, 64, 3), models.RESNET_TRAINING, 1)]),
    **{f"tf_efficientnet_lite{i}": ([ROW], []) for i in range(1, 5)},
    **{f"efficientnet_lite{i}": ([ROW], []) for i in range(1, 5)},
    "tf_efficientnet_b0": ([ROW, ODD], []),
    **{f"mobilenetv2_{width}": ([((2, 64, 64, 3), {**models.DEFAULT, "gain": 0.8})], []) for width in ("050", "100", "110d", "120d", "140")},
    **{f"tf_efficientnet_b{i}": ([ROW], []) for i in range(1, 5)},
    # With gain 1, networks this deep amplify float32 noise until nothing else is left.
    **{
        f"tf_efficientnet_b{i}": ([((2, 64, 64, 3), {**models.DEFAULT, "gain": gain})], [])
        for i, gain in [(5, 0.92), (6, 0.92), (7, 0.9)]
    },
}

if __name__ == "__main__":
    # In networks whose signal fades, denormal numbers cost minutes.
    torch.set_flush_denormal(True)
    models.build, models.MODELS = build, MODELS
    models.generate(Path(__file__).parent, set(sys.argv[1:]) or None)
