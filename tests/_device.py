"""Arrays that stand for CuPy's on machines without a GPU, and a module of them that is found as `cupy`.

They compute with NumPy and refuse what CuPy refuses: to meet an array of NumPy's, to become one unasked, and every
function, method, keyword and dispatch that CuPy has not. The tables hold what CuPy 14 has of the things that a
library for arrays is likely to call; what is not in them counts as missing. Where CuPy is installed (it needs no GPU
for that), a test compares them with it.
"""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

MISSING_UFUNCS = {"isnat", "matvec", "spacing", "vecdot", "vecmat"}
UFUNC_KEYWORDS = {"out", "dtype", "casting"}
SCATTERED = {"add", "subtract", "maximum", "minimum"}  # the ufuncs that have `at`, for these dtypes:
SCATTER_DTYPES = ["int32", "uint32", "uint64", "float16", "float32", "float64"]
FROM_HOST = {"array", "asarray"}  # all others want arrays of the device

# The parameters, in their order, of NumPy's functions that CuPy has.
FUNCTIONS = {
    **dict.fromkeys(["zeros", "ones", "empty"], "shape dtype order"),
    **dict.fromkeys(["zeros_like", "ones_like"], "a dtype order subok shape"),
    "empty_like": "prototype dtype order subok shape",
    **dict.fromkeys(["prod", "sum"], "a axis dtype out keepdims"),
    **dict.fromkeys(["cumprod", "cumsum"], "a axis dtype out"),
    **dict.fromkeys(["all", "any", "amax", "amin", "max", "min"], "a axis out keepdims"),
    **dict.fromkeys(["argmax", "argmin"], "a axis dtype out keepdims"),
    **dict.fromkeys(["concatenate", "stack"], "tup axis out dtype casting"),
    **dict.fromkeys(["tril", "triu"], "m k"),
    **dict.fromkeys(["ndim", "shape", "size"], "a"),
    "arange": "start stop step dtype",
    "argsort": "a axis kind",
    "array": "obj dtype copy order subok ndmin",
    "array2string": "a max_line_width precision suppress_small separator prefix style formatter threshold",
    "array_equal": "a1 a2 equal_nan",
    "asarray": "a dtype order copy",
    "ascontiguousarray": "a dtype",
    "bincount": "x weights minlength",
    "broadcast_to": "array shape",
    "clip": "a a_min a_max out",
    "copyto": "dst src casting where",
    "count_nonzero": "a axis",
    "diff": "a n axis prepend append",
    "dot": "a b out",
    "einsum": "operands operands operands operands optimize dtype",
    "expand_dims": "a axis",
    "eye": "N M k dtype order",
    "flatnonzero": "a",
    "flip": "a axis",
    "full": "shape fill_value dtype order",
    "full_like": "a fill_value dtype order subok shape",
    "lib.stride_tricks.sliding_window_view": "x window_shape axis subok writeable",
    "linalg.norm": "x ord axis keepdims",
    "may_share_memory": "a b max_work",
    "mean": "a axis dtype out keepdims",
    "moveaxis": "a source destination",
    "nan_to_num": "x copy nan posinf neginf",
    "nonzero": "a",
    "outer": "a b out",
    "pad": "array pad_width mode constant_values",
    "put_along_axis": "arr indices values axis",
    "ravel": "a order",
    "repeat": "a repeats axis",
    "reshape": "a newshape order copy",
    "roll": "a shift axis",
    "shares_memory": "a b max_work",
    "sort": "a axis kind",
    "split": "ary indices_or_sections axis",
    "squeeze": "a axis",
    "swapaxes": "a axis1 axis2",
    "take": "a indices axis out",
    "take_along_axis": "a indices axis",
    "tensordot": "a b axes",
    "tile": "A reps",
    "transpose": "a axes",
    "tri": "N M k dtype",
    "unique": "ar return_index return_inverse return_counts axis equal_nan",
    "var": "a axis dtype out ddof keepdims",
    "vdot": "a b",
    "where": "condition x y",
}
METHODS = {
    **dict.fromkeys(["prod", "sum", "mean"], "axis dtype out keepdims"),
    **dict.fromkeys(["var", "std"], "axis dtype out ddof keepdims"),
    **dict.fromkeys(["cumprod", "cumsum"], "axis dtype out"),
    **dict.fromkeys(["all", "any", "max", "min"], "axis out keepdims"),
    **dict.fromkeys(["argmax", "argmin"], "axis out dtype keepdims"),
    **dict.fromkeys(["copy", "flatten", "ravel"], "order"),
    **dict.fromkeys(["nonzero", "tolist"], ""),
    "argsort": "axis",
    "astype": "dtype order casting subok copy",
    "clip": "min max out",
    "dot": "b out",
    "fill": "value",
    "item": "index",
    "repeat": "repeats axis",
    "reshape": "shape shape shape shape shape shape shape shape order",
    "squeeze": "axis",
    "swapaxes": "axis1 axis2",
    "take": "indices axis out",
    "transpose": "axes axes axes axes axes axes axes axes",
    "view": "dtype",
}


