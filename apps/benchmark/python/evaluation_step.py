"""One contender of the suite `evaluation`: the same figures in scikit-learn or numpy.

usage: evaluation_step.py TASK LIBRARY SCORES LABELS
TASK: tar-at-far (of 1e-6 to 1e-1) or ten-fold. LIBRARY: scikit-learn (roc_curve; KFold) or numpy (a sort; for ten-fold a
grid of 400 thresholds, as InsightFace has it). SCORES: float32. LABELS: uint8, 1 for one person.
"""
import sys
import time

import numpy
import sklearn
from sklearn.metrics import roc_curve
from sklearn.model_selection import KFold

from contender import peak, reset_peak, serve

FARS = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1]


def tar_by_curve(scores, labels):
    far, tar, _ = roc_curve(labels, scores)
    return [tar[numpy.searchsorted(far, target, side="right") - 1] for target in FARS]


def tar_by_sort(scores, labels):
    strangers = numpy.sort(scores[labels == 0])
    same = numpy.sort(scores[labels == 1])
    limits = [strangers[len(strangers) - 1 - int(target * len(strangers))] for target in FARS]
    return [1 - numpy.searchsorted(same, limit, side="right") / len(same) for limit in limits]


def ten_fold(thresholds_of):
    def run(scores, labels):
        accuracies = []
        same = labels == 1
        for train, test in KFold(n_splits=10, shuffle=False).split(scores):
            thresholds = thresholds_of(scores[train])
            hits = [numpy.mean((scores[train] >= threshold) == same[train]) for threshold in thresholds]
            best = thresholds[int(numpy.argmax(hits))]
            accuracies.append(numpy.mean((scores[test] >= best) == same[test]))
        return [numpy.mean(accuracies)]

    return run


def ten_fold_by_curve(scores, labels):
    accuracies = []
    same = labels == 1
    for train, test in KFold(n_splits=10, shuffle=False).split(scores):
        far, tar, thresholds = roc_curve(labels[train], scores[train], drop_intermediate=False)
        positives = same[train].sum()
        hits = tar * positives + (1 - far) * (len(train) - positives)
        accuracies.append(numpy.mean((scores[test] >= thresholds[int(numpy.argmax(hits))]) == same[test]))
    return [numpy.mean(accuracies)]


def main():
    task, library = sys.argv[1:3]
    scores = numpy.fromfile(sys.argv[3], numpy.float32)
    labels = numpy.fromfile(sys.argv[4], numpy.uint8)
    grid = numpy.linspace(scores.min(), scores.max(), 400)
    run = {
        "tar-at-far": {"scikit-learn": tar_by_curve, "numpy": tar_by_sort},
        "ten-fold": {"scikit-learn": ten_fold_by_curve, "numpy": ten_fold(lambda _: grid)},
    }[task][library]
    repeats = 1 if task == "tar-at-far" else 10
    found = []

    def step():
        nonlocal found
        begun = time.perf_counter()
        for _ in range(repeats):
            found = run(scores, labels)
        return 1000 * (time.perf_counter() - begun) / repeats

    before = reset_peak()
    step()

    def figures():
        names = ["tarAt1e-6", "tarAt1e-4", "tarAt1e-2"] if len(found) > 1 else ["accuracy"]
        return {"peakMiB": (peak() - before) / 2**20, **dict(zip(names, found[::2]))}

    about = {"engine": library, "version": {"numpy": numpy, "scikit-learn": sklearn}[library].__version__, "threads": 1}
    serve({**about, "precision": "float32"}, step, figures)


main()
