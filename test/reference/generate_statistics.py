"""Fixtures for test/search/statistics.test.ts: what SciPy, statsmodels and scikit-learn make of small lists.

Writes test/reference/statistics.json: rank correlations of lists that `pseudo` gives, rounded to `levels` values where there
are to be ties; McNemar's exact test; quantiles of Student's t; ridge regressions and, with alpha 0, least squares with its
95 % intervals.

Run by hand from the repository root, with SciPy 1.17.1, statsmodels 0.15.0, scikit-learn 1.9.1, NumPy 2.4.6:
    python test/reference/generate_statistics.py
"""

import json
import pathlib

import numpy as np
import statsmodels.api as sm
from pseudo import pseudo
from scipy.stats import kendalltau, pearsonr, spearmanr, t
from sklearn.linear_model import Ridge, RidgeCV
from statsmodels.stats.contingency_tables import mcnemar

HERE = pathlib.Path(__file__).parent
# name, values, how much of b is a, levels (0: as many as there are)
LISTS = [("none", 12, 0.0, 0), ("some", 30, 0.6, 0), ("ties", 25, 0.5, 4), ("reverse", 16, -0.9, 0)]
DISCORDANT = [(0, 0), (0, 1), (5, 5), (3, 12), (20, 41), (700, 600), (0, 1200)]
FREEDOM = [5, 8.5, 18, 60, 1000]
ROWS, COLUMNS = 40, 6
ALPHAS = [0.01, 0.1, 1, 10, 100]


def lists(name, count, share, levels):
    a, noise = pseudo(f"statistics/{name}/a", count), pseudo(f"statistics/{name}/b", count)
    b = share * a + (1 - abs(share)) * noise
    if levels:
        a, b = np.floor(a * levels), np.floor(b * levels)
    correlations = [kendalltau(a, b).statistic, spearmanr(a, b).statistic, pearsonr(a, b).statistic]
    return {"name": name, "count": count, "share": share, "levels": levels, "correlations": correlations}


def regressions(noise):
    x = (pseudo("statistics/x", ROWS * COLUMNS) > 0).reshape(ROWS, COLUMNS).astype(float)
    y = 2 + x @ np.arange(1, COLUMNS + 1) * 0.1 + noise * pseudo("statistics/y", ROWS)
    least = sm.OLS(y, sm.add_constant(x)).fit()
    ridge = Ridge(alpha=3).fit(x, y)
    chosen = RidgeCV(alphas=ALPHAS).fit(x, y)
    return {
        "noise": noise,
        "least": {"coefficients": least.params.tolist(), "intervals": least.conf_int()[1:].tolist()},
        "ridge": [ridge.intercept_, *ridge.coef_],
        "chosen": chosen.alpha_,
    }


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.12g}")
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    return [rounded(one) for one in value] if isinstance(value, list) else value


fixture = {
    "lists": [lists(*one) for one in LISTS],
    "mcnemar": [[b, c, mcnemar([[0, b], [c, 0]], exact=True).pvalue] for b, c in DISCORDANT],
    "student": [[freedom, t.ppf(0.975, freedom)] for freedom in FREEDOM],
    "alphas": ALPHAS,
    "regressions": [regressions(noise) for noise in (0.1, 1, 4)],
}
(HERE / "statistics.json").write_text(json.dumps(rounded(json.loads(json.dumps(fixture, default=float)))) + "\n")
