"""The side of a contender that runs in Python; src/contender.ts is the other."""
import json
import sys


def serve(about, step, figures=dict, profile=list):
    """Prints a JSON line about itself, then answers `step` with milliseconds, `figures` and `profile` with JSON."""
    print(json.dumps(about), flush=True)
    answers = {"step": step, "figures": lambda: json.dumps(figures()), "profile": lambda: json.dumps(profile())}
    for line in sys.stdin:
        print(answers[line.strip()](), flush=True)


def profile_ops(run):
    """What PyTorch's ops took, without the ops that they call, the longest first."""
    import torch

    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        run()
    ops = [
        {"op": op.key, "calls": op.count, "milliseconds": op.self_cpu_time_total / 1000}
        for op in profiler.key_averages()
    ]
    return sorted(ops, key=lambda op: -op["milliseconds"])


def reset_peak():
    """Forgets the peak of resident memory so far; returns what is resident now, bytes (Linux; else 0)."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        return status("VmRSS")
    except OSError:
        return 0


def peak():
    """The peak of resident memory since reset_peak, bytes; 0 where it is not known."""
    try:
        return status("VmHWM")
    except OSError:
        return 0


def status(key):
    with open("/proc/self/status") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith(key + ":"))
