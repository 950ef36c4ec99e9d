"""One contender of the suite `head`: a step of a classification head in PyTorch, without an encoder.

usage: head_step.py HEAD COLUMNS BATCH CLASSES DIMENSION
HEAD: full-softmax (COLUMNS identities) or partial-fc (COLUMNS sampled of 2 * COLUMNS identities).
A step: forward (CosFace, scale 64, margin 0.4), gradient to the embeddings and to the rows, SGD with momentum and
weight decay on the rows.
"""
import sys
import time

import torch
from torch.nn import functional

from contender import peak, reset_peak, serve

SCALE, MARGIN, RATE, MOMENTUM, DECAY = 64, 0.4, 0.1, 0.9, 5e-4


def main():
    name, columns, batch, classes, dimension = sys.argv[1], *map(int, sys.argv[2:6])
    torch.manual_seed(0)
    identities = columns if name == "full-softmax" else 2 * columns
    torch.randn(batch, dimension) @ torch.randn(dimension, 64)  # the library's own buffers are no head's
    before = reset_peak()
    weight = 0.01 * torch.randn(identities, dimension)
    momentum = torch.zeros_like(weight)

    def loss_of(embeddings, rows, targets):
        cosines = functional.linear(functional.normalize(embeddings), functional.normalize(rows))
        margin = torch.zeros_like(cosines).scatter_(1, targets[:, None], MARGIN)
        return functional.cross_entropy(SCALE * (cosines - margin), targets)

    def full_softmax(embeddings, labels):
        weight.requires_grad_()
        loss_of(embeddings, weight, labels).backward()
        with torch.no_grad():
            gradient = weight.grad.add_(weight, alpha=DECAY)
            momentum.mul_(MOMENTUM).add_(gradient)
            weight.sub_(momentum, alpha=RATE)
        weight.grad = None

    def partial_fc(embeddings, labels):
        # As InsightFace draws them: uniform numbers for all, the positives' above them, the highest are taken.
        draw = torch.rand(identities)
        draw[labels] = 2
        index = torch.topk(draw, columns).indices.sort().values
        rows = weight[index].requires_grad_()
        loss_of(embeddings, rows, torch.searchsorted(index, labels)).backward()
        with torch.no_grad():
            gradient = rows.grad.add_(rows, alpha=DECAY)
            moved = momentum[index].mul_(MOMENTUM).add_(gradient)
            momentum[index] = moved
            weight[index] = rows.sub_(moved, alpha=RATE)

    take = {"full-softmax": full_softmax, "partial-fc": partial_fc}[name]

    def step():
        embeddings = torch.randn(batch, dimension, requires_grad=True)
        labels = torch.randperm(identities)[:classes].repeat_interleave(batch // classes)
        begun = time.perf_counter()
        take(embeddings, labels)
        return 1000 * (time.perf_counter() - begun)

    def figures():
        held = weight.numel() + momentum.numel()
        return {"heldMiB": 4 * held / 2**20, "peakMiB": (peak() - before) / 2**20}

    step()
    reset_peak()  # what making it took is over; the steps count
    about = {"engine": "pytorch", "version": torch.__version__, "threads": torch.get_num_threads(), "precision": "float32"}
    serve({**about, "identities": identities}, step, figures)


main()
