"""Writes fixtures/reference.json: values and gradients of every loss by PyTorch's autograd in float64.

    python -m venv venv && venv/bin/pip install torch pytorch-metric-learning
    venv/bin/python scripts/reference.py

Each loss is written here once more from its paper: one sample at a time, in the plainest terms, with Python's `if` where
a formula has cases. Where PyTorch or pytorch-metric-learning has the loss, its values and gradients are compared with
those at every input that it can express, and the script stops when they disagree; `peers` in the file says which.

Public implementations that differ from the papers, or from what is done here, are written as variants of the same.

A gradient of null has no bound or no value there by the formula, such as that of an angle at a cosine of 1.
"""

import json
import math
import pathlib
import platform

import pytorch_metric_learning as pml
import torch
from pytorch_metric_learning import distances, losses as peers, miners, reducers
from torch.nn.functional import binary_cross_entropy_with_logits, cosine_embedding_loss, cross_entropy

torch.set_default_dtype(torch.float64)
PI = math.pi
DIGITS = 8


# ---- formulas -------------------------------------------------------------------------------------------------------


def others(values, y):
    return [v for j, v in enumerate(values) if j != y]


def softmax(target, negatives):
    """-log of the target's share."""
    return torch.logsumexp(torch.stack([target, *negatives]), 0) - target


def softplus(x):
    """log(1 + exp(x)), also where exp(x) has no number."""
    return torch.logaddexp(x, torch.zeros(()))


def arc(c, m):
    """cos(t + m); beyond t = pi - m, what falls on in its place."""
    if c > math.cos(PI - float(torch.as_tensor(m).detach())):
        return torch.cos(torch.acos(c) + m)
    return c - m * math.sin(PI - m) if isinstance(m, float) else c - m * torch.sin(PI - m)


def psi(phi):
    """SphereFace's: cos(phi) on [0, pi], then on and on downwards."""
    k = math.floor(phi.item() / PI)
    return (-1) ** k * torch.cos(phi) - 2 * k


class Loss:
    """Losses of a batch, one sample at a time. Subclasses define `one`; some look at the batch first."""

    defaults = {}

    def __init__(self, **options):
        self.o = {**self.defaults, **options}

    def batch(self, c, targets, norms):
        pass

    def __call__(self, c, targets, norms, draws):
        self.batch(c, targets, norms)
        rows = []
        for i, y in enumerate(targets):
            # Like the ignore_index of PyTorch's cross-entropy.
            rows.append(0 * c[i, 0] + (self.one(c[i], y, norms[i], i, draws[i]) if y >= 0 else 0))
        return torch.stack(rows)


class Softmax(Loss):
    """Softmax on s * target(c_y) and s * negative(c_j)."""

    def one(self, c, y, norm, i, draw):
        self.norm, self.i, self.draw = norm, i, draw
        target = self.target(c[y])
        return softmax(self.o["scale"] * target, [self.o["scale"] * self.negative(v, c[y]) for v in others(c, y)])

    def target(self, c):
        return c

    def negative(self, c, own):
        return c


class NormalizedSoftmax(Softmax):
    defaults = {"scale": 64}


class CosFace(Softmax):
    defaults = {"scale": 64, "margin": 0.4}

    def target(self, c):
        return c - self.o["margin"]


class ArcFace(Softmax):
    defaults = {"scale": 64, "margin": 0.5, "easyMargin": False}

    def target(self, c):
        if self.o["easyMargin"]:
            return torch.cos(torch.acos(c) + self.o["margin"]) if c > 0 else c
        return arc(c, self.o["margin"])


class CombinedMargin(Softmax):
    defaults = {"scale": 64, "m1": 1, "m2": 0.3, "m3": 0.2}

    def target(self, c):
        return psi(self.o["m1"] * torch.acos(c) + self.o["m2"]) - self.o["m3"]


class SphereFace(Softmax):
    defaults = {"scale": 30, "margin": 1.5}

    def target(self, c):
        return psi(self.o["margin"] * torch.acos(c))


class LiArcFace(Softmax):
    defaults = {"scale": 64, "margin": 0.45}

    def target(self, c):
        return (PI - 2 * (torch.acos(c) + self.o["margin"])) / PI

    def negative(self, c, own):
        return (PI - 2 * torch.acos(c)) / PI


class Circle(Softmax):
    defaults = {"scale": 256, "margin": 0.25}

    def target(self, c):
        m = self.o["margin"]
        return max(1 + m - float(c), 0) * (c - (1 - m))

    def negative(self, c, own):
        m = self.o["margin"]
        return max(float(c) + m, 0) * (c - m)


