"""Timing two implementations fairly: one process, interleaved blocks, medians, more rounds when others work."""

import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

import psutil

BLOCK_SECONDS = 0.2
ROUNDS = 11  # a block of each in every round
NOISE = 0.15  # of one core, by other processes: above it a round does not count as quiet
PATIENCE = 4  # times as many rounds are tried until enough were quiet
# Freed memory stays with the process. Otherwise glibc returns and fetches it in every step, up to half of the time.
MALLOC = {
    "MALLOC_MMAP_THRESHOLD_": "1000000000",
    "MALLOC_TRIM_THRESHOLD_": "1000000000",
    "MALLOC_TOP_PAD_": "67108864",
}


@dataclass
class Timing:
    """Milliseconds of one call, ours and theirs: medians of block medians; `ratio` below 1 means ours is faster."""

    name: str
    ours_ms: float
    theirs_ms: float
    ratio: float
    min_ratio: float  # of the fastest blocks
    rounds: int
    noisy: int  # rounds during which other processes were busy, left out if enough were quiet

    @property
    def quiet(self) -> bool:
        return _enough(self.rounds - self.noisy)

    def to_dict(self) -> dict:
        return asdict(self)


def tune_allocator() -> None:
    """Start this program again with glibc's allocator keeping freed memory, if it does not already."""
    if sys.platform == "linux" and not MALLOC.keys() <= os.environ.keys():
        print("starting again with an allocator that keeps freed memory:", *MALLOC, flush=True)
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**MALLOC, **os.environ})


def compare(name: str, ours: Callable[[], object], theirs: Callable[[], object]) -> Timing:
    """Time both, block by block in turn."""
    for function in (ours, theirs):  # warm caches, buffers and lazy imports
        for _ in range(3):
            function()
    quiet, noisy = [], []
    while len(quiet) < ROUNDS and len(quiet) + len(noisy) < PATIENCE * ROUNDS:
        pair, busy = _round(ours, theirs)
        (noisy if busy > NOISE else quiet).append(pair)
    pairs = quiet if _enough(len(quiet)) else quiet + noisy
    mine, other = ([1e3 * seconds for seconds in column] for column in zip(*pairs, strict=True))
    medians = statistics.median(mine), statistics.median(other)
    ratio, min_ratio = medians[0] / medians[1], min(mine) / min(other)
    return Timing(name, *medians, ratio, min_ratio, len(quiet) + len(noisy), len(noisy))


def _enough(quiet_rounds: int) -> bool:
    return 2 * quiet_rounds >= ROUNDS


def geometric_mean(numbers: Iterable[float]) -> float:
    return math.exp(statistics.fmean(map(math.log, numbers)))


def _round(ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[tuple[float, float], float]:
    """The seconds of one call of each, and the cores that other processes kept busy meanwhile."""
    before, started = _others_seconds(), time.perf_counter()
    pair = _block(ours), _block(theirs)
    return pair, (_others_seconds() - before) / (time.perf_counter() - started)


def _block(function: Callable[[], object]) -> float:
    times = []
    end = time.perf_counter() + BLOCK_SECONDS
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _others_seconds() -> float:
    """Processor seconds that all other processes, and other guests of the host, have used so far."""
    machine, own = psutil.cpu_times(), os.times()
    return sum(machine) - machine.idle - getattr(machine, "iowait", 0.0) - own.user - own.system
