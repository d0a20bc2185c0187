"""Fixtures for test/train/labels.test.ts: what PyTorch and scikit-learn make of answers to pictures of several labels.

Writes test/reference/labels.json. Sets of logits that `pseudo` gives (those of labels that hold are raised; with ties, rounded),
with their targets; one label of a set may be of no picture. Of each: binary cross-entropy, with pos_weight too; average precision,
AUC, precision, recall, F1 and balanced accuracy of each label from its threshold on; macro and micro means; the share of pictures
of which every label is right; and the threshold of the highest F1.

A file of `predict --out FILE.csv` and the list with its labels are held against the figures of `evaluate --json` by

    python test/reference/generate_labels.py FILE.csv labels.csv evaluation.json

which prints the largest differences. Run by hand, with PyTorch 2.14.1, scikit-learn 1.9.1, NumPy 2.4.6.
"""

import csv
import json
import pathlib
import sys

import numpy as np
import torch
from pseudo import pseudo
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    f1_score,
    precision_score,
    recall_score,
    roc_auc_score,
)

HERE = pathlib.Path(__file__).parent
# name, pictures, labels, how far the logits of labels that hold are raised, how many levels logits have (0: as many as float32)
SETS = [("six", 60, 6, 1.0, 0), ("ties", 80, 3, 0.8, 4), ("rare", 40, 5, 2.0, 0), ("far", 30, 4, 1.0, 0)]
SCALES = {"far": 60.0}
EMPTY = {"rare": 2}


def answers(name, count, labels, raised, levels):
    logits = 2 * pseudo(f"labels/{name}", count * labels).reshape(count, labels) - 0.5
    targets = (pseudo(f"labels/{name}/targets", count * labels).reshape(count, labels) > 0.2).astype(int)
    if name in EMPTY:
        targets[:, EMPTY[name]] = 0
    logits = (logits + raised * targets) * SCALES.get(name, 1.0)
    if levels:
        logits = np.round(logits * levels) / levels
    return logits.astype(np.float32).astype(np.float64), targets


def sigmoid(x):
    return torch.sigmoid(torch.from_numpy(x)).numpy()


def cross_entropy(logits, targets, weight=None):
    return torch.nn.functional.binary_cross_entropy_with_logits(
        torch.from_numpy(logits),
        torch.from_numpy(targets.astype(float)),
        pos_weight=None if weight is None else torch.tensor(weight, dtype=torch.float64),
    ).item()


def best_f1(scores, truth):
    return max(f1_score(truth, scores >= threshold, zero_division=0) for threshold in np.unique(scores))


def figures(logits, targets, thresholds):
    scores = sigmoid(logits)
    called = (scores >= thresholds).astype(int)
    labels = range(targets.shape[1])
    both = [c for c in labels if 0 < targets[:, c].sum() < len(targets)]
    met = [c for c in labels if targets[:, c].sum() + called[:, c].sum() > 0]

    def each(of, present, values=called):
        return [float(of(targets[:, c], values[:, c])) if c in present else None for c in labels]

    ap, auc = each(average_precision_score, both, scores), each(roc_auc_score, both, scores)
    f1, balanced = each(f1_score, met), each(balanced_accuracy_score, both)
    mean = lambda values: float(np.mean([value for value in values if value is not None]))  # noqa: E731
    return {
        "loss": cross_entropy(logits, targets),
        "averagePrecision": ap,
        "auc": auc,
        "precision": each(precision_score, [c for c in labels if called[:, c].any()]),
        "recall": each(recall_score, [c for c in labels if targets[:, c].any()]),
        "f1": f1,
        "map": mean(ap),
        "macroAuc": mean(auc),
        "macroF1": mean(f1),
        "microF1": float(f1_score(targets, called, average="micro")),
        "balancedAccuracy": mean(balanced),
        "accuracy": float((called == targets).all(1).mean()),
        "bestF1": [float(best_f1(scores[:, c], targets[:, c])) if c in both else None for c in labels],
    }


def case(name, count, labels, raised, levels):
    logits, targets = answers(name, count, labels, raised, levels)
    thresholds = [round(0.4 + 0.05 * c, 2) for c in range(labels)]
    weight = [1 + c / 2 for c in range(labels)]
    return {
        "name": name,
        "classes": labels,
        "logits": logits.ravel().tolist(),
        "targets": targets.ravel().tolist(),
        "thresholds": thresholds,
        "posWeight": weight,
        "weightedLoss": cross_entropy(logits, targets, weight),
        **figures(logits, targets, thresholds),
    }


def compare(answers_file, list_file, evaluation_file):
    with open(list_file) as file:
        labelled = {pathlib.Path(row["file"]).name: row["labels"].split("|") for row in csv.DictReader(file)}
    with open(answers_file) as file:
        rows = list(csv.DictReader(file))
    names = [column[6:-1] for column in rows[0] if column.startswith("logit(")]
    logits = np.array([[float(row[f"logit({name})"]) for name in names] for row in rows])
    probabilities = np.array([[float(row[f"p({name})"]) for name in names] for row in rows])
    targets = np.array([[int(name in labelled[pathlib.Path(row["file"]).name]) for name in names] for row in rows])
    ours = json.load(open(evaluation_file))
    thresholds = [label["threshold"] for label in ours["labels"]]
    theirs = figures(logits, targets, thresholds)
    called = ["|".join(n for n, p, t in zip(names, row, thresholds) if p >= t) for row in sigmoid(logits)]
    print(f"{len(rows)} pictures, {len(names)} labels; {sum(c != r['called'] for c, r in zip(called, rows))} are called otherwise")
    print(f"probability         {np.abs(sigmoid(logits) - probabilities).max():.1e}")
    for key in ("averagePrecision", "auc", "precision", "recall", "f1"):
        print(f"{key:20}{max(abs(a - b[key]) for a, b in zip(theirs[key], ours['labels'])):.1e}")
    for key, own in (("loss", "loss"), ("map", "map"), ("macroAuc", "auc"), ("macroF1", "macroF1"), ("microF1", "microF1"), ("balancedAccuracy", "balancedAccuracy"), ("accuracy", "accuracy")):
        print(f"{own:20}{abs(theirs[key] - ours[own]):.1e}")
    print(json.dumps({key: theirs[key] for key in ("loss", "map", "macroAuc", "macroF1", "microF1", "accuracy")}))


if len(sys.argv) > 1:
    compare(*sys.argv[1:])
else:
    (HERE / "labels.json").write_text(
        json.dumps({"sets": [case(*row) for row in SETS]}, separators=(",", ":")) + "\n"
    )
