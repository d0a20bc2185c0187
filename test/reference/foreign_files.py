"""Writes what other libraries pickle whole, as test/weights reads it, into test/reference/weights.

Run by hand, from the root of the repository, with torch 2.14.1 (nothing of fastai or Ultralytics is needed: their classes
are named, and stand for any):

    python test/reference/foreign_files.py

    learner.pkl             fastai's learn.export(): a Learner, pickled by torch.save
    whole-model-inside.pth  Ultralytics' best.pt: a dictionary with a network under 'model', pickled with its class
    fastai.pth              fastai's learn.save(): {'model': state_dict, 'opt': …}, with lists of a class of fastcore
    lightning.ckpt          Lightning's checkpoint: state_dict under a prefix, hyperparameters of a class, loops, callbacks
"""

import pathlib
import sys
import types
from collections import OrderedDict

import torch

OUT = pathlib.Path(__file__).parent / "weights"


def stands_for(path, base=object):
    """A class that pickles under the name of another library's."""
    module, name = path.rsplit(".", 1)
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        sys.modules.setdefault(".".join(parts[:end]), types.ModuleType(".".join(parts[:end])))
    made = type(name, (base,), {"__module__": module})
    setattr(sys.modules[module], name, made)
    return made


def net():
    torch.manual_seed(7)
    return torch.nn.Sequential(torch.nn.Conv2d(3, 2, 1), torch.nn.BatchNorm2d(2))


def with_attributes(made, **attributes):
    made.__dict__.update(attributes)
    return made


def fastai(state):
    """fastai/learner.py save_model, fastai/optimizer.py state_dict: L is fastcore's list."""
    L = stands_for("fastcore.foundation.L")
    hypers = with_attributes(L(), items=[{"wd": 0.01, "lr": 1e-3, "mom": 0.9}])
    moments = [{"step": 1, "grad_avg": torch.zeros(2), "sqr_avg": torch.zeros(2)}, {}]
    return {"model": state, "opt": {"state": moments, "hypers": hypers}}


def lightning(state):
    """lightning/pytorch/trainer/connectors/checkpoint_connector.py dump_checkpoint, 2.5."""
    hyper = stands_for("lightning.fabric.utilities.data.AttributeDict", dict)(lr=1e-3, backbone="resnet18")
    progress = {"total": {"ready": 2, "completed": 2}, "current": {"ready": 2, "completed": 2}}
    return {
        "epoch": 1,
        "global_step": 20,
        "pytorch-lightning_version": "2.5.5",
        "state_dict": OrderedDict(
            [(f"model.{name}", tensor) for name, tensor in state.items()] + [("criterion.weight", torch.ones(3))]
        ),
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": progress}},
        "callbacks": {"ModelCheckpoint{'monitor': 'val_loss'}": {"best_model_score": torch.tensor(0.5), "best_k_models": {}}},
        "optimizer_states": [{"state": {0: {"step": torch.tensor(20.0), "exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 1e-3}]}],
        "lr_schedulers": [],
        "MixedPrecision": None,
        "hparams_name": "kwargs",
        "hyper_parameters": hyper,
    }


def main():
    state = net().state_dict()
    learner = with_attributes(stands_for("fastai.learner.Learner")(), model=net(), opt=None)
    yolo = stands_for("ultralytics.nn.tasks.ClassificationModel", torch.nn.Module)()
    yolo.conv = torch.nn.Conv2d(3, 2, 1)
    files = {
        "learner.pkl": learner,
        "whole-model-inside.pth": {"epoch": -1, "best_fitness": None, "model": yolo, "ema": None, "train_args": {"imgsz": 224}},
        "fastai.pth": fastai(state),
        "lightning.ckpt": lightning(state),
    }
    for name, value in files.items():
        torch.save(value, OUT / name)


if __name__ == "__main__":
    main()