class DeviceArray(NDArrayOperatorsMixin):
    """A NumPy array behind a wall."""

    __module__ = "cupy"  # by which utils.backend knows CuPy's arrays
    __hash__ = None

    def __init__(self, array):
        self._array = array

    shape = property(lambda self: self._array.shape)
    dtype = property(lambda self: self._array.dtype)
    ndim = property(lambda self: self._array.ndim)
    size = property(lambda self: self._array.size)
    nbytes = property(lambda self: self._array.nbytes)
    itemsize = property(lambda self: self._array.itemsize)
    strides = property(lambda self: self._array.strides)
    flags = property(lambda self: self._array.flags)
    base = property(lambda self: self._array.base)
    T = property(lambda self: DeviceArray(self._array.T))
    mT = property(lambda self: DeviceArray(self._array.mT))

    def __array__(self, *_, **__):
        raise TypeError("implicit conversion to a NumPy array: fetch it with asnumpy")

    def __array_ufunc__(self, ufunc, method, *inputs, **settings):
        if method != "__call__" or ufunc.__name__ in MISSING_UFUNCS:
            return NotImplemented  # so says CuPy, also to np.add.at
        return called(ufunc, inputs, settings)

    def __array_function__(self, function, _types, inputs, settings):
        name = ".".join([*function.__module__.split(".")[1:], function.__name__])
        return run(name, inputs, settings) if name in FUNCTIONS else NotImplemented

    def __getattr__(self, name):
        if name not in METHODS:
            raise AttributeError(f"CuPy's arrays have no {name}")
        method = getattr(self._array, name)

        def on_device(*inputs, **settings):
            check_call(f"ndarray.{name}", METHODS[name], inputs, settings)
            return wrapped(method(*unwrapped(inputs), **unwrapped(settings)))

        return on_device

    def __getitem__(self, key):
        key = unwrapped(key)
        part = self._array[key]
        if isinstance(part, np.generic):  # of CuPy's it is a view without axes
            part = self._array[(*(key if type(key) is tuple else (key,)), ...)]
        return wrapped(part)

    def __setitem__(self, key, value):
        self._array[unwrapped(key)] = unwrapped(value)

    def __len__(self):
        return len(self._array)

    def __bool__(self):
        return bool(self._array)

    def __int__(self):
        return int(self._array)

    def __float__(self):
        return float(self._array)

    def __repr__(self):
        return f"DeviceArray({self._array!r})"


def called(ufunc, inputs, settings):
    if not set(settings) <= UFUNC_KEYWORDS:
        raise TypeError(f"cupy.{ufunc.__name__} takes no {set(settings) - UFUNC_KEYWORDS}")
    result = wrapped(ufunc(*unwrapped(inputs), **unwrapped(settings)))
    return settings["out"][0] if type(settings.get("out")) is tuple else settings.get("out", result)


def run(name, inputs, settings):
    """NumPy's function of that name on device arrays, as CuPy would have it."""
    check_call(f"cupy.{name}", FUNCTIONS[name], inputs, settings)
    function = np
    for part in name.split("."):
        function = getattr(function, part)
    unwrap = on_host if name in FROM_HOST else unwrapped
    return wrapped(function(*unwrap(inputs), **unwrap(settings)))


def check_call(name, parameters, inputs, settings):
    parameters = parameters.split()
    if len(inputs) > len(parameters) or not set(settings) <= set(parameters):
        raise TypeError(f"{name}({', '.join(parameters)}) got {len(inputs)} arguments and {set(settings)}")


def wrapped(result):
    if isinstance(result, np.ndarray | np.generic):
        return DeviceArray(np.asarray(result))
    return type(result)(map(wrapped, result)) if type(result) in (tuple, list) else result


def unwrapped(value):
    if isinstance(value, np.ndarray):
        raise TypeError("an array of the host met one of the device")
    return on_host(value, unwrapped)


def on_host(value, inner=None):
    inner = inner or on_host
    if isinstance(value, DeviceArray):
        return value._array
    if isinstance(value, dict):
        return {key: inner(v) for key, v in value.items()}
    return type(value)(map(inner, value)) if type(value) in (tuple, list) else value


class Cupy(ModuleType):
    """What `import cupy` finds while a test has it installed."""

    ndarray = DeviceArray
    linalg = SimpleNamespace(norm=lambda *x, **settings: run("linalg.norm", x, settings))

    def __init__(self, n_devices=1):
        super().__init__("cupy")
        self.cuda = SimpleNamespace(runtime=SimpleNamespace(getDeviceCount=lambda: n_devices))

    def __getattr__(self, name):
        if name in FUNCTIONS:
            return lambda *inputs, **settings: run(name, inputs, settings)
        found = getattr(np, name, None)
        if isinstance(found, np.ufunc) and name not in MISSING_UFUNCS:
            return Ufunc(found)
        if isinstance(found, type) and issubclass(found, np.generic):
            return found
        raise AttributeError(f"CuPy has no {name}, as far as tests/_device.py knows")

    @staticmethod
    def asarray(x, dtype=None):
        return x if isinstance(x, DeviceArray) and dtype in (None, x.dtype) else device(on_host(x), dtype)

    @staticmethod
    def asnumpy(x):
        return np.array(on_host(x))


class Ufunc:
    """One of CuPy's universal functions, which have `at` where NumPy's refuse to lead to it."""

    def __init__(self, ufunc):
        self.ufunc = ufunc

    def __call__(self, *inputs, **settings):
        return called(self.ufunc, inputs, settings)

    def outer(self, x, y):
        return wrapped(self.ufunc.outer(unwrapped(x), unwrapped(y)))

    def at(self, x, index, values):
        if self.ufunc.__name__ not in SCATTERED or x.dtype not in SCATTER_DTYPES:
            raise TypeError(f"cupy.{self.ufunc.__name__}.at does not take {x.dtype}")
        self.ufunc.at(unwrapped(x), unwrapped(index), unwrapped(values))


def device(x, dtype=None):
    """A copy of a host array on the device."""
    return DeviceArray(np.array(x, dtype=dtype))


def install(monkeypatch, n_devices=1):
    """Let `import cupy` find the stand-in until the test is over."""
    cupy = Cupy(n_devices)
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    return cupy
