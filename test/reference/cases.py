"""The table of op cases: which op, which inputs (shape, how they are filled), which parameters.

A row is case(op, inputs, **parameters). An input is a shape or tensor(shape, ...); every input gets a
gradient unless `grad=False`. Small shapes are odd on purpose: edges, remainders of vec4 and of tiles.
"""

from itertools import combinations


def tensor(*shape, grad=True, **fill):
    """An input: `fill` is scale, offset, levels of src/verify/pseudo.ts."""
    return {"shape": list(shape), **({"fill": fill} if fill else {}), **({} if grad else {"grad": False})}


def case(op, *inputs, tolerance=None, **named):
    """Positional inputs are called x0, x1, …; keyword ones that are tensors are inputs, the others parameters."""
    tensors = {f"x{i}": value for i, value in enumerate(inputs)}
    tensors |= {key: value for key, value in named.items() if isinstance(value, dict)}
    parameters = {key: value for key, value in named.items() if not isinstance(value, dict)}
    row = {"op": op, "inputs": tensors, "parameters": parameters}
    return {**row, "tolerance": tolerance} if tolerance else row


def conv(x, w, bias=True, **parameters):
    extra = {"bias": tensor(w[3])} if bias else {}
    return case("conv2d", tensor(*x), tensor(*w), **extra, **parameters)


CONVOLUTIONS = [
    # kernels and paddings, batch 1 and more, channels around multiples of four
    conv((1, 5, 5, 1), (1, 1, 1, 1)),
    conv((2, 7, 5, 3), (1, 1, 3, 5), bias=False),
    conv((3, 7, 7, 5), (3, 3, 5, 7), padding=1),
    conv((2, 8, 9, 10), (3, 3, 10, 3), padding=1, bias=False),
    conv((1, 11, 9, 3), (5, 5, 3, 10), padding=2),
    conv((2, 13, 13, 3), (7, 7, 3, 8), padding=3),
    conv((1, 6, 15, 4), (1, 7, 4, 6), padding=[0, 3]),
    conv((1, 15, 6, 4), (7, 1, 4, 6), padding=[3, 0], bias=False),
    conv((2, 6, 5, 7), (2, 3, 7, 4)),
    conv((1, 4, 4, 3), (4, 4, 3, 5)),
    conv((1, 3, 3, 2), (3, 3, 2, 4), padding=2),
    conv((5, 1, 1, 10), (1, 1, 10, 7)),
    # strides, equal and unequal, with remainders that no window reaches
    conv((2, 9, 9, 3), (3, 3, 3, 8), stride=2, padding=1),
    conv((1, 8, 10, 4), (3, 3, 4, 8), stride=2, padding=1, bias=False),
    conv((2, 11, 10, 5), (3, 3, 5, 4), stride=3),
    conv((1, 10, 11, 3), (3, 5, 3, 7), stride=[2, 3], padding=[1, 2]),
    conv((2, 9, 8, 8), (1, 1, 8, 12), stride=2, bias=False),
    conv((1, 12, 12, 6), (2, 2, 6, 10), stride=3),
    conv((1, 16, 16, 3), (7, 7, 3, 16), stride=2, padding=3, bias=False),
    conv((1, 31, 31, 3), (11, 11, 3, 8), stride=4, padding=2),
    # one side padded more than the other, as TensorFlow's "same" does at stride 2
    conv((2, 8, 8, 3), (3, 3, 3, 4), stride=2, padding=[0, 1, 0, 1]),
    conv((1, 7, 9, 5), (5, 5, 5, 3), stride=2, padding=[1, 2, 2, 1], bias=False),
    # dilation
    conv((1, 9, 9, 3), (3, 3, 3, 5), dilation=2),
    conv((2, 11, 10, 4), (3, 3, 4, 4), dilation=2, padding=2, bias=False),
    conv((1, 12, 13, 5), (3, 2, 5, 6), dilation=[2, 3], padding=[2, 1], stride=[2, 1]),
    conv((1, 14, 14, 7), (3, 3, 7, 3), dilation=3, stride=3, padding=3),
    # groups: halves, thirds, one channel each with and without a multiplier
    conv((2, 7, 7, 6), (3, 3, 3, 8), groups=2, padding=1),
    conv((1, 9, 8, 10), (5, 5, 5, 6), groups=2, padding=2, stride=2, bias=False),
    conv((2, 6, 7, 9), (3, 3, 3, 15), groups=3, padding=1),
    conv((1, 7, 7, 12), (3, 3, 4, 12), groups=3, dilation=2, padding=2),
    conv((1, 7, 6, 5), (3, 3, 1, 5), groups=5, padding=1),
    conv((2, 7, 6, 3), (3, 3, 1, 12), groups=3, padding=1, stride=2),
    # sizes at which the fast kernels run, tiles filled and not
    conv((2, 14, 14, 64), (3, 3, 64, 64), padding=1, bias=False),
    conv((1, 13, 15, 32), (3, 3, 32, 48), padding=1),
    conv((1, 28, 28, 16), (3, 3, 16, 24), stride=2, padding=1, bias=False),
    conv((2, 7, 7, 96), (3, 3, 96, 132), padding=1, bias=False),
    conv((2, 14, 14, 128), (1, 1, 128, 32), bias=False),
    conv((2, 15, 15, 32), (1, 1, 32, 80), stride=2, bias=False),
    conv((1, 56, 56, 3), (7, 7, 3, 64), stride=2, padding=3, bias=False),
    conv((1, 13, 13, 48), (5, 5, 24, 64), padding=2, groups=2),
    conv((1, 63, 63, 3), (11, 11, 3, 64), stride=4, padding=2),
    conv((9, 7, 7, 20), (3, 3, 20, 36), padding=1, bias=False),
]


