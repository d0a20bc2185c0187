"""A model as onnx's own helpers write it, whose bytes test/export/onnx.test.ts holds ours against.

    .venv/bin/pip install onnx==1.23.2 numpy
    .venv/bin/python test/reference/onnx_bytes.py > test/reference/onnx.json
"""

import json

import numpy as np
from onnx import TensorProto, helper, numpy_helper

weight = numpy_helper.from_array(np.arange(2, dtype=np.float32).reshape(2, 1, 1, 1), 'w')
shape = numpy_helper.from_array(np.array([0, -1], dtype=np.int64), 'shape')
nodes = [
    helper.make_node('Conv', ['input', 'w'], ['conv'], name='conv', kernel_shape=[1, 1], pads=[0, 0, 0, 0], group=1),
    helper.make_node('LRN', ['conv'], ['lrn'], name='lrn', size=5, alpha=0.5),
    helper.make_node('Reshape', ['lrn', 'shape'], ['logits'], name='reshape'),
]
for node in nodes:
    node.attribute.sort(key=lambda a: ['kernel_shape', 'pads', 'group', 'size', 'alpha'].index(a.name))
graph = helper.make_graph(
    nodes,
    'tiny',
    [helper.make_tensor_value_info('input', TensorProto.FLOAT, ['N', 1, 2, 3])],
    [helper.make_tensor_value_info('logits', TensorProto.FLOAT, ['N', 12])],
    [weight, shape],
)
model = helper.make_model(
    graph, ir_version=8, opset_imports=[helper.make_opsetid('', 17)], producer_name='Tessera', producer_version='0.1.0'
)
helper.set_model_props(model, {'classes': '["a","b"]'})
print(json.dumps({'bytes': model.SerializeToString(deterministic=True).hex()}))
