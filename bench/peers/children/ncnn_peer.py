"""ncnn on Vulkan, `f32` or `f16`: https://github.com/Tencent/ncnn. Its networks take one picture at a time."""

import sys

import ncnn
import numpy as np
from peer import serve, versions

HALF = sys.argv[1] == 'f16'


class Engine:
    def open(self):
        ncnn.create_gpu_instance()
        if ncnn.get_gpu_count() == 0:
            raise RuntimeError('ncnn found no Vulkan device')
        return {'adapter': ncnn.get_gpu_info(0).device_name(), 'kind': 'vulkan', 'versions': versions('ncnn')}

    def load(self, case):
        if case['pass'] != 'forward':
            raise RuntimeError('ncnn does not train')
        self.net = ncnn.Net()
        opt = self.net.opt
        opt.use_vulkan_compute = True
        for name in ('use_fp16_packed', 'use_fp16_storage', 'use_fp16_arithmetic'):
            setattr(opt, name, HALF)
        for name in ('use_bf16_packed', 'use_bf16_storage'):
            setattr(opt, name, False)
        self.net.set_vulkan_device(0)
        if self.net.load_param(case['files']['ncnnParam']) != 0 or self.net.load_model(case['files']['ncnnBin']) != 0:
            raise RuntimeError('ncnn did not take the network')
        size = case['size']
        self.pictures = [
            np.fromfile(path, np.float32).reshape(case['batch'], 3, size, size) for path in case['files']['nchw']
        ]
        elsewhere = sorted({
            layer.type for layer in self.net.layers() if not layer.support_vulkan and layer.type not in ('Input', 'Split')
        })
        if elsewhere:
            raise RuntimeError(f'ncnn has no Vulkan layer for {", ".join(elsewhere)} and would run it on the processor')
        return 'one picture after the other' if case['batch'] > 1 else None

    def call(self, number):
        answers = []
        for picture in self.pictures[number]:
            extractor = self.net.create_extractor()
            extractor.input('input', ncnn.Mat(picture))
            failed, y = extractor.extract('logits')
            if failed:
                raise RuntimeError(f'ncnn ended with {failed}')
            answers.append(np.array(y).ravel())
        return np.concatenate(answers)


serve(Engine())