class DSoftmax(Loss):
    defaults = {"scale": 32, "goal": 0.9}

    def one(self, c, y, norm, i, draw):
        s, d = self.o["scale"], self.o["goal"]
        return softplus(s * d - s * c[y]) + softmax(
            torch.zeros(()), [s * v for v in others(c, y)]
        )


class MvSoftmax(Softmax):
    defaults = {"scale": 32, "margin": 0.35, "kind": "am", "weight": 1.12}

    def target(self, c):
        return c - self.o["margin"] if self.o["kind"] == "am" else arc(c, self.o["margin"])

    def negative(self, c, own):
        t = self.o["weight"]
        return t * c + t - 1 if c > self.target(own) else c


class CurricularFace(Softmax):
    defaults = {"scale": 64, "margin": 0.5, "momentum": 0.01}
    t = 0.0

    def batch(self, c, targets, norms):
        own = [float(c[i, y]) for i, y in enumerate(targets) if y >= 0]
        if own:
            self.t = self.o["momentum"] * sum(own) / len(own) + (1 - self.o["momentum"]) * self.t

    def target(self, c):
        return arc(c, self.o["margin"])

    def negative(self, c, own):
        hard = float(c) > math.cos(math.acos(float(own)) + self.o["margin"])
        return c * (self.t + c) if hard else c


class ArcNegFace(Softmax):
    defaults = {"scale": 64, "margin": 0.5, "weight": 1.2, "width": 2}

    def target(self, c):
        return arc(c, self.o["margin"])

    def negative(self, c, own):
        w = self.o["weight"] * torch.exp(-((c - self.target(own)) ** 2) / self.o["width"])
        return w * c + w - 1


class NpcFace(Loss):
    arc = staticmethod(arc)
    defaults = {"scale": 64, "margin": 0.4, "growth": 0.2, "weight": 1.1, "shift": 0.2}

    def one(self, c, y, norm, i, draw):
        o = self.o
        bound = math.cos(math.acos(float(c[y])) + o["margin"])
        hard = [float(v) for v in others(c, y) if float(v) > bound]
        m = o["margin"] + o["growth"] * (sum(hard) / len(hard) if hard else 0.0)
        negatives = [o["weight"] * v + o["shift"] if float(v) > bound else v for v in others(c, y)]
        return softmax(o["scale"] * self.arc(c[y], m), [o["scale"] * v for v in negatives])


class UniFace(Loss):
    defaults = {"scale": 64, "margin": 0.4, "weight": 1}

    def one(self, c, y, norm, i, draw):
        s = self.o["scale"]
        b = self.o.get("bias", math.log(10 * len(c)))
        own = softplus(b - s * (c[y] - self.o["margin"]))
        return own + self.o["weight"] * sum(softplus(s * v - b) for v in others(c, y))


class AdaFace(Softmax):
    defaults = {"scale": 64, "margin": 0.4, "concentration": 0.333, "momentum": 0.01}
    mean, deviation = 20.0, 100.0

    def batch(self, c, targets, norms):
        # Of all images, also of those whose class is absent. One image alone has no spread.
        self.lengths = norms.detach().clamp(0.001, 100)
        a = self.o["momentum"]
        spread = float(self.lengths.std()) if len(norms) > 1 else 0.0
        self.mean = a * float(self.lengths.mean()) + (1 - a) * self.mean
        self.deviation = a * spread + (1 - a) * self.deviation

    def target(self, c):
        m = self.o["margin"]
        g = self.o["concentration"] * (float(self.lengths[self.i]) - self.mean) / (self.deviation + 1e-3)
        g = min(max(g, -1), 1)
        angle = (torch.acos(c) - m * g).clamp(1e-3, PI - 1e-3)
        return torch.cos(angle) - (m + m * g)


class MagFace(Softmax):
    defaults = {"scale": 64, "lengths": [10, 110], "margins": [0.45, 0.8], "regularizer": 20}

    def one(self, c, y, norm, i, draw):
        a = norm.clamp(*self.o["lengths"])
        return super().one(c, y, a, i, draw) + self.o["regularizer"] * (a / self.o["lengths"][1] ** 2 + 1 / a)

    def target(self, c):
        (low, high), (least, most) = self.o["lengths"], self.o["margins"]
        return arc(c, (most - least) / (high - low) * (self.norm - low) + least)


class ElasticArcFace(Softmax):
    defaults = {"scale": 64, "margin": 0.5, "std": 0.0125}

    def target(self, c):
        return arc(c, self.o["margin"] + self.o["std"] * self.draw)


