"""One contender of the suite `peers`: a whole training step in PyTorch, encoder and head.

usage: peers_step.py HEAD ENCODER IDENTITIES COLUMNS BATCH CLASSES
HEAD: full-softmax, partial-fc (COLUMNS of the IDENTITIES sampled each step) or pytorch-metric-learning (its CosFaceLoss).
A step: forward, CosFace, backward, clipping, SGD of encoder and head; float32, channels-last (PyTorch's
faster layout on a CPU).
"""
import sys
import time

import torch

from contender import peak, reset_peak, serve
from encoders import make_encoder
from heads import make_head


def main():
    name, encoder = sys.argv[1:3]
    identities, columns, batch, classes = map(int, sys.argv[3:7])
    torch.manual_seed(0)
    model = make_encoder(encoder).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(model.parameters(), 1e-3, 0.9, weight_decay=5e-4)
    take, held = make_head(name, identities, columns, 512)
    images = torch.randn(batch, 3, 112, 112).contiguous(memory_format=torch.channels_last)

    def step():
        labels = torch.randperm(identities)[:classes].repeat_interleave(batch // classes)
        begun = time.perf_counter()
        optimizer.zero_grad()
        take(model(images), labels)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5)
        optimizer.step()
        return 1000 * (time.perf_counter() - begun)

    step()
    reset_peak()  # what making it took is over; the steps count
    about = {"engine": "pytorch", "version": torch.__version__, "threads": torch.get_num_threads(), "layout": "channels-last"}
    figures = lambda: {"headMiB": 4 * held / 2**20, "peakMiB": peak() / 2**20}
    serve({**about, "precision": "float32", "identities": identities}, step, figures)


main()
