"""Arithmetic, entry by entry and of matrices, and einsum."""

import numpy as np

from cases import Case
from utils import ops

try:
    import torch
except ImportError:  # the cases are built, and test_op_cases skips the comparison
    torch = None


def normal(*shapes):
    return lambda rng: tuple(rng.normal(size=shape) for shape in shapes)


def positive(*shapes):
    return lambda rng: tuple(rng.uniform(0.5, 2, size=shape) for shape in shapes)


def away_from_zero(*shapes):
    return lambda rng: tuple(rng.uniform(0.3, 2, size=s) * rng.choice([-1, 1], size=s) for s in shapes)


def in_torch(path):
    """torch.<path>, looked up when it is called; settings `axis` and `keepdims` under PyTorch's names."""

    def reference(*inputs, **settings):
        renamed = {
            {"axis": "dim", "keepdims": "keepdim"}.get(name, name): value for name, value in settings.items()
        }
        return getattr(torch, path)(*inputs, **renamed)

    return reference


SHAPES = [((3, 4), (3, 4)), ((3, 1), (4,)), ((2, 3, 4), (3, 1)), ((), (2, 3)), ((1, 1), ()), ((0, 3), (3,))]
MATRICES = [
    ((3, 4), (4, 5)),
    ((4,), (4,)),
    ((4,), (4, 5)),
    ((3, 4), (4,)),
    ((2, 3, 4), (4, 5)),
    ((2, 6, 3, 4), (4, 5)),
    ((2, 3, 4), (4,)),
    ((2, 3, 4), (2, 4, 5)),
    ((3, 4), (2, 4, 5)),
    ((4,), (2, 4, 5)),
    ((2, 1, 3, 4), (6, 4, 5)),
    ((1, 1), (1, 1)),
]
EQUATIONS = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("bik,bkj->bij", (2, 3, 4), (2, 4, 5)),
    ("ij,kj", (2, 3), (4, 3)),
    ("ij->j", (2, 3)),
    ("ij->", (2, 3)),
    ("ij->ji", (2, 3)),
    ("i,j->ij", (2,), (3,)),
    ("i,i,i->", (3,), (3,), (3,)),
    ("ij,k->i", (2, 3), (4,)),
    ("...ij,...jk->...ik", (2, 3, 4), (4, 5)),
    ("bhid,bhjd->bhij", (2, 2, 3, 4), (2, 2, 5, 4)),
    ("...i,i", (2, 2, 3), (3,)),
]

_BINARY = [
    ("add", normal),
    ("sub", normal),
    ("mul", normal),
    ("div", away_from_zero),
    ("maximum", normal),
    ("minimum", normal),
]
_UNARY = [
    ("neg", normal),
    ("exp", normal),
    ("log", positive),
    ("sqrt", positive),
    ("tanh", normal),
    ("sigmoid", normal),
    ("relu", away_from_zero),
    ("abs", away_from_zero),
]
_CLIPS = [{"min": -0.5, "max": 0.5}, {"min": 0.0}, {"max": 0.1}]


def _ties(name):
    """Equal entries: as in PyTorch each side gets half, which no difference quotient shows."""
    x, y = np.array([1.0, 2.0, 0.0]), np.array([1.0, 3.0, 0.0])
    return Case(
        f"{name} of equals", name, getattr(ops, name), lambda rng: (x, y), in_torch(name), gradcheck=False
    )


CASES = [
    *[
        Case(f"{name} {x} {y}", name, getattr(ops, name), make(x, y), in_torch(name))
        for name, make in _BINARY
        for x, y in SHAPES
    ],
    _ties("maximum"),
    _ties("minimum"),
    *[
        Case(f"{name} {shape}", name, getattr(ops, name), make(shape), in_torch(name))
        for name, make in _UNARY
        for shape in [(3, 4), (), (1,), (0, 2)]
    ],
    Case(
        "sigmoid far out",
        "sigmoid",
        ops.sigmoid,
        lambda rng: (np.array([-80.0, -20, 0, 20, 80]),),
        in_torch("sigmoid"),
    ),
    Case(
        "relu at zero",
        "relu",
        ops.relu,
        lambda rng: (np.array([-1.0, 0, 1]),),
        in_torch("relu"),
        gradcheck=False,
    ),  # the kink
    *[
        Case(
            f"pow {n}",
            "pow",
            lambda x, exponent: x**exponent,
            positive((3, 4)) if n != int(n) else away_from_zero((3, 4)),
            lambda x, exponent: x**exponent,
            {"exponent": n},
        )
        for n in [2, 3, 4, 7, 1, 0, -1, -2, 0.5, -0.5, 2.5]
    ],
    *[Case(f"clip {s}", "clip", ops.clip, normal((3, 4)), in_torch("clip"), s) for s in _CLIPS],
    *[
        Case(
            f"where {x} {y}",
            "select",
            lambda a, b: ops.where(np.arange(4) % 2 == 0, a, b),
            normal(x, y),
            lambda a, b: torch.where(torch.arange(4) % 2 == 0, a, b),
        )
        for x, y in [((3, 4), (3, 4)), ((3, 1), (4,)), ((), (2, 4))]
    ],
    *[Case(f"matmul {x} {y}", "matmul", ops.matmul, normal(x, y), in_torch("matmul")) for x, y in MATRICES],
    *[
        Case(
            f"einsum {equation} {shapes[0]}",
            "contract",
            lambda *x, subscripts: ops.einsum(subscripts, *x),
            normal(*shapes),
            lambda *x, subscripts: torch.einsum(subscripts, *x),
            {"subscripts": equation},
        )
        for equation, *shapes in EQUATIONS
    ],
]
