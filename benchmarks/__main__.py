"""python -m benchmarks [NAME ...] [--noisy]: time the workloads, or those whose names contain a NAME, against PyTorch.

The results of all are written to resources/results/speed.json; only with --noisy, if the machine was too busy.
"""

import sys

import numpy as np

from benchmarks.harness import Timing, compare, geometric_mean, tune_allocator
from benchmarks.tables import save
from benchmarks.workloads import WORKLOADS, our_library, torch_library

# Rows: workloads, the ratio that a row must not exceed, and the one to aim at. A row's ratio is their geometric mean.
ROWS = {
    "MLP": (["MLP, SGD step", "MLP, Adam step"], 1.0, 0.8),
    "LeNet-5": (["LeNet-5, Adam step"], 1.25, 0.9),
    "3x3 convolution": (["3x3 convolution"], 3.0, 2.2),
    "LSTM": (["LSTM"], 2.3, 1.7),
    "GPT": (["GPT, AdamW step, two threads"], 1.15, 0.8),
    "max-pool": (["max-pool"], 0.9, 0.5),
    "dropout": (["dropout"], 0.3, 0.1),
    "small ops": (["1,000 small ops"], 1.0, 0.5),
}
MEAN_OF, MEAN_MUST, MEAN_AIM = 5, 1.3, 1.0  # the geometric mean of the first five rows, with its bounds


def surroundings() -> dict:
    """Versions, threads, and which kernels the BLAS libraries chose: ratios depend on them."""
    import torch
    from threadpoolctl import threadpool_info

    keys = ("internal_api", "version", "architecture", "num_threads")
    return {
        "numpy": np.__version__,
        "torch": torch.__version__,
        "torch_threads": torch.get_num_threads(),
        "blas": [{key: pool.get(key) for key in keys} for pool in threadpool_info()],
    }


def timings(chosen: list[str]) -> dict[str, Timing]:
    """Time the workloads; before them NumPy's BLAS against PyTorch's, which is the machine's part of the ratios."""
    import torch

    A = np.random.default_rng(0).standard_normal((1024, 1024), np.float32)
    T = torch.tensor(A)
    found = [_told(compare("plain matmul, 1024", lambda: A @ A, lambda: T @ T))]
    ours, theirs = our_library(), torch_library()
    for name in chosen:
        found.append(_told(compare(name, WORKLOADS[name](ours).step, WORKLOADS[name](theirs).step)))
    return {timing.name: timing for timing in found}


def _told(timing: Timing) -> Timing:
    times = f"{timing.name:30}{timing.ours_ms:9.3f} ms{timing.theirs_ms:9.3f} ms   ratio {timing.ratio:.2f}"
    print(f"{times} (minima {timing.min_ratio:.2f}), {timing.noisy}/{timing.rounds} noisy", flush=True)
    return timing


def summary(found: dict[str, Timing]) -> dict:
    """The rows with their bounds, the geometric mean of the first five, and what is timed beside them."""
    rows = [_row(name, [found.pop(entry) for entry in row[0]], *row[1:]) for name, row in ROWS.items()]
    mean = geometric_mean(row["ratio"] for row in rows[:MEAN_OF])
    mean_row = {"name": "geometric mean", "ratio": mean, "must": MEAN_MUST, "aim": MEAN_AIM}
    return {"rows": rows, "geometric_mean": mean_row, "beside": [t.to_dict() for t in found.values()]}


def _row(name: str, entries: list[Timing], must: float, aim: float) -> dict:
    ratio = geometric_mean(timing.ratio for timing in entries)
    entries = [timing.to_dict() for timing in entries]
    return {"name": name, "ratio": ratio, "must": must, "aim": aim, "entries": entries}


def show(results: dict) -> None:
    for row in [*results["rows"], results["geometric_mean"]]:
        verdict = "over" if row["ratio"] > row["must"] else "reached" if row["ratio"] <= row["aim"] else ""
        bounds = f"must {row['must']:.2f}   aim {row['aim']:.2f}   {verdict}"
        print(f"{row['name']:18}ratio {row['ratio']:.2f}   {bounds}".rstrip())


def main() -> int:
    tune_allocator()
    parts = [argument for argument in sys.argv[1:] if argument != "--noisy"]
    chosen = [name for name in WORKLOADS if not parts or any(part in name for part in parts)]
    if not chosen:
        print(f"no workload of that name; there are {', '.join(WORKLOADS)}")
        return 2
    found = timings(chosen)
    if len(chosen) < len(WORKLOADS):
        return 0
    disturbed = [timing.name for timing in found.values() if not timing.quiet]
    results = summary(found)
    show(results)
    if disturbed and "--noisy" not in sys.argv:
        print(f"not saved, for other processes were busy: {', '.join(disturbed)}. Stop them, or add --noisy")
        return 1
    save("speed", {"surroundings": surroundings(), **results})
    return 0


if __name__ == "__main__":
    sys.exit(main())
