"""Activations and softmax against PyTorch."""

from functools import partial

import numpy as np

import utils.functional as F
from cases import Case
from utils.functional import activation

try:
    import torch.nn.functional as T
except ImportError:
    T = None


def away_from_zero(rng, shape=(3, 5)):
    x = 2 * rng.normal(size=shape)
    return (x + 0.2 * (2 * (x > 0) - 1),)  # kinks at 0 are no place for differences


def normal(shape, scale=1.0):
    return lambda rng: (scale * rng.normal(size=shape),)


def case(name, inputs=away_from_zero, label="", gradcheck=True, **settings):
    return Case(
        f"{name}{label}",
        name,
        getattr(activation, name),
        inputs,
        getattr(T, name, None),
        settings,
        gradcheck=gradcheck,
    )


# Saturated or constant softmaxes have slopes far below 1e-6, which differences cannot see.
CASES = [
    case("leaky_relu"),
    case("leaky_relu", label=" slope 1.5", negative_slope=1.5),
    Case(
        "leaky_relu by position",
        "leaky_relu",
        lambda x: F.leaky_relu(x, 0.2),
        away_from_zero,
        T and partial(T.leaky_relu, negative_slope=0.2),
    ),
    case("elu"),
    case("elu", label=" alpha 0.3", alpha=0.3),
    case("selu"),
    case("gelu"),
    case("gelu", label=" tanh", approximate="tanh"),
    case("gelu", normal((2, 3, 4), 5.0), " wide tanh", approximate="tanh"),
    case("silu"),
    case("silu", normal((1,), 30.0), " wide"),
    case("softplus"),
    case("softplus", normal((4, 5), 20.0), " wide"),
    case("softplus", label=" beta 2 threshold 1", beta=2.0, threshold=1.0),
    case("hardtanh"),
    case("hardtanh", label=" -0.5 to 2", min_val=-0.5, max_val=2.0),
    *[
        case(name, lambda rng: (np.array(0.7),), " of a number", **settings)
        for name in ("leaky_relu", "elu", "selu", "gelu", "silu", "softplus", "hardtanh")
        for settings in ([{}, {"approximate": "tanh"}] if name == "gelu" else [{}])
    ],
    case("glu", normal((3, 6))),
    case("glu", normal((2, 4, 3)), " dim 1", dim=1),
    *[
        case(
            name,
            normal(shape, scale),
            f" {shape} x {scale:g} dim {dim}",
            shape[dim] > 1 and scale < 9,
            dim=dim,
        )
        for name in ("softmax", "log_softmax")
        for shape, scale, dim in [
            ((4, 5), 1.0, 1),
            ((4, 5), 1.0, 0),
            ((2, 3, 4), 40.0, -1),
            ((2, 3, 4), 40.0, 1),
            ((3, 1), 1.0, -1),
            ((6,), 1.0, 0),
        ]
    ],
]
