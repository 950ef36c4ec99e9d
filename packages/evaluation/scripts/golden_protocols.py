"""Writes fixtures/protocols.json: what the references' own arithmetic gives, for the tests to compare ours with.

    python -m venv VENV && VENV/bin/pip install numpy scikit-learn==1.9.1 torch pytorch-metric-learning==2.9.0
    VENV/bin/python scripts/golden_protocols.py

Each function follows the arithmetic of the file it names, step by step, in NumPy or scikit-learn; none is fast.
"""

import heapq
import json
import math
import pathlib

import numpy as np
import sklearn
from sklearn.calibration import _SigmoidCalibration, calibration_curve
from sklearn.metrics import brier_score_loss, roc_curve
from sklearn.model_selection import KFold
from sklearn.preprocessing import normalize

rng = np.random.default_rng(6)


# ---- verification -------------------------------------------------------------------------------------------------


def folds_of(count, folds):
    return list(KFold(n_splits=folds, shuffle=False).split(np.arange(count)))


def insightface(scores, labels, folds):
    """recognition/arcface_torch/eval/verification.py, calculate_roc and calculate_accuracy."""
    distances = 2 - 2 * scores
    grid = np.arange(0, 4, 0.01)
    accuracies = []
    for train, test in folds_of(len(scores), folds):

        def accuracy(threshold, part):
            same = np.less(distances[part], threshold)
            hits = np.sum(np.logical_and(same, labels[part])) + np.sum(np.logical_and(~same, ~labels[part]))
            return float(hits) / len(part)

        best = np.argmax([accuracy(t, train) for t in grid])
        accuracies.append(accuracy(grid[best], test))
    return accuracies


def facex_zoo(scores, labels, folds):
    """test_protocol/lfw/lfw_evaluator.py, getThreshold and test_one_model, without its rounding to float32."""
    accuracies = []
    for train, test in folds_of(len(scores), folds):
        positive, negative = scores[train][labels[train]], scores[train][~labels[train]]
        low, high = scores[train].min(), scores[train].max()
        thresholds = low + (high - low) / 1000 * np.arange(1, 1001)
        fpr = np.array([np.sum(negative > t) / negative.size for t in thresholds])
        tpr = np.array([np.sum(positive > t) / positive.size for t in thresholds])
        best = thresholds[np.argmax(tpr - fpr)]
        hits = np.sum(scores[test][labels[test]] > best) + np.sum(scores[test][~labels[test]] < best)
        accuracies.append(hits / len(test))
    return accuracies


def scikit_learn(scores, labels, folds):
    accuracies = []
    for train, test in folds_of(len(scores), folds):
        fpr, tpr, thresholds = roc_curve(labels[train], scores[train])
        best = thresholds[np.argmax(tpr - fpr)]
        accuracies.append(np.mean((scores[test] >= best) == labels[test]))
    return accuracies


def verification_case(name, scores, labels, folds=10):
    scores, labels = np.asarray(scores, float), np.asarray(labels, bool)
    expected = {}
    for tool, run in (("insightface", insightface), ("facex-zoo", facex_zoo), ("scikit-learn", scikit_learn)):
        accuracies = run(scores, labels, folds)
        expected[tool] = {
            "accuracies": [float(a) for a in accuracies],
            "mean": float(np.mean(accuracies)),
            "standardDeviation": float(np.std(accuracies)),
            "standardError": float(np.std(accuracies, ddof=1) / np.sqrt(folds)),
        }
    return {"name": name, "scores": scores.tolist(), "labels": labels.astype(int).tolist(), "folds": folds, "expected": expected}


def pairs(count, share, gap, digits):
    labels = rng.random(count) < share
    return np.round(np.clip(rng.normal(0, 0.2, count) + gap * labels, -1, 1), digits), labels


alternating = np.arange(200) % 2 == 0
one_in_many = np.arange(2000) == 999
verification = [
    verification_case("random scores", *pairs(600, 0.5, 0.4, 6)),
    verification_case("one in five the same", *pairs(500, 0.2, 0.4, 6)),
    # Eighths and their distances are exact in binary: ties with a threshold are ties for everybody.
    verification_case("ties", np.round(8 * pairs(400, 0.5, 0.4, 6)[0]) / 8, rng.random(400) < 0.5),
    verification_case("no signal", *pairs(300, 0.5, 0.0, 6)),
    verification_case("upside down", *pairs(300, 0.5, -0.4, 6)),
    verification_case("all equal", np.full(200, 0.25), alternating),
    verification_case("perfect", np.where(alternating, 0.75, 0.125), alternating),
    verification_case("uneven folds", *pairs(307, 0.5, 0.3, 6), folds=7),
]

# ---- IJB 1:1 ------------------------------------------------------------------------------------------------------


