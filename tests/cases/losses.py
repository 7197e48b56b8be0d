"""Losses against PyTorch: every reduction, weights, ignored classes, label smoothing, batches of images."""

import numpy as np

import utils.functional as F
from cases import Case

try:
    import torch
    import torch.nn.functional as T
except ImportError:
    torch = T = None

REDUCTIONS = ("mean", "sum", "none")


def normal(*shapes, scale=1.0):
    return lambda rng: tuple(scale * rng.normal(size=shape) for shape in shapes)


def with_probabilities(shape):
    return lambda rng: (2 * rng.normal(size=shape), rng.uniform(0.1, 0.9, size=shape))


def normalized(shape):
    def inputs(rng):
        p = rng.uniform(0.1, 1.0, size=(2, *shape))
        p /= p.sum(axis=-1, keepdims=True)
        return np.log(p[0]), p[1]

    return inputs


def for_torch(values, like):
    """Labels stay whole numbers; weights take the dtype of the scores."""
    if isinstance(values, np.ndarray):
        return torch.tensor(values, dtype=None if values.dtype.kind == "i" else like.dtype)
    return values


def compared(name, op, inputs, label="", **fixed):
    """A loss whose settings hold arrays (target, weight, pos_weight)."""

    def theirs(*x):
        return getattr(T, name)(*x, **{key: for_torch(value, x[0]) for key, value in fixed.items()})

    return Case(f"{name} {label}", op, lambda *x: getattr(F, name)(*x, **fixed), inputs, T and theirs)


W3 = np.array([0.5, 2.0, 1.5])
CLASSES = np.array([2, 0, 1, 1])
SOME = np.array([2, -100, 1, 0])
PIXELS = np.array([[[0, 1], [2, 2]], [[1, -100], [0, 1]]])
SOFT = np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [0.1, 0.1, 0.8], [0.3, 0.3, 0.4]])

CASES = [
    *[
        compared(name, name, normal((3, 4), (3, 4), scale=2.0), reduction, reduction=reduction)
        for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
        for reduction in REDUCTIONS
    ],
    compared("smooth_l1_loss", "smooth_l1_loss", normal((7,), (7,)), "beta 0.5", beta=0.5),
    compared("smooth_l1_loss", "smooth_l1_loss", normal((7,), (7,)), "beta 0", beta=0.0),
    compared("huber_loss", "huber_loss", normal((7,), (7,)), "delta 0.5", delta=0.5),
    compared("mse_loss", "mse_loss", normal((), ()), "of two numbers"),
    *[
        compared(
            "binary_cross_entropy_with_logits",
            "logistic_loss",
            with_probabilities((4, 3)),
            f"{label} {r}",
            reduction=r,
            **w,
        )
        for r in REDUCTIONS
        for label, w in [("", {}), ("weights", {"weight": W3, "pos_weight": W3[::-1].copy()})]
    ],
    *[compared("kl_div", "kl_div", normalized((4, 3)), r, reduction=r) for r in (*REDUCTIONS, "batchmean")],
    Case(
        "kl_div of logarithms",
        "kl_div",
        F.kl_div,
        lambda rng: tuple(np.log(rng.uniform(0.1, 1, size=(2, 3, 4)))),
        T and T.kl_div,
        {"log_target": True, "reduction": "batchmean"},
    ),
    *[
        compared(
            "multi_margin_loss", "margin_loss", normal((4, 3)), f"{settings}", target=CLASSES, **settings
        )
        for settings in [
            {},
            {"p": 2, "reduction": "sum"},
            {"weight": W3, "margin": 0.6},
            {"reduction": "none"},
        ]
    ],
    *[
        compared(
            "nll_loss",
            "picked_loss",
            normal(shape),
            f"{shape} {r}{' weights' if w is not None else ''}",
            target=t,
            weight=w,
            reduction=r,
        )
        for shape, t in [((4, 3), SOME), ((2, 3, 2, 2), PIXELS), ((3,), np.array(1))]
        for r in REDUCTIONS
        for w in (None, W3)
    ],
    *[
        compared(
            "cross_entropy",
            "soft_cross_entropy" if smooth else "hard_cross_entropy",
            normal(shape, scale=scale),
            f"{shape} x {scale:g} {r} smoothing {smooth}{' weights' if w is not None else ''}",
            target=t,
            weight=w,
            reduction=r,
            label_smoothing=smooth,
        )
        for shape, t, scale in [
            ((4, 3), SOME, 2.0),
            ((4, 3), CLASSES, 50.0),
            ((2, 3, 2, 2), PIXELS, 2.0),
            ((3,), np.array(1), 1.0),
        ]
        for r in REDUCTIONS
        for smooth in (0.0, 0.1)
        for w in (None, W3)
    ],
    *[
        compared(
            "cross_entropy",
            "soft_cross_entropy",
            normal((4, 3)),
            f"probabilities {r} smoothing {smooth}{' weights' if w is not None else ''}",
            target=SOFT,
            weight=w,
            reduction=r,
            label_smoothing=smooth,
        )
        for r in REDUCTIONS
        for smooth in (0.0, 0.3)
        for w in (None, W3)
    ],
    compared(
        "cross_entropy",
        "soft_cross_entropy",
        normal((2, 3, 2)),
        "probabilities of images",
        target=SOFT[[0, 2]][:, :, None] * np.ones(2),
    ),
    compared(
        "cross_entropy", "hard_cross_entropy", normal((4, 3)), "ignore 1", target=CLASSES, ignore_index=1
    ),
]
