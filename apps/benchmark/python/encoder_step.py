"""One contender of the suites `encoder`: the same encoder in PyTorch.

usage: encoder_step.py ENCODER BATCH TASK LAYOUT PRECISION [compile] [threads=N]
TASK: train (a whole step) or forward (eval and inference_mode). LAYOUT: nchw (PyTorch's default) or channels-last.
PRECISION: float32 or bfloat16 (autocast). With `compile` through torch.compile, which needs a C++ compiler.
"""
import platform
import sys
import time

import torch
from contender import peak, profile_ops, reset_peak, serve
from encoders import make_encoder


def main():
    name, batch, task, layout, precision = sys.argv[1], int(sys.argv[2]), *sys.argv[3:6]
    flags = sys.argv[6:]
    if precision == "bfloat16" and platform.machine() == "x86_64" and not torch.cpu._is_avx512_bf16_supported():
        sys.exit("this processor has no instructions for bfloat16, and ours takes no part")
    for flag in flags:
        if flag.startswith("threads="):
            torch.set_num_threads(int(flag.removeprefix("threads=")))
    torch.manual_seed(0)
    order = torch.channels_last if layout == "channels-last" else torch.contiguous_format
    model = make_encoder(name).to(memory_format=order)
    images = torch.randn(batch, 3, 112, 112).contiguous(memory_format=order)
    targets = torch.randn(batch, 512)
    embed_images = torch.compile(model) if "compile" in flags else model
    optimizer = torch.optim.SGD(model.parameters(), 1e-3, 0.9, weight_decay=5e-4)

    def embed():
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            return embed_images(images).float()

    def train():
        loss = (embed() - targets).square().mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5)
        optimizer.step()

    def forward():
        with torch.inference_mode():
            embed()

    run = train if task == "train" else forward
    model.train(task == "train")

    def step():
        begun = time.perf_counter()
        run()
        return 1000 * (time.perf_counter() - begun)

    step()
    reset_peak()
    parameters = sum(p.numel() for p in model.parameters())
    about = {"engine": "pytorch", "version": torch.__version__, "threads": torch.get_num_threads(), "precision": precision}
    figures = lambda: {"peakMiB": peak() / 2**20}
    serve({**about, "layout": layout, "parameters": parameters}, step, figures, lambda: profile_ops(run))


main()
