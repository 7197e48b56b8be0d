"""Reductions, shapes and indexing."""

import numpy as np

from cases import Case
from cases.basic import away_from_zero, in_torch, normal, torch
from utils import ops

AXES = [None, 0, -1, (0, 2)]


def _reduction(name, reference, axes=AXES, make=normal, **settings):
    return [
        Case(
            f"{name} axis={axis} keepdims={keep} {settings or ''}",
            name,
            getattr(ops, name),
            make((2, 3, 4)),
            reference,
            {"axis": axis, "keepdims": keep, **settings},
        )
        for axis in axes
        for keep in (False, True)
    ]


def _logsumexp(x, axis, keepdims):
    return torch.logsumexp(x, tuple(range(x.ndim)) if axis is None else axis, keepdims)


def _extreme(name):
    return lambda x, axis, keepdims: getattr(torch, name)(x, () if axis is None else axis, keepdims)


def _prod(x, axis, keepdims):
    if axis is not None:
        return x.prod(axis, keepdims)
    return x.prod().reshape([1] * x.ndim if keepdims else [])


def _same(name, op, call, *inputs, make=normal, reference=None, **more):
    """One expression that means the same for a Tensor of ours and one of PyTorch."""
    return Case(name, op, call, make(*inputs), reference or call, **more)


def _ties(rng):
    return (np.array([[1.0, 3, 3], [2, 2, 2]]),)


def _zeros(rng):
    return (np.array([[1.0, 0, 3], [2, 2, 2], [0, 0, 4]]),)


_rows = np.array([[2, 0], [2, -1]])
_index = np.array([[1, 0, 1], [3, 3, 0]])

REDUCTIONS = [
    *_reduction("sum", in_torch("sum")),
    *_reduction("mean", in_torch("mean")),
    *_reduction("var", in_torch("var")),
    *_reduction("var", in_torch("var"), correction=0),
    *_reduction("max", _extreme("amax")),
    *_reduction("min", _extreme("amin")),
    *_reduction("logsumexp", _logsumexp),
    *_reduction("prod", _prod, [None, 0, -1], away_from_zero),
    Case("max of ties", "max", lambda x: x.max(1), _ties, lambda x: x.amax(1), gradcheck=False),  # a kink
    Case("max of ties, all", "max", lambda x: x.max(), _ties, lambda x: x.max(), gradcheck=False),
    Case("min of ties", "min", lambda x: x.min(1), _ties, lambda x: x.amin(1), gradcheck=False),
    Case("prod with zeros", "prod", lambda x: x.prod(1), _zeros, lambda x: x.prod(1)),
    Case(
        "logsumexp far out",
        "logsumexp",
        lambda x: x.logsumexp(0),
        lambda r: (np.array([900.0, 901]),),
        lambda x: x.logsumexp(0),
    ),
    Case("sum of a number", "sum", lambda x: x.sum(), normal(()), lambda x: x.sum()),
    Case("cumsum 0", "cumsum", lambda x: x.cumsum(0), normal((3, 4)), lambda x: x.cumsum(0)),
    Case("cumsum -1", "cumsum", lambda x: x.cumsum(-1), normal((2, 3, 4)), lambda x: x.cumsum(-1)),
]