def templates_of(embeddings, templates, media):
    """recognition/_evaluation_/ijb/ijb_11.py, image2template_feature."""
    ids = np.unique(templates)
    features = np.zeros((len(ids), embeddings.shape[1]))
    for row, template in enumerate(ids):
        (members,) = np.where(templates == template)
        parts = []
        for one, count in zip(*np.unique(media[members], return_counts=True)):
            (inside,) = np.where(media[members] == one)
            block = embeddings[members][inside]
            parts += [block] if count == 1 else [np.mean(block, axis=0, keepdims=True)]
        features[row] = np.sum(np.concatenate(parts), axis=0)
    return ids, normalize(features)


images, width = 60, 8
embeddings = rng.normal(0, 1, (images, width)).astype(np.float32)
mirrored = (embeddings + rng.normal(0, 0.2, (images, width))).astype(np.float32)
detector = rng.uniform(0.5, 1, images)
tids = rng.integers(3, 15, images) * 7
mids = rng.integers(0, 4, images)
ijb = {
    "width": width,
    "embeddings": embeddings.ravel().tolist(),
    "mirrored": mirrored.ravel().tolist(),
    "detector": detector.tolist(),
    "templates": tids.tolist(),
    "media": mids.tolist(),
    "cases": [],
}
for flip in (False, True):
    for norm in ("kept", "unit"):
        for det in (False, True):
            values = embeddings.astype(np.float64) + (mirrored if flip else 0)
            if norm == "unit":
                values = values / np.sqrt(np.sum(values**2, -1, keepdims=True))
            if det:
                values = values * detector[:, None]
            ids, features = templates_of(values, tids, mids)
            ijb["cases"].append({"flip": flip, "norm": norm, "detector": det, "ids": ids.tolist(), "features": features.ravel().tolist()})

# ---- 1:N ----------------------------------------------------------------------------------------------------------


def evaluation_1n(queries, gallery, query_ids, gallery_ids, fars):
    """ijb_evals.py, evaluation_1N, of one gallery."""
    similarity = np.dot(queries, gallery.T)
    top = {1: 0, 5: 0, 10: 0}
    own, others, strangers = [], [], []
    for index, query in enumerate(query_ids):
        if query in gallery_ids:
            place = np.argwhere(gallery_ids == query)[0, 0]
            order = np.argsort(similarity[index])[::-1]
            for k in top:
                top[k] += int(place in order[:k])
            own.append(similarity[index][gallery_ids == query][0])
            others.append(similarity[index][gallery_ids != query])
        else:
            strangers.append(similarity[index])
    own, others, strangers = np.array(own), np.array(others), np.array(strangers)
    first = own > others.max(1)
    best = np.sort(strangers.max(1))[::-1]
    recalls, thresholds = [], []
    for far in fars:
        threshold = best[max(int(best.shape[0] * far) - 1, 0)]
        recalls.append(np.sum(np.logical_and(first, own > threshold)) / own.shape[0])
        thresholds.append(threshold)
    return top, len(own), recalls, thresholds


def ijb_1n(queries, gallery, mask, fars):
    """recognition/_evaluation_/ijb/ijb_1n.py, evaluation."""
    similarity = np.dot(queries, gallery.T)
    order = np.argsort(-similarity)
    tops = {k: np.mean([mask[i] in order[i, :k] for i in range(len(queries))]) for k in (1, 5, 10)}
    wanted = [math.ceil(len(queries) * far) for far in fars]
    own = []
    for i in range(len(queries)):
        own.append(similarity[i, mask[i]])
        similarity[i, mask[i]] = -2.0
    own = np.array(own)
    others = heapq.nlargest(max(wanted), similarity[np.where(similarity > -2.0)])
    thresholds = [others[k - 1] for k in wanted]
    return tops, [np.sum(own > t) / len(queries) for t in thresholds], thresholds


people, width = 40, 6
centres = normalize(rng.normal(0, 1, (people, width)))
queries_ids = rng.integers(0, people, 300)
queries = normalize(centres[queries_ids] + rng.normal(0, 0.35, (300, width))).astype(np.float32)
gallery = normalize(centres + rng.normal(0, 0.2, (people, width))).astype(np.float32)
fars = [0.01, 0.05, 0.1]
halves = [np.arange(0, 22), np.arange(22, people)]
separate = [evaluation_1n(queries, gallery[h], queries_ids, h, fars) for h in halves]
mated = sum(count for _, count, _, _ in separate)
merged = ijb_1n(queries, gallery, queries_ids, fars)
identification = {
    "width": width,
    "probes": queries.ravel().tolist(),
    "probeSubjects": queries_ids.tolist(),
    "gallery": gallery.ravel().tolist(),
    "split": 22,
    "fpirs": fars,
    "separate": {
        "ranks": {str(k): sum(top[k] for top, _, _, _ in separate) / mated for k in (1, 5, 10)},
        "tpir": np.mean([recalls for _, _, recalls, _ in separate], axis=0).tolist(),
        "thresholds": [[float(t) for t in thresholds] for _, _, _, thresholds in separate],
        "mated": mated,
    },
    "merged": {
        "ranks": {str(k): float(v) for k, v in merged[0].items()},
        "tpir": [float(r) for r in merged[1]],
        "thresholds": [float(t) for t in merged[2]],
    },
}

