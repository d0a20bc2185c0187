"""Writes the weights files that test/weights reads, and what PyTorch reads from them.

Run by hand, from the root of the repository, with torch 2.14.1 and numpy 2.4.6:

    TESSERA_DATA=<folder with weights/resnet18-imagenet.pth> python test/reference/generate_weights.py

It writes test/reference/weights/* (a few kilobytes each; the legacy files hold memory addresses as keys, so that
their bytes differ from run to run) and test/reference/weights.json:

    files     for each file, each tensor's dtype, shape, contiguous little-endian bytes and float32 bytes, in hex
    rounding  float32 bits and their float16 and bfloat16 bits
    resnet18  a few values of the real file
    attacks   pickles that would run code, with the name of what they would run
"""

import argparse
import collections
import datetime
import enum
import functools
import io
import json
import os
import pickle
import random
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch

OUT = Path(__file__).parent / "weights"
generator = torch.Generator().manual_seed(7)


def example():
    """Every element type, and every way in which a tensor can lie in its storage."""
    base = torch.arange(16, dtype=torch.float32).reshape(4, 4)
    image = torch.randn(2, 3, 4, 5, generator=generator)
    state = OrderedDict()
    state["float32"] = torch.randn(2, 3, generator=generator)
    state["float16"] = torch.tensor([0.0, -0.0, 1.5, 65504.0, 6e-8, -1e-5, float("inf")]).half()
    state["bfloat16"] = torch.tensor([0.0, -2.5, 3e38, 1e-40, -float("inf")]).bfloat16()
    state["float64"] = torch.tensor([1 / 3, -1e300, 1e-50], dtype=torch.float64)
    state["int64"] = torch.tensor([0, -1, 2**24 + 1, 2**53 + 1, 2**63 - 1, -(2**63), 2**54 + 2**30 + 1])
    state["int32"] = torch.tensor([2**31 - 1, -(2**31), 16777217], dtype=torch.int32)
    state["int16"] = torch.tensor([-32768, 32767], dtype=torch.int16)
    state["int8"] = torch.tensor([-128, 127], dtype=torch.int8)
    state["uint8"] = torch.tensor([0, 255], dtype=torch.uint8)
    state["bool"] = torch.tensor([True, False, True])
    state["scalar"] = torch.tensor(3.25)
    state["empty"] = torch.zeros(0, 3)
    state["parameter"] = torch.nn.Parameter(torch.randn(3, generator=generator))
    state["base"] = base
    state["rows"] = base[1:3]
    state["transposed"] = base.t()
    state["column"] = base[:, 2]
    state["diagonal"] = base.diagonal()
    state["expanded"] = torch.tensor([5.0, 6.0, 7.0]).expand(4, 3)
    state["channels_last"] = image.to(memory_format=torch.channels_last)
    state["permuted_half"] = image.half().permute(1, 3, 0, 2)
    state["bn.num_batches_tracked"] = torch.tensor(12)
    state._metadata = OrderedDict([("", {"version": 1})])
    return state


def checkpoint(state):
    """A training checkpoint: the weights in an entry, behind DataParallel's prefix, among other things."""
    layer = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(layer.parameters())
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    wrapped = OrderedDict((f"module.{name}", tensor) for name, tensor in state.items())
    return {
        "epoch": 3,
        "arch": "resnet18",
        "best": 0.75,
        "done": None,
        "note": b"raw \xff",
        "size": torch.Size([2, 3]),
        "state_dict": wrapped,
        "optimizer": optimizer.state_dict(),
    }


