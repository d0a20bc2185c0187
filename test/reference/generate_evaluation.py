"""Fixtures for test/train/evaluation.test.ts: what scikit-learn, statsmodels and SciPy make of small sets of answers.

Writes test/reference/evaluation.json: Wilson's intervals; for sets of logits that `pseudo` gives (a label's own logit is
raised, and all are rounded where scores are to be equal) curves, areas, balanced accuracy, macro F1, expected calibration
error as in Guo et al. (2017) and the temperature with the lowest cross-entropy.

Run by hand from the repository root, with scikit-learn 1.9.1, statsmodels 0.15.0, SciPy 1.17.1, NumPy 2.4.6:
    python test/reference/generate_evaluation.py
"""

import json
import pathlib

import numpy as np
from pseudo import pseudo
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    f1_score,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)
from statsmodels.stats.proportion import proportion_confint

HERE = pathlib.Path(__file__).parent
WILSON = [(0, 1), (1, 1), (0, 10), (10, 10), (1, 10), (49, 50), (98, 100), (500, 1000), (99999, 100000)]
# name, pictures, classes, how far the label's logit is raised, how many levels logits have (0: as many as float32)
SETS = [("two", 60, 2, 0.8, 0), ("ties", 80, 2, 0.8, 4), ("five", 90, 5, 1.0, 0), ("sure", 70, 2, 0.4, 0)]
SCALES = {"sure": 6.0}
BINS = 15


def answers(name, count, classes, raised, levels):
    logits = pseudo(f"evaluation/{name}", count * classes).reshape(count, classes)
    labels = np.floor((pseudo(f"evaluation/{name}/labels", count) + 1) / 2 * classes).astype(int)
    logits[np.arange(count), labels] += raised
    logits *= SCALES.get(name, 1.0)
    if levels:
        logits = np.round(logits * levels) / levels
    return logits.astype(np.float32).astype(np.float64), labels


def ece(logits, labels, temperature=1.0):
    probabilities = softmax(logits / temperature, axis=1)
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    edges = np.linspace(0, 1, BINS + 1)
    total = 0.0
    for low, high in zip(edges[:-1], edges[1:]):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            total += abs(right[inside].mean() - confidence[inside].mean()) * inside.mean()
    return total


def nll(logits, labels, temperature=1.0):
    return -log_softmax(logits / temperature, axis=1)[np.arange(len(labels)), labels].mean()


def case(name, count, classes, raised, levels):
    logits, labels = answers(name, count, classes, raised, levels)
    probabilities, predicted = softmax(logits, axis=1), logits.argmax(1)
    fitted = minimize_scalar(
        lambda beta: nll(logits, labels, 1 / beta), bounds=(0.01, 100), method="bounded", options={"xatol": 1e-12}
    )
    temperature = 1 / fitted.x
    curves = []
    for positive in range(classes) if classes > 2 else [1]:
        scores, of = probabilities[:, positive], labels == positive
        if levels:  # what is equal is to be equal here too
            scores = np.round(scores, 12)
        fpr, tpr, thresholds = roc_curve(of, scores, drop_intermediate=False)
        precision, recall, _ = precision_recall_curve(of, scores)
        curves.append(
            {
                "positive": positive,
                "auc": roc_auc_score(of, scores),
                "averagePrecision": average_precision_score(of, scores),
                "thresholds": thresholds[1:].tolist(),
                "truePositiveRate": tpr[1:].tolist(),
                "falsePositiveRate": fpr[1:].tolist(),
                # Lowest threshold first, with a last point of precision 1; from the highest as the others.
                "precision": precision[:-1][::-1].tolist(),
            }
        )
    return {
        "name": name,
        "count": count,
        "classes": classes,
        "raised": raised,
        "levels": levels,
        "scale": SCALES.get(name, 1.0),
        "balancedAccuracy": balanced_accuracy_score(labels, predicted),
        "macroF1": f1_score(labels, predicted, average="macro"),
        "ece": ece(logits, labels),
        "temperature": temperature,
        "eceAfter": ece(logits, labels, temperature),
        "lossAfter": nll(logits, labels, temperature),
        "curves": curves,
    }


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.10g}")
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    return [rounded(one) for one in value] if isinstance(value, list) else value


fixture = {
    "wilson": [[right, count, *proportion_confint(right, count, method="wilson")] for right, count in WILSON],
    "sets": [case(*one) for one in SETS],
}
(HERE / "evaluation.json").write_text(json.dumps(rounded(json.loads(json.dumps(fixture, default=float)))) + "\n")