# ---- MegaFace -----------------------------------------------------------------------------------------------------

people_of = np.repeat(np.arange(12), rng.integers(1, 7, 12))
faces = np.round(4 * normalize(centres[people_of] + rng.normal(0, 0.5, (len(people_of), width)))) / 4
strangers = np.round(4 * normalize(rng.normal(0, 1, (150, width)))) / 4
noisy_faces, noisy_strangers = [3, 9], [0, 17, 149]


def rank_rates(strict, ranks, noise):
    """FFC rank1_megaface.py (>) and FaceX-Zoo test_protocol/megaface (>=)."""
    faces_left = [i for i in range(len(faces)) if not noise or i not in noisy_faces]
    crowd = np.delete(strangers, noisy_strangers, 0) if noise else strangers
    hits, trials = {k: 0 for k in ranks}, 0
    for i in faces_left:
        best = np.sort(crowd @ faces[i])[::-1]
        for j in faces_left:
            if i == j or people_of[i] != people_of[j]:
                continue
            trials += 1
            score = faces[i] @ faces[j]
            for k in ranks:
                hits[k] += int(score > best[k - 1] or (not strict and score == best[k - 1]))
    return {"trials": trials, "rates": {str(k): hits[k] / trials for k in ranks}}


megaface = {
    "width": width,
    "faces": faces.ravel().tolist(),
    "people": people_of.tolist(),
    "distractors": strangers.ravel().tolist(),
    "noisyProbes": noisy_faces,
    "noisyDistractors": noisy_strangers,
    "distractor": rank_rates(True, (1, 10), False),
    "mate": rank_rates(False, (1, 10), False),
    "clean": rank_rates(True, (1, 10), True),
}

# ---- retrieval ----------------------------------------------------------------------------------------------------


def retrieval_case():
    import torch
    from pytorch_metric_learning.distances import CosineSimilarity
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
    from pytorch_metric_learning.utils.inference import CustomKNN

    labels = rng.integers(0, 25, 200)
    labels[:2] = [100, 101]
    vectors = normalize(centres[labels % 25] + rng.normal(0, 0.5, (200, width))).astype(np.float32)
    calculator = AccuracyCalculator(
        include=("precision_at_1", "r_precision", "mean_average_precision_at_r"),
        k="max_bin_count",
        knn_func=CustomKNN(CosineSimilarity()),
        device=torch.device("cpu"),
    )
    found = calculator.get_accuracy(torch.tensor(vectors), torch.tensor(labels))
    similarity = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    np.fill_diagonal(similarity, -9)
    order = np.argsort(-similarity)
    used = [i for i in range(200) if np.sum(labels == labels[i]) > 1]
    recall = {k: np.mean([np.any(labels[order[i, :k]] == labels[i]) for i in used]) for k in (1, 5, 10)}
    return {
        "width": width,
        "features": vectors.ravel().tolist(),
        "people": labels.tolist(),
        "queries": len(used),
        "precisionAt1": float(found["precision_at_1"]),
        "rPrecision": float(found["r_precision"]),
        "mapAtR": float(found["mean_average_precision_at_r"]),
        "recall": {str(k): float(v) for k, v in recall.items()},
    }


# ---- calibration --------------------------------------------------------------------------------------------------


def calibration_case(name, scores, labels):
    fit = _SigmoidCalibration().fit(scores, labels.astype(int))
    probabilities = fit.predict(scores)
    true, predicted = calibration_curve(labels.astype(int), probabilities, n_bins=10)
    return {
        "name": name,
        "scores": scores.tolist(),
        "labels": labels.astype(int).tolist(),
        "slope": -float(fit.a_),
        "intercept": -float(fit.b_),
        "probabilities": probabilities.tolist(),
        "reliability": {"share": true.tolist(), "probability": predicted.tolist()},
        "brier": float(brier_score_loss(labels.astype(int), probabilities)),
    }


calibration = [
    calibration_case("overlapping", *pairs(500, 0.5, 0.3, 6)),
    calibration_case("one in ten the same", *pairs(500, 0.1, 0.3, 6)),
    calibration_case("separated", np.linspace(-0.5, 0.9, 60), np.linspace(-0.5, 0.9, 60) > 0.3),
]

path = pathlib.Path(__file__).parent.parent / "fixtures" / "protocols.json"
path.write_text(
    json.dumps(
        {
            "sklearn": sklearn.__version__,
            "numpy": np.__version__,
            "verification": verification,
            "ijb": ijb,
            "identification": identification,
            "megaface": megaface,
            "retrieval": retrieval_case(),
            "calibration": calibration,
        }
    )
    + "\n"
)
print(path, path.stat().st_size)
