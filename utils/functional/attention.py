r"""Scaled dot-product attention in one op, and rotary position embeddings.

Notebook: 05-attention/transformers/01-self-attention.ipynb
"""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from utils.backend import as_array, placed
from utils.functional.activation import exponentials, sum_along
from utils.functional.dropout import keep_mask, masked
from utils.tensor import Tensor, op


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    *,
    rng: np.random.Generator | int | None = None,
) -> Tensor:
    r"""$\mathrm{softmax}(s\,QK^\top + M)\,V$ for query (..., T, D), key (..., S, D), value (..., S, E): (..., T, E).

    `attn_mask` broadcasts to (..., T, S). Truth values say which keys a query may see; numbers, which may be a
    Tensor that wants a gradient, are added to the scores. `is_causal` shows query t the keys 0 to t. A query that
    sees no key gets zeros, as in PyTorch, not NaN. `scale` is $1/\sqrt D$ by default. `dropout_p` acts on the
    probabilities, whenever it is not 0. Leading axes broadcast (Vaswani et al. 2017). Raises TypeError for a mask of
    whole numbers: added 0 and 1 would hide nothing.

    Notebook: 05-attention/transformers/01-self-attention.ipynb
    """
    _check_shapes(np.shape(query), np.shape(key), np.shape(value))
    T, S = np.shape(query)[-2], np.shape(key)[-2]
    scale = 1 / math.sqrt(np.shape(query)[-1]) if scale is None else float(scale)
    if is_causal and attn_mask is not None:
        raise ValueError(
            "scaled_dot_product_attention got attn_mask and is_causal=True: combine them into one mask"
        )
    visible = np.tri(T, S, dtype=bool) if is_causal else None
    if attn_mask is not None:
        attn_mask = attn_mask if isinstance(attn_mask, Tensor) else as_array(attn_mask)
        _check_mask(attn_mask, (*np.shape(query)[:-1], S))
        if not isinstance(attn_mask, Tensor):
            visible, attn_mask = (attn_mask, None) if attn_mask.dtype == bool else (None, attn_mask)
    return attend(query, key, value, attn_mask, visible=visible, scale=scale, dropout_p=dropout_p, rng=rng)


def _check_shapes(query: tuple[int, ...], key: tuple[int, ...], value: tuple[int, ...]) -> None:
    name, shapes = "scaled_dot_product_attention", f"query {query}, key {key}, value {value}"
    if min(map(len, (query, key, value))) < 2:
        raise ValueError(f"{name} expects (..., T, D), (..., S, D), (..., S, E) but got {shapes}")
    if query[-1] != key[-1]:
        raise ValueError(f"{name} expects query and key of one width but got {shapes}")
    if key[-2] != value[-2]:
        raise ValueError(f"{name} expects a value for every key but got {shapes}")


def check_mask_dtype(mask: Any, true_means: str) -> None:
    """TypeError unless an array or Tensor holds truth values or floats: 0 and 1 added to scores would hide nothing.

    Notebook: 05-attention/transformers/01-self-attention.ipynb
    """
    if mask.dtype.kind in "iu":
        raise TypeError(
            f"a mask is bool (True: {true_means}) or float (added to the scores) but got {mask.dtype}: "
            "mask.astype(bool)"
        )


def _check_mask(mask: Any, scores: tuple[int, ...]) -> None:
    check_mask_dtype(mask, "the query sees the key")
    tail = zip(mask.shape[-2:][::-1], scores[-2:][::-1], strict=False)
    if any(m not in (1, s) for m, s in tail):
        raise ValueError(
            f"attn_mask {mask.shape} does not broadcast to scores {scores}: its last axes are (T, S)"
        )


