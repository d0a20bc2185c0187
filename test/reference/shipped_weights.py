"""What PyTorch answers with the weights that ship: shipped_weights.json. Run by hand, from any folder:

    pip install torch==2.14.1 numpy==2.4.6 pillow==13.0.0
    TESSERA_DATA=<folder with images/imagenet> python test/reference/shipped_weights.py [original.pth]

An implementation of EfficientNet-Lite0 of its own, a function of the tensors' names with `torch.nn.functional`: it
shares no code with this project, and none with timm. Weights are those of weights/efficientnet_lite0.safetensors, float16
numbers and all. Stored for each photo: its label and its logits (test/reference/summary.py); `photos` are those of
TESSERA_DATA, `own` those of data/photos. With the original file as an argument, its answers are printed beside.
"""

import json
import os
import struct
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from summary import expected

ROOT = Path(__file__).parent.parent.parent
FILE = ROOT / "weights" / "efficientnet_lite0.safetensors"
# expansion, kernel, stride, layers
STAGES = [(1, 3, 1, 1), (6, 3, 2, 2), (6, 5, 2, 2), (6, 3, 2, 3), (6, 5, 1, 3), (6, 5, 2, 4), (6, 3, 1, 1)]
TYPES = {"F16": np.float16, "F32": np.float32, "I64": np.int64}


def read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    header.pop("__metadata__")
    tensors = {}
    for name, info in header.items():
        begin, end = info["data_offsets"]
        values = np.frombuffer(raw[8 + length + begin : 8 + length + end], TYPES[info["dtype"]])
        tensors[name] = torch.from_numpy(values.reshape(info["shape"]).astype(np.float32))
    return tensors


def same(x: torch.Tensor, kernel: int, stride: int) -> torch.Tensor:
    """TensorFlow's padding: ceil(size / stride) outputs, the odd pixel at the bottom and right."""
    h, w = (max((-(-size // stride) - 1) * stride + kernel - size, 0) for size in x.shape[2:])
    return F.pad(x, (w // 2, w - w // 2, h // 2, h - h // 2))


def convolve(x, w, name, norm, stride=1, groups=1, act=True):
    weight = w[f"{name}.weight"]
    x = F.conv2d(same(x, weight.shape[-1], stride), weight, stride=stride, groups=groups)
    mean, var = w[f"{norm}.running_mean"], w[f"{norm}.running_var"]
    x = F.batch_norm(x, mean, var, w[f"{norm}.weight"], w[f"{norm}.bias"], eps=1e-3)
    return F.relu6(x) if act else x


def lite0(x: torch.Tensor, w: dict[str, torch.Tensor]) -> torch.Tensor:
    x = convolve(x, w, "conv_stem", "bn1", stride=2)
    for stage, (expansion, _, stride, layers) in enumerate(STAGES):
        for layer in range(layers):
            block, before = f"blocks.{stage}.{layer}", x
            norms = iter(f"{block}.bn{i}" for i in (1, 2, 3))
            if expansion > 1:
                x = convolve(x, w, f"{block}.conv_pw", next(norms))
            step = stride if layer == 0 else 1
            x = convolve(x, w, f"{block}.conv_dw", next(norms), stride=step, groups=x.shape[1])
            project = f"{block}.conv_pwl" if expansion > 1 else f"{block}.conv_pw"
            x = convolve(x, w, project, next(norms), act=False)
            if layer > 0:
                x = x + before
    x = convolve(x, w, "conv_head", "bn2").mean((2, 3))
    return F.linear(x, w["classifier.weight"], w["classifier.bias"])


def picture(path: Path) -> torch.Tensor:
    """Short side to 256, centre 224 of it, (pixel - 127) / 128."""
    image = Image.open(path).convert("RGB")
    short, (width, height) = min(image.size), image.size
    size = (256, 256 * height // short) if width <= height else (256 * width // short, 256)
    image = image.resize(size, Image.BILINEAR)
    left, top = (round((side - 224) / 2) for side in size)
    pixels = np.asarray(image.crop((left, top, left + 224, top + 224)), dtype=np.float32)
    return torch.from_numpy((pixels - 127) / 128).permute(2, 0, 1)


def answers(paths: list[Path], weights: dict[str, torch.Tensor]) -> torch.Tensor:
    with torch.no_grad():
        return lite0(torch.stack([picture(path) for path in paths]), weights)


def original(path: str, names: list[str]) -> dict[str, torch.Tensor]:
    """The original's tensors, which stand in the order of their layers in either file, under our names."""
    state = torch.load(path, map_location="cpu")
    order = lambda name: (name.startswith("classifier"), name.startswith(("conv_head", "bn2")))
    kinds = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    modules = sorted(dict.fromkeys(name.rpartition(".")[0] for name in names), key=order)
    wanted = [f"{module}.{kind}" for module in modules for kind in kinds if f"{module}.{kind}" in names]
    assert len(wanted) == len(state)
    return dict(zip(wanted, state.values()))


def main() -> None:
    weights = read_safetensors(FILE)
    folder = Path(os.environ["TESSERA_DATA"]) / "images" / "imagenet"
    labels = {name: row["label"] for name, row in json.loads((folder / "torchvision-resnet18.json").read_text()).items()}
    paths = [folder / name for name in sorted(labels)]
    own = sorted((ROOT / "data" / "photos").glob("*.jpg"))
    logits, own_logits = answers(paths, weights), answers(own, weights)

    wanted = torch.tensor([labels[path.name] for path in paths])
    right = (logits.argmax(1) == wanted).sum().item()
    top5 = (logits.topk(5).indices == wanted[:, None]).any(1).sum().item()
    margin = (lambda top: (top[:, 0] - top[:, 1]).min().item())(logits.topk(2).values)
    print(f"top-1 {right} of {len(paths)}, top-5 {top5}, closest call {margin:.4f}", file=sys.stderr)
    if len(sys.argv) > 1:
        exact = answers(paths, original(sys.argv[1], list(weights)))
        same_top1 = (exact.argmax(1) == logits.argmax(1)).sum().item()
        largest = ((exact - logits).abs().max() / exact.abs().max()).item()
        print(f"float32 original: same top-1 on {same_top1}, logits differ by {largest:.1e}", file=sys.stderr)

    def rows(names, values, extra):
        return {
            path.name: extra(path) | {"top5": row.topk(5).indices.tolist(), "logits": expected(row.numpy())}
            for path, row in zip(names, values)
        }

    data = {
        "photos": rows(paths, logits, lambda path: {"label": labels[path.name]}),
        "own": rows(own, own_logits, lambda path: {}),
    }
    out = Path(__file__).with_suffix(".json")
    sections = [
        f'"{name}": {{\n' + ",\n".join(f"{json.dumps(key)}: {json.dumps(row)}" for key, row in table.items()) + "\n}"
        for name, table in data.items()
    ]
    out.write_text("{\n" + ",\n".join(sections) + "\n}\n")
    print(f"{out.name}: {out.stat().st_size / 1e3:.0f} kB", file=sys.stderr)


main()
