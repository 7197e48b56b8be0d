"""Normalization against PyTorch, whose running statistics are compared in tests/test_normalization.py."""

import numpy as np

import utils.functional as F
from cases import Case

try:
    import torch
    import torch.nn.functional as T
except ImportError:
    torch = T = None


def data(shape, *parameters):
    def inputs(rng):
        x = 3 + 2 * rng.normal(size=shape)
        return (x, *[1 + 0.5 * rng.normal(size=size) for size in parameters])

    return inputs


RUNNING = np.array([0.5, -1.0, 2.0]), np.array([1.5, 0.7, 3.0])


def batch_case(shape, affine=True, training=True):
    def mine(x, weight=None, bias=None):
        mean, var = (np.array(value, like=x.data) for value in RUNNING)  # copies, which change
        return F.batch_norm(x, mean, var, weight, bias, training)

    def theirs(x, weight=None, bias=None):
        mean, var = (torch.tensor(value, dtype=x.dtype) for value in RUNNING)
        return T.batch_norm(x, mean, var, weight, bias, training)

    name = f"batch_norm {shape}{' affine' * affine}{'' if training else ' evaluation'}"
    op = "standardize_channels" if training else "scale_channels"
    return Case(name, op, mine, data(shape, *[3] * 2 * affine), T and theirs)


def group_case(shape, groups, affine=True):
    def run(of, x, weight=None, bias=None):
        return of(x, groups, weight, bias, 1e-3)

    return Case(
        f"group_norm {shape} in {groups}{' affine' * affine}",
        "standardize_channels",
        lambda *x: run(F.group_norm, *x),
        data(shape, *[shape[1]] * 2 * affine),
        T and (lambda *x: run(T.group_norm, *x)),
    )


def row_case(name, op, shape, wanted, n_parameters, **settings):
    def run(of, x, *parameters):
        return of(x, wanted, *parameters, **settings)

    return Case(  # a single entry, divided by itself, has no slope that differences could see
        f"{name} {shape} over {wanted} with {n_parameters}{settings or ''}",
        op,
        lambda *x: run(getattr(F, name), *x),
        data(shape, *[wanted] * n_parameters),
        T and (lambda *x: run(getattr(T, name), *x)),
        gradcheck=shape[-1] > 1,
    )


def layer_bias_only(of):
    return lambda x, bias: of(x, (5,), None, bias)


CASES = [
    *[batch_case(shape) for shape in [(4, 3), (2, 3, 5), (3, 3, 2, 4), (1, 3, 2, 1)]],
    *[batch_case(shape, training=False) for shape in [(4, 3), (1, 3), (2, 3, 2, 2)]],
    batch_case((4, 3), affine=False),
    batch_case((2, 3, 4), affine=False, training=False),
    *[group_case((2, 6, 2, 3), groups) for groups in (1, 2, 3, 6)],
    group_case((3, 4), 2),
    group_case((3, 4, 5), 2, affine=False),
    Case(
        "instance_norm (2, 3, 4, 2)",
        "standardize_channels",
        lambda x, w, b: F.instance_norm(x, weight=w, bias=b),
        data((2, 3, 4, 2), 3, 3),
        T and (lambda x, w, b: T.instance_norm(x, weight=w, bias=b)),
    ),
    *[
        row_case("layer_norm", "standardize_rows", shape, wanted, n)
        for n in (0, 1, 2)
        for shape, wanted in [((4, 5), (5,)), ((2, 3, 4), (3, 4)), ((7,), (7,))]
    ],
    row_case("layer_norm", "standardize_rows", (40, 1000), (1000,), 2, eps=1e-2),  # more than one block
    Case(
        "layer_norm with bias alone",
        "standardize_rows",
        layer_bias_only(F.layer_norm),
        data((2, 3, 5), 5),
        T and layer_bias_only(T.layer_norm),
    ),
    *[
        row_case("rms_norm", "divide_by_rms", shape, wanted, n)
        for n in (0, 1)
        for shape, wanted in [((4, 5), (5,)), ((2, 3, 4), (3, 4)), ((3, 1), (1,))]
    ],
    row_case("rms_norm", "divide_by_rms", (40, 1000), (1000,), 1, eps=1e-2),
]