def training_scripts(small):
    """What training scripts save: tensors and objects beside the weights, two sets of them, wrappers' names."""
    layer = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(layer.parameters())
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, functools.partial(max, 0.1))
    args = argparse.Namespace(lr=0.1, data=Path("/data"), device=torch.device("cpu"), dtype=torch.float16)
    beside = {
        "args": args,
        "metric": np.float64(69.7),
        "prototypes": np.arange(2000, dtype=np.float32),
        "rng": (random.getstate(), np.random.get_state(), torch.get_rng_state()),
        "generator": np.random.default_rng(1).bit_generator.state,
        "when": datetime.datetime(2026, 11, 26),
        "interpolation": Interpolation.BICUBIC,
        "counts": collections.Counter("aab"),
        "log": collections.defaultdict(list, loss=[0.5]),
        "seen": {1, 2},
        "spectrum": torch.zeros(2, dtype=torch.complex64),
    }
    layered = OrderedDict([("conv1.weight", small["float32"]), ("fc.bias", small["float16"])])
    ema = OrderedDict((name, tensor + 1) for name, tensor in layered.items())
    imagenet = {
        "epoch": 90,
        "arch": "resnet18",
        "state_dict": OrderedDict((f"module.{name}", tensor) for name, tensor in layered.items()),
        "best_acc1": torch.tensor(69.7),
        "optimizer": optimizer.state_dict(),
        "scheduler": schedule.state_dict(),
    }
    timm = {"state_dict_ema": ema, "state_dict": layered, **beside}
    averaged = OrderedDict([("n_averaged", torch.tensor(3))])
    averaged.update((f"module.{name}", tensor) for name, tensor in layered.items())
    compiled = OrderedDict((f"_orig_mod.{name}", tensor) for name, tensor in layered.items())
    return {
        "imagenet.pth": (saved(imagenet), layered),
        "objects.pth": (saved(timm), layered),
        "objects-protocol4.pth": (saved(timm, pickle_protocol=4), layered),
        "objects-legacy.pth": (saved(timm, _use_new_zipfile_serialization=False), layered),
        "averaged.pth": (saved(averaged), layered),
        "compiled.pth": (saved(compiled), layered),
    }


class Interpolation(enum.Enum):
    BICUBIC = "bicubic"


def repack(data, compression=zipfile.ZIP_STORED, swap=None):
    """The same archive, compressed, or with the bytes of its storages swapped as a big-endian machine writes them."""
    source, target = zipfile.ZipFile(io.BytesIO(data)), io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as archive:
        for info in source.infolist():
            content = source.read(info)
            if swap and info.filename.endswith("byteorder"):
                content = b"big"
            key = info.filename.split("/data/")
            if swap and len(key) == 2:
                content = np.frombuffer(content, np.uint8).reshape(-1, swap[int(key[1])])[:, ::-1].tobytes()
            archive.writestr(info.filename, content)
    return target.getvalue()


def saved(value, **options):
    target = io.BytesIO()
    torch.save(value, target, **options)
    return target.getvalue()


def raw(tensor):
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes().hex()


def described(state):
    return {
        name: {
            "dtype": str(tensor.dtype).removeprefix("torch."),
            "shape": list(tensor.shape),
            "bytes": raw(tensor),
            "float32": raw(tensor.float()),
        }
        for name, tensor in state.items()
    }


