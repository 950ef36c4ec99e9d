"""Writes fixtures/tiny.pth: a checkpoint as training scripts save it, of a few tensors, one of them a transposed view."""

from collections import OrderedDict
from pathlib import Path

import torch

weights = OrderedDict(
    [
        ("module.a.weight", torch.arange(24, dtype=torch.float32).reshape(2, 3, 2, 2)),
        ("module.a.half", torch.tensor([0.5, -2.0], dtype=torch.float16)),
        ("module.a.brain", torch.tensor([1.5, -3.0], dtype=torch.bfloat16)),
        ("module.a.turned", torch.arange(6, dtype=torch.float32).reshape(2, 3).T),
        ("module.a.num_batches_tracked", torch.tensor(7)),
    ]
)
folder = Path(__file__).parents[1] / "fixtures"
torch.save({"epoch": 3, "lr": 0.1, "state_dict": weights}, folder / "tiny.pth")
torch.save(torch.nn.PReLU(), folder / "module.pth")
