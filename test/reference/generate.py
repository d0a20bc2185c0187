"""Writes the fixtures of this folder from PyTorch, torchvision and Pillow. Run by hand, from any folder:

    pip install torch==2.14.1 torchvision==0.29.1 pillow==13.0.0 numpy==2.4.6
    python test/reference/generate.py                # everything, a few minutes
    python test/reference/generate.py ops            # ops.json only
    python test/reference/generate.py resnet18 …     # these models only

The tests read the JSON files and need no Python. Inputs and weights are not stored: both sides compute them
from the formula in src/verify/pseudo.ts.
"""

import sys
from importlib.metadata import version
from pathlib import Path

sys.dont_write_bytecode = True

import models  # noqa: E402
import ops  # noqa: E402

PINNED = {"torch": "2.14.1", "torchvision": "0.29.1", "pillow": "13.0.0", "numpy": "2.4.6"}


def main(names: list[str]) -> None:
    for package, pinned in PINNED.items():
        if not version(package).startswith(pinned):
            print(f"note: {package} is {version(package)}; the fixtures were made with {pinned}", file=sys.stderr)
    folder = Path(__file__).parent
    if not names or "ops" in names:
        ops.generate(folder)
    chosen = set(names) - {"ops"}
    unknown = chosen - set(models.MODELS)
    if unknown:
        raise SystemExit(f"no model called {', '.join(sorted(unknown))}; there are {', '.join(models.MODELS)}")
    if not names or chosen:
        models.generate(folder, chosen or None)


main(sys.argv[1:])