def depthwise(x, k, bias=False, **parameters):
    kh, kw = (k, k) if isinstance(k, int) else k
    extra = {"bias": tensor(x[3])} if bias else {}
    return case("depthwiseConv2d", tensor(*x), tensor(kh, kw, 1, x[3]), **extra, **parameters)


DEPTHWISE = [
    depthwise((1, 5, 5, 1), 3, padding=1),
    depthwise((2, 7, 6, 3), 3, padding=1, bias=True),
    depthwise((2, 9, 9, 5), 3, padding=1, stride=2),
    depthwise((1, 8, 8, 7), 5, padding=2),
    depthwise((3, 10, 9, 10), 5, padding=2, stride=2, bias=True),
    depthwise((1, 13, 13, 8), 7, padding=3),
    depthwise((1, 9, 11, 4), (1, 7), padding=[0, 3]),
    depthwise((2, 8, 8, 8), 3, padding=[0, 1, 0, 1], stride=2),
    depthwise((1, 9, 10, 12), 5, padding=[1, 2, 1, 2], stride=2),
    depthwise((1, 11, 11, 6), 3, dilation=2, padding=2),
    depthwise((1, 10, 10, 4), 3, stride=3),
    depthwise((1, 10, 11, 4), 3, stride=[2, 1], padding=1),
    depthwise((2, 14, 14, 32), 3, padding=1),
    depthwise((1, 15, 15, 40), 5, padding=2, stride=2),
    depthwise((1, 28, 28, 24), 5, padding=2),
    depthwise((2, 1, 1, 20), 3, padding=1),
]


def product(m, k, n, a=False, b=False):
    left = tensor(k, m) if a else tensor(m, k)
    right = tensor(n, k) if b else tensor(k, n)
    options = {**({"transposeA": True} if a else {}), **({"transposeB": True} if b else {})}
    return case("matmul", left, right, **options)


MATMULS = [
    *(
        product(m, k, n, a, b)
        for m, k, n in [(1, 1, 1), (2, 3, 5), (7, 10, 3), (17, 33, 9), (64, 48, 32), (65, 130, 71)]
        for a in (False, True)
        for b in (False, True)
    ),
    product(1, 512, 10),
    product(128, 1, 64),
    product(3, 1000, 1),
    *(
        case("linear", tensor(n, i), tensor(i, o), **({"bias": tensor(o)} if bias else {}))
        for n, i, o in [(1, 1, 1), (3, 5, 7), (2, 512, 10), (33, 64, 100), (4, 130, 1000)]
        for bias in (True, False)
    ),
]


def norm(*shape, x=None, residual=False, scaled=True, tolerance=None, **parameters):
    channels = shape[-1]
    extra = {"residual": tensor(*shape)} if residual else {}
    return case(
        "batchNorm",
        tensor(*shape, **(x or {})),
        weight=tensor(channels, offset=1, scale=0.5),
        bias=tensor(channels, scale=0.5),
        runningMean=tensor(channels, grad=False),
        runningVar=tensor(channels, offset=1, scale=0.5, grad=False),
        tolerance=tolerance,
        **extra,
        **parameters,
    )


