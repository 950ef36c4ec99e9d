"""One contender of the suite `head`: a step of a classification head in PyTorch, without an encoder.

usage: head_step.py HEAD COLUMNS BATCH CLASSES DIMENSION
HEAD: full-softmax (COLUMNS identities) or partial-fc (COLUMNS sampled of 2 * COLUMNS identities).
A step: forward (CosFace, scale 64, margin 0.4), gradient to the embeddings and to the rows, SGD with momentum and
weight decay on the rows.
"""
import sys
import time

import torch

from contender import peak, reset_peak, serve
from heads import make_head


def main():
    name, columns, batch, classes, dimension = sys.argv[1], *map(int, sys.argv[2:6])
    torch.manual_seed(0)
    identities = columns if name == "full-softmax" else 2 * columns
    torch.randn(batch, dimension) @ torch.randn(dimension, 64)  # the library's own buffers are no head's
    before = reset_peak()
    take, held = make_head(name, identities, columns, dimension)

    def step():
        embeddings = torch.randn(batch, dimension, requires_grad=True)
        labels = torch.randperm(identities)[:classes].repeat_interleave(batch // classes)
        begun = time.perf_counter()
        take(embeddings, labels)
        return 1000 * (time.perf_counter() - begun)

    def figures():
        return {"heldMiB": 4 * held / 2**20, "peakMiB": (peak() - before) / 2**20}

    step()
    reset_peak()  # what making it took is over; the steps count
    about = {"engine": "pytorch", "version": torch.__version__, "threads": torch.get_num_threads(), "precision": "float32"}
    serve({**about, "identities": identities}, step, figures)


main()
