"""Holds onnxruntime, torchvision and timm against the logits that bench/exported.ts wrote beside exported networks.

    python3 -m venv .venv && .venv/bin/pip install onnx onnxruntime numpy torch==2.14.1 torchvision==0.29.1 timm safetensors
    .venv/bin/python test/reference/exported.py FOLDER

Prints a line for each network and file: the largest difference over the largest logit for 1, 3 and 8 pictures, its size,
and seconds of the first answer. Exits with 1 where a difference is above 1e-5, or a file is refused.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import safetensors.torch
import timm  # noqa: F401 (the calls in the JSON name it)
import torch
import torchvision  # noqa: F401

LIMIT = 1e-5
torch.set_num_threads(1)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1


def softmax(y):
    e = np.exp(y - y.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def onnx_answer(path):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    session = onnxruntime.InferenceSession(str(path), options)
    return lambda x: session.run(None, {session.get_inputs()[0].name: x})[0]


def torch_answer(call, state):
    model = eval(call).eval()  # noqa: S307 (written by bench/exported.ts)
    model.load_state_dict(state, strict=True)

    def answer(x):
        with torch.inference_mode():
            return model(torch.from_numpy(x)).numpy()

    return answer


failed = False
for described in sorted(Path(sys.argv[1]).glob('*.json')):
    stem = described.with_suffix('')
    about = json.loads(described.read_text())
    size, mean, std = about['size'], np.float32(about['mean']), np.float32(about['std'])
    files = {'.onnx': lambda p: onnx_answer(p), '.pixels.onnx': lambda p: onnx_answer(p)}
    for library, call in about['libraries'].items():
        files[f'.{library}.pth'] = lambda p, call=call: torch_answer(call, torch.load(p, weights_only=True))
        files[f'.{library}.safetensors'] = lambda p, call=call: torch_answer(call, safetensors.torch.load_file(p))
    for suffix, load in files.items():
        path = Path(f'{stem}{suffix}')
        start = time.perf_counter()
        answer = load(path)
        differences = []
        for batch, names in about['batches'].items():
            pixels = np.fromfile(f"{stem}{names['pixels']}", np.uint8).reshape(int(batch), size, size, 3)
            ours = np.fromfile(f"{stem}{names['logits']}", np.float32).reshape(int(batch), -1)
            if suffix == '.pixels.onnx':
                theirs, ours = answer(pixels), softmax(ours.astype(np.float64))
            else:
                x = ((pixels.astype(np.float32) / np.float32(255) - mean) / std).transpose(0, 3, 1, 2)
                theirs = answer(np.ascontiguousarray(x))
            differences.append(np.abs(theirs - ours).max() / np.abs(ours).max())
        seconds = time.perf_counter() - start
        bad = max(differences) > LIMIT
        failed |= bad
        shown = ' '.join(f'{d:.1e}' for d in differences)
        print(f'{path.name:40} {shown}  {path.stat().st_size / 1e6:6.1f} MB  {seconds:5.1f} s{"  TOO FAR" if bad else ""}')
sys.exit(int(failed))
