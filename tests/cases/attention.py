"""Attention against PyTorch; rotary embeddings against the matrices of the paper."""

import numpy as np

import utils.functional as F
from cases import Case

try:
    import torch
    import torch.nn.functional as T
except ImportError:
    torch = T = None


def normal(*shapes, scale=1.0):
    return lambda rng: tuple(scale * rng.normal(size=shape) for shape in shapes)


def case(name, shapes, scale=1.0, mask=None, **settings):
    """With four shapes the last is that of a float mask which wants a gradient."""

    def theirs(*x):
        given = {} if mask is None else {"attn_mask": torch.tensor(mask)}
        return T.scaled_dot_product_attention(*x, **given, **settings)

    def mine(*x):
        return F.scaled_dot_product_attention(*x, **({} if mask is None else {"attn_mask": mask}), **settings)

    return Case(f"attention {name}", "attend", mine, normal(*shapes, scale=scale), T and theirs)


PLAIN = [(2, 3, 4, 5), (2, 3, 6, 5), (2, 3, 6, 2)]
SQUARE = [(2, 4, 3)] * 3
RNG = np.random.default_rng(3)
SEEN = RNG.random((4, 6)) < 0.6
SEEN[:, 0] = True
SEEN_OF_SAMPLE = RNG.random((2, 1, 1, 6)) < 0.6
ROWS_OF_NONE = SEEN.copy()
ROWS_OF_NONE[2] = False


def paper(weights, x, base=10000.0):
    """Su et al. 2021, equation 15: for each position a matrix of 2 x 2 rotations, of the pairs (2i, 2i + 1)."""
    width = x.shape[-1]
    to_pairs = np.arange(width).reshape(2, -1).T.ravel()  # half-split features in the paper's order
    out, dx = np.empty_like(x), np.empty_like(x)
    for m in range(x.shape[-2]):
        R = np.zeros((width, width))
        for i in range(width // 2):
            angle = m * base ** (-2 * i / width)
            c, s = np.cos(angle), np.sin(angle)
            R[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = [[c, -s], [s, c]]
        out[..., m, to_pairs] = x[..., m, to_pairs] @ R.T
        dx[..., m, to_pairs] = weights[..., m, to_pairs] @ R
    return out, [dx]


def rotary_case(shape):
    def call(x):
        return F.rotary(x, *F.rotary_tables(shape[-2], shape[-1], dtype=x.dtype))

    return Case(f"rotary {shape}", "rotate", call, normal(shape), independent=paper)


CASES = [
    case("plain", PLAIN),
    case("of one query", [(1, 1, 4), (1, 5, 4), (1, 5, 4)]),
    case("of matrices", [(4, 3), (5, 3), (5, 2)]),
    case("causal", SQUARE, is_causal=True),
    case("causal, large scores", SQUARE, scale=12.0, is_causal=True),
    case("causal, more keys than queries", PLAIN, is_causal=True),
    case("causal, fewer keys than queries", [(6, 3), (4, 3), (4, 3)], is_causal=True),
    case("scale", PLAIN, scale=1.0, **{}),
    case("truth values", PLAIN, mask=SEEN),
    case("truth values for each sample", PLAIN, mask=SEEN_OF_SAMPLE),
    case("truth values, large scores", PLAIN, scale=10.0, mask=SEEN),
    case("truth values, a query that sees nothing", PLAIN, mask=ROWS_OF_NONE),
    case("added mask with gradient", [*PLAIN, (2, 3, 4, 6)]),
    case("added mask with gradient, broadcast", [*PLAIN, (3, 1, 6)]),
    *[rotary_case(shape) for shape in [(3, 4), (2, 2, 5, 6), (1, 2)]],
]
