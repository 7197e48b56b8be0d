"""Timing two implementations fairly: one process, interleaved blocks, medians, blocks repeated when others work."""

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import psutil

BLOCK_SECONDS = 0.2
NOISE = 0.15  # of one core, by other processes: above it a block is thrown away
RETRIES = 10


@dataclass
class Timing:
    """Milliseconds of one call, ours and theirs: medians of block medians; `ratio` below 1 means ours is faster."""

    name: str
    ours_ms: float
    theirs_ms: float
    ratio: float
    rounds: int
    noisy: int  # blocks kept although other processes were busy

    def to_dict(self) -> dict:
        return asdict(self)


def compare(name: str, ours: Callable[[], object], theirs: Callable[[], object], rounds: int = 7) -> Timing:
    """Time both, block by block in turn."""
    for function in (ours, theirs):  # warm caches, buffers and lazy imports
        for _ in range(3):
            function()
    blocks: dict[str, list[float]] = {"ours": [], "theirs": []}
    noisy = 0
    for _ in range(rounds):
        for key, function in (("ours", ours), ("theirs", theirs)):
            seconds, was_noisy = _quiet_block(function)
            blocks[key].append(seconds)
            noisy += was_noisy
    mine, other = (1e3 * statistics.median(blocks[key]) for key in ("ours", "theirs"))
    return Timing(name, mine, other, mine / other, rounds, noisy)


def _quiet_block(function: Callable[[], object]) -> tuple[float, bool]:
    """The median seconds of one call within a block during which nobody else used the machine, if that can be had."""
    for _ in range(RETRIES):
        before, started = _others_seconds(), time.perf_counter()
        seconds = _block(function)
        busy = (_others_seconds() - before) / (time.perf_counter() - started)
        if busy < NOISE:
            return seconds, False
        time.sleep(0.2)
    return seconds, True


def _block(function: Callable[[], object]) -> float:
    times = []
    end = time.perf_counter() + BLOCK_SECONDS
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _others_seconds() -> float:
    """Processor seconds that all other processes have used so far."""
    machine, own = psutil.cpu_times(), os.times()
    return sum(machine) - machine.idle - getattr(machine, "iowait", 0.0) - own.user - own.system
