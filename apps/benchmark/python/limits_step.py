"""One contender of the suite `limits`: the same work in PyTorch.

usage: limits_step.py TASK PRECISION
"""
import sys
import time

import torch

from contender import serve

TASK, PRECISION = sys.argv[1:3]
DTYPE = getattr(torch, PRECISION)
a, b = (torch.randn(2048, 2048).to(DTYPE) for _ in range(2)) if TASK == "matmul" else (torch.randn(2**25) for _ in range(2))
times = []


def step():
    begun = time.perf_counter()
    a @ b if TASK == "matmul" else a + b
    times.append(time.perf_counter() - begun)
    return 1000 * times[-1]


def figures():
    median = sorted(times)[len(times) // 2] * 1e9
    return {"gflops": 2 * 2048**3 / median} if TASK == "matmul" else {"gigabytesPerSecond": 12 * 2**25 / median}


step()
serve({"version": torch.__version__, "threads": torch.get_num_threads(), "precision": PRECISION}, step, figures)
