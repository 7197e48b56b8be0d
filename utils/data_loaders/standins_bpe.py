"""A small byte-level BPE in GPT-2's form, trained on Python's documentation at each call (half a second)."""

import re
from collections import Counter, defaultdict

from utils.data_loaders.standins_texts import python_documentation

N_MERGES = 600
WORD = re.compile(r" ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+")
Pair = tuple[str, str]


def byte_symbols() -> dict[int, str]:
    """GPT-2's printable character for each byte, in the order of its vocabulary."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {b: chr(b) for b in printable} | {b: chr(256 + i) for i, b in enumerate(others)}


def small_bpe() -> tuple[dict[str, int], tuple[Pair, ...]]:
    """(encoder, merges): 256 bytes, the merges' results, and <|endoftext|>."""
    symbols = byte_symbols()
    counts = Counter(WORD.findall(python_documentation()))
    words = [[symbols[byte] for byte in word.encode()] for word in counts]
    merges = _train(words, list(counts.values()), N_MERGES)
    tokens = [*symbols.values(), *dict.fromkeys(a + b for a, b in merges), "<|endoftext|>"]
    return {token: i for i, token in enumerate(tokens)}, merges


def _train(words: list[list[str]], counts: list[int], n_merges: int) -> tuple[Pair, ...]:
    pairs, places, merges = Counter(), defaultdict(set), []
    for i in range(len(words)):
        _count(words, counts, i, pairs, places, 1)
    while len(merges) < n_merges:
        best = max(
            pairs, key=lambda pair: (pairs[pair], pair)
        )  # ties by the text, so the result is one and the same
        merges.append(best)
        for i in sorted(places.pop(best)):
            _count(words, counts, i, pairs, places, -1)
            words[i] = _merge(words[i], best)
            _count(words, counts, i, pairs, places, 1)
    return tuple(merges)


def _count(
    words: list, counts: list[int], i: int, pairs: Counter, places: dict[Pair, set[int]], sign: int
) -> None:
    for pair in zip(words[i], words[i][1:], strict=False):
        pairs[pair] += sign * counts[i]
        places[pair].add(i)


def _merge(word: list[str], pair: Pair) -> list[str]:
    merged: list[str] = []
    for symbol in word:
        if merged and (merged[-1], symbol) == pair:
            merged[-1] += symbol
        else:
            merged.append(symbol)
    return merged