BATCH_NORMS = [
    *(
        norm(*shape, training=training)
        for shape in [(2, 3, 5, 1), (2, 7, 5, 3), (1, 9, 9, 5), (3, 4, 4, 10), (2, 14, 14, 64), (1, 40, 50, 12), (8, 1, 1, 7), (5, 1, 1, 64)]
        for training in (True, False)
    ),
    norm(2, 5, 5, 8, training=True, momentum=0.01, eps=1e-3),
    norm(2, 5, 5, 8, training=True, momentum=1.0),
    norm(2, 5, 5, 8, training=False, eps=1e-3),
    # A mean far above the spread: E[x²] − E[x]² in float32 would be wrong by tens of percent. A float32 mean of 1000
    # has a spacing of 6e-5, which leaves up to 3e-5 / 0.58 in x̂ of at most 1.7 (PyTorch's own kernel leaves 2e-4).
    norm(4, 9, 9, 6, x={"offset": 1000}, training=True, tolerance=[3e-5, 1e-4]),
    norm(2, 33, 31, 16, x={"offset": -1000, "scale": 4}, training=True, tolerance=[3e-5, 1e-4]),
    norm(3, 6, 6, 5, x={"scale": 1 / 1024}, training=True),
    *(
        norm(2, 6, 5, c, training=training, activation=activation, residual=residual)
        for c, activation in [(5, "relu"), (8, "relu"), (7, "relu6"), (12, "silu")]
        for training in (True, False)
        for residual in (True, False)
    ),
    *(norm(2, 5, 4, 6, training=training, residual=True) for training in (True, False)),
]

TIES = {"levels": 3}


def pool(op, *shape, x=None, **parameters):
    return case(op, tensor(*shape, **(x or {})), **parameters)


POOLS = [
    # max: distinct values, then many equal ones (the first maximum of a window takes the gradient)
    *(
        pool("maxPool2d", *shape, x=fill, **parameters)
        for fill in ({}, TIES)
        for shape, parameters in [
            ((1, 4, 4, 1), {"kernelSize": 2}),
            ((2, 7, 7, 3), {"kernelSize": 3, "stride": 2}),
            ((2, 8, 9, 5), {"kernelSize": 3, "stride": 2, "padding": 1}),
            ((1, 9, 8, 7), {"kernelSize": 3, "stride": 1, "padding": 1}),
            ((2, 9, 10, 4), {"kernelSize": 3, "stride": 2, "ceilMode": True}),
            ((1, 10, 10, 10), {"kernelSize": 2, "stride": 3, "ceilMode": True}),
            ((1, 11, 12, 6), {"kernelSize": [2, 3], "stride": [3, 2], "padding": [1, 1]}),
            ((1, 11, 11, 8), {"kernelSize": 3, "stride": 2, "dilation": 2, "padding": 1}),
            ((1, 8, 8, 4), {"kernelSize": 5, "stride": 2, "padding": 2, "ceilMode": True}),
        ]
    ),
    pool("maxPool2d", 2, 6, 6, 3, x={"offset": -2}, kernelSize=3, stride=2, padding=1),
    pool("maxPool2d", 1, 6, 6, 4, x={"levels": 1}, kernelSize=3, stride=2, padding=1),
    pool("maxPool2d", 2, 32, 32, 64, kernelSize=3, stride=2, padding=1),
    *(
        pool("avgPool2d", *shape, **parameters)
        for shape, parameters in [
            ((1, 4, 4, 1), {"kernelSize": 2}),
            ((2, 7, 7, 3), {"kernelSize": 3, "stride": 2}),
            ((2, 8, 9, 5), {"kernelSize": 3, "stride": 2, "padding": 1}),
            ((2, 8, 9, 5), {"kernelSize": 3, "stride": 2, "padding": 1, "countIncludePad": False}),
            ((1, 9, 8, 10), {"kernelSize": 3, "stride": 1, "padding": 1, "countIncludePad": False}),
            ((1, 10, 10, 4), {"kernelSize": 3, "stride": 2, "ceilMode": True}),
            ((1, 10, 10, 4), {"kernelSize": 3, "stride": 2, "padding": 1, "ceilMode": True}),
            ((1, 10, 9, 6), {"kernelSize": 4, "stride": 3, "padding": 2, "ceilMode": True, "countIncludePad": False}),
            ((1, 11, 12, 7), {"kernelSize": [2, 3], "stride": [3, 1], "padding": [1, 0]}),
            ((2, 16, 16, 32), {"kernelSize": 2, "stride": 2}),
        ]
    ),
    *(
        pool("adaptiveAvgPool2d", *shape, outputSize=size)
        for shape, size in [
            ((1, 7, 7, 3), 1),
            ((2, 7, 5, 4), 3),
            ((1, 13, 13, 5), 6),
            ((2, 8, 8, 8), 4),
            ((1, 10, 7, 10), [3, 5]),
            ((1, 3, 4, 7), [6, 6]),
            ((2, 1, 1, 4), 2),
            ((1, 6, 6, 64), 6),
        ]
    ),
    *(pool("globalAvgPool", *shape) for shape in [(1, 1, 1, 1), (2, 7, 7, 3), (3, 5, 4, 10), (2, 7, 7, 512), (1, 40, 41, 8)]),
]

