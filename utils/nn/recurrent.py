"""Recurrent layers: several layers, both directions, PyTorch's names of parameters."""

import math
from typing import Any

import numpy as np

from utils.functional import recurrent as F
from utils.functional.dropout import dropout
from utils.nn import init
from utils.nn._sizes import check_rate, check_sizes
from utils.nn.module import Module
from utils.nn.parameter import Parameter
from utils.ops import concatenate, stack
from utils.tensor import Tensor


class _Recurrent(Module):
    """Layers and directions; subclasses say how many gates they have and run one layer in one direction."""

    gates = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        rng: Any = None,
    ):
        check_sizes(self, input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        check_rate("dropout", dropout)
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout, self.bidirectional = (
            bias,
            batch_first,
            dropout,
            bidirectional,
        )
        self.rng = None  # of dropout; None is the one that `manual_seed` seeds
        for suffix in self._suffixes():
            inputs = input_size if suffix.startswith("l0") else hidden_size * (1 + bidirectional)
            _add_parameters(self, f"_{suffix}", inputs, hidden_size, self.gates, bias)
        self.reset_parameters(rng)

    def _suffixes(self) -> list[str]:
        directions = ["", "_reverse"] if self.bidirectional else [""]
        return [f"l{layer}{direction}" for layer in range(self.num_layers) for direction in directions]

    def reset_parameters(self, rng: Any = None) -> None:
        """Uniform in ±1/√hidden_size, as in PyTorch."""
        _reset(self, rng)

    def _weights(self, suffix: str) -> tuple[Parameter | None, ...]:
        return tuple(getattr(self, f"{name}_{suffix}", None) for name in _names(self.bias))

    def _run(self, x: Tensor, states: tuple, weights: tuple, **settings: Any) -> tuple[Tensor, tuple]:
        """One layer in one direction: outputs (T, B, H) and the tuple of its final states (B, H)."""
        raise NotImplementedError

    def forward(self, x: Tensor, state: Any = None, *, lengths: Any = None) -> tuple[Tensor, Any]:
        self._check(x)
        if self.batch_first:
            x = x.transpose(1, 0, 2)  # (T, B, I)
        states = self._states(state, x)
        finals = []
        for layer in range(self.num_layers):
            if layer and self.dropout:
                x = dropout(x, self.dropout, self.training, rng=self.rng)
            outputs = []
            for suffix in [s for s in self._suffixes() if s.removesuffix("_reverse") == f"l{layer}"]:
                start = tuple(s[len(finals)] for s in states)
                reverse = suffix.endswith("_reverse")
                out, final = self._run(x, start, self._weights(suffix), lengths=lengths, reverse=reverse)
                outputs.append(out)
                finals.append(final)
            x = concatenate(outputs, axis=-1) if self.bidirectional else outputs[0]
        ends = tuple(stack(list(parts), axis=0) for parts in zip(*finals, strict=True))
        return (x.transpose(1, 0, 2) if self.batch_first else x), self._packed(ends)

    def _states(self, state: Any, x: Tensor) -> tuple:
        """The first states, each (num_layers · directions, B, H)."""
        shape = (len(self._suffixes()), x.shape[1], self.hidden_size)
        if state is None:
            return (_zeros(x, *shape),) * self._n_states
        states = (state,) if self._n_states == 1 else tuple(state)
        for given in states:
            if _shape(given) != shape:
                raise ValueError(
                    f"{type(self).__name__} expects a state (layers x directions, batch, hidden) of {shape} "
                    f"but got {_shape(given)}"
                )
        return states

    _n_states = 1

    def _packed(self, ends: tuple) -> Any:
        return ends[0]

    def _check(self, x: Tensor) -> None:
        order = "batch, time" if self.batch_first else "time, batch"
        says = f"{type(self).__name__} expects ({order}, {self.input_size}) but got {tuple(x.shape)}"
        if x.ndim == 2 and x.shape[1] == self.input_size:
            raise ValueError(
                f"{says}: add the axis of the batch, x[{'None' if self.batch_first else ':, None'}]"
            )
        if x.ndim == 2:
            raise ValueError(
                f"{says}: give each step a vector, e.g. by an Embedding, or x[..., None] for numbers"
            )
        if x.ndim != 3 or x.shape[2] != self.input_size:
            raise ValueError(f"{says}: create it with input_size={x.shape[-1] if x.ndim else 1}")

    def flops(self, inputs: tuple, output: Any) -> int:
        steps = inputs[0].shape[0] * inputs[0].shape[1]
        return 2 * steps * sum(p.size for p in self._own_parameters().values() if p.ndim == 2)

    def extra_repr(self) -> str:
        plain = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False}
        shown = [f"{k}={getattr(self, k)}" for k, value in plain.items() if getattr(self, k) != value]
        return ", ".join([str(self.input_size), str(self.hidden_size), *shown])


