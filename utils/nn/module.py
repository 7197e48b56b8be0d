"""`Module`: a function with parameters, made of others of its kind."""

import difflib
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

import numpy as np

from utils.backend import DEVICES, as_array, to_device
from utils.nn.parameter import Parameter
from utils.nn.state import LoadResult, copy_into
from utils.nn.summary import Summary, summarize
from utils.tensor import FLOATS, Tensor

_running: ContextVar["Module | None"] = ContextVar(
    "running", default=None
)  # whose forward it is, in each thread


class Module:
    """A function with parameters: write `forward`, and keep parameters and other modules as attributes.

    Attributes that hold a `Parameter`, a leaf Tensor with `requires_grad=True`, or a Module are found in the order
    of their assignment; there is nothing to register and no `super().__init__()` to forget. What `forward` itself
    keeps is no parameter unless it is made a `Parameter`. `register_buffer` names the arrays that belong to the state
    without being trained (running means). Modules in a plain list or dict would not be found, so that assigning one
    raises TypeError: `ModuleList` and `ModuleDict` hold them.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """

    training = True
    _buffer_names: dict[str, bool] = {}  # noqa: RUF012  replaced, never changed; True for those in the state
    _forward_hooks: tuple[Callable, ...] = ()

    def forward(self, *inputs: Any, **settings: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no forward: define forward(self, x)")

    def __call__(self, *inputs: Any, **settings: Any) -> Any:
        before = _running.set(self)
        try:
            out = self.forward(*inputs, **settings)
        finally:
            _running.reset(before)
        for hook in self._forward_hooks:
            replaced = hook(self, inputs, out)
            out = out if replaced is None else replaced
        return out

    def register_forward_hook(self, hook: Callable) -> Callable[[], None]:
        """Call `hook(module, inputs, output)` after every forward; a result other than None replaces the output.

        Returns a function that removes the hook.
        """
        self._forward_hooks = (*self._forward_hooks, hook)

        def remove() -> None:
            self._forward_hooks = tuple(h for h in self._forward_hooks if h is not hook)

        return remove

    # Attributes

    def __setattr__(self, name: str, value: Any) -> None:
        before = self.__dict__.get(name)
        if name in self._buffer_names:
            value = value.data if isinstance(value, Tensor) else value
            if value is not None and not hasattr(value, "shape"):
                raise TypeError(f"{name} is a buffer, an array, but got {type(value).__name__}")
        elif isinstance(before, Parameter) and not (value is None or isinstance(value, Parameter)):
            raise TypeError(
                f"{name} is a parameter but got {type(value).__name__}, which no optimizer would find: "
                f"write into it with .{name}.data[...] = array, or assign nn.Parameter(array)"
            )
        elif isinstance(before, Module) and not (value is None or isinstance(value, Module)):
            raise TypeError(f"{name} is a module but got {type(value).__name__}: assign a Module, or None")
        elif isinstance(value, Tensor):
            if (
                value.requires_grad and value.is_leaf and _running.get() is not self
            ):  # no input that forward keeps
                value.__class__ = Parameter  # made without the class, meant as one
        else:
            _refuse_hidden_modules(name, value)
        object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:  # called for missing attributes only
        hint = ""
        if not name.startswith("__"):
            close = difflib.get_close_matches(name, dir(self))
            hint = f": did you mean {' or '.join(map(repr, close))}?" if close else ""
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}{hint}", name=name, obj=self)

    def register_buffer(self, name: str, array: Any, persistent: bool = True) -> None:
        """Keep an array as part of the module's state (unless not `persistent`) that no optimizer changes."""
        if name in self.__dict__ or hasattr(type(self), name):
            raise KeyError(f"{type(self).__name__} has an attribute {name!r} already")
        self._buffer_names = {**self._buffer_names, name: persistent}
        array = array.data if isinstance(array, Tensor) else array
        setattr(self, name, array if array is None else as_array(array))

    # What is inside

    def named_children(self) -> Iterator[tuple[str, "Module"]]:
        """The modules directly inside, each once."""
        seen = set()
        for name, value in vars(self).items():
            if isinstance(value, Module) and id(value) not in seen:
                seen.add(id(value))
                yield name, value

    def children(self) -> Iterator["Module"]:
        yield from (child for _, child in self.named_children())

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, "Module"]]:
        """This module and all inside it, each once, as ("encoder.0", module)."""
        yield from _unique(self._places(prefix))

    def modules(self) -> Iterator["Module"]:
        yield from (module for _, module in self.named_modules())

    def _places(self, prefix: str = "") -> Iterator[tuple[str, "Module"]]:
        """Every place at which a module stands; a shared one stands at several."""
        yield prefix, self
        for name, value in vars(self).items():
            if isinstance(value, Module):
                yield from value._places(f"{prefix}.{name}" if prefix else name)

    def named_parameters(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Tensor]]:
        """Parameters with their dotted names; one that is shared comes once, under its first name."""
        yield from _unique(self._leaves(prefix, recurse, Module._own_parameters))

    def parameters(self, recurse: bool = True) -> Iterator[Tensor]:
        """What an optimizer takes."""
        yield from (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, np.ndarray]]:
        yield from _unique(self._leaves(prefix, recurse, Module._own_buffers))

    def buffers(self, recurse: bool = True) -> Iterator[np.ndarray]:
        yield from (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def _own_parameters(self) -> dict[str, Tensor]:
        return {name: value for name, value in vars(self).items() if isinstance(value, Parameter)}

    def _own_buffers(self) -> dict[str, np.ndarray]:
        return {
            name: self.__dict__[name] for name in self._buffer_names if self.__dict__.get(name) is not None
        }

    def _leaves(self, prefix: str, recurse: bool, own: Callable) -> Iterator[tuple[str, Any]]:
        for place, module in self._places(prefix) if recurse else [(prefix, self)]:
            for name, value in own(module).items():
                yield f"{place}.{name}" if place else name, value

    def num_parameters(self, only_trainable: bool = False) -> int:
        """How many numbers the parameters hold."""
        return sum(p.size for p in self.parameters() if p.requires_grad or not only_trainable)

    # Switches

    def train(self, mode: bool = True) -> "Module":
        """Training mode (or not) here and in all modules inside: dropout drops, batch norm uses the batch."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> "Module":
        """The opposite of `train()`."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> "Module":
        """Freeze (False) or thaw all parameters."""
        for parameter in list(self.parameters()):
            parameter.requires_grad = requires_grad
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or set them to zero."""
        for parameter in self.parameters():
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad[...] = 0

    def apply(self, fn: Callable[["Module"], Any]) -> "Module":
        """Call `fn` with every module inside, children first, then with this one."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def to(self, *targets: Any) -> "Module":
        """Move to a device ("cpu", "cuda") or convert to a dtype (float32, float64), in place; or both.

        That concerns parameters, their gradients and buffers; buffers of whole numbers keep their dtype. An optimizer
        goes on with the same parameters, but what it has kept of them stays where it was: move the model first.
        Raises RuntimeError where there is no GPU.
        """
        for convert in [_conversion(target) for target in targets]:
            for parameter in self.parameters():
                parameter.data = convert(parameter.data)
                parameter.grad = None if parameter.grad is None else convert(parameter.grad)
            for module in self.modules():
                for name, buffer in module._own_buffers().items():
                    setattr(module, name, convert(buffer))
        return self

    def cpu(self) -> "Module":
        return self.to("cpu")

    def cuda(self) -> "Module":
        return self.to("cuda")

    def float(self) -> "Module":
        return self.to(np.float32)

    def double(self) -> "Module":
        return self.to(np.float64)

    # State

    def state_dict(self) -> dict[str, np.ndarray]:
        """The arrays of all parameters and persistent buffers by name, as PyTorch names and orders them.

        They are the module's own arrays, not copies (PyTorch's rule too): training goes on changing them. A snapshot
        is `copy.deepcopy(model.state_dict())`.
        """
        state = {}
        for place, module in self._places():
            at = f"{place}." if place else ""
            state |= {at + name: parameter.data for name, parameter in module._own_parameters().items()}
            kept = module._buffer_names
            state |= {at + name: buffer for name, buffer in module._own_buffers().items() if kept[name]}
        return state

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> LoadResult:
        """Copy arrays (or Tensors, or PyTorch's tensors) into parameters and buffers of the same names and shapes.

        Nothing is changed unless everything fits. With `strict=False`, names that are missing or unexpected are
        returned instead of raising KeyError; shapes that differ raise ValueError in any case. Values are converted to
        the module's dtypes.
        """
        return copy_into(self.state_dict(), state_dict, strict, type(self).__name__)

    # For people

    def summary(self, *input_shapes: tuple[int, ...], dtype: Any = np.float32) -> Summary:
        """A table of output shapes, parameters and floating-point operations, for inputs of the given shapes.

        The shapes include the batch. The inputs are zeros, Tensors or, for an integer `dtype` (as Embedding takes),
        arrays. Two operations count for each multiply-add of linear, convolutional, recurrent and attention layers.
        """
        return summarize(self, input_shapes, dtype)

    def flops(self, inputs: tuple, output: Any) -> int:
        """Floating-point operations of one forward, without those of the modules inside."""
        return 0

    def extra_repr(self) -> str:
        """The settings that `repr` shows."""
        return ""

    def __repr__(self) -> str:
        inside = [(name, value) for name, value in vars(self).items() if isinstance(value, Module)]
        if not inside:
            return f"{type(self).__name__}({self.extra_repr()})"
        lines = [self.extra_repr()] if self.extra_repr() else []
        lines += [f"({name}): " + repr(child).replace("\n", "\n  ") for name, child in inside]
        return f"{type(self).__name__}(\n  " + "\n  ".join(lines) + "\n)"


def _conversion(target: Any) -> Callable:
    """The function of arrays that `Module.to(target)` stands for."""
    if isinstance(target, str) and target in DEVICES:
        return lambda x: to_device(x, target)
    try:
        dtype = np.dtype(target)
    except TypeError:
        dtype = target
    if dtype not in FLOATS:
        raise TypeError(f'a module goes to "cpu", "cuda", float32 or float64, not {dtype}')
    return lambda x: x.astype(dtype, copy=False) if x.dtype in FLOATS else x


def _unique(pairs: Iterator[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    seen = set()
    for name, value in pairs:
        if id(value) not in seen:
            seen.add(id(value))
            yield name, value


def _refuse_hidden_modules(name: str, value: Any) -> None:
    if not isinstance(value, list | tuple | dict):
        return
    items = value.values() if isinstance(value, dict) else value
    if any(isinstance(item, Module | Parameter) for item in items):
        holder = "nn.ModuleDict" if isinstance(value, dict) else "nn.ModuleList"
        raise TypeError(
            f"{name} is a {type(value).__name__} of modules or parameters, which an optimizer would not find: "
            f"wrap modules in {holder}(...), and give each parameter an attribute of its own"
        )
