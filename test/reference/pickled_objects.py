"""Writes test/reference/pickled_objects.json: pickles of what training scripts save beside weights.

Run by hand, from the root of the repository, with numpy 2.4.6:

    python test/reference/pickled_objects.py

Each is the pickle of {"before": 1, "object": OBJECT, "after": 2} in one protocol, in hexadecimal digits: a reader that
skips OBJECT without running anything finds the other two.
"""

import argparse
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import json
import pathlib
import pickle
import random
import types
import uuid

import numpy as np


class Mode(enum.Enum):
    NEAREST = "nearest"


class Flags(enum.IntFlag):
    A = 1
    B = 2


class Slotted:
    __slots__ = ("lr",)

    def __init__(self):
        self.lr = 0.1


class Keyed(tuple):
    """Made again with named arguments (NEWOBJ_EX)."""

    def __new__(cls, *, lr):
        return super().__new__(cls, (lr,))

    def __getnewargs_ex__(self):
        return (), {"lr": self[0]}


class Attributes(dict):
    """A dictionary with attributes, as Lightning's and EasyDict's."""


class Listed(list):
    pass


@dataclasses.dataclass
class Config:
    lr: float = 0.1
    size: tuple = (224, 224)


Point = collections.namedtuple("Point", "x y")


class Schedule:
    def rate(self, step):
        return 0.1


def nested(depth):
    config = Config()
    for _ in range(depth):
        config = argparse.Namespace(inner=[config])
    return config


random.seed(1)
OBJECTS = {
    "argparse.Namespace": argparse.Namespace(lr=0.1, data=pathlib.PurePosixPath("/data"), sizes=[1, 2]),
    "numpy float64": np.float64(69.7),
    "numpy float32": np.float32(0.5),
    "numpy int64": np.int64(3),
    "numpy bool": np.bool_(True),
    "numpy array": np.arange(12, dtype=np.float32).reshape(3, 4),
    "numpy array of objects": np.array([None, "a"], dtype=object),
    "numpy dtype": np.dtype("float32"),
    "numpy random state": np.random.RandomState(1).get_state(),
    "numpy generator state": np.random.default_rng(1).bit_generator.state,
    "python random state": random.getstate(),
    "date and time": datetime.datetime(2026, 11, 26, 14, 0, tzinfo=datetime.timezone.utc),
    "duration": datetime.timedelta(hours=1),
    "enum": Mode.NEAREST,
    "flags": Flags.A | Flags.B,
    "path": pathlib.PurePosixPath("runs/1"),
    "windows path": pathlib.PureWindowsPath("C:/runs"),
    "deque": collections.deque([1, 2], maxlen=3),
    "ordered dictionary": collections.OrderedDict(a=1),
    "counter": collections.Counter("hello"),
    "default dictionary": collections.defaultdict(list, {"loss": [0.1]}),
    "set": {1, 2, 3},
    "empty set": set(),
    "frozen set": frozenset({"a"}),
    "complex": 1 + 2j,
    "range": range(10),
    "slice": slice(1, 2),
    "bytes": b"\x00\xff",
    "byte array": bytearray(b"\x00\xff"),
    "decimal": decimal.Decimal("0.1"),
    "fraction": fractions.Fraction(1, 3),
    "uuid": uuid.UUID(int=5),
    "simple namespace": types.SimpleNamespace(lr=0.1),
    "named tuple": Point(1, 2),
    "dataclass": Config(),
    "slots": Slotted(),
    "named arguments": Keyed(lr=0.1),
    "dictionary of a class": Attributes(lr=0.1, steps=[1]),
    "list of a class": Listed([1, 2]),
    "partial function": functools.partial(max, 1),
    "function": functools.reduce,
    "class": Config,
    "bound method": Schedule().rate,
    "error": ValueError("no"),
    "large number": 2**300,
    "nested": nested(50),
    "the same twice": [Mode.NEAREST, Mode.NEAREST],
}


def main():
    rows = []
    for label, value in OBJECTS.items():
        for protocol in (0, 2) if "state" in label else range(6):
            try:
                written = pickle.dumps({"before": 1, "object": value, "after": 2}, protocol)
            except (TypeError, pickle.PicklingError):
                continue  # slots and named arguments need protocol 2
            rows.append({"label": label, "protocol": protocol, "hex": written.hex()})
    path = pathlib.Path(__file__).parent / "pickled_objects.json"
    path.write_text("[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]\n")


if __name__ == "__main__":
    main()