class RNN(_Recurrent):
    """Simple recurrent layers: x (T, B, input_size) and h (layers · directions, B, H) -> outputs, final h.

    With `batch_first`, x and the outputs are (B, T, ...). `nonlinearity` is "tanh" or "relu". `dropout` falls between
    layers. `forward(x, h, lengths=(B,))` stops each sequence of a padded batch at its length. Elman, 1990.

    Notebook: 04-rnn/vanilla-rnn/01-sequences-and-hidden-state.ipynb
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        *args: Any,
        **settings: Any,
    ):
        self.nonlinearity = _checked_nonlinearity(nonlinearity)
        super().__init__(input_size, hidden_size, num_layers, *args, **settings)

    def _run(self, x: Tensor, states: tuple, weights: tuple, **settings: Any) -> tuple[Tensor, tuple]:
        out, h = getattr(F, f"rnn_{self.nonlinearity}")(x, *states, *weights, **settings)
        return out, (h,)


class LSTM(_Recurrent):
    """Long short-term memory: x (T, B, input_size), (h, c) -> outputs (T, B, directions · H), final (h, c).

    The gates stand in PyTorch's order i, f, g, o. Settings and `lengths` as in `RNN`.
    Hochreiter and Schmidhuber, 1997.

    Notebook: 04-rnn/lstm-gru/01-lstm.ipynb
    """

    gates = 4
    _n_states = 2

    def _run(self, x: Tensor, states: tuple, weights: tuple, **settings: Any) -> tuple[Tensor, tuple]:
        return F.lstm(x, *states, *weights, **settings)

    def _states(self, state: Any, x: Tensor) -> tuple:
        return super()._states(None if state is None else _pair(self, state), x)

    def _packed(self, ends: tuple) -> Any:
        return ends


class GRU(_Recurrent):
    """Gated recurrent units: x (T, B, input_size), h -> outputs (T, B, directions · H), final h.

    The gates stand in PyTorch's order r, z, n. Settings and `lengths` as in `RNN`. Cho et al., 2014.

    Notebook: 04-rnn/lstm-gru/02-gru.ipynb
    """

    gates = 3

    def _run(self, x: Tensor, states: tuple, weights: tuple, **settings: Any) -> tuple[Tensor, tuple]:
        out, h = F.gru(x, *states, *weights, **settings)
        return out, (h,)


class _Cell(Module):
    """One step of one layer."""

    gates = 1

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, *, rng: Any = None):
        check_sizes(self, input_size=input_size, hidden_size=hidden_size)
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        _add_parameters(self, "", input_size, hidden_size, self.gates, bias)
        self.reset_parameters(rng)

    def reset_parameters(self, rng: Any = None) -> None:
        _reset(self, rng)

    def _parts(self, x: Tensor, *states: Any) -> tuple:
        """The arguments of the functions over sequences, for a sequence of one step."""
        if x.ndim != 2 or x.shape[1] != self.input_size:
            raise ValueError(
                f"{type(self).__name__} expects (batch, {self.input_size}) but got {tuple(x.shape)}"
            )
        for state in states:
            if state is not None and _shape(state) != (len(x), self.hidden_size):
                raise ValueError(
                    f"{type(self).__name__} expects a state (batch, hidden) of {(len(x), self.hidden_size)} "
                    f"but got {_shape(state)}"
                )
        zeros = _zeros(x, len(x), self.hidden_size)
        weights = tuple(getattr(self, name, None) for name in _names(self.bias))
        return (x.reshape(1, *x.shape), *[zeros if s is None else s for s in states], *weights)

    def flops(self, inputs: tuple, output: Any) -> int:
        return 2 * len(inputs[0]) * (self.weight_ih.size + self.weight_hh.size)

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class RNNCell(_Cell):
    """One step of an RNN: x (B, input_size), h (B, H) -> h.

    Notebook: 04-rnn/vanilla-rnn/01-sequences-and-hidden-state.ipynb
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        *,
        rng: Any = None,
    ):
        self.nonlinearity = _checked_nonlinearity(nonlinearity)
        super().__init__(input_size, hidden_size, bias, rng=rng)

    def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
        return getattr(F, f"rnn_{self.nonlinearity}")(*self._parts(x, h))[1]


class LSTMCell(_Cell):
    """One step of an LSTM: x (B, input_size), (h, c) -> (h, c).

    Notebook: 04-rnn/lstm-gru/01-lstm.ipynb
    """

    gates = 4

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        return F.lstm(*self._parts(x, *_pair(self, state)))[1]


class GRUCell(_Cell):
    """One step of a GRU: x (B, input_size), h (B, H) -> h.

    Notebook: 04-rnn/lstm-gru/02-gru.ipynb
    """

    gates = 3

    def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
        return F.gru(*self._parts(x, h))[1]


def _pair(layer: Module, state: Any) -> tuple:
    if state is None:
        return None, None
    if not (isinstance(state, tuple | list) and len(state) == 2):
        raise ValueError(f"{type(layer).__name__} expects its state as a pair (h, c)")
    return tuple(state)


def _shape(state: Any) -> Any:
    """Or, of a pair (h, c) given to a layer whose state is h alone, what to do."""
    return f"a tuple of {len(state)}: give h alone" if isinstance(state, tuple) else np.shape(state)


def _zeros(x: Any, *shape: int) -> np.ndarray:
    """Beside x, a Tensor or an array."""
    return np.zeros_like(x.data if isinstance(x, Tensor) else x, shape=shape)


def _names(bias: bool) -> tuple[str, ...]:
    return ("weight_ih", "weight_hh", "bias_ih", "bias_hh") if bias else ("weight_ih", "weight_hh")


def _add_parameters(module: Module, suffix: str, inputs: int, hidden: int, gates: int, bias: bool) -> None:
    shapes = [(gates * hidden, inputs), (gates * hidden, hidden), (gates * hidden,), (gates * hidden,)]
    for name, shape in zip(_names(bias), shapes, strict=False):
        setattr(module, name + suffix, Parameter(np.empty(shape, np.float32)))


def _reset(module: Module, rng: Any) -> None:
    bound = 1 / math.sqrt(module.hidden_size)
    rng = init.generator(rng)
    for parameter in module.parameters():
        init.uniform_(parameter, -bound, bound, rng)


def _checked_nonlinearity(name: str) -> str:
    if name not in ("tanh", "relu"):
        raise ValueError(f"nonlinearity={name!r}: expected 'tanh' or 'relu'")
    return name
