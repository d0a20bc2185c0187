"""onnxruntime's WebGPU plugin for Python: https://pypi.org/project/onnxruntime-ep-webgpu."""

import numpy as np
import onnxruntime
import onnxruntime_ep_webgpu as plugin
from peer import serve, versions


class Engine:
    def open(self):
        onnxruntime.register_execution_provider_library('webgpu', plugin.get_library_path())
        self.devices = [one for one in onnxruntime.get_ep_devices() if one.ep_name == plugin.get_ep_name()]
        if not self.devices:
            raise RuntimeError("onnxruntime's WebGPU plugin found no GPU: it takes those on the PCI bus and no software adapter")
        return {'adapter': '', 'kind': 'webgpu', 'versions': versions('onnxruntime', 'onnxruntime-ep-webgpu')}

    def load(self, case):
        if case['pass'] != 'forward':
            raise RuntimeError('onnxruntime does not train on WebGPU')
        options = onnxruntime.SessionOptions()
        # Nodes that the plugin does not take are an error, not the processor's.
        options.add_session_config_entry('session.disable_cpu_ep_fallback', '1')
        options.add_provider_for_devices(self.devices[:1], {})
        self.session = onnxruntime.InferenceSession(case['files']['onnx'], options)
        shape = (case['batch'], 3, case['size'], case['size'])
        self.pictures = [np.fromfile(path, np.float32).reshape(shape) for path in case['files']['nchw']]
        return None

    def call(self, number):
        return self.session.run(None, {'input': self.pictures[number]})[0].ravel()


serve(Engine())
