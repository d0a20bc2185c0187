"""tinygrad on WebGPU: its own reader of ONNX, the forward pass in one TinyJit: https://github.com/tinygrad/tinygrad."""

import os
import platform
import sys
import sysconfig
from pathlib import Path

os.environ['DEV'] = 'WEBGPU'
# The package dawn-python brings Dawn under the name of the machine, which tinygrad does not look for.
suffix = {'linux': f'_{platform.machine()}.so', 'darwin': f'_{platform.machine()}.dylib'}.get(sys.platform, '.dll')
dawn = Path(sysconfig.get_paths()['purelib']) / 'pydawn' / 'lib' / f'libwebgpu_dawn{suffix}'
if dawn.is_file():
    os.environ.setdefault('WEBGPU_PATH', str(dawn))

import numpy as np  # noqa: E402
from peer import serve, versions  # noqa: E402
from tinygrad import Device, Tensor, TinyJit  # noqa: E402
from tinygrad.nn.onnx import OnnxRunner  # noqa: E402


class Engine:
    def open(self):
        from tinygrad.runtime import ops_webgpu
        from tinygrad.runtime.autogen import webgpu

        options = webgpu.WGPURequestAdapterOptions(
            powerPreference=webgpu.WGPUPowerPreference_HighPerformance, backendType=0
        )
        adapter = ops_webgpu.InstanceRequestAdapter(ops_webgpu.instance, options)
        webgpu.wgpuAdapterGetInfo(adapter, info := webgpu.WGPUAdapterInfo())
        if Device.DEFAULT != 'WEBGPU':
            raise RuntimeError(f'tinygrad chose {Device.DEFAULT}, not WEBGPU')
        name = ops_webgpu.from_wgpu_str(info.device)
        return {'adapter': name, 'kind': 'webgpu', 'versions': versions('tinygrad', 'dawn-python')}

    def load(self, case):
        if case['pass'] != 'forward':
            raise RuntimeError('training steps are not written for tinygrad here')
        runner = OnnxRunner(case['files']['onnx'])
        self.forward = TinyJit(lambda x: runner({'input': x})['logits'].realize())
        shape = (case['batch'], 3, case['size'], case['size'])
        self.pictures = [np.fromfile(path, np.float32).reshape(shape) for path in case['files']['nchw']]
        return None

    def call(self, number):
        return self.forward(Tensor(self.pictures[number]).realize()).numpy().ravel()


serve(Engine())