LRNS = [
    case("lrn", tensor(*shape, scale=scale), **parameters)
    for shape, scale, parameters in [
        ((1, 3, 3, 1), 1, {"size": 1, "alpha": 1.0}),
        ((2, 4, 5, 7), 4, {"size": 3, "alpha": 0.5, "beta": 0.75, "k": 1.0}),
        ((2, 5, 4, 10), 16, {"size": 5, "alpha": 1e-2, "beta": 0.75, "k": 2.0}),
        ((1, 6, 6, 96), 64, {"size": 5, "alpha": 1e-4, "beta": 0.75, "k": 2.0}),
        ((1, 5, 5, 3), 4, {"size": 7, "alpha": 1.0, "beta": 0.5, "k": 1.0}),
        ((1, 4, 4, 9), 4, {"size": 4, "alpha": 1.0, "beta": 0.75, "k": 1.0}),
        ((2, 3, 3, 6), 4, {"size": 2, "alpha": 1.0, "beta": 1.0, "k": 0.5}),
        ((1, 3, 4, 20), 2, {"size": 9, "alpha": 2.0, "beta": 1.25, "k": 1.0}),
    ]
]

EXCITATIONS = [
    case(
        "squeezeExcite",
        tensor(*shape, offset=0.5),
        reduceWeight=tensor(1, 1, shape[3], squeezed),
        reduceBias=tensor(squeezed),
        expandWeight=tensor(1, 1, squeezed, shape[3]),
        expandBias=tensor(shape[3]),
    )
    for shape, squeezed in [
        ((2, 3, 2, 4), 3),
        ((1, 2, 3, 6), 4),
        ((3, 5, 4, 7), 2),
        ((2, 9, 9, 32), 8),
        ((1, 7, 7, 96), 4),
        ((2, 4, 3, 300), 70),
    ]
]

ACTIVATIONS = [
    *(
        case(op, tensor(*shape, scale=8))
        for op in ("relu", "relu6", "silu", "sigmoid")
        for shape in [(1,), (7,), (3, 5), (2, 5, 7, 3), (2, 16, 16, 12)]
    ),
    # the corners: exactly 0 and exactly 6 have no gradient in PyTorch
    case("relu", tensor(4, 9, levels=3, offset=-1)),
    case("relu6", tensor(4, 9, levels=5, offset=-3, scale=3)),
    *(case(op, tensor(3, 11, scale=128)) for op in ("silu", "sigmoid")),
]

BROADCASTS = [
    ((5,), (5,)),
    ((7,), (1,)),
    ((1,), (6,)),
    ((3, 4), (4,)),
    ((3, 4), (3, 1)),
    ((3, 1), (1, 5)),
    ((1, 1), (3, 7)),
    ((2, 3, 5), (5,)),
    ((2, 3, 5), (3, 1)),
    ((2, 1, 5), (1, 3, 1)),
    ((2, 3, 4), (2, 1, 1)),
    ((2, 5, 4, 3), (3,)),
    ((2, 5, 4, 8), (8,)),
    ((2, 5, 4, 8), (2, 1, 1, 8)),
    ((2, 1, 1, 10), (2, 5, 4, 10)),
    ((2, 5, 4, 3), (2, 5, 4, 1)),
    ((1, 5, 1, 3), (2, 1, 4, 1)),
    ((2, 3, 1, 5), (4, 1)),
    ((2, 3, 4, 2, 3), (3,)),
    ((2, 1, 4, 1, 3), (1, 3, 1, 2, 1)),
    ((2, 3, 4, 2, 3), (4, 1, 1)),
    ((3, 17, 19, 5), (3, 17, 19, 5)),
    ((8, 14, 14, 16), (16,)),
]

