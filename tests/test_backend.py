"""Moving arrays between devices, and ops and optimizers on arrays that refuse to meet NumPy's."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from numpy.lib.mixins import NDArrayOperatorsMixin

import utils.functional as F
import utils.ops  # noqa: F401  the methods of Tensor
from utils.backend import array_module, asnumpy, to_device
from utils.optim import SGD, Adagrad, Adam, AdamW, Lion, NAdam, RMSprop, clip_grad_norm_, clip_grad_value_
from utils.tensor import Tensor


class DeviceArray(NDArrayOperatorsMixin):
    """Stands for CuPy's arrays: NumPy's functions take it, but never together with an array of NumPy's."""

    def __init__(self, array):
        self._array = array

    shape = property(lambda self: self._array.shape)
    dtype = property(lambda self: self._array.dtype)
    ndim = property(lambda self: self._array.ndim)
    size = property(lambda self: self._array.size)
    T = property(lambda self: DeviceArray(self._array.T))
    base = property(lambda self: self._array.base)

    def __array__(self, *_, **__):
        raise TypeError("implicit conversion to a NumPy array")

    def __array_ufunc__(self, ufunc, method, *inputs, **settings):
        return on_device(getattr(ufunc, method), inputs, settings)

    def __array_function__(self, function, _types, inputs, settings):
        return on_device(function, inputs, settings)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        method = getattr(self._array, name)
        return lambda *inputs, **settings: on_device(method, inputs, settings)

    def __getitem__(self, key):
        return on_device(self._array.__getitem__, (key,), {})

    def __setitem__(self, key, value):
        on_device(self._array.__setitem__, (key, value), {})

    def __len__(self):
        return len(self._array)

    def __bool__(self):
        return bool(self._array)

    def __float__(self):
        return float(self._array)


def on_device(function, inputs, settings):
    return wrapped(function(*unwrapped(inputs), **unwrapped(settings)))


def wrapped(result):
    if isinstance(result, np.ndarray | np.generic):
        return DeviceArray(np.asarray(result))
    return type(result)(map(wrapped, result)) if type(result) in (tuple, list) else result


def unwrapped(value):
    if isinstance(value, np.ndarray):
        raise TypeError("an array of the host met one of the device")
    if isinstance(value, DeviceArray):
        return value._array
    if isinstance(value, dict):
        return {key: unwrapped(v) for key, v in value.items()}
    return type(value)(map(unwrapped, value)) if type(value) in (tuple, list) else value


def device(x):
    return DeviceArray(np.array(x))


def test_the_stand_in_refuses_to_mix():
    x, y = device(np.ones(3)), np.ones(3)
    for mix in (lambda: x + y, lambda: y + x, lambda: np.stack([x, y]), lambda: np.add(x, 1, out=y)):
        with pytest.raises(TypeError, match="the host met one of the device"):
            mix()
    with pytest.raises(TypeError, match="implicit conversion"):
        np.asarray(x)
    x += np.exp(x)
    assert (x._array == 1 + np.e).all() and type(x @ x) is DeviceArray


EXPRESSIONS = {
    "arithmetic": lambda x, w, b: ((2.0 * x + 1) * x - x / 3.0).sum(),
    "linear": lambda x, w, b: (x @ w.T + b).mean(),
    "F.linear": lambda x, w, b: F.linear(x, w, b).sum(),
    "relu": lambda x, w, b: F.relu(x @ w.T + b).sum(),
    "sigmoid": lambda x, w, b: F.sigmoid(x @ w.T).sum(axis=0).mean(),
    "softmax": lambda x, w, b: (F.softmax(x, 1) * F.log_softmax(x, 1)).sum(),
    "exp": lambda x, w, b: (x * 0.1).exp().mean(axis=1).sum(),
    "shape": lambda x, w, b: (x.reshape(3, 4).transpose(1, 0) * 2.0).sum(),
    "slice": lambda x, w, b: (x[1:, :2] * x[:-1, 1:]).sum(),
}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_ops_stay_on_the_device(name):
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape).astype(np.float32) for shape in ((4, 3), (2, 3), (2,))]
    found = []
    for place in (np.array, device):
        leaves = [Tensor(place(x), requires_grad=True) for x in arrays]
        out = EXPRESSIONS[name](*leaves)
        out.backward()
        found.append([out.data, *(leaf.grad for leaf in leaves if leaf.grad is not None)])
    for host, there in zip(*found, strict=True):
        assert type(there) is DeviceArray and there.dtype == np.float32
        np.testing.assert_array_equal(there._array, host)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
        (Adagrad, {"initial_accumulator_value": 0.1}),
        (RMSprop, {"centered": True, "momentum": 0.9, "eps": 0.01}),
        (Adam, {"amsgrad": True, "maximize": True}),
        (AdamW, {}),
        (NAdam, {}),
        (Lion, {"weight_decay": 0.1}),
    ],
)
def test_optimizers_stay_on_the_device(kind, settings):
    rng, found = np.random.default_rng(0), []
    start, g = rng.normal(size=(2, 4, 3)).astype(np.float32)
    for place in (np.array, device):
        p = Tensor(place(start), requires_grad=True)
        optimizer = kind([p], **settings)
        for i in range(4):
            p.grad = place(g)
            clip_grad_norm_([p], 2.0)
            clip_grad_value_([p], 1.0)
            if i == 2:
                optimizer.load_state_dict(optimizer.state_dict())
            optimizer.step()
        found.append(p.data)
    assert type(found[1]) is DeviceArray
    np.testing.assert_array_equal(found[1]._array, found[0])


def fake_cupy(monkeypatch, n_devices):
    """A module called cupy whose arrays are the stand-ins."""
    cupy = ModuleType("cupy")
    cupy.asarray = lambda x: x if isinstance(x, DeviceArray) else DeviceArray(np.array(x))
    cupy.asnumpy = lambda x: x._array.copy()
    cupy.cuda = SimpleNamespace(runtime=SimpleNamespace(getDeviceCount=n_devices))
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    monkeypatch.setattr(DeviceArray, "__module__", "cupy.core")
    return cupy


def test_moves_there_and_back(monkeypatch):
    cupy, x = fake_cupy(monkeypatch, lambda: 1), np.arange(6.0).reshape(2, 3)
    there = to_device(x, "cuda")
    assert type(there) is DeviceArray and to_device(there, "cuda") is there and array_module(there) is cupy
    back = to_device(there, "cpu")
    assert type(back) is np.ndarray and (back == x).all() and to_device(x, "cpu") is x
    assert array_module(x) is np and array_module(1.5) is np and (asnumpy([1, 2]) == [1, 2]).all()


def test_says_what_is_missing(monkeypatch):
    with pytest.raises(ValueError, match='device=\'gpu\' must be "cpu" or "cuda"'):
        to_device(np.ones(1), "gpu")
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(RuntimeError, match=r'pip install -e "\.\[gpu\]"'):
        to_device(np.ones(1), "cuda")
    fake_cupy(monkeypatch, lambda: 0)
    with pytest.raises(RuntimeError, match="finds no GPU: stay on"):
        to_device(np.ones(1), "cuda")
    fake_cupy(monkeypatch, lambda: 1 / 0)
    with pytest.raises(RuntimeError, match=r"finds no GPU \(division by zero\)"):
        to_device(np.ones(1), "cuda")
