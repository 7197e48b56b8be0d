"""What all optimizers share: groups of parameters, their settings, their state, saving and loading.

Notebook: 02-mlp/optimizers/01-gradient-descent-variants.ipynb
"""

import inspect
import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from utils.backend import placed
from utils.tensor import Tensor

NOT_NEGATIVE = [
    "lr",
    "momentum",
    "weight_decay",
    "eps",
    "lr_decay",
    "initial_accumulator_value",
    "momentum_decay",
    "dampening",
]
BELOW_ONE = ("alpha", "betas")
EXTRA_KEYS = {"params", "name", "initial_lr"}
HOW_TORCH_RUNS = ("foreach", "fused", "capturable", "differentiable")  # settings that change no result


class Optimizer:
    """The base of all optimizers: `step()` moves every parameter that has a gradient, in place.

    `params` is an iterable of parameters, or of groups `{"params": [...], "lr": ...}` whose settings replace the
    defaults. A parameter is a leaf Tensor, or any hashable object with `.data` and `.grad`, arrays of one shape and
    dtype. Settings live in `param_groups`, a list of dicts, and may be changed between steps; `state` holds what
    the update rule remembers of each parameter, under PyTorch's names. Gradients are read, never written.

    A subclass gives `update(x, g, state, group)`, which changes the array `x` by the gradient `g`. Unusable
    parameters and settings outside their limits raise ValueError or TypeError.

    Notebook: 02-mlp/optimizers/01-gradient-descent-variants.ipynb
    """

    def __init__(self, params: Iterable, defaults: dict[str, Any]):
        self.defaults = {name: _plain(value) for name, value in defaults.items()}
        self.param_groups: list[dict[str, Any]] = []
        self.state: dict[Any, dict[str, Any]] = {}
        self._scratch: dict[tuple, np.ndarray] = {}
        groups = as_list(params)
        if not groups:
            raise ValueError(
                f"{type(self).__name__} got no parameters: an empty list, a model without layers, or an iterator "
                "that was read before (list(model.parameters()) can be read again)"
            )
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Optimize further parameters: `{"params": [...], "lr": 1e-4}`; settings left out are the defaults."""
        if not isinstance(group, dict) or "params" not in group:
            raise TypeError(f'expected a group such as {{"params": [w, b], "lr": 0.1}} but got {group!r}')
        group = {"params": as_list(group["params"]), **self.defaults, **_settings(group)}
        self.check_settings(group)
        seen = {id(p) for p in self._parameters()}
        for p in group["params"]:
            _check_parameter(p)
            if id(p) in seen:
                raise ValueError(
                    f"a parameter of shape {p.data.shape} appears twice: it would be moved twice a step"
                )
            seen.add(id(p))
        self.param_groups.append(group)

    def check_settings(self, group: dict[str, Any]) -> None:
        """Raise ValueError or TypeError for an unknown setting or one outside its limits."""
        unknown = sorted(set(group) - set(self.defaults) - EXTRA_KEYS)
        if unknown:
            raise ValueError(
                f"{type(self).__name__} has no setting {', '.join(unknown)}: it has {', '.join(self.defaults)}"
            )
        for name in NOT_NEGATIVE:
            if name in group:
                _check_range(name, group[name], math.inf)
        for name in BELOW_ONE:
            if name in group:
                values = group[name] if name == "betas" else [group[name]]
                for value in values:
                    _check_range(name, value, 1)
        if "betas" in group and len(group["betas"]) != 2:
            raise ValueError(f"betas={group['betas']} must be two numbers, such as (0.9, 0.999)")

    def step(self) -> None:
        """Move every parameter by its gradient; those without one stay as they are."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    x, g = p.data, p.grad
                    if g.shape != x.shape or g.dtype != x.dtype:
                        raise ValueError(
                            f"a parameter is {x.dtype} of shape {x.shape} but its gradient {g.dtype} of {g.shape}"
                        )
                    self.update(x, self._penalized(x, g, group), self.state.setdefault(p, {}), group)

    def update(self, x: np.ndarray, g: np.ndarray, state: dict[str, Any], group: dict[str, Any]) -> None:
        """Change `x` in place by the gradient `g`, which is not to be changed; `state` is empty at first."""
        raise NotImplementedError(f"{type(self).__name__} needs a method update(x, g, state, group)")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or set them to zero."""
        for p in self._parameters():
            if set_to_none:
                p.grad = None
            elif p.grad is not None:
                p.grad[...] = 0

    def scratch(self, like: np.ndarray, slot: int = 0) -> np.ndarray:
        """An array of arbitrary content, of the shape and dtype of `like`; each slot is one buffer, used again."""
        key = (slot, type(like), like.dtype)
        buffer = self._scratch.get(key)
        if buffer is None or buffer.size < like.size:
            buffer = self._scratch[key] = np.empty_like(like, shape=(like.size,))
        return buffer[: like.size].reshape(like.shape)

    def state_dict(self) -> dict[str, Any]:
        """Copies of state and settings as plain arrays and numbers; parameters are numbered in order."""
        order = {id(p): i for i, p in enumerate(self._parameters())}
        state = {order[id(p)]: {k: _copied(v) for k, v in entry.items()} for p, entry in self.state.items()}
        groups = [{**group, "params": [order[id(p)] for p in group["params"]]} for group in self.param_groups]
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a `state_dict` of an optimizer of the same parameters, as if it had never stopped.

        PyTorch's are taken, too. Raises ValueError, and changes nothing, where groups or shapes differ.
        """
        if not {"state", "param_groups"} <= set(state_dict):
            raise ValueError(
                f"an optimizer's state has 'state' and 'param_groups' but this has {sorted(state_dict)[:4]}: is it a "
                "model's?"
            )
        saved = state_dict["param_groups"]
        sizes, mine = ([len(group["params"]) for group in groups] for groups in (saved, self.param_groups))
        if sizes != mine:
            raise ValueError(f"the state is of groups with {sizes} parameters but this optimizer has {mine}")
        numbers = [number for group in saved for number in group["params"]]
        entries = {int(number): entry for number, entry in state_dict["state"].items()}
        parameters = dict(zip(numbers, self._parameters(), strict=True))
        if not set(entries) <= set(parameters):
            raise ValueError(
                f"the state is of parameters {sorted(entries)} but the groups name {sorted(parameters)}"
            )
        state = {
            parameters[number]: _restored(entry, parameters[number]) for number, entry in entries.items()
        }
        settings = [_settings(group) for group in saved]
        for group in settings:
            self.check_settings(group)
        self.state = state
        for group, loaded in zip(self.param_groups, settings, strict=True):
            group.update(loaded)

    def _parameters(self) -> Iterator[Any]:
        return (p for group in self.param_groups for p in group["params"])

    def _penalized(self, x: np.ndarray, g: np.ndarray, group: dict[str, Any]) -> np.ndarray:
        """The gradient to descend: of minus the loss for `maximize`; with weight decay, unless that is decoupled."""
        decay = group.get("weight_decay", 0)
        if group.get("maximize"):
            g = np.negative(g, out=self.scratch(x, 1))
        if decay and group.get("decoupled_weight_decay"):
            x *= 1 - float(group["lr"]) * decay
        elif decay:
            penalty = np.multiply(x, decay, out=self.scratch(x, 2))
            penalty += g
            return penalty
        return g

    def __repr__(self) -> str:
        groups = [
            f"{len(group['params'])} parameters, "
            + ", ".join(f"{name}={group[name]!r}" for name in self.defaults if name in group)
            for group in self.param_groups
        ]
        return f"{type(self).__name__}({'; '.join(groups)})"