ELEMENTWISE = [
    case(op, tensor(*a), tensor(*b, **({"offset": 2} if op == "div" else {})))
    for i, (a, b) in enumerate(BROADCASTS)
    for op in (("add", "mul"), ("sub", "div"))[i % 2]
] + [
    case("div", tensor(2, 5, 4, 8), tensor(2, 1, 1, 8, offset=-2)),
    case("sub", tensor(3, 4), tensor(2, 3, 4)),
    case("mul", tensor(), tensor(3, 5)),
    case("add", tensor(3, 5), tensor()),
]


def axis_sets(rank):
    return [list(axes) for count in range(1, rank + 1) for axes in combinations(range(rank), count)]


def reduced(op, shape, axes, keep, **fill):
    parameters = {**({} if axes is None else {"axes": axes}), **({"keepDims": True} if keep else {})}
    return case(op, tensor(*shape, **fill), **parameters)


REDUCTIONS = [
    *(
        reduced(("sum", "mean")[(i + keep) % 2], shape, axes, bool(keep))
        for shape in [(5,), (3, 7), (4, 3, 5), (2, 5, 3, 7), (2, 3, 2, 4, 3)]
        for i, axes in enumerate([None, *axis_sets(len(shape))])
        for keep in (0, 1)
    ),
    reduced("sum", (2, 3, 5), [-1], False),
    reduced("mean", (2, 3, 5), [-3, -1], True),
    reduced("sum", (1, 130, 120, 3), [1, 2], False, offset=1),
    reduced("mean", (40000,), None, False, offset=1),
    reduced("sum", (3, 5000), [1], False),
    reduced("sum", (5000, 3), [0], False),
]

SHAPES = [
    case("reshape", tensor(2, 3, 4), shape=[4, 6]),
    case("reshape", tensor(2, 6, 5, 1), shape=[60]),
    case("flatten", tensor(2, 3, 4, 5), startDim=1),
    case("flatten", tensor(2, 3, 4, 5), startDim=0),
    case("flatten", tensor(2, 3, 4, 5), startDim=2),
    case("pad", tensor(1, 3, 4, 3), padding=[1, 1, 1, 1]),
    case("pad", tensor(2, 4, 3, 5), padding=[0, 1, 0, 1]),
    case("pad", tensor(2, 3, 5, 8), padding=[2, 0, 1, 3]),
    case("concat", tensor(2, 3), tensor(4, 3), axis=0),
    case("concat", tensor(2, 3), tensor(2, 5), tensor(2, 1), axis=1),
    case("concat", tensor(2, 3, 3, 4), tensor(2, 3, 3, 8), axis=3),
    case("concat", tensor(2, 3, 3, 5), tensor(2, 3, 3, 2), axis=3),
    case("concat", tensor(2, 3, 4, 5), tensor(2, 1, 4, 5), axis=1),
    case("slice", tensor(7, 3), ranges=[[0, 4]]),
    case("slice", tensor(9), ranges=[[-4, -1]]),
    case("slice", tensor(1, 1, 12, 8), ranges=[[], [], [0, 8], [0, 4]]),
    case("slice", tensor(5, 5, 1, 6), ranges=[[1, -1], [1, -1], [], [0, 3]]),
    case("slice", tensor(2, 5, 6, 8), ranges=[[1], [0, 4], [2, 5], [4, 8]]),
    case("slice", tensor(2, 3, 4, 5), ranges=[[], [-2]]),
]

SOFTMAXES = [
    *(
        case(op, tensor(*shape, **fill))
        for op in ("softmax", "logSoftmax")
        for shape, fill in [
            ((7,), {"scale": 4}),
            ((3, 1), {}),
            ((1, 2), {"scale": 4}),
            ((5, 10), {"scale": 4}),
            ((2, 3, 5), {"scale": 4}),
            ((2, 3, 2, 6), {"scale": 16}),
            ((3, 1000), {"scale": 8}),
            ((4, 37), {"scale": 100}),
            ((4, 5), {"offset": 1000, "scale": 4}),
            ((4, 5), {"offset": -1000, "scale": 4}),
            ((3, 6), {"levels": 2, "scale": 50}),
        ]
    ),
]


def entropy(n, c, scale=4, labels=None, weight=False, **parameters):
    extra = {"weight": tensor(c, offset=1, scale=0.5, grad=False)} if weight else {}
    labels = labels or tensor(n, levels=c, grad=False)
    return case("crossEntropy", tensor(n, c, scale=scale), labels=labels, **extra, **parameters)


