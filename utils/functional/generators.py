"""The two Generators from which the library draws wherever it is given none: first values, and masks of dropout.

They are apart, so that a layer more or less does not change the masks of the others. Both start from seed 0 on
import, and `manual_seed` starts both afresh: in the main thread those of the process, in any other thread two of its
own, so that trainings in several threads repeat whatever the others do. Whoever wants a stream of their own passes
`rng=`.
"""

import threading

import numpy as np


def _streams(seed: int) -> dict[str, np.random.Generator]:
    streams = np.random.SeedSequence(seed).spawn(2)  # two that have nothing in common
    return dict(zip(("init", "dropout"), map(np.random.default_rng, streams), strict=True))


_shared = _streams(0)
_own = threading.local()  # not a context variable: notebooks run each cell in a context of its own


def manual_seed(seed: int) -> None:
    """Start both Generators afresh, so that a run repeats: one call for first values and dropout.

    Also found as `nn.manual_seed` and `functional.manual_seed`. A thread other than the main one that calls it has
    Generators of its own from then on. Data loaders, generated data and searches are not concerned: they take a seed
    of their own, 0 where they have a default.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    if threading.current_thread() is threading.main_thread():
        _shared.update(_streams(seed))
    else:
        _own.streams = _streams(seed)


def generator(rng: np.random.Generator | int | None, purpose: str) -> np.random.Generator:
    """The Generator that `rng` stands for: itself, one with this seed, or the shared one of "init" or "dropout".

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    return getattr(_own, "streams", _shared)[purpose] if rng is None else np.random.default_rng(rng)
