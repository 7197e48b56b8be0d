"""What this Python has: versions, BLAS, cores, memory, GPU, and optional packages with how to get them."""

import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from importlib import metadata

from packaging.requirements import Requirement

_PROJECT = "neural-networks-from-scratch"
_UNNEEDED = "dev"  # the extra for people who work on the series itself


def installation_report() -> str:
    """A table in text: the machine, the required packages, the optional ones with how to install them.

    Imports nothing heavy: versions come from the packages' metadata, the GPU from nvidia-smi, if it is there.

    Notebook: 01-foundations/00-start-here.ipynb
    """
    machine = [
        ("Python", platform.python_version()),
        ("NumPy", _version("numpy") or "missing"),
        ("BLAS", _blas()),
        ("CPU cores", str(_cores())),
        ("Memory", _memory()),
        ("GPU", _gpu()),
    ]
    sections = {
        "This machine": machine,
        "Required": list(_required()),
        "Optional (no lesson needs them)": list(_optional()),
    }
    width = max(len(name) for rows in sections.values() for name, _ in rows)
    tables = (_table(title, rows, width) for title, rows in sections.items() if rows)
    return "\n\n".join(tables)


def _table(title: str, rows: list[tuple[str, str]], width: int) -> str:
    return "\n".join([title, *(f"  {name:<{width}}  {text}" for name, text in rows)])


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _blas() -> str:
    import numpy as np

    built = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {}).get("name", "unknown")
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return built
    found = {
        (p["internal_api"], p["version"], p["num_threads"])
        for p in threadpool_info()
        if p["user_api"] == "blas"
    }
    texts = [
        f"{api} {version or ''}, {threads} thread{'s'[: threads != 1]}"
        for api, version, threads in sorted(found)
    ]
    return "; ".join(texts) or built


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _memory() -> str:
    try:
        import psutil  # Jupyter's kernel needs it, so it is there wherever a notebook runs
    except ImportError:
        return "unknown"
    return f"{psutil.virtual_memory().total / 2**30:.0f} GiB"


def _gpu() -> str:
    program = shutil.which("nvidia-smi")
    if program is None:
        return "none found, and none is needed"
    command = [program, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return "nvidia-smi is there but does not answer; no lesson needs a GPU"
    return "; ".join(line.strip() for line in found.splitlines() if line.strip()) or "none found"


def _required() -> Iterator[tuple[str, str]]:
    needs = [need for need in _requirements() if not need.marker or need.marker.evaluate({"extra": ""})]
    wrong = [need for need in needs if not _satisfied(need)]
    yield "packages", f"{len(needs) - len(wrong)} of {len(needs)} as the series needs them"
    yield from ((need.name, _remedy(need)) for need in wrong)


def _optional() -> Iterator[tuple[str, str]]:
    """Packages of the extras, each once."""
    extras = metadata.metadata(_PROJECT).get_all("Provides-Extra", []) if _requirements() else []
    needs = {
        need.name: need
        for extra in extras
        if extra != _UNNEEDED
        for need in _requirements()
        if need.marker and need.marker.evaluate({"extra": extra}) and not need.marker.evaluate({"extra": ""})
    }
    yield from ((name, _version(name) if _satisfied(need) else _remedy(need)) for name, need in needs.items())


def _requirements() -> list[Requirement]:
    try:
        return [Requirement(text) for text in metadata.requires(_PROJECT) or ()]
    except metadata.PackageNotFoundError:
        return []


def _satisfied(need: Requirement) -> bool:
    version = _version(need.name)
    return version is not None and need.specifier.contains(version, prereleases=True)


def _remedy(need: Requirement) -> str:
    version = _version(need.name)
    limits = ",".join(sorted(map(str, need.specifier), reverse=True))
    state = f"{version} is out of range" if version else "not installed"
    return f'{state}: %pip install "{need.name}{limits}"'