def safetensors(state, metadata):
    """The format by hand: length, JSON, bytes."""
    types = {"float32": "F32", "float16": "F16", "bfloat16": "BF16", "int64": "I64", "bool": "BOOL"}
    header, data = {"__metadata__": metadata}, b""
    for name, tensor in state.items():
        content = bytes.fromhex(raw(tensor))
        dtype = types[str(tensor.dtype).removeprefix("torch.")]
        header[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


class Attack:
    """Pickles as a call of any function with any arguments."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


def attacks():
    command = "touch tessera-was-here"
    targets = {
        "posix.system": Attack(os.system, command),
        "builtins.eval": Attack(eval, f"__import__('os').system('{command}')"),
        "builtins.exec": Attack(exec, "raise SystemExit"),
        "builtins.getattr": Attack(getattr, [], "append"),
        "torch.serialization.load": Attack(torch.load, "elsewhere.pth"),
        "torch.hub.load": Attack(torch.hub.load, "somebody/something", "run"),
    }
    found = []
    for name, attack in targets.items():
        for protocol in (0, 1, 2, 4):
            written = pickle.dumps({"weight": attack}, protocol)
            # Protocols below 3 write Python 2's name of the builtins.
            shown = name.replace("builtins.", "__builtin__.") if protocol < 3 else name
            found.append({"runs": shown, "protocol": protocol, "hex": written.hex()})
    found.append({"runs": "os.system", "protocol": 0, "hex": f"(S'{command}'\nios\nsystem\n.".encode().hex()})
    return found


def rounding():
    special = [0, 0x80000000, 0x7F800000, 0xFF800000, 0x477FEFFF, 0x477FF000, 0x33000000, 0x33000001, 0x387FE000]
    special += [0x387FF000, 0x38800000, 0x00000001, 0x7F7FFFFF, 0x3F801000, 0x3F803000, 0x3F808000, 0x3F818000]
    random = np.random.default_rng(3).integers(0, 2**32, 300, dtype=np.uint64).astype(np.uint32)
    near_one = np.random.default_rng(4).integers(0x32000000, 0x48000000, 700, dtype=np.uint64).astype(np.uint32)
    bits = np.concatenate([np.array(special, np.uint32), random, near_one])
    bits = bits[~np.isnan(bits.view(np.float32))]
    values = torch.from_numpy(bits.view(np.float32).copy())
    to_bits = lambda tensor: tensor.view(torch.uint16).tolist()
    return {"float32": bits.tolist(), "float16": to_bits(values.half()), "bfloat16": to_bits(values.bfloat16())}


def real_file():
    path = Path(os.environ["TESSERA_DATA"]) / "weights" / "resnet18-imagenet.pth"
    state = torch.load(path, weights_only=True)
    names = ["conv1.weight", "bn1.running_var", "layer2.0.downsample.0.weight", "layer4.1.conv2.weight", "fc.weight", "fc.bias"]
    values = {}
    for name in names:
        flat = state[name].reshape(-1)
        places = [0, len(flat) // 3, len(flat) - 1]
        values[name] = {"shape": list(state[name].shape), "places": places, "values": [flat[i].item() for i in places]}
    return {"tensors": len(state), "values": values}


def main():
    OUT.mkdir(exist_ok=True)
    state = example()
    small = OrderedDict((name, state[name]) for name in ["float32", "float16", "bfloat16", "int64", "bool", "scalar", "empty"])
    tagged = torch.ones(2)
    tagged.tag = "attributes make torch write _rebuild_from_type_v2"
    unsupported = {"weight": torch.zeros(2, dtype=torch.complex64), "bias": torch.zeros(2)}
    files = {
        "zip.pth": (saved(state), state),
        "legacy.pth": (saved(state, _use_new_zipfile_serialization=False), state),
        "zip-protocol4.pth": (saved(state, pickle_protocol=4), state),
        "legacy-protocol5.pth": (saved(state, pickle_protocol=5, _use_new_zipfile_serialization=False), state),
        "zip-protocol1.pth": (saved(small, pickle_protocol=1), small),
        "checkpoint.pth": (saved(checkpoint(small)), small),
        "checkpoint-legacy.pth": (saved(checkpoint(small), _use_new_zipfile_serialization=False), small),
        "subclass.pth": (saved({"tagged": tagged}), {"tagged": tagged}),
        "model.safetensors": (safetensors(small, {"format": "pt", "note": "naïve"}), small),
    }
    files.update(training_scripts(small))
    sizes = [tensor.element_size() for tensor in small.values()]
    files["big-endian.pth"] = (repack(saved(small), swap=sizes), small)
    refused = {
        "compressed.pth": repack(saved(small), compression=zipfile.ZIP_DEFLATED),
        "whole-model.pth": saved(torch.nn.Linear(2, 2)),
        "attack.pth": saved({"weight": Attack(os.system, "touch tessera-was-here"), "bias": torch.zeros(2)}),
        "attack-legacy.pth": saved({"weight": Attack(os.system, "true")}, _use_new_zipfile_serialization=False),
        "complex.pth": saved(unsupported),
        "uint16.pth": saved({"weight": torch.zeros(2, dtype=torch.uint16)}),
        "expanded-bomb.pth": saved({"weight": torch.zeros(1).expand(2**20, 2**20)}),
        "script.pth": script(),
    }
    for name, (content, _) in files.items():
        (OUT / name).write_bytes(content)
    for name, content in refused.items():
        (OUT / name).write_bytes(content)
    result = {
        "torch": torch.__version__,
        "files": {name: described(tensors) for name, (_, tensors) in files.items()},
        "rounding": rounding(),
        "resnet18": real_file(),
        "attacks": attacks(),
    }
    (OUT.parent / "weights.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")


def script():
    target = io.BytesIO()
    torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2)), target)
    return target.getvalue()


if __name__ == "__main__":
    main()