def as_list(params: Any) -> list:
    """The parameters, or groups, of an iterable; TypeError for anything else, ValueError for a generator used up."""
    if callable(getattr(params, "parameters", None)):
        raise TypeError(
            f"expected parameters but got a whole {type(params).__name__}: write model.parameters()"
        )
    if isinstance(params, Tensor | np.ndarray | dict | set | str) or not isinstance(params, Iterable):
        raise TypeError(
            f"expected parameters in a list or another ordered iterable but got {type(params).__name__}: "
            "write [...] around a single one"
        )
    if inspect.isgenerator(params) and inspect.getgeneratorstate(params) == inspect.GEN_CLOSED:
        raise ValueError(
            "the generator of parameters is used up: call model.parameters() again, or keep list(model.parameters())"
        )
    return list(params)


def _check_parameter(p: Any) -> None:
    if not (hasattr(p, "data") and hasattr(p, "grad")):
        raise TypeError(
            f"a parameter has .data and .grad but got {type(p).__name__}: make arrays Tensor(x, requires_grad=True), "
            "and give model.parameters(), not named_parameters()"
        )
    if not getattr(p, "is_leaf", True):
        raise ValueError(
            f"a Tensor of shape {p.data.shape} was made by an op: optimize the leaves it was made from"
        )
    if not getattr(p, "requires_grad", True):
        raise ValueError(
            f"a Tensor of shape {p.data.shape} does not require a gradient: make it Tensor(x, requires_grad=True), or "
            "leave frozen ones out, [p for p in model.parameters() if p.requires_grad]"
        )


def _check_range(name: str, value: Any, limit: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{name} must be a number but is {value!r}")
    if not 0 <= value < limit:
        allowed = f"in [0, {limit})" if limit < math.inf else "finite and at least 0"
        raise ValueError(f"{name}={value} is out of range: it must be {allowed}")


def _plain(value: Any) -> Any:
    """Numbers as Python's: NumPy's would make float32 arithmetic float64."""
    if isinstance(value, tuple | list):
        return tuple([_plain(v) for v in value])
    return value.item() if isinstance(value, np.generic) else value


def _settings(group: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in group.items() if name not in ("params", *HOW_TORCH_RUNS)}


def _copied(value: Any) -> Any:
    return value.copy() if hasattr(value, "copy") else value


def _restored(entry: dict[str, Any], p: Any) -> dict[str, Any]:
    """Arrays of a saved entry in the kind and dtype of their parameter, numbers as they are."""
    return {name: _restored_value(name, value, p.data) for name, value in entry.items()}


def _restored_value(name: str, value: Any, x: np.ndarray) -> Any:
    if isinstance(value, int | float | np.generic) or name in ("step", "mu_product"):  # PyTorch's are tensors
        return _plain(np.asarray(value)[()])
    if np.shape(value) != x.shape:
        raise ValueError(f"{name} has shape {np.shape(value)} but its parameter {x.shape}")
    restored = np.empty_like(x)
    restored[...] = placed(value, x)
    return restored
