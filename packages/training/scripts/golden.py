"""Writes fixtures/golden.json: PyTorch's own optimizers, schedules and clipping on small known numbers.

Run it with a Python that has torch:  python scripts/golden.py
The inputs are made by integer arithmetic, so that the tests make the same ones.
"""

import json
import math
from pathlib import Path

import torch

STEPS = 6


def sequence(count: int, salt: int) -> list[float]:
    """Numbers in [-0.5, 0.5] that float32 holds exactly."""
    return [((i * 37 + salt * 101) % 64 - 32) / 64 for i in range(count)]


def run_optimizer(make) -> list[list[float]]:
    decayed = torch.nn.Parameter(torch.tensor(sequence(6, 1)).reshape(2, 3))
    plain = torch.nn.Parameter(torch.tensor(sequence(3, 2)))
    optimizer = make(decayed, plain)
    for step in range(STEPS):
        for group in optimizer.param_groups:
            group["lr"] = 0.1 / (step + 1)
        decayed.grad = torch.tensor(sequence(6, 10 + step)).reshape(2, 3)
        plain.grad = torch.tensor(sequence(3, 20 + step))
        optimizer.step()
    return [decayed.detach().flatten().tolist(), plain.detach().tolist()]


def groups(decayed, plain, weight_decay):
    return [{"params": [decayed], "weight_decay": weight_decay}, {"params": [plain], "weight_decay": 0.0}]


def sgd(**options):
    weight_decay = options.pop("weight_decay")
    return lambda decayed, plain: torch.optim.SGD(groups(decayed, plain, weight_decay), lr=0.1, **options)


def adam_w(**options):
    weight_decay = options.pop("weight_decay")
    return lambda decayed, plain: torch.optim.AdamW(groups(decayed, plain, weight_decay), lr=0.1, **options)


def rates(base: float, steps: int, make) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=base)
    scheduler = make(optimizer)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def after_warmup(warmup: int, make):
    schedulers = torch.optim.lr_scheduler

    def build(optimizer):
        rise = schedulers.LinearLR(optimizer, start_factor=1 / warmup, end_factor=1.0, total_iters=warmup - 1)
        return schedulers.SequentialLR(optimizer, [rise, make(optimizer)], milestones=[warmup])

    return build


schedulers = torch.optim.lr_scheduler
gradients = [torch.tensor(sequence(6, 10)), torch.tensor(sequence(3, 20))]
holders = [torch.nn.Parameter(torch.zeros_like(g)) for g in gradients]
for holder, gradient in zip(holders, gradients):
    holder.grad = gradient.clone()
norm = torch.nn.utils.clip_grad_norm_(holders, 0.5)

golden = {
    "torch": torch.__version__.split("+")[0],
    "optimizers": {
        "sgd": run_optimizer(sgd(momentum=0.9, weight_decay=5e-4)),
        "sgd nesterov": run_optimizer(sgd(momentum=0.9, weight_decay=5e-2, nesterov=True)),
        "sgd plain": run_optimizer(sgd(momentum=0.0, weight_decay=5e-2)),
        "adamW": run_optimizer(adam_w(weight_decay=0.01)),
        "adamW other": run_optimizer(adam_w(betas=(0.5, 0.9), eps=1e-3, weight_decay=0.3)),
    },
    "schedules": {
        "cosine": rates(
            0.1, 30, after_warmup(5, lambda o: schedulers.CosineAnnealingLR(o, T_max=25, eta_min=0.001))
        ),
        "multiStep": rates(
            0.1, 30, after_warmup(5, lambda o: schedulers.MultiStepLR(o, milestones=[5, 15], gamma=0.2))
        ),
        "oneCycle": rates(
            0.1, 30, lambda o: schedulers.OneCycleLR(o, max_lr=0.1, total_steps=31, pct_start=0.1, cycle_momentum=False)
        ),
    },
    "clip": {"norm": norm.item(), "gradients": [h.grad.tolist() for h in holders]},
}
assert all(math.isfinite(x) for rows in golden["optimizers"].values() for row in rows for x in row)
path = Path(__file__).parent.parent / "fixtures" / "golden.json"
path.write_text(json.dumps(golden, indent=1) + "\n")
