"""Moving arrays between devices, and what the stand-in for CuPy's arrays refuses."""

import os
import subprocess
import sys

import numpy as np
import pytest
from _device import DeviceArray, device, install

from utils.backend import array_module, as_array, asnumpy, placed, to_device

X, Y, FIRST = device(np.ones(3)), np.ones(3), np.array([0])
REFUSED = {
    "x + y": lambda: X + Y,
    "y + x": lambda: Y + X,
    "an array without axes": lambda: X + np.array(1.0),
    "stack": lambda: np.stack([X, Y]),
    "out on the host": lambda: np.add(X, 1, out=Y),
    "out on the device": lambda: np.add(Y, 1, out=X),
    "index": lambda: X[FIRST],
    "assignment": lambda: X.__setitem__(slice(None), Y),
    "conversion": lambda: np.asarray(X),
    "in place": lambda: Y.__iadd__(X),
    "ufunc without CuPy": lambda: np.vecdot(X, X),
    "add.at through NumPy": lambda: np.add.at(X, device(FIRST), 1.0),
    "reduce through NumPy": lambda: np.add.reduce(X),
    "outer through NumPy": lambda: np.multiply.outer(X, X),
    "function without CuPy": lambda: np.insert(X, 0, 1),
    "function not handed on": lambda: np.lib.stride_tricks.as_strided(X, (2,), (8,)),
    "where of a ufunc": lambda: np.add(X, 1, where=device([True, False, True])),
    "initial": lambda: X.max(initial=0),
    "mode of take": lambda: np.take(X, device(FIRST), mode="clip"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_stand_in_refuses_what_cupy_refuses(name):
    with pytest.raises(TypeError):
        REFUSED[name]()


def test_the_stand_in_computes():
    x = device(np.ones(3))
    same = x
    x += np.exp(x)
    assert x is same and (x._array == 1 + np.e).all() and type(x @ x) is DeviceArray
    assert type(np.float32(2) * x) is DeviceArray and float(x[0]) == 1 + np.e
    x[1:][...] = 0.0
    first = x[0]
    first += 1
    assert x._array.tolist() == [2 + np.e, 0, 0]  # parts are views, also those without axes
    assert type(np.zeros(2, like=x)) is DeviceArray and type(np.asarray([1], like=x)) is DeviceArray


def test_moves_there_and_back(monkeypatch):
    cupy, x = install(monkeypatch), np.arange(6.0).reshape(2, 3)
    there = to_device(x, "cuda")
    assert type(there) is DeviceArray and to_device(there, "cuda") is there and array_module(there) is cupy
    assert placed(x, there).shape == (2, 3) and type(placed(x, there)) is DeviceArray
    assert type(placed(there, x)) is np.ndarray and placed(x, x) is x and placed(there, there) is there
    assert as_array(there) is there and as_array(x) is x and as_array(np.float32(1)).shape == ()
    back = to_device(there, "cpu")
    assert type(back) is np.ndarray and (back == x).all() and to_device(x, "cpu") is x
    assert array_module(x) is np and array_module(1.5) is np and (asnumpy([1, 2]) == [1, 2]).all()


def test_says_what_is_missing(monkeypatch):
    with pytest.raises(ValueError, match='device=\'gpu\' must be "cpu" or "cuda"'):
        to_device(np.ones(1), "gpu")
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(RuntimeError, match=r'pip install -e "\.\[gpu\]"'):
        to_device(np.ones(1), "cuda")
    install(monkeypatch, 0)
    with pytest.raises(RuntimeError, match="finds no GPU: stay on"):
        to_device(np.ones(1), "cuda")
    install(monkeypatch).cuda = None
    with pytest.raises(RuntimeError, match=r"finds no GPU \(.*runtime"):
        to_device(np.ones(1), "cuda")


@pytest.mark.parametrize(
    ("wanted", "before", "after"),
    [(None, "", "half"), ("2", "", 2), (None, "threadpoolctl.threadpool_limits(1)", 1)],
    ids=["nobody says", "the environment", "a limit"],
)
def test_blas_leaves_half_of_the_cores_alone(wanted, before, after):
    code = f"""
import os, numpy, threadpoolctl
{before}
import utils.ops
pools = threadpoolctl.threadpool_info()
print(len(os.sched_getaffinity(0)), *(p["num_threads"] for p in pools if p["internal_api"] == "openblas"))
"""
    if not hasattr(os, "sched_getaffinity"):
        pytest.skip("the cores of a process are counted on Linux")
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    environment |= {"OPENBLAS_NUM_THREADS": wanted} if wanted else {}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    cores, *threads = map(int, run.stdout.split())
    if not threads or cores < 2:
        pytest.skip("NumPy has another BLAS, or there is one core")
    assert set(threads) == {max(1, cores // 2) if after == "half" else after}
