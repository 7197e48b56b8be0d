"""python -m benchmarks [NAME ...]: time the workloads (all, or those whose names contain a NAME) against PyTorch."""

import json
import sys
from pathlib import Path

import numpy as np

from benchmarks.harness import compare
from benchmarks.workloads import WORKLOADS, our_library, torch_library
from utils.files import atomic_write

RESULTS = Path(__file__).resolve().parents[1] / "resources" / "results" / "speed.json"


def surroundings() -> dict:
    """Versions, threads, and which kernels the BLAS libraries chose: ratios depend on them."""
    import torch
    from threadpoolctl import threadpool_info

    blas = [
        {key: pool.get(key) for key in ("internal_api", "version", "architecture", "num_threads")}
        for pool in threadpool_info()
    ]
    return {
        "numpy": np.__version__,
        "torch": torch.__version__,
        "torch_threads": torch.get_num_threads(),
        "blas": blas,
    }


def matmul_ratio() -> dict:
    """NumPy's BLAS against PyTorch's on a plain product: that part of a ratio is the machine's."""
    import torch

    A = np.random.default_rng(0).standard_normal((1024, 1024), np.float32)
    T = torch.tensor(A)
    return compare("plain matmul, 1024", lambda: A @ A, lambda: T @ T).to_dict()


def main() -> int:
    chosen = [name for name in WORKLOADS if not sys.argv[1:] or any(part in name for part in sys.argv[1:])]
    if not chosen:
        print(f"no workload of that name; there are {', '.join(WORKLOADS)}")
        return 2
    ours, theirs = our_library(), torch_library()
    rows = [matmul_ratio()]
    for name in chosen:
        rows.append(compare(name, WORKLOADS[name](ours), WORKLOADS[name](theirs)).to_dict())
    for row in rows:
        print(
            f"{row['name']:22}{row['ours_ms']:9.3f} ms{row['theirs_ms']:9.3f} ms   ratio {row['ratio']:.2f}"
        )
    if len(chosen) == len(WORKLOADS):
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(
            RESULTS, (json.dumps({"surroundings": surroundings(), "rows": rows}, indent=1) + "\n").encode()
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
