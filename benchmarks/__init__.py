"""Workloads timed against PyTorch in one process; `python -m benchmarks` runs them and writes the results file."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", str(os.cpu_count()))  # as many as PyTorch takes
