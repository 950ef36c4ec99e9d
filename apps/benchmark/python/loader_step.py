"""One contender of the suite `loader`: torchvision's images through PyTorch's DataLoader.

usage: loader_step.py DIR BATCH BATCHES WORKERS
The same changes as ours at the same strength, and pixels that stay bytes, which is cheaper than ToTensor's floats.
"""
import multiprocessing
import os
import sys
import time

import torch
import torchvision
from torchvision import transforms
from torchvision.datasets import ImageFolder

from contender import serve


class Endless(torch.utils.data.Sampler):
    """Every image once a pass, in an order of its own, without an end: no pause between passes."""

    def __init__(self, size):
        self.size = size

    def __iter__(self):
        while True:
            yield from torch.randperm(self.size).tolist()


def cpu():
    """CPU seconds of this process and its workers so far (Linux; else of this process)."""
    total = time.process_time()
    for worker in multiprocessing.active_children():
        try:
            with open(f"/proc/{worker.pid}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except OSError:
            pass
    return total


def main():
    directory, batch, batches, workers = sys.argv[1], *map(int, sys.argv[2:])
    change = transforms.Compose(
        [
            transforms.RandomHorizontalFlip(),
            transforms.RandomCrop(112, padding=4, padding_mode="edge"),
            transforms.ColorJitter(0.2, 0.2, 0.2),
            transforms.PILToTensor(),
        ]
    )
    data = ImageFolder(directory, change)
    loader = torch.utils.data.DataLoader(data, batch, sampler=Endless(len(data)), num_workers=workers)
    batches_of = iter(loader)

    spent = 0

    def step():
        nonlocal spent
        # Those that lie ready from before.
        for _ in range(2 * workers + 1):
            next(batches_of)
        cpu_begun, begun = cpu(), time.perf_counter()
        for _ in range(batches):
            next(batches_of)
        ms = 1000 * (time.perf_counter() - begun)
        spent = 1000 * (cpu() - cpu_begun)
        return ms

    step()
    about = {"engine": "torchvision", "version": f"{torchvision.__version__}, torch {torch.__version__}"}
    serve({**about, "threads": f"{workers} workers", "images": len(data)}, step, lambda: {"cpuMsPerImage": spent / (batch * batches)})


main()
