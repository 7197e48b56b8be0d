"""Workloads timed against PyTorch in one process; `python -m benchmarks` runs them and writes the results file."""