SHAPES = [
    _same("reshape", "reshape", lambda x: x.reshape(4, -1), (2, 3, 4)),
    _same("reshape tuple", "reshape", lambda x: x.reshape((24,)), (2, 3, 4)),
    _same("flatten", "reshape", lambda x: x.flatten(1), (2, 3, 4)),
    _same("squeeze all", "reshape", lambda x: x.squeeze(), (2, 1, 3, 1)),
    _same("squeeze one", "reshape", lambda x: x.squeeze(-1), (2, 1, 3, 1)),
    _same("unsqueeze", "reshape", lambda x: x.unsqueeze(-1), (2, 3)),
    _same("permute", "transpose", lambda x: x.permute(2, 0, 1), (2, 3, 4)),
    _same("permute negative", "transpose", lambda x: x.permute(-1, 0, -2), (2, 3, 4)),
    _same("T", "transpose", lambda x: x.T, (2, 3)),
    _same("mT", "transpose", lambda x: x.mT, (2, 3, 4)),
    _same("swapaxes", "transpose", lambda x: x.swapaxes(0, -1), (2, 3, 4)),
    _same("expand", "broadcast_to", lambda x: x.expand(5, -1, 4), (3, 1)),
    _same("expand a number", "broadcast_to", lambda x: x.expand(2, 3), ()),
    _same("flip", "flip", lambda x: x.flip((0, 2)), (2, 3, 4)),
    Case(
        "concatenate",
        "joined",
        lambda *x: ops.cat(x, 1),
        normal((2, 3), (2, 1), (2, 4)),
        lambda *x: torch.cat(x, 1),
    ),
    Case("concatenate one", "joined", lambda x: ops.cat([x]), normal((2, 3)), lambda x: torch.cat([x])),
    Case(
        "stack", "stacked", lambda *x: ops.stack(x, -1), normal((2, 3), (2, 3)), lambda *x: torch.stack(x, -1)
    ),
    *[
        Case(
            f"split {sizes}",
            ("getitem", "joined"),
            lambda x, sizes: ops.cat([part * (i + 1) for i, part in enumerate(x.split(sizes, 1))], 1),
            normal((2, 5)),
            lambda x, sizes: torch.cat([part * (i + 1) for i, part in enumerate(x.split(sizes, 1))], 1),
            {"sizes": sizes},
        )
        for sizes in [2, [1, 4], 5, 7]
    ],
    *[
        Case(f"pad {s}", op, ops.pad, normal((1, 2, 4, 5)), lambda x, **s: torch.nn.functional.pad(x, **s), s)
        for op, s in [
            ("padded", {"pad": (1, 2)}),
            ("padded", {"pad": (1, 0, 0, 3), "value": 7.0}),
            ("getitem", {"pad": (2, 1, 1, 0), "mode": "reflect"}),
            ("getitem", {"pad": (2, 1, 0, 3), "mode": "replicate"}),
            ("getitem", {"pad": (2, 1, 1, 2), "mode": "circular"}),
        ]
    ],
]

INDEXING = [
    _same("getitem number", "getitem", lambda x: x[-1], (4, 3, 5)),
    _same("getitem all numbers", "getitem", lambda x: x[1, 2, 0], (4, 3, 5)),
    _same("getitem slices", "getitem", lambda x: x[1:, ::2], (4, 3, 5)),
    _same("getitem None", "getitem", lambda x: x[:, None, ..., 1:4], (4, 3, 5)),
    _same("getitem list", "getitem", lambda x: x[[0, 0, 3]], (4, 3, 5)),
    _same("getitem pairs", "getitem", lambda x: x[[0, 1, 1, 0], :, [1, 2, 2, 1]], (4, 3, 5)),
    _same("getitem mask", "getitem", lambda x: x[np.arange(4) % 2 == 0], (4, 3, 5)),
    _same("getitem mask and slice", "getitem", lambda x: x[:, np.arange(3) > 0, 1:], (4, 3, 5)),
    _same("getitem mask and list", "getitem", lambda x: x[np.arange(4) % 2 == 0, [1, 1]], (4, 3, 5)),
    Case("getitem backwards", "getitem", lambda x: x[::-1], normal((4, 3)), lambda x: x.flip(0)),
    _same("getitem nothing", "getitem", lambda x: x[1:1], (4, 3)),
    Case("take rows", "take", lambda x: x.take(_rows), normal((3, 4)), lambda x: x[torch.tensor(_rows)]),
    Case(
        "take columns",
        "take",
        lambda x: x.take(_rows, 1),
        normal((2, 3, 4)),
        lambda x: x[:, torch.tensor(_rows)],
    ),
    Case("take one", "take", lambda x: x.take(2), normal((3, 4)), lambda x: x[2]),
    *[
        Case(
            f"gather {dim}",
            "getitem",
            lambda x, dim: x.gather(dim, _index),
            normal((4, 5)),
            lambda x, dim: x.gather(dim, torch.tensor(_index)),
            {"dim": dim},
        )
        for dim in (0, 1, -1)
    ],
]


ASTYPE = [
    Case(
        "astype",
        "astype",
        lambda x: x.astype(np.float64).astype(x.dtype) * x,
        normal((3, 4)),
        lambda x: x.double().to(x.dtype) * x,
    ),
]

CASES = REDUCTIONS + SHAPES + INDEXING + ASTYPE
