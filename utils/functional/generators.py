"""The two Generators from which the library draws wherever it is given none: first values, and masks of dropout.

They are apart, so that a layer more or less does not change the masks of the others. Both start from seed 0 on
import, and `manual_seed` starts both afresh. Whoever wants a stream of their own passes `rng=`.
"""

import numpy as np

_shared: dict[str, np.random.Generator] = {}


def manual_seed(seed: int) -> None:
    """Start both Generators afresh, so that a run repeats: one call for first values and dropout.

    Also found as `nn.manual_seed` and `functional.manual_seed`. Data loaders, generated data and searches are not
    concerned: they take a seed of their own, 0 where they have a default.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    streams = np.random.SeedSequence(seed).spawn(2)  # two that have nothing in common
    _shared.update(zip(("init", "dropout"), map(np.random.default_rng, streams), strict=True))


def generator(rng: np.random.Generator | int | None, purpose: str) -> np.random.Generator:
    """The Generator that `rng` stands for: itself, one with this seed, or the shared one of "init" or "dropout".

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    return _shared[purpose] if rng is None else np.random.default_rng(rng)


manual_seed(0)
