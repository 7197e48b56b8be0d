"""Helpers that the notebooks share, and the library that the lessons grow into.

The floors of the house; a module imports only from floors below its own (`tests/test_floors.py` reads the imports):

    7  training/          the training loop, history, early stopping, resume; tuning/  diagnostics/
    6  models/            whole networks, a file per family; checkpoint.py  safetensors files that are replaced whole
       distributed.py     batches shared by processes (MPI) or threads
    5  optim/             optimizers, schedules, gradient clipping
    4  nn/                Module, initialisers, layers
    3  functional/        fused ops, a file per family
    2  ops/               arithmetic, products, reductions, shape, indexing; testing.py  numeric gradients and checks
    1  tensor.py          Tensor and @op, over backward.py, the backward pass
    0  backend.py         arrays on a GPU
       files.py           atomic replacement of files, locks between processes
       data_loaders/      data sets with mirrors, checksums, stand-ins; generators; batches, splits, folds; augmentation
       metrics/           accuracy, confusion matrices, ROC, calibration, perplexity, forecast errors
       visualization/     figures in one style; the only floor that imports matplotlib

    beside them: exercises/ (checked answers); roadmap.py, with roadmap_text.py, roadmap_cli.py and progress.py (the
    checkboxes of the README); dashboard.py and installation.py (what the start notebook shows)

Importing `utils` itself imports none of them.
"""

__version__ = "0.1.0"
