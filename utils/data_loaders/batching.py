"""Batches, splits and folds over arrays whose first axis counts samples."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from utils.data_loaders.generators import Rng, positive_int


class DataLoader:
    """Mini-batches over arrays, in the spirit of `torch.utils.data.DataLoader`.

    `arrays` is one array (N, ...), and batches are arrays; or a tuple of arrays of equal length, and batches
    are tuples. Every `for` runs through one epoch; with `shuffle` each epoch has a new permutation drawn from
    `rng`. `len(loader)` is the number of batches; the last may be smaller unless `drop_last`. `state_dict`
    and `load_state_dict` resume inside an epoch; give the loader a generator of its own for that. Raises
    TypeError for lists, ValueError for unequal lengths or `batch_size < 1`.

    Notebook: 01-foundations/math-prerequisites/01-python-basics.ipynb
    """

    def __init__(
        self,
        arrays: np.ndarray | tuple[np.ndarray, ...],
        batch_size: int = 1,
        shuffle: bool = False,
        *,
        drop_last: bool = False,
        rng: Rng = 0,
    ):
        self.arrays = arrays if isinstance(arrays, tuple) else (arrays,)
        self.n_samples = _check_arrays(self.arrays)
        self.single = not isinstance(arrays, tuple)
        self.batch_size = positive_int("batch_size", batch_size)
        self.shuffle, self.drop_last = shuffle, drop_last
        self.rng = np.random.default_rng(rng)
        self._epoch_start: dict[str, Any] | None = (
            None  # the generator's state before this epoch's permutation
        )
        self._position = 0

    def __len__(self) -> int:
        full, rest = divmod(self.n_samples, self.batch_size)
        return full + bool(rest and not self.drop_last)

    def __iter__(self) -> Iterator[Any]:
        first, self._position = self._resume_at(), 0
        self._epoch_start = self.rng.bit_generator.state
        order = self.rng.permutation(self.n_samples) if self.shuffle else np.arange(self.n_samples)
        for number in range(first, len(self)):
            self._position = number + 1
            chosen = order[number * self.batch_size : (number + 1) * self.batch_size]
            batch = tuple(array[chosen] for array in self.arrays)
            yield batch[0] if self.single else batch
        self._position, self._epoch_start = 0, None

    def _resume_at(self) -> int:
        return self._position if self._epoch_start is None else 0

    def state_dict(self) -> dict[str, Any]:
        """Where the loader stands: the generator's state at the start of the epoch, the batches given since.

        Plain numbers and strings, fit for JSON with the default generator.

        Notebook: 01-foundations/math-prerequisites/01-python-basics.ipynb
        """
        return {"rng": self._epoch_start or self.rng.bit_generator.state, "position": self._position}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state`: the next `for` gives the batches that the saved loader had not yet given.

        Notebook: 01-foundations/math-prerequisites/01-python-basics.ipynb
        """
        if set(state) != {"rng", "position"}:
            raise ValueError(f"a loader's state has the keys rng and position but got {sorted(state)}")
        if not 0 <= state["position"] <= len(self):
            raise ValueError(f"position {state['position']} lies outside this loader's {len(self)} batches")
        self.rng.bit_generator.state = state["rng"]
        self._position, self._epoch_start = state["position"], None


def _check_arrays(arrays: tuple) -> int:
    if not arrays:
        raise ValueError("no arrays given")
    for array in arrays:
        if not isinstance(array, np.ndarray):
            raise TypeError(
                f"expected an array or a tuple of arrays but got {type(array).__name__}: "
                "write DataLoader((X, y)), and np.asarray(...) around lists"
            )
        if array.ndim == 0:
            raise ValueError("an array without axes has no samples")
    return _common_length(arrays)


def _common_length(arrays: Sequence) -> int:
    lengths = [len(array) for array in arrays]
    if len(set(lengths)) != 1:
        raise ValueError(f"all arrays need the same number of samples but have {lengths}")
    if lengths[0] == 0:
        raise ValueError("the arrays have no samples")
    return lengths[0]


