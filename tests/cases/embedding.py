"""Embedding and dropout's masking."""

import numpy as np

import utils.functional as F
from cases import Case
from utils.functional.dropout import keep

try:
    import torch
    import torch.nn.functional as T
except ImportError:
    torch = T = None


def case(name, indices, n_rows=6, **settings):
    indices = np.asarray(indices)
    return Case(
        f"embedding {name}",
        "pick_rows",
        lambda w: F.embedding(indices, w, **settings),
        lambda rng: (rng.normal(size=(n_rows, 3)),),
        T and (lambda w: T.embedding(torch.tensor(indices), w, **settings)),
        gradcheck="padding_idx" not in settings,  # its row is used, and yet gets no gradient
    )


MASK = np.array([[True, False, True], [False, True, True]])

CASES = [
    case("of repeated rows", [[0, 5, 5], [2, 0, 5]]),
    case("of one number", 3),
    case("of int32", np.array([1, 1, 0], np.int32)),
    case("of a table of one row", [0, 0], 1),
    case("of nothing", np.zeros((0, 2), int)),
    case("with padding", [[1, 2, 1], [0, 1, 1]], padding_idx=1),
    case("with padding from the end", [5, 2, 5], padding_idx=-1),
    Case(
        "dropout's mask",
        "keep",
        lambda x: keep(x, mask=MASK, factor=2.0),
        lambda rng: (rng.normal(size=(2, 3)),),
        T and (lambda x: x * torch.tensor(MASK) * 2.0),
    ),
]
