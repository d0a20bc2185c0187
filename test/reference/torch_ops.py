"""The engine's ops by their names, parameters and layouts, computed by PyTorch.

Tensors come and go in the engine's layout (NHWC, weights [kh, kw, cin/groups, cout], linear [in, out]);
the permutations are part of the autograd graph, so gradients come back in that layout as well.
"""

import torch
import torch.nn.functional as F

ACTIVATIONS = {
    None: lambda x: x,
    "relu": F.relu,
    "relu6": F.relu6,
    "silu": F.silu,
    "sigmoid": torch.sigmoid,
}


def nchw(x):
    return x.permute(0, 3, 1, 2)


def nhwc(x):
    return x.permute(0, 2, 3, 1)


def pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def conv2d(x, w, bias=None, stride=1, padding=0, dilation=1, groups=1):
    x = nchw(x)
    if isinstance(padding, list) and len(padding) == 4:
        top, bottom, left, right = padding
        x, padding = F.pad(x, (left, right, top, bottom)), 0
    weight = w.permute(3, 2, 0, 1)
    return nhwc(F.conv2d(x, weight, bias, pair(stride), pair(padding), pair(dilation), groups))


def depthwise_conv2d(x, w, **options):
    return conv2d(x, w, groups=x.shape[3], **options)


def matmul(a, b, transposeA=False, transposeB=False):
    return (a.mT if transposeA else a) @ (b.mT if transposeB else b)


def linear(x, w, bias=None):
    return F.linear(x, w.mT, bias)


def batch_norm(x, weight, bias, runningMean, runningVar, residual=None, training=True, momentum=0.1, eps=1e-5, activation=None):
    y = nhwc(F.batch_norm(nchw(x), runningMean, runningVar, weight, bias, training, momentum, eps))
    if residual is not None:
        y = y + residual
    return {"y": ACTIVATIONS[activation](y), "runningMean": runningMean, "runningVar": runningVar}


def max_pool2d(x, kernelSize, stride=None, padding=0, dilation=1, ceilMode=False):
    return nhwc(F.max_pool2d(nchw(x), kernelSize, stride, padding, dilation, ceilMode))


def avg_pool2d(x, kernelSize, stride=None, padding=0, ceilMode=False, countIncludePad=True):
    return nhwc(F.avg_pool2d(nchw(x), kernelSize, stride, padding, ceilMode, countIncludePad))


def adaptive_avg_pool2d(x, outputSize):
    return nhwc(F.adaptive_avg_pool2d(nchw(x), pair(outputSize)))


def lrn(x, size, alpha=1e-4, beta=0.75, k=1.0):
    return nhwc(F.local_response_norm(nchw(x), size, alpha, beta, k))


def squeeze_excite(x, reduceWeight, reduceBias, expandWeight, expandBias):
    mean = F.adaptive_avg_pool2d(nchw(x), 1)
    hidden = F.silu(F.conv2d(mean, reduceWeight.permute(3, 2, 0, 1), reduceBias))
    scale = torch.sigmoid(F.conv2d(hidden, expandWeight.permute(3, 2, 0, 1), expandBias))
    return {"y": nhwc(nchw(x) * scale), "hidden": nhwc(hidden), "scale": nhwc(scale)}


def reduction(function):
    def reduce(x, axes=None, keepDims=False):
        axes = list(range(x.dim())) if axes is None else axes
        return function(x, dim=axes, keepdim=keepDims)

    return reduce


def pad(x, padding):
    top, bottom, left, right = padding
    return F.pad(x, (0, 0, left, right, top, bottom))


def resize(x, size, interpolation):
    return nhwc(F.interpolate(nchw(x), size, mode=interpolation, antialias=True, align_corners=False))


def binary_cross_entropy(logits, targets, weight=None):
    return F.binary_cross_entropy_with_logits(logits, targets, pos_weight=weight)


def cross_entropy(logits, labels, weight=None, labelSmoothing=0.0, ignoreIndex=-100):
    if labels.shape != logits.shape:
        labels = labels.long()
    return F.cross_entropy(logits, labels, weight, ignore_index=ignoreIndex, label_smoothing=labelSmoothing)


OPS = {
    "conv2d": conv2d,
    "depthwiseConv2d": depthwise_conv2d,
    "matmul": matmul,
    "linear": linear,
    "batchNorm": batch_norm,
    "maxPool2d": max_pool2d,
    "avgPool2d": avg_pool2d,
    "adaptiveAvgPool2d": adaptive_avg_pool2d,
    "globalAvgPool": lambda x: x.mean((1, 2)),
    "lrn": lrn,
    "squeezeExcite": squeeze_excite,
    "relu": F.relu,
    "relu6": F.relu6,
    "silu": F.silu,
    "sigmoid": torch.sigmoid,
    "add": torch.add,
    "sub": torch.sub,
    "mul": torch.mul,
    "div": torch.div,
    "sum": reduction(torch.sum),
    "mean": reduction(torch.mean),
    "reshape": lambda x, shape: x.reshape(shape),
    "flatten": lambda x, startDim: torch.flatten(x, startDim),
    "softmax": lambda x: F.softmax(x, -1),
    "logSoftmax": lambda x: F.log_softmax(x, -1),
    "crossEntropy": cross_entropy,
    "binaryCrossEntropy": binary_cross_entropy,
    "pad": pad,
    "concat": lambda *xs, axis: torch.cat(xs, axis),
    "slice": lambda x, ranges: x[tuple(slice(*([*r, None, None][:2])) for r in ranges)],
    "resize": resize,
}
