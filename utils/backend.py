"""Arrays on the CPU (NumPy) or on an NVIDIA GPU (CuPy): finding out which, and moving between them.

Code that calls NumPy's functions on its arrays runs on either, since NumPy hands them to CuPy by itself. Arrays that
join others (indices, masks, tables) are made beside them with `np.arange(n, like=x)` or `np.asarray(values, like=x)`.
What NumPy does not hand on, such as `np.add.at`, is asked of `array_module`.

Notebook: 06-language-models/fine-tuning/06-distributed-training-basics.ipynb
"""

import importlib
import os
from types import ModuleType
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

DEVICES = ("cpu", "cuda")
THREADS_WANTED = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")  # where a user says how many


def spare_cores() -> None:
    """Let OpenBLAS use half of the processors, unless the environment or a limit set before says how many.

    Its threads go on spinning when a product is done. Small networks make many small products: on two cores with
    anything else to do, two threads took up to twice as long as one.

    Notebook: 06-language-models/fine-tuning/06-distributed-training-basics.ipynb
    """
    if any(os.environ.get(name) for name in THREADS_WANTED):
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for library in ThreadpoolController().select(internal_api="openblas").lib_controllers:
        if library.num_threads >= cores:
            library.set_num_threads(max(1, cores // 2))


def array_module(x: Any) -> ModuleType:
    """The module whose functions make arrays of the kind of `x`: `numpy`, or `cupy` for an array on a GPU.

    Notebook: 06-language-models/fine-tuning/06-distributed-training-basics.ipynb
    """
    if type(x) is np.ndarray:
        return np
    name = type(x).__module__.split(".")[0]
    return importlib.import_module(name) if name == "cupy" else np


def as_array(x: Any) -> Any:
    """An array as it is, wherever it is; anything else (lists, numbers) as a NumPy array.

    Notebook: 06-language-models/fine-tuning/06-distributed-training-basics.ipynb
    """
    return x if hasattr(x, "dtype") and not isinstance(x, np.generic) else np.asarray(x)


def placed(array: Any, like: Any) -> Any:
    """`array` on the device of the array `like`: moved, either way, if it is on the other.

    Notebook: 06-language-models/fine-tuning/06-distributed-training-basics.ipynb
    """
    module = array_module(like)
    return asnumpy(array) if module is np else module.asarray(array)


def to_device(array: Any, device: str) -> Any:
    """`array` on "cpu" (a NumPy array) or on "cuda" (a CuPy array); not copied where it is there already.

    Raises ValueError for another device, and RuntimeError where CuPy is not installed or finds no GPU.

    Notebook: 06-language-models/fine-tuning/06-distributed-training-basics.ipynb
    """
    if device not in DEVICES:
        raise ValueError(f'device={device!r} must be "cpu" or "cuda"')
    return asnumpy(array) if device == "cpu" else _cupy().asarray(array)


def asnumpy(x: Any) -> np.ndarray:
    """The numbers of an array as a NumPy array, fetched from the GPU if they are there.

    Notebook: 06-language-models/fine-tuning/06-distributed-training-basics.ipynb
    """
    module = array_module(x)
    return np.asarray(x) if module is np else module.asnumpy(x)


def _cupy() -> ModuleType:
    try:
        cupy = importlib.import_module("cupy")
    except ImportError as error:
        raise RuntimeError('"cuda" needs CuPy, which is not installed: pip install -e ".[gpu]"') from error
    try:
        devices = cupy.cuda.runtime.getDeviceCount()
    except Exception as error:  # CuPy's own error class is not to be imported where there is no driver
        raise RuntimeError(
            f'CuPy finds no GPU ({error}): install NVIDIA\'s driver, or stay on "cpu"'
        ) from error
    if not devices:
        raise RuntimeError('CuPy finds no GPU: stay on "cpu"')
    return cupy


spare_cores()