@op
def attend(q, k, v, added, *, scale, visible=None, dropout_p=0.0, rng=None):
    r"""$O = PV$ with $P = \mathrm{softmax}(Z)$ along the keys, $Z = s\,QK^\top + M$, hidden keys left out.

    $\bar V = P^\top \bar O$,  $\bar Z = P \odot (\bar O V^\top - \delta)$ with $\delta_t = \sum_e \bar O_{te} O_{te}$
    (which is the row sum of $P \odot \bar P$: Dao et al. 2022),  $\bar Q = s\bar Z K$,  $\bar K = s\bar Z^\top Q$,
    $\bar M = \bar Z$. Kept are $E = e^Z$ and its row sums, for dividing the rows of $O$ is cheaper than those of $P$.
    With dropout, $P$ is replaced by its masked self in $O$ and $\bar V$, and $\bar P$ is masked likewise.

    Notebook: 05-attention/transformers/01-self-attention.ipynb
    """
    qs = q * scale
    z = qs @ k.swapaxes(-1, -2)  # (..., T, S)
    if added is not None:
        z = z + added
    e, total = _visible_exponentials(z, visible)
    r = 1.0 / (total + (total == 0))  # a query without keys: zeros
    mask, factor = keep_mask(z.shape, dropout_p, rng) if dropout_p else (None, 1.0)
    mask = None if mask is None else placed(mask, z)
    out = (e if mask is None else masked(e, mask, factor)) @ v
    out *= r

    def gradient(g):
        gr = g * r  # (..., T, E)
        dz = gr @ v.swapaxes(-1, -2)
        if mask is not None:
            dz = masked(dz, mask, factor)
        dz -= sum_along(gr * out)
        dz *= e
        dv = (e if mask is None else masked(e, mask, factor)).swapaxes(-1, -2) @ gr
        dq = dz @ k
        dq *= scale
        return dq, dz.swapaxes(-1, -2) @ qs, dv, dz

    return out, gradient


def _visible_exponentials(z: NDArray, visible: NDArray | None) -> tuple[NDArray, NDArray]:
    """exp(z - shift), 0 for hidden keys, and its row sums; the shift is that of the visible scores."""
    e, shift = exponentials(z)
    if visible is not None:
        visible = np.asarray(visible, like=z)
        if isinstance(shift, float):
            e *= visible
        else:  # a large hidden score may not decide by what the visible ones are shifted
            e, _ = exponentials(np.where(visible, z, -np.inf))
    return e, sum_along(e)


def rotary_tables(
    length: int, width: int, base: float = 10000.0, dtype: Any = np.float32
) -> tuple[NDArray, NDArray]:
    r"""Cosines and sines (T, D/2) of the angles $t\,b^{-2i/D}$ for positions t and pairs i (Su et al. 2021).

    Notebook: 05-attention/transformers/03-positional-encoding.ipynb
    """
    if width % 2:
        raise ValueError(f"rotary_tables expects an even width but got {width}: it turns pairs of features")
    frequencies = base ** (-np.arange(0, width, 2) / width)
    angles = np.arange(length)[:, None] * frequencies
    return np.cos(angles).astype(dtype), np.sin(angles).astype(dtype)


def rotary(x: Any, cos: ArrayLike, sin: ArrayLike) -> Tensor:
    """Turn the pairs (i, i + D/2) of features of x (..., T, D) by angles whose cosines and sines are (T, D/2).

    That pairing is LLaMA's and GPT-NeoX's; the paper pairs (2i, 2i + 1), which differs by a permutation of features.

    Notebook: 05-attention/transformers/03-positional-encoding.ipynb
    """
    shape, table = np.shape(x), np.shape(cos)
    if len(shape) < 2 or shape[-1] % 2 or np.shape(sin) != table:
        raise ValueError(
            f"rotary expects x (..., T, D), D even, and cos and sin of one shape but got {shape}, {table}"
        )
    if table[-2:] != (shape[-2], shape[-1] // 2):
        raise ValueError(
            f"rotary expects cos and sin ({shape[-2]}, {shape[-1] // 2}) for x {shape} but got {table}: "
            "take the rows of the positions that x holds"
        )
    return rotate(x, cos=as_array(cos), sin=as_array(sin))


@op
def rotate(x, *, cos, sin):
    r"""$(y_1, y_2) = (x_1 c - x_2 s,\; x_2 c + x_1 s)$ for the halves of $x$ (..., T, D); the gradient turns back.

    $(\bar x_1, \bar x_2) = (\bar y_1 c + \bar y_2 s,\; \bar y_2 c - \bar y_1 s)$ (Su et al. 2021).

    Notebook: 05-attention/transformers/03-positional-encoding.ipynb
    """
    cos, sin = (np.asarray(table, dtype=x.dtype, like=x) for table in (cos, sin))
    return _turned(x, cos, sin), lambda g: _turned(g, cos, -sin)


def _turned(x: NDArray, cos: NDArray, sin: NDArray) -> NDArray:
    half = x.shape[-1] // 2
    x1, x2 = x[..., :half], x[..., half:]
    out = np.empty_like(x)
    np.subtract(x1 * cos, x2 * sin, out=out[..., :half])
    np.add(x2 * cos, x1 * sin, out=out[..., half:])
    return out