def soft(n, c):
    """Rows of probabilities that sum to one exactly: see `probabilities` in ops.py."""
    return {"shape": [n, c], "grad": False, "probabilities": True}


LOSSES = [
    *(entropy(n, c) for n, c in [(1, 2), (4, 2), (7, 3), (5, 10), (32, 2), (3, 1000), (130, 5)]),
    entropy(4, 6, scale=200),
    entropy(5, 10, labelSmoothing=0.1),
    entropy(3, 1000, labelSmoothing=0.1),
    entropy(6, 4, weight=True),
    entropy(6, 4, weight=True, labelSmoothing=0.25),
    # labels -1 … 3: the -1 are ignored
    entropy(9, 4, labels=tensor(9, levels=5, offset=-1, grad=False), ignoreIndex=-1),
    entropy(9, 4, labels=tensor(9, levels=5, offset=-1, grad=False), ignoreIndex=-1, weight=True, labelSmoothing=0.1),
    # labels -100, 0: PyTorch's default for ignored ones
    entropy(8, 3, labels=tensor(8, levels=2, offset=-100, scale=100, grad=False)),
    # a class may be the ignored one
    entropy(9, 4, ignoreIndex=2, labelSmoothing=0.1),
    *(
        entropy(n, c, labels=soft(n, c), weight=weight, **parameters)
        for n, c, weight, parameters in [
            (1, 2, False, {}),
            (5, 3, False, {}),
            (6, 8, True, {}),
            (6, 8, False, {"labelSmoothing": 0.1}),
            (6, 5, True, {"labelSmoothing": 0.25}),
        ]
    ),
]



def binary_entropy(n, c, scale=4, weight=False, targets=None):
    extra = {"weight": tensor(c, offset=2, scale=1.5, grad=False)} if weight else {}
    targets = targets or tensor(n, c, levels=2, grad=False)
    return case("binaryCrossEntropy", tensor(n, c, scale=scale), targets=targets, **extra)


BINARY_LOSSES = [
    *(binary_entropy(n, c) for n, c in [(1, 1), (4, 3), (5, 8), (33, 14), (3, 1000), (300, 5)]),
    binary_entropy(4, 6, scale=200),
    binary_entropy(6, 4, weight=True),
    binary_entropy(7, 5, weight=True, scale=40),
    # targets between 0 and 1, as smoothed ones are
    binary_entropy(6, 5, targets=tensor(6, 5, offset=0.5, scale=0.5, grad=False)),
    binary_entropy(6, 8, targets=tensor(6, 8, offset=0.5, scale=0.5, grad=False), weight=True),
]

RESIZES = [
    case("resize", tensor(*shape), size=size, interpolation=interpolation)
    for interpolation in ("bilinear", "bicubic")
    for shape, size in [
        ((1, 5, 5, 1), [5, 5]),
        ((2, 7, 5, 3), [4, 3]),
        ((1, 9, 8, 4), [3, 8]),
        ((1, 6, 5, 3), [13, 11]),
        ((2, 5, 6, 5), [10, 12]),
        ((1, 12, 4, 3), [5, 9]),
        ((1, 33, 40, 3), [7, 9]),
        ((1, 1, 1, 4), [3, 2]),
        ((1, 20, 31, 3), [1, 1]),
        ((1, 64, 48, 3), [24, 32]),
    ]
]

CASES = [
    *CONVOLUTIONS,
    *DEPTHWISE,
    *MATMULS,
    *BATCH_NORMS,
    *POOLS,
    *LRNS,
    *EXCITATIONS,
    *ACTIVATIONS,
    *ELEMENTWISE,
    *REDUCTIONS,
    *SHAPES,
    *SOFTMAXES,
    *LOSSES,
    *BINARY_LOSSES,
    *RESIZES,
]

# Pillow's resize of 8-bit pictures: height, width, channels → height, width.
PICTURES = [
    ((12, 16, 3), (6, 8)),
    ((13, 11, 3), (5, 7)),
    ((9, 9, 1), (20, 23)),
    ((17, 5, 4), (8, 9)),
    ((40, 60, 3), (9, 14)),
    ((8, 8, 3), (8, 5)),
    ((8, 8, 3), (5, 8)),
    ((1, 7, 3), (3, 3)),
    ((64, 96, 3), (10, 10)),
]
