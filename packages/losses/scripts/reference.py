"""Writes src/__fixtures__/reference.json: values and gradients of the losses by PyTorch's autograd in float64.

    python -m venv venv && venv/bin/pip install torch pytorch-metric-learning
    venv/bin/python scripts/reference.py

The formulas are the papers'. CosFace and ArcFace are compared with pytorch-metric-learning's as well, and the script
stops when they disagree.
"""

import json
import math
import pathlib

import pytorch_metric_learning
import torch
from pytorch_metric_learning.losses import ArcFaceLoss, CosFaceLoss

DECIMALS = 10


def margin(loss, c, options):
    m = options.get("margin")
    if loss == "cosFace":
        return c - m
    if loss == "arcFace":
        inside = torch.cos(torch.acos(c.clamp(-1 + 1e-12, 1 - 1e-12)) + m)
        if options.get("easyMargin"):
            return torch.where(c > 0, inside, c)
        return torch.where(c > math.cos(math.pi - m), inside, c - m * math.sin(math.pi - m))
    return c


def evaluate(loss, cosines, targets, options):
    """Loss of every sample and the gradient of the sum of i-weighted losses (i = 1, 2, ...)."""
    cosines = cosines.clone().requires_grad_(True)
    rows = torch.arange(len(targets))
    logits = cosines.clone()
    logits[rows, targets] = margin(loss, cosines[rows, targets], options)
    losses = torch.nn.functional.cross_entropy(options["scale"] * logits, targets, reduction="none")
    (losses * torch.arange(1, len(targets) + 1)).sum().backward()
    return losses.detach(), cosines.grad


def library(loss, embeddings, weights, targets, options):
    """The same through pytorch-metric-learning: per-sample losses and their gradient to the embeddings."""
    size = {"num_classes": weights.shape[0], "embedding_size": weights.shape[1], "scale": options["scale"]}
    if loss == "cosFace":
        peer = CosFaceLoss(margin=options["margin"], **size)
    else:
        peer = ArcFaceLoss(margin=math.degrees(options["margin"]), **size)
    peer = peer.double()
    peer.W.data = weights.T.clone()
    peer.reducer = pytorch_metric_learning.reducers.DoNothingReducer()
    embeddings = embeddings.clone().requires_grad_(True)
    losses = peer(embeddings, targets)["loss"]["losses"]
    (losses * torch.arange(1, len(targets) + 1)).sum().backward()
    return losses.detach(), embeddings.grad


def check_library(loss, options):
    embeddings = torch.randn(12, 6, dtype=torch.float64)
    weights = torch.randn(9, 6, dtype=torch.float64)
    targets = torch.randint(0, 9, (12,))
    theirs, their_gradient = library(loss, embeddings, weights, targets, options)
    e = embeddings.clone().requires_grad_(True)
    unit = torch.nn.functional.normalize
    cosines = unit(e) @ unit(weights).T
    ours, gradient = evaluate(loss, cosines.detach(), targets, options)
    cosines.backward(gradient)
    assert torch.allclose(ours, theirs, rtol=1e-9, atol=1e-9), (loss, options, ours - theirs)
    assert torch.allclose(e.grad, their_gradient, rtol=1e-7, atol=1e-9), (loss, options, e.grad - their_gradient)


def main():
    torch.manual_seed(7)
    settings = [
        ("normalizedSoftmax", {"scale": 64}),
        ("cosFace", {"scale": 64, "margin": 0.4}),
        ("cosFace", {"scale": 30, "margin": 0.0}),
        ("arcFace", {"scale": 64, "margin": 0.5}),
        ("arcFace", {"scale": 16, "margin": 0.8}),
        ("arcFace", {"scale": 64, "margin": 0.5, "easyMargin": True}),
        ("arcFace", {"scale": 1e4, "margin": 0.5}),
        ("cosFace", {"scale": 1e4, "margin": 0.4}),
    ]
    for loss, options in settings:
        if loss != "normalizedSoftmax" and not options.get("easyMargin"):
            check_library(loss, options)

    # Three decimals, so that float32 holds almost the same inputs.
    random = (torch.rand(8, 5, dtype=torch.float64) * 2 - 1).mul(1000).round().div(1000)
    inputs = {
        "random": (random, torch.randint(0, 5, (8,))),
        # Own class at right angles, opposite, just around pi - m; the rest anywhere.
        "edges": (
            torch.tensor([[0.0, 0.9, -1.0], [1.0, -1.0, 0.3], [0.2, -0.87, 1.0], [0.5, -0.88, 0.1]], dtype=torch.float64),
            torch.tensor([0, 1, 1, 1]),
        ),
        "one column": (torch.tensor([[0.3], [-0.95], [0.0]], dtype=torch.float64), torch.tensor([0, 0, 0])),
    }
    cases = []
    for loss, options in settings:
        for name, (cosines, targets) in inputs.items():
            losses, gradient = evaluate(loss, cosines, targets, options)
            cases.append(
                {
                    "loss": loss,
                    "options": options,
                    "input": name,
                    "losses": [round(x, DECIMALS) for x in losses.tolist()],
                    "gradient": [round(x, DECIMALS) for x in gradient.flatten().tolist()],
                }
            )
    path = pathlib.Path(__file__).parent.parent / "src/__fixtures__/reference.json"
    path.parent.mkdir(exist_ok=True)
    document = {
        "made": f"scripts/reference.py, torch {torch.__version__}, pytorch-metric-learning {pytorch_metric_learning.__version__}",
        "inputs": {k: {"cosines": c.tolist(), "targets": t.tolist()} for k, (c, t) in inputs.items()},
        "cases": cases,
    }
    path.write_text(json.dumps(document, indent=1) + "\n")
    print(f"{len(cases)} cases written to {path.name}; CosFace and ArcFace agree with pytorch-metric-learning")


main()
