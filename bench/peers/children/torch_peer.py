"""PyTorch on the processor, for scale: the nodes of the exported graph as PyTorch's functions, so that torchvision is not needed."""

import json
import os

import numpy as np
import torch
import torch.nn.functional as F
from peer import processor, serve, versions


class Engine:
    def open(self):
        torch.set_num_threads(os.cpu_count() or 1)
        return {'adapter': processor(), 'kind': 'cpu', 'versions': versions('torch')}

    def load(self, case):
        with open(case['files']['graph']) as file:
            self.graph = json.load(file)
        numbers = np.fromfile(case['files']['weights'], np.float32)
        self.training = case['pass'] == 'step'
        self.tensors = {}
        for name, about in self.graph['tensors'].items():
            count = int(np.prod(about['shape']))
            values = torch.from_numpy(numbers[about['at'] : about['at'] + count].reshape(about['shape']).copy())
            self.tensors[name] = values.requires_grad_() if self.training and about['trains'] else values
        shape = (case['batch'], 3, case['size'], case['size'])
        self.pictures = [torch.from_numpy(np.fromfile(path, np.float32).reshape(shape)) for path in case['files']['nchw']]
        if self.training:
            self.labels = [torch.from_numpy(np.fromfile(path, np.int32)).long() for path in case['files']['labels']]
            trained = [values for values in self.tensors.values() if values.requires_grad]
            self.optimizer = torch.optim.SGD(trained, case['rate'], case['momentum'])
        return f'{torch.get_num_threads()} threads'

    def call(self, number):
        if not self.training:
            with torch.inference_mode():
                return self.forward(self.pictures[number]).ravel().tolist()
        loss = F.cross_entropy(self.forward(self.pictures[number]), self.labels[number])
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return [loss.item()]

    def forward(self, x):
        values = {**self.tensors, self.graph['input']: x}
        for node in self.graph['nodes']:
            inputs = [values[name] for name in node['inputs']]
            values[node['output']] = self.apply(node['op'], inputs, node['attributes'])
        return values[self.graph['output']]

    def apply(self, op, inputs, about):
        x = inputs[0]
        if op == 'Conv':
            bias = inputs[2] if len(inputs) > 2 else None
            x, padding = padded(x, about)
            return F.conv2d(x, inputs[1], bias, about['strides'], padding, about['dilations'], about['group'])
        if op == 'BatchNormalization':
            return F.batch_norm(
                x, inputs[3], inputs[4], inputs[1], inputs[2], training=self.training, eps=about['epsilon']
            )
        if op == 'Gemm':
            return F.linear(x, inputs[1], inputs[2] if len(inputs) > 2 else None)
        if op == 'MaxPool':
            return F.max_pool2d(x, about['kernel_shape'], about['strides'], about['pads'][:2])
        if op == 'LRN':
            return F.local_response_norm(x, about['size'], about['alpha'], about['beta'], about['bias'])
        return {
            'Relu': F.relu,
            'Sigmoid': torch.sigmoid,
            'Clip': lambda x: torch.clamp(x, inputs[1].item(), inputs[2].item()),
            'Add': lambda x: x + inputs[1],
            'Mul': lambda x: x * inputs[1],
            'GlobalAveragePool': lambda x: x.mean((2, 3), keepdim=True),
            'Flatten': lambda x: x.flatten(1),
        }[op](x)


def padded(x, about):
    """Symmetric padding is the convolution's own; another one is written out."""
    top, left, bottom, right = about['pads']
    if (top, left) == (bottom, right):
        return x, (top, left)
    return F.pad(x, (left, right, top, bottom)), 0


serve(Engine())
