"""Cases of the linear layer."""

from cases import Case
from utils.functional.linear import linear


def _torch(*inputs):
    import torch

    return torch.nn.functional.linear(*inputs)


def _case(x, w, bias=True):
    shapes = [x, w, w[:1]][: 2 + bias]
    name = f"linear {x} {w}{'' if bias else ' without bias'}"
    return Case(name, "affine", linear, lambda rng: tuple(rng.normal(size=s) for s in shapes), _torch)


CASES = [
    _case((5, 3), (4, 3)),
    _case((5, 3), (4, 3), bias=False),
    _case((2, 3, 4), (5, 4)),
    _case((2, 3, 2, 4), (1, 4), bias=False),
    _case((4,), (3, 4)),
    _case((1, 1), (1, 1)),
    _case((0, 3), (2, 3)),
]