class ElasticCosFace(Softmax):
    defaults = {"scale": 64, "margin": 0.35, "std": 0.0125}

    def target(self, c):
        return c - (self.o["margin"] + self.o["std"] * self.draw)


class InterClassFilter(Loss):
    """CosFace without the other classes beyond the threshold."""

    defaults = {"threshold": 0.4, "of": CosFace.defaults}

    def one(self, c, y, norm, i, draw):
        o = self.o["of"]
        kept = [v for v in others(c, y) if v <= self.o["threshold"]]
        return softmax(o["scale"] * (c[y] - o["margin"]), [o["scale"] * v for v in kept])


class SubCenter(Loss):
    """ArcFace on the best of each class's columns."""

    defaults = {"centers": 3, "of": {"scale": 64, "margin": 0.5}}

    def one(self, c, y, norm, i, draw):
        k = self.o["centers"]
        classes = torch.stack([max(c[j : j + k], key=float) for j in range(0, len(c), k)])
        return ArcFace(**self.o["of"]).one(classes, y // k, norm, i, draw)


class Pairs(Loss):
    """On similarities and 0/1 masks; with columns: own column positive, all others negative."""

    def one(self, c, y, norm, i, draw):
        return self.pairs([c[y]], others(c, y))


class Contrastive(Pairs):
    defaults = {"positiveMargin": 1, "negativeMargin": 0.5}

    def pairs(self, p, n):
        hard = [v - self.o["negativeMargin"] for v in n if v > self.o["negativeMargin"]]
        pull = sum(torch.relu(self.o["positiveMargin"] - v) for v in p) / max(len(p), 1)
        return pull + sum(hard) / max(len(hard), 1)


class Triplet(Pairs):
    defaults = {"margin": 0.2}

    def pairs(self, p, n):
        if not p or not n:
            return 0.0
        return torch.relu(max(n, key=float) - min(p, key=float) + self.o["margin"])


class MultiSimilarity(Pairs):
    defaults = {"alpha": 2, "beta": 50, "base": 0.5}

    def pairs(self, p, n):
        a, b, base = self.o["alpha"], self.o["beta"], self.o["base"]
        zero = torch.zeros(())
        return softmax(zero, [-a * (v - base) for v in p]) / a + softmax(zero, [b * (v - base) for v in n]) / b


class NtXent(Pairs):
    defaults = {"temperature": 0.07}

    def pairs(self, p, n):
        t = self.o["temperature"]
        return sum(softmax(v / t, [w / t for w in n]) for v in p) / max(len(p), 1)


class SupervisedContrastive(Pairs):
    defaults = {"temperature": 0.1}

    def pairs(self, p, n):
        t = self.o["temperature"]
        return sum(torch.logsumexp(torch.stack([*p, *n]) / t, 0) - v / t for v in p) / max(len(p), 1)


# ---- variants: where public implementations differ, by their own definition ------------------------------------------


class InsightFaceArcFace(ArcFace):
    """cos(t + m) everywhere, taken outside of autograd: its slope is that of cos(t)."""

    def target(self, c):
        return c + (math.cos(math.acos(c.item()) + self.o["margin"]) - c.item())


class FaceXZooMvSoftmax(MvSoftmax):
    """The margin only where something is left of the cosine; hard is what beats the cosine with it."""

    def target(self, c):
        return c - self.o["margin"] if c > self.o["margin"] else c

    def negative(self, c, own):
        t = self.o["weight"]
        return t * c + t - 1 if c > own - self.o["margin"] else c


class CopiesArcNegFace(ArcNegFace):
    """The weights carry no gradient."""

    def negative(self, c, own):
        w = self.o["weight"] * torch.exp(-((c - self.target(own)) ** 2) / self.o["width"]).item()
        return w * c + w - 1


class FaceXZooNpcFace(NpcFace):
    """No margin from 90 degrees on."""

    def arc(self, c, m):
        return torch.cos(torch.acos(c) + m) if c > 0 else c


class AuthorsMagFace(MagFace):
    """No margin from 90 degrees on."""

    def target(self, c):
        return super().target(c) if c > 0 else c


class AuthorsElasticArcFace(ElasticArcFace):
    """cos(t + m) everywhere."""

    def target(self, c):
        return torch.cos(torch.acos(c) + self.o["margin"] + self.o["std"] * self.draw)


class AuthorsAdaFace(AdaFace):
    """All cosines are first held within 0.999 of 0."""

    def one(self, c, y, norm, i, draw):
        return super().one(c.clamp(-0.999, 0.999), y, norm, i, draw)


class AuthorsUniFace(UniFace):
    """Logits less the bias are held within the scale."""

    def one(self, c, y, norm, i, draw):
        s = self.o["scale"]
        b = math.log(10 * len(c))
        own = softplus((b - s * (c[y] - self.o["margin"])).clamp(-s, s))
        return own + self.o["weight"] * sum(softplus((s * v - b).clamp(-s, s)) for v in others(c, y))


class InsightFaceFilter(InterClassFilter):
    """Filtered classes keep a logit of 0."""

    def one(self, c, y, norm, i, draw):
        o = self.o["of"]
        kept = [v if v <= self.o["threshold"] else 0 * v for v in others(c, y)]
        return softmax(o["scale"] * (c[y] - o["margin"]), [o["scale"] * v for v in kept])


VARIANTS = {
    "arc-face": (InsightFaceArcFace, {"scale": 10}),
    "mv-softmax": (FaceXZooMvSoftmax, {}),
    "arc-neg-face": (CopiesArcNegFace, {"scale": 10}),
    "npc-face": (FaceXZooNpcFace, {"scale": 10}),
    "mag-face": (AuthorsMagFace, {"scale": 10}),
    "elastic-arc-face": (AuthorsElasticArcFace, {"scale": 10}),
    "ada-face": (AuthorsAdaFace, {"scale": 10}),
    "uni-face": (AuthorsUniFace, {}),
    "interClassFilter": (InsightFaceFilter, {"of": {"scale": 10, "margin": 0.2}}),
}


# ---- peers ----------------------------------------------------------------------------------------------------------


class Given(distances.CosineSimilarity):
    """Cosines as they are given: a peer's loss on numbers of our choice, 1 and -1 among them."""

    def __init__(self, cosines):
        super().__init__()
        self.cosines = cosines

    def forward(self, query, reference=None):
        return self.cosines


def by_class(peer, c, targets):
    """A class loss of pytorch-metric-learning. Embeddings have length 1, by which SphereFaceLoss multiplies."""
    peer.reducer = reducers.DoNothingReducer()
    return peer(torch.ones(len(c), 1), torch.tensor(targets))["loss"]["losses"]


def class_peer(name, o, c, targets):
    """`(what it is, its losses)`, or None where the peers do not have this loss."""
    size = {"num_classes": c.shape[1], "embedding_size": 1, "distance": Given(c), "scale": o.get("scale")}
    ys = torch.tensor(targets)
    if name == "normalized-softmax":
        size["temperature"] = 1 / size.pop("scale")
        return "NormalizedSoftmaxLoss", by_class(peers.NormalizedSoftmaxLoss(**size), c, targets)
    if name == "cos-face":
        return "CosFaceLoss", by_class(peers.CosFaceLoss(margin=o["margin"], **size), c, targets)
    if name == "arc-face" and not o["easyMargin"]:
        return "ArcFaceLoss", by_class(peers.ArcFaceLoss(margin=math.degrees(o["margin"]), **size), c, targets)
    if name == "sphere-face" and float(o["margin"]).is_integer():
        return "SphereFaceLoss", by_class(peers.SphereFaceLoss(margin=o["margin"], **size), c, targets)
    if name == "subCenter":
        k = o["centers"]
        size = {**size, "num_classes": c.shape[1] // k, "scale": o["of"]["scale"], "sub_centers": k}
        peer = peers.SubCenterArcFaceLoss(margin=math.degrees(o["of"]["margin"]), **size)
        return "SubCenterArcFaceLoss", by_class(peer, c, [y // k for y in targets])
    if name == "uni-face" and o["weight"] == 1:
        own = torch.nn.functional.one_hot(ys, c.shape[1]).double()
        logits = o["scale"] * (c - o["margin"] * own) - o.get("bias", math.log(10 * c.shape[1]))
        losses = binary_cross_entropy_with_logits(logits, own, reduction="none").sum(1)
        return "binary_cross_entropy_with_logits", losses
    if name == "nt-xent":
        return "cross_entropy", cross_entropy(c / o["temperature"], ys, reduction="none")
    return None


def mean_by(places, values, count):
    """Mean of the values of each sample, 0 without any."""
    total = torch.zeros(count).index_add(0, places, values)
    return total / torch.zeros(count).index_add(0, places, torch.ones_like(values)).clamp(min=1)


def pair_peer(name, o, similarities, pairs):
    """The same for losses on pairs `(a, p, a, n)`; circle's class form is its pair form with one positive."""
    embeddings, references = (torch.zeros(n, 1) for n in similarities.shape)
    call = {"ref_emb": references, "indices_tuple": pairs}
    kwargs = {"distance": Given(similarities), "reducer": reducers.DoNothingReducer()}
    count = len(similarities)
    a, p, b, n = pairs
    if min(len(a), len(b)) == 0:
        return None
    if name == "circle":
        peer = peers.CircleLoss(m=o["margin"], gamma=o["scale"], **kwargs)
        return "CircleLoss", peer(embeddings, **call)["loss"]["losses"].reshape(count)
    if name == "multi-similarity":
        peer = peers.MultiSimilarityLoss(**o, **kwargs)
        return "MultiSimilarityLoss", peer(embeddings, **call)["loss"]["losses"].reshape(count)
    if name == "supervised-contrastive":
        return "SupConLoss", peers.SupConLoss(**o, **kwargs)(embeddings, **call)["loss"]["losses"].reshape(count)
    if name == "nt-xent":
        found = peers.NTXentLoss(**o, **kwargs)(embeddings, **call)["loss"]
        return "NTXentLoss", mean_by(found["indices"][0], found["losses"], count)
    if name == "contrastive":
        peer = peers.ContrastiveLoss(pos_margin=o["positiveMargin"], neg_margin=o["negativeMargin"], **kwargs)
        found = peer(embeddings, **call)
        push = found["neg_loss"]["losses"]
        near = push > 0
        return "ContrastiveLoss", mean_by(a, found["pos_loss"]["losses"], count) + mean_by(b[near], push[near], count)
    if name == "triplet":
        # The miner's own way to the hardest pair of each sample is given labels, which masks may not have.
        far = torch.full_like(similarities, 9.0).detach()
        positive = torch.where(mask(similarities, a, p), similarities.detach(), far).argmin(1)
        negative = torch.where(mask(similarities, b, n), similarities.detach(), -far).argmax(1)
        both = torch.tensor([i in a and i in b for i in range(count)]).nonzero().flatten()
        triplets = (both, positive[both], negative[both])
        peer = peers.TripletMarginLoss(margin=o["margin"], **kwargs)
        found = peer(embeddings, ref_emb=references, indices_tuple=triplets)["loss"]
        return "TripletMarginLoss", mean_by(both, found["losses"], count)
    return None


def mask(like, rows, columns):
    found = torch.zeros_like(like, dtype=torch.bool)
    found[rows, columns] = True
    return found


def column_pairs(shape, targets):
    """Own column positive, all others negative."""
    own = torch.zeros(shape, dtype=torch.bool)
    own[torch.arange(shape[0]), torch.tensor(targets)] = True
    return (*own.nonzero(as_tuple=True), *(~own).nonzero(as_tuple=True))


def agree(what, ours, theirs, tolerance=1e-9):
    """Stops unless numbers agree wherever both are finite: in most places."""
    both = ours.isfinite() & theirs.isfinite()
    close = torch.isclose(ours, theirs, rtol=tolerance, atol=tolerance) | ~both
    assert close.all(), f"{what}\n{ours}\n{theirs}"
    assert 3 * both.sum() >= 2 * both.numel(), f"{what}: little to compare\n{ours}\n{theirs}"


# ---- inputs ---------------------------------------------------------------------------------------------------------


def grid(values, steps=256):
    """Numbers that float32 holds exactly."""
    return (values * steps).round() / steps


def make_inputs():
    g = torch.Generator().manual_seed(7)

    def uniform(*shape):
        return grid(torch.rand(*shape, generator=g) * 2 - 1)

    trained = grid(torch.randn(6, 6, generator=g) * 0.2)
    targets = [0, 3, 5, 1, 2, 4]
    trained[torch.arange(6), targets] = grid(torch.rand(6, generator=g) * 0.45 + 0.5)
    edges = [
        [1.0, 0.25, -0.5],  # met exactly
        [-0.25, -1.0, 0.75],  # opposite
        [1.0, 0.125, -1.0],  # another class met exactly
        [-1.0, 0.5, 1.0],  # opposite, and another met exactly
        [0.0, -0.875, 0.375],  # just around pi - m
        [0.25, -0.9375, 0.0],
    ]
    norms = [6.25, 120.0, 35.5, 18.75, 70.25, 0.5]
    draws = [0.25, -1.75, 0.5, 2.25, -0.5, -1.0]

    def of(cosines, targets):
        n = len(targets)
        return {"cosines": cosines.tolist(), "targets": targets, "norms": norms[:n], "draws": draws[:n]}

    return {
        "random": of(uniform(6, 6), [2, 0, 5, 1, 1, 3]),
        "trained": of(trained, targets),
        "edges": of(torch.tensor(edges), [0, 1, 1, 0, 1, 1]),
        "one column": of(torch.tensor([[0.3125], [-0.9375], [0.0]]), [0, 0, 0]),
        "one sample": of(uniform(1, 6), [3]),
        "absent": of(uniform(5, 6), [-1, 2, 0, -1, 3]),
    }


SCALE = {"scale": 1e4}
LOSSES = {
    "normalized-softmax": (NormalizedSoftmax, [{"scale": 10}, SCALE]),
    "cos-face": (CosFace, [{"scale": 10, "margin": 0.2}, SCALE]),
    "arc-face": (ArcFace, [{"scale": 10, "margin": 0.9}, {"easyMargin": True}, SCALE]),
    "combined-margin": (CombinedMargin, [{"scale": 10, "m1": 1.3, "m2": 0.2, "m3": 0.1}, SCALE]),
    "sphere-face": (SphereFace, [{"scale": 10, "margin": 2}, {"scale": 10, "margin": 4}, SCALE]),
    "li-arc-face": (LiArcFace, [{"scale": 10, "margin": 0.2}, SCALE]),
    "circle": (Circle, [{"scale": 10, "margin": 0.4}, SCALE]),
    "d-softmax": (DSoftmax, [{"scale": 10, "goal": 0.5}, SCALE]),
    "mv-softmax": (MvSoftmax, [{"scale": 10, "kind": "arc", "margin": 0.5, "weight": 1.3}, SCALE]),
    "curricular-face": (CurricularFace, [{"scale": 10, "margin": 0.3, "momentum": 0.5}, SCALE]),
    "arc-neg-face": (ArcNegFace, [{"scale": 10, "margin": 0.3, "weight": 1.5, "width": 1}, SCALE]),
    "npc-face": (NpcFace, [{"scale": 10, "margin": 0.3, "growth": 0.4, "weight": 1.3, "shift": 0.1}, SCALE]),
    "uni-face": (UniFace, [{"scale": 10, "margin": 0.2, "weight": 0.5, "bias": 3}, SCALE]),
    "ada-face": (AdaFace, [{"scale": 10, "margin": 0.3, "concentration": 1, "momentum": 0.25}, SCALE]),
    "mag-face": (MagFace, [{"scale": 10, "lengths": [5, 40], "margins": [0.2, 1], "regularizer": 3}, SCALE]),
    "elastic-arc-face": (ElasticArcFace, [{"scale": 10, "margin": 0.4, "std": 0.1}, SCALE]),
    "elastic-cos-face": (ElasticCosFace, [{"scale": 10, "margin": 0.4, "std": 0.1}, SCALE]),
    "contrastive": (Contrastive, [{"positiveMargin": 0.75, "negativeMargin": 0.1}]),
    "triplet": (Triplet, [{"margin": 0.6}]),
    "multi-similarity": (MultiSimilarity, [{"alpha": 5, "beta": 10, "base": 0.2}, {"alpha": 1e4, "beta": 1e4}]),
    "nt-xent": (NtXent, [{"temperature": 0.5}, {"temperature": 1e-4}]),
    "supervised-contrastive": (SupervisedContrastive, [{"temperature": 0.5}, {"temperature": 1e-4}]),
    "interClassFilter": (InterClassFilter, [{"threshold": 0.1, "of": {"scale": 10, "margin": 0.2}}]),
    "subCenter": (SubCenter, [{"centers": 2, "of": {"scale": 10, "margin": 0.3}}]),
}
STATEFUL = ["curricular-face", "ada-face"]
ALL_PAIRS = ["contrastive", "triplet", "multi-similarity", "nt-xent", "supervised-contrastive"]


# ---- cases ----------------------------------------------------------------------------------------------------------


def weighed(losses):
    """Every sample's loss with a weight of its own: 1, 2, ..."""
    return (losses * torch.arange(1, len(losses) + 1)).sum()


def gradient(losses, leaf):
    (found,) = torch.autograd.grad(weighed(losses), leaf, retain_graph=True, allow_unused=True)
    return torch.zeros_like(leaf) if found is None else found


def listed(numbers):
    """Rounded to significant digits, null where not finite."""
    return [float(f"{v:.{DIGITS}g}") if math.isfinite(v) else None for v in numbers.flatten().tolist()]


def is_huge(options):
    return options.get("scale") == 1e4 or options.get("alpha") == 1e4 or options.get("temperature") == 1e-4


def class_case(name, make, options, key, inputs, after=None):
    data = inputs[key]
    loss = make(**options)
    if after is not None:
        first = inputs[after]
        loss(torch.tensor(first["cosines"]), first["targets"], torch.tensor(first["norms"]), first["draws"])
    cosines = torch.tensor(data["cosines"], requires_grad=True)
    norms = torch.tensor(data["norms"], requires_grad=True)
    values = loss(cosines, data["targets"], norms, data["draws"])
    assert values.isfinite().all(), (name, options, key)
    to_cosines = gradient(values, cosines)
    agreed = []
    # pytorch-metric-learning passes over batches with less than two pairs of a kind.
    if min(data["targets"]) >= 0 and min(cosines.shape) > 1:
        c = cosines.detach().requires_grad_(True)
        rivals = [class_peer(name, loss.o, c, data["targets"])]
        if name in [*ALL_PAIRS, "circle"]:
            rivals.append(pair_peer(name, loss.o, c, column_pairs(c.shape, data["targets"])))
        for what, theirs in filter(None, rivals):
            label = f"{name} {options} {key}: {what}"
            # NTXentLoss adds 2e-308 to its shares, which ends its losses at 708.
            seen = values.detach() < 700 if what == "NTXentLoss" else torch.ones(len(values), dtype=torch.bool)
            agree(label, values.detach()[seen], theirs.detach()[seen])
            agree(f"{label}, gradient", to_cosines[seen], gradient(theirs, c)[seen], 1e-7)
            agreed.append(what)
    case = {"loss": name, "options": options, "input": key, **({"after": after} if after else {}), "peers": agreed}
    case["losses"] = listed(values)
    case["gradient"] = listed(to_cosines)
    if name == "mag-face":
        case["toNorms"] = listed(gradient(values, norms))
    return case


def variant_case(name, make, options, key, inputs):
    data = inputs[key]
    c = torch.tensor(data["cosines"], requires_grad=True)
    values = make(**options)(c, data["targets"], torch.tensor(data["norms"]), data["draws"])
    found = listed(gradient(values, c))
    return {"loss": name, "options": options, "input": key, "losses": listed(values), "gradient": found}


def pair_inputs():
    """Several positives, none, no negative, neither; and pairs that do not count."""
    g = torch.Generator().manual_seed(11)
    kinds = ["++--.-", "------", "++++.+", "......", "-+.-+-"]
    return {
        "similarities": grid(torch.rand(5, 6, generator=g) * 2 - 1).tolist(),
        "positives": [[int(k == "+") for k in row] for row in kinds],
        "negatives": [[int(k == "-") for k in row] for row in kinds],
    }


def pair_values(make, options, similarities, positives, negatives):
    loss = make(**options)
    rows = []
    for s, p, n in zip(similarities, positives, negatives, strict=True):
        chosen = [[v for v, keep in zip(s, kind, strict=True) if keep] for kind in (p, n)]
        rows.append(loss.pairs(*chosen) + 0 * s[0])
    return loss, torch.stack(rows)


def pair_case(name, make, options, data):
    s = torch.tensor(data["similarities"], requires_grad=True)
    positives, negatives = (torch.tensor(data[k], dtype=torch.bool) for k in ("positives", "negatives"))
    loss, values = pair_values(make, options, s, positives, negatives)
    found = gradient(values, s)
    t = s.detach().requires_grad_(True)
    what, theirs = pair_peer(name, loss.o, t, (*positives.nonzero(as_tuple=True), *negatives.nonzero(as_tuple=True)))
    seen = values.detach() < 700 if name == "nt-xent" else torch.ones(len(values), dtype=torch.bool)
    agree(f"{name} {options} pairs: {what}", values.detach()[seen], theirs.detach()[seen])
    agree(f"{name} {options} pairs: {what}, gradient", found[seen], gradient(theirs, t)[seen], 1e-7)
    return {"loss": name, "options": options, "peers": [what], "losses": listed(values), "gradient": listed(found)}


def batch_inputs():
    g = torch.Generator().manual_seed(13)
    # Nobody alone: SupConLoss divides their 0 by 2e-308, and its gradient overflows where such a loss has a weight.
    return {"embeddings": grid(torch.randn(7, 4, generator=g), 64).tolist(), "labels": [0, 0, 1, 1, 2, 0, 2]}


def batch_case(name, make, options, data):
    """A batch's pairs with itself: from embeddings of any length to their gradients, all by the peer, miner and all."""
    labels = torch.tensor(data["labels"])
    same = labels[:, None] == labels[None, :]
    apart = ~torch.eye(len(labels), dtype=torch.bool)
    e = torch.tensor(data["embeddings"], requires_grad=True)
    unit = e / e.norm(dim=1, keepdim=True)
    loss, values = pair_values(make, options, unit @ unit.T, same & apart, ~same)
    found = gradient(values, e)

    f = e.detach().requires_grad_(True)
    o, kwargs = loss.o, {"reducer": reducers.DoNothingReducer(), "distance": distances.CosineSimilarity()}
    count = len(labels)
    if name == "contrastive":
        parts = peers.ContrastiveLoss(o["positiveMargin"], o["negativeMargin"], **kwargs)(f, labels)
        pull, push = parts["pos_loss"], parts["neg_loss"]
        near = push["losses"] > 0
        theirs = mean_by(pull["indices"][0], pull["losses"], count)
        theirs = theirs + mean_by(push["indices"][0][near], push["losses"][near], count)
    elif name == "triplet":
        hardest = miners.BatchHardMiner(distance=distances.CosineSimilarity())(f, labels)
        part = peers.TripletMarginLoss(margin=o["margin"], **kwargs)(f, labels, hardest)["loss"]
        theirs = mean_by(hardest[0], part["losses"], count)
    elif name == "nt-xent":
        part = peers.NTXentLoss(**o, **kwargs)(f, labels)["loss"]
        theirs = mean_by(part["indices"][0], part["losses"], count)
    else:
        peer = {"multi-similarity": peers.MultiSimilarityLoss, "supervised-contrastive": peers.SupConLoss}[name]
        theirs = peer(**o, **kwargs)(f, labels)["loss"]["losses"].reshape(count)
    agree(f"{name} batch", values.detach(), theirs.detach())
    agree(f"{name} batch, gradient", found, gradient(theirs, f), 1e-7)
    return {"loss": name, "options": options, "losses": listed(values), "gradient": listed(found)}


def check_cosine_embedding(inputs):
    """PyTorch's own contrastive loss, pair by pair: ours with one reference and a positive margin of 1."""
    data = inputs["random"]
    for row in data["cosines"]:
        for v in row:
            x, y = torch.tensor([[1.0, 0.0]]), torch.tensor([[v, math.sqrt(1 - v * v)]])
            for sign, pairs in ((1, ([torch.tensor(v)], [])), (-1, ([], [torch.tensor(v)]))):
                theirs = cosine_embedding_loss(x, y, torch.tensor([sign]), margin=0.5)
                assert abs(float(Contrastive().pairs(*pairs)) - float(theirs)) < 1e-9


def main():
    inputs, pairs, batch = make_inputs(), pair_inputs(), batch_inputs()
    check_cosine_embedding(inputs)
    cases = []
    for name, (make, settings) in LOSSES.items():
        for options in [{}, *settings]:
            keys = ["random", "trained"] if is_huge(options) else ["random", "trained", "edges", "absent"]
            if not options:
                keys = list(inputs)
            for key in keys:
                # A class has as many columns as the next.
                centers = {**SubCenter.defaults, **options}["centers"] if name == "subCenter" else 1
                if len(inputs[key]["cosines"][0]) % centers == 0:
                    cases.append(class_case(name, make, options, key, inputs))
        if name in STATEFUL:
            cases += [class_case(name, make, settings[0], key, inputs, "random") for key in ("trained", "absent")]
            cases.append(class_case(name, make, settings[0], "trained", inputs, "absent"))
    of_pairs, of_batch = [], []
    for name in ALL_PAIRS:
        make, settings = LOSSES[name]
        of_pairs += [pair_case(name, make, options, pairs) for options in [{}, *settings]]
        of_batch += [batch_case(name, make, options, batch) for options in [{}, settings[0]]]
    variants = [
        variant_case(name, make, options, key, inputs)
        for name, (make, options) in VARIANTS.items()
        for key in ("random", "trained", "edges")
    ]
    agreed = sorted({f"{c['loss']}: {p}" for c in [*cases, *of_pairs] for p in c["peers"]})
    document = {
        "made": "scripts/reference.py",
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "pytorch-metric-learning": pml.__version__,
        },
        "inputs": inputs,
        "cases": cases,
        "variants": variants,
        "pairs": {**pairs, "cases": of_pairs},
        "batch": {**batch, "cases": of_batch},
    }
    path = pathlib.Path(__file__).parent.parent / "fixtures/reference.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document, separators=(",", ":")).replace('{"loss"', '\n{"loss"') + "\n")
    print(f"{len(cases) + len(of_pairs) + len(of_batch)} cases, {path.stat().st_size} bytes; agreed with peers:")
    print("\n".join(agreed))


main()
