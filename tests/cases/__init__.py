"""A case for every op: what goes in, and what PyTorch (or a transcription of a paper) makes of it.

Each family of ops has a module here with a list CASES; `tests/test_op_cases.py` runs them all and fails for an op
without a case.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Case:
    """One use of an op: `call(*inputs, **settings)` with inputs of the given arrays.

    `ops` names the ops that this case exercises (as they register themselves). `reference(*inputs, **settings)` is
    PyTorch's function on torch tensors, taking the same settings; None only where `independent` gives the expected
    result and gradients in NumPy: `independent(weights, *arrays) -> (result, [gradients])`.
    """

    name: str
    ops: str | tuple[str, ...]
    call: Callable
    inputs: Callable[[np.random.Generator], tuple]
    reference: Callable | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    independent: Callable | None = None
    gradcheck: bool = True  # False only for ops that are random or have kinks at these inputs; say why
    tol: float = 1e-6
    rtol: float = 1e-4  # float32 against PyTorch

    def __str__(self) -> str:
        return self.name


def all_cases() -> list[Case]:
    modules = [importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__)]
    return [case for module in modules for case in module.CASES]
