"""What the loaders return: frozen records that say what they hold, and show it in one line."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

ABOUT = ("name", "is_stand_in", "source", "licence")


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Common part of all data sets: their name, whether they stand in for others, source and licence.

    Notebook: 01-foundations/math-prerequisites/02-numpy-fundamentals.ipynb
    """

    name: str
    is_stand_in: bool
    source: str
    licence: str

    def __repr__(self) -> str:
        parts = (f"{f.name} {_describe(getattr(self, f.name))}" for f in fields(self) if f.name not in ABOUT)
        return f"{self.name}: {', '.join(parts)}"


def _describe(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.shape} {value.dtype}"
    if isinstance(value, str):
        return f"({len(value):,} characters)" if len(value) > 60 else repr(value)
    if isinstance(value, tuple | dict | list):
        return f"({len(value):,})"
    return repr(value)


@dataclass(frozen=True, eq=False, repr=False)
class ImageDataset(Dataset):
    """Labelled images: X (N, H, W) or (N, C, H, W) uint8, y (N,) int64 that index `classes`.

    Notebook: 01-foundations/math-prerequisites/02-numpy-fundamentals.ipynb
    """

    X_train: np.ndarray
    y_train: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    classes: tuple[str, ...]


@dataclass(frozen=True, eq=False, repr=False)
class PhotographDataset(Dataset):
    """Two colour photographs, uint8 (H, W, 3), also by key, `photographs["china"]`; `credits` says whose.

    Notebook: 01-foundations/math-prerequisites/03-linear-algebra.ipynb
    """

    china: np.ndarray
    flower: np.ndarray
    credits: dict[str, str]

    def keys(self) -> tuple[str, ...]:
        """Names of the photographs.

        Notebook: 01-foundations/math-prerequisites/03-linear-algebra.ipynb
        """
        return ("china", "flower")

    def __getitem__(self, key: str) -> np.ndarray:
        if key not in self.keys():
            raise KeyError(f"no photograph {key!r}: there are {', '.join(self.keys())}")
        return getattr(self, key)

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())


@dataclass(frozen=True, eq=False, repr=False)
class TextDataset(Dataset):
    """One long text.

    Notebook: 01-foundations/math-prerequisites/05-probability-and-information-theory.ipynb
    """

    text: str


@dataclass(frozen=True, eq=False, repr=False)
class NamesDataset(Dataset):
    """First names in lower-case letters a to z, in the file's order.

    Notebook: 01-foundations/math-prerequisites/05-probability-and-information-theory.ipynb
    """

    names: tuple[str, ...]


@dataclass(frozen=True, eq=False, repr=False)
class TranslationDataset(Dataset):
    """Sentence pairs (source, target) in three splits; `languages` are the two codes, source first.

    Notebook: 05-attention/basic-attention/01-the-bottleneck.ipynb
    """

    languages: tuple[str, str]
    train: tuple[tuple[str, str], ...]
    validation: tuple[tuple[str, str], ...]
    test: tuple[tuple[str, str], ...]


@dataclass(frozen=True, eq=False, repr=False)
class LabelledTexts(Dataset):
    """Short texts with labels (N,) int64 that index `classes`.

    Notebook: 01-foundations/math-prerequisites/05-probability-and-information-theory.ipynb
    """

    texts: tuple[str, ...]
    labels: np.ndarray
    classes: tuple[str, ...]


@dataclass(frozen=True, eq=False, repr=False)
class SeriesDataset(Dataset):
    """A time series: dates (T,) datetime64, values (T,) float64 in `unit`; a season takes `period` steps.

    Notebook: 04-rnn/applications/02-time-series-forecasting.ipynb
    """

    dates: np.ndarray
    values: np.ndarray
    unit: str
    period: int


@dataclass(frozen=True, eq=False, repr=False)
class BpeFiles(Dataset):
    """A byte-level BPE vocabulary: token -> id, and the merges in the order in which they are applied.

    Notebook: 06-language-models/pre-training/02-tokenization.ipynb
    """

    encoder: dict[str, int]
    merges: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Instruction:
    """One example: what is asked, an optional input to it (may be empty), and the answer.

    Notebook: 06-language-models/fine-tuning/03-instruction-tuning.ipynb
    """

    instruction: str
    input: str
    output: str


@dataclass(frozen=True)
class Preference:
    """One example with two answers, of which a person (or a model in their place) preferred `chosen`.

    Notebook: 07-llm-ecosystem/safety/02-direct-preference-optimization.ipynb
    """

    instruction: str
    input: str
    chosen: str
    rejected: str


@dataclass(frozen=True, eq=False, repr=False)
class InstructionDataset(Dataset):
    """Instructions with answers, in the file's order.

    Notebook: 06-language-models/fine-tuning/03-instruction-tuning.ipynb
    """

    examples: tuple[Instruction, ...]


@dataclass(frozen=True, eq=False, repr=False)
class PreferenceDataset(Dataset):
    """Instructions with a preferred and a rejected answer, in the file's order.

    Notebook: 07-llm-ecosystem/safety/02-direct-preference-optimization.ipynb
    """

    examples: tuple[Preference, ...]
