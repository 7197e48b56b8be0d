"""Tables of what a module is made of: output shapes, parameters, floating-point operations."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from utils.tensor import Tensor, no_grad


@dataclass(frozen=True)
class Row:
    """One module of a `Summary`.

    Notebook: 03-cnn/convolution-basics/04-lenet-5.ipynb
    """

    name: str
    kind: str
    output_shape: tuple[int, ...] | None
    parameters: int  # its own, without those of the modules inside
    flops: int


@dataclass(frozen=True)
class Summary:
    """What `Module.summary` returns; it prints as a table.

    Notebook: 03-cnn/convolution-basics/04-lenet-5.ipynb
    """

    rows: tuple[Row, ...]
    parameters: int
    trainable: int
    flops: int

    def __repr__(self) -> str:
        head = ("module", "output shape", "parameters", "FLOPs")
        body = [
            (
                _label(row),
                "" if row.output_shape is None else str(row.output_shape),
                f"{row.parameters:,}",
                f"{row.flops:,}",
            )
            for row in self.rows
        ]
        total = ("total", "", f"{self.parameters:,}", f"{self.flops:,}")
        widths = [max(len(line[i]) for line in (head, *body, total)) for i in range(4)]
        rule = "-" * (sum(widths) + 6)
        lines = [
            _line(head, widths),
            rule,
            *(_line(line, widths) for line in body),
            rule,
            _line(total, widths),
        ]
        frozen = self.parameters - self.trainable
        return "\n".join(
            [line.rstrip() for line in lines] + ([f"{frozen:,} parameters are frozen"] if frozen else [])
        )


def _label(row: Row) -> str:
    depth = row.name.count(".") + 1 if row.name else 0
    name = row.name.rpartition(".")[2]
    return "  " * depth + (f"{name}: {row.kind}" if name else row.kind)


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    aligned = [
        cell.ljust(w) if i < 2 else cell.rjust(w)
        for i, (cell, w) in enumerate(zip(cells, widths, strict=True))
    ]
    return "  ".join(aligned)


def summarize(module: Any, input_shapes: tuple[tuple[int, ...], ...], dtype: Any = np.float32) -> Summary:
    """Run `module` on zeros of the given shapes, in eval mode, and write down what each module inside made.

    A module that runs several times shows its last output shape and the operations of all its runs.

    Notebook: 03-cnn/convolution-basics/04-lenet-5.ipynb
    """
    if not input_shapes or not all(isinstance(shape, tuple | list) for shape in input_shapes):
        raise TypeError(
            f"summary expects shapes with the batch first, e.g. (1, 784), but got {input_shapes!r}"
        )
    beside = next((p.data for p in module.parameters()), np.zeros(()))
    zeros = [np.zeros_like(beside, dtype, shape=tuple(shape)) for shape in input_shapes]
    seen: dict[int, tuple] = {}
    found = list(module.named_modules())
    modes = [inner.training for _, inner in found]

    def note(inner: Any, inputs: tuple, output: Any) -> None:
        flops = seen.get(id(inner), (None, 0))[1] + inner.flops(inputs, output)
        seen[id(inner)] = (_shape(output), flops)

    removers = [inner.register_forward_hook(note) for _, inner in found]
    try:
        with no_grad():
            module.eval()(*[Tensor(x) if x.dtype.kind == "f" else x for x in zeros])
    finally:
        for remove in removers:
            remove()
        for (_, inner), mode in zip(found, modes, strict=True):
            inner.training = mode
    return _assemble(module, found, seen)


def _assemble(module: Any, found: list, seen: dict) -> Summary:
    counted: set[int] = set()
    rows = []
    for name, inner in found:
        own = [p for p in inner._own_parameters().values() if id(p) not in counted]
        counted |= {id(p) for p in own}
        shape, flops = seen.get(id(inner), (None, 0))
        rows.append(Row(name, type(inner).__name__, shape, sum(p.size for p in own), flops))
    total = module.num_parameters()
    return Summary(
        tuple(rows), total, module.num_parameters(only_trainable=True), sum(row.flops for row in rows)
    )


def _shape(output: Any) -> tuple[int, ...] | None:
    output = output[0] if isinstance(output, tuple | list) else output
    return getattr(output, "shape", None)
