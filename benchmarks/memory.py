"""python -m benchmarks.memory: the memory that training takes, ours against PyTorch's, and whether it stays level.

Growth is the peak of the resident memory during 50 steps less what is resident before the first, when libraries,
model and data are there. Level means: without the garbage collector, 1,000 steps end with what 100 had. Each number
comes from a process of its own. Linux only, which tells a process its peak and lets it forget an earlier one.
"""

import gc
import json
import re
import subprocess
import sys
from pathlib import Path

from threadpoolctl import threadpool_limits

from benchmarks.tables import memory_table, save
from benchmarks.workloads import WORKLOADS, Job, conv_net, our_library, torch_library

STEPS, WARM, MANY = 50, 100, 1000
MUST, LEVEL_MB = 1.5, 1.0  # the largest allowed ratio of growths, and growth from step WARM to step MANY
LIBRARIES = {"ours": our_library, "theirs": torch_library}
MEMORY = {
    "MLP": WORKLOADS["MLP, Adam step"],
    "LeNet-5": WORKLOADS["LeNet-5, Adam step"],
    "convolutional network": conv_net,
    "LSTM": WORKLOADS["LSTM"],
    "GPT": WORKLOADS["GPT, AdamW step, one thread"],
    "GPT, two threads": WORKLOADS["GPT, AdamW step, two threads"],
}


def resident(peak: bool = False) -> float:
    """Megabytes (10^6 bytes) of this process in memory: now, or at most since `forget_peak`."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(re.search(rf"Vm{'HWM' if peak else 'RSS'}:\s+(\d+) kB", status)[1]) * 1024 / 1e6


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def growth(job: Job) -> float:
    """Megabytes by which training goes above what is resident before it."""
    forget_peak()
    before = resident()
    _repeat(job, STEPS)
    return resident(peak=True) - before


def drift(job: Job) -> float:
    """Megabytes that come between step WARM and step MANY while nothing but reference counts frees memory."""
    gc.disable()
    with threadpool_limits(1):
        _repeat(job, WARM)
        before = resident()
        _repeat(job, MANY - WARM)
    return resident() - before


def _repeat(job: Job, steps: int) -> None:
    for _ in range(steps):
        job.step()


def elsewhere(measure: str, name: str, library: str) -> float:
    """A measurement in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.memory", measure, name, library]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[1], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout)


def row(name: str) -> dict:
    mine, other = (elsewhere("growth", name, library) for library in LIBRARIES)
    level = elsewhere("drift", name, "ours")
    print(
        f"{name:24}{mine:8.1f} MB{other:8.1f} MB   ratio {mine / other:.2f}   later {level:+.2f} MB",
        flush=True,
    )
    return {"name": name, "ours_mb": mine, "theirs_mb": other, "ratio": mine / other, "drift_mb": level}


def main() -> int:
    if sys.argv[1:]:
        measure, name, library = sys.argv[1:]
        print({"growth": growth, "drift": drift}[measure](MEMORY[name](LIBRARIES[library]())))
        return 0
    bounds = {"must": MUST, "level_mb": LEVEL_MB, "steps": STEPS, "warm": WARM, "many": MANY}
    results = {**bounds, "rows": [row(name) for name in MEMORY]}
    save("memory", results)
    print(memory_table(results), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
