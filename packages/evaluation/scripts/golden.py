"""Writes fixtures/scikit-learn.json: curves that the tests compare ours with.

    python -m venv VENV && VENV/bin/pip install scikit-learn==1.9.1 && VENV/bin/python scripts/golden.py
"""

import json
import pathlib

import numpy as np
import sklearn
from sklearn.metrics import roc_auc_score, roc_curve

rng = np.random.default_rng(20)


def case(name, scores, labels):
    far, tar, thresholds = roc_curve(labels, scores, drop_intermediate=False)
    # The first threshold is infinite, which JSON cannot say.
    return {
        "name": name,
        "scores": [float(s) for s in scores],
        "labels": [int(l) for l in labels],
        "thresholds": [float(t) for t in thresholds[1:]],
        "far": [float(f) for f in far],
        "tar": [float(t) for t in tar],
        "auc": float(roc_auc_score(labels, scores)),
    }


def normal(count, share, gap, digits):
    labels = (rng.random(count) < share).astype(int)
    return np.round(np.clip(rng.normal(0, 0.2, count) + gap * labels, -1, 1), digits), labels


cases = [
    case("continuous scores", *normal(300, 0.5, 0.4, 6)),
    case("many ties", *normal(300, 0.5, 0.3, 1)),
    case("one in ten is the same", *normal(400, 0.1, 0.5, 4)),
    case("no signal", *normal(200, 0.5, 0.0, 3)),
    case("upside down", *normal(200, 0.5, -0.3, 3)),
    case("all equal", np.full(10, 0.25), np.array([1, 0] * 5)),
    case("perfect", np.array([0.9, 0.8, 0.1, 0.0]), np.array([1, 1, 0, 0])),
]
path = pathlib.Path(__file__).parent.parent / "fixtures" / "scikit-learn.json"
path.write_text(json.dumps({"sklearn": sklearn.__version__, "cases": cases}, indent=None) + "\n")