def bucket_batches(
    lengths: Sequence[int] | np.ndarray, batch_size: int, rng: Rng = 0
) -> Iterator[np.ndarray]:
    """Index arrays of up to `batch_size` sequences of similar length, the batches in random order.

    Sorting by length (ties at random) keeps padding small; shuffling the batches keeps their order free of
    it.

    Notebook: 04-rnn/applications/03-text-classification.ipynb
    """
    lengths, batch_size, rng = (
        np.asarray(lengths),
        positive_int("batch_size", batch_size),
        np.random.default_rng(rng),
    )
    if lengths.ndim != 1:
        raise ValueError(f"lengths must be one number a sequence, (N,), but has shape {lengths.shape}")
    order = np.lexsort([rng.random(len(lengths)), lengths])
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    return iter([batches[i] for i in rng.permutation(len(batches))])


def train_test_split(
    *arrays: Any, test_size: float | int = 0.25, stratify: Any = None, rng: Rng = 0
) -> tuple[Any, ...]:
    """Split at random: `X_train, X_test, y_train, y_test = train_test_split(X, y)`, as in scikit-learn.

    `test_size` is a share (rounded up) or a number of samples. With `stratify` (labels, (N,)) every class
    keeps its share in both parts, to one sample. Arrays give arrays, lists and tuples their own kind.

    Notebook: 01-foundations/math-prerequisites/01-python-basics.ipynb
    """
    if not arrays:
        raise ValueError("no arrays given: train_test_split(X, y)")
    for array in arrays:
        if not hasattr(array, "__len__"):
            raise TypeError(f"{array!r} is no array; test_size, stratify and rng are given by name")
    n_samples = _common_length(arrays)
    n_test, rng = _test_count(test_size, n_samples), np.random.default_rng(rng)
    if stratify is None:
        order = rng.permutation(n_samples)
        train, test = order[n_test:], order[:n_test]
    else:
        train, test = _stratified(np.asarray(stratify), n_samples, n_test, rng)
    return tuple(_take(array, part) for array in arrays for part in (train, test))


def _test_count(test_size: float | int, n_samples: int) -> int:
    is_count = isinstance(test_size, int | np.integer) and not isinstance(test_size, bool)
    count = int(test_size) if is_count else math.ceil(round(test_size * n_samples, 9))
    if not 0 < count < n_samples or (not is_count and not 0 < test_size < 1):
        raise ValueError(
            f"test_size={test_size!r} of {n_samples} samples leaves a part empty: "
            "give a share between 0 and 1 or a smaller number"
        )
    return count


def _stratified(labels: np.ndarray, n_samples: int, n_test: int, rng: np.random.Generator) -> tuple:
    if labels.shape != (n_samples,):
        raise ValueError(
            f"stratify must hold one label a sample, ({n_samples},), but has shape {labels.shape}"
        )
    classes, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if counts.min() < 2:
        raise ValueError(
            f"class {classes[counts.argmin()]!r} has one sample only: stratify needs two of each"
        )
    share = counts * n_test / n_samples
    quota = np.floor(share).astype(int)
    quota[np.argsort(quota - share, kind="stable")[: n_test - quota.sum()]] += 1  # largest remainders
    order = rng.permutation(n_samples)
    ranked = order[np.argsort(codes[order], kind="stable")]
    starts = np.cumsum(counts) - counts
    rank = np.arange(n_samples) - starts[codes[ranked]]
    in_test = rank < quota[codes[ranked]]
    return rng.permutation(ranked[~in_test]), rng.permutation(ranked[in_test])


def _take(array: Any, indices: np.ndarray) -> Any:
    if isinstance(array, list | tuple):
        return type(array)(array[i] for i in indices)
    return np.asarray(array)[indices]


def k_fold(
    n_samples: int, n_splits: int = 5, shuffle: bool = True, rng: Rng = 0
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """`n_splits` pairs (train, validation) of index arrays; every sample is in one validation part.

    The parts' sizes differ by at most one, the larger first, as in scikit-learn's `KFold`.

    Notebook: 01-foundations/math-prerequisites/01-python-basics.ipynb
    """
    n_samples, n_splits = positive_int("n_samples", n_samples), positive_int("n_splits", n_splits, 2)
    if n_splits > n_samples:
        raise ValueError(f"n_splits={n_splits} folds need as many samples but there are {n_samples}")
    order = np.random.default_rng(rng).permutation(n_samples) if shuffle else np.arange(n_samples)
    parts = np.array_split(order, n_splits)
    return iter(
        [(np.sort(np.concatenate(parts[:i] + parts[i + 1 :])), np.sort(parts[i])) for i in range(n_splits)]
    )
