"""Checkpoints: everything a training needs to go on, in one safetensors file.

Arrays are tensors named `model.*`, `optimizer.*` and so on; numbers, texts and the states of generators are JSON in
the metadata, under a checksum. Reading one runs no code of the file's, and a file that does not fit changes nothing.

Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
"""

import copy
import json
import math
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from utils.backend import asnumpy
from utils.files import atomic_write
from utils.tensor import Tensor

FORMAT, VERSION = "neural-networks-from-scratch checkpoint", "1"
Arrays = dict[str, np.ndarray]


class CheckpointError(ValueError):
    """A checkpoint that cannot be written or used; the text names the file and says what to do.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """


def save_checkpoint(
    path: str | os.PathLike,
    model: Any,
    optimizer: Any = None,
    scheduler: Any = None,
    loader: Any = None,
    rngs: Mapping[str, np.random.Generator] | None = None,
    extra: Any = None,
) -> None:
    """Write the states of all that is given to `path`, replacing the file whole or not at all.

    `rngs` names the generators that training draws from (dropout's, augmentation's). `extra` is returned by
    `load_checkpoint`: numbers, texts, arrays, and dicts, lists and tuples of them; the states may hold the same.
    Raises CheckpointError, naming the place, for NaN outside of arrays and for other kinds of objects.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    parts = _parts(optimizer, scheduler, loader, rngs)
    arrays = {f"model.{name}": _array(f"model.{name}", x) for name, x in model.state_dict().items()}
    states = {name: part.state_dict() for name, part in parts.items()} | {"extra": extra}
    try:
        text = json.dumps({name: _pack(state, name, arrays) for name, state in states.items()})
        data = _to_bytes(arrays, {"format": FORMAT, "version": VERSION, "state": text})
    except CheckpointError as error:
        raise CheckpointError(f"{path} is not written: {error}") from None
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, data)


def load_checkpoint(
    path: str | os.PathLike,
    model: Any,
    optimizer: Any = None,
    scheduler: Any = None,
    loader: Any = None,
    rngs: Mapping[str, np.random.Generator] | None = None,
    *,
    strict: bool = True,
) -> Any:
    """Bring all that is given to the state saved at `path`, and return the `extra` that was saved.

    Everything is checked before the first write, so that a file which does not fit changes nothing. With
    `strict=False` the model may lack parameters of the file, or have others. Raises CheckpointError for files that
    are damaged, of another kind, or of another model or optimizer, and FileNotFoundError.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    parts = _parts(optimizer, scheduler, loader, rngs)
    arrays, metadata = _read(path)
    try:
        states = _states(arrays, metadata)
        weights = {name.removeprefix("model."): x for name, x in arrays.items() if name.startswith("model.")}
        _check_model(weights, model.state_dict(), strict)
        for name, part in parts.items():
            if name not in states:
                raise CheckpointError(
                    f"it holds no {name}: load it without one, or save it with {name}={name}"
                )
            _check_like(name, states[name], part.state_dict())
        if optimizer is not None:
            _check_moments(states["optimizer"]["state"], optimizer)
        _apply(model, weights, parts, states, strict)
    except CheckpointError as error:
        raise CheckpointError(f"{path} cannot be used: {error}") from None
    return states["extra"]


def read_extra(path: str | os.PathLike) -> Any:
    """The `extra` of a checkpoint, without loading the rest; errors as in `load_checkpoint`.

    Notebook: 02-mlp/backpropagation/05-initialization-and-debugging.ipynb
    """
    arrays, metadata = _read(path)
    try:
        return _states(arrays, metadata)["extra"]
    except CheckpointError as error:
        raise CheckpointError(f"{path} cannot be used: {error}") from None


def save_weights(path: str | os.PathLike, state_dict: Mapping[str, Any]) -> None:
    """Write a `state_dict`, names and arrays (or Tensors), as a safetensors file that other libraries read too.

    Notebook: 02-mlp/backpropagation/06-comparing-with-libraries.ipynb
    """
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"save_weights takes model.state_dict() but got {type(state_dict).__name__}")
    atomic_write(path, _to_bytes({name: _array(name, x) for name, x in state_dict.items()}, {}))


def load_weights(path: str | os.PathLike) -> Arrays:
    """The arrays of a safetensors file by name: `model.load_state_dict(load_weights(path))`.

    Of a checkpoint, the model's. Raises CheckpointError and FileNotFoundError as `load_checkpoint` does.

    Notebook: 02-mlp/backpropagation/06-comparing-with-libraries.ipynb
    """
    arrays, metadata = _read(path)
    if metadata.get("format") != FORMAT:
        return arrays
    return {name.removeprefix("model."): x for name, x in arrays.items() if name.startswith("model.")}


class _Generators:
    """Generators by name, with the interface of the other parts."""

    def __init__(self, rngs: Mapping[str, np.random.Generator]):
        if not isinstance(rngs, Mapping):
            raise TypeError(f'rngs names each generator, {{"dropout": rng}}, but got {type(rngs).__name__}')
        self.rngs = dict(rngs)

    def state_dict(self) -> dict[str, Any]:
        return {name: rng.bit_generator.state for name, rng in self.rngs.items()}

    def load_state_dict(self, states: dict[str, Any]) -> None:
        for name, rng in self.rngs.items():
            rng.bit_generator.state = states[name]


def _parts(optimizer: Any, scheduler: Any, loader: Any, rngs: Any) -> dict[str, Any]:
    given = {"optimizer": optimizer, "scheduler": scheduler, "loader": loader}
    given["rngs"] = None if rngs is None else _Generators(rngs)
    for name, part in given.items():
        if part is not None and not (hasattr(part, "state_dict") and hasattr(part, "load_state_dict")):
            raise TypeError(f"{name} is a {type(part).__name__} without state_dict and load_state_dict")
    return {name: part for name, part in given.items() if part is not None}


# -- bytes -----------------------------------------------------------------------------------------------------


def _array(name: str, x: Any) -> np.ndarray:
    x = asnumpy(x.data if isinstance(x, Tensor) else x)
    if x.dtype.kind not in "biuf":
        raise CheckpointError(f"{name} has dtype {x.dtype}: only arrays of numbers are saved")
    return np.asarray(
        x, dtype=x.dtype.newbyteorder("="), order="C"
    )  # safetensors writes the memory as it lies


def _checksum(arrays: Arrays, metadata: Mapping[str, str]) -> str:
    sum = zlib.crc32(metadata.get("state", "").encode())
    for name in sorted(arrays):
        x = arrays[name]
        sum = zlib.crc32(f"{name} {x.dtype} {x.shape}".encode(), sum)
        sum = zlib.crc32(x.reshape(-1).view(np.uint8), sum)
    return f"{sum:08x}"


def _to_bytes(arrays: Arrays, metadata: dict[str, str]) -> bytes:
    return save(arrays, {**metadata, "crc32": _checksum(arrays, metadata)})


def _read(path: str | os.PathLike) -> tuple[Arrays, dict[str, str]]:
    """Arrays and metadata of a file that is whole; nothing in it is believed before the parser has seen it."""
    path = Path(path)
    if path.is_dir():
        raise FileNotFoundError(
            f"{path} is a folder, no file: name one in it, such as {path / 'run.safetensors'}"
        )
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}: check the name, or train and save first")
    try:
        with safe_open(path, framework="np") as file:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  it is no dict
            metadata = file.metadata() or {}
    except (SafetensorError, ValueError, TypeError, AttributeError, MemoryError) as error:
        raise CheckpointError(f"{path} {_what_is_wrong(path, error)}") from None
    if "crc32" in metadata and metadata["crc32"] != _checksum(arrays, metadata):
        raise CheckpointError(
            f"{path} is damaged (its checksum differs): delete it, and use an older copy or train again"
        )
    return arrays, metadata


def _what_is_wrong(path: Path, error: Exception) -> str:
    with path.open("rb") as file:
        start = file.read(64)
    is_pickle = start[:1] == b"\x80" and start[8:9] != b"{"
    if is_pickle or start.startswith(b"PK\x03\x04"):
        return (
            "is a pickle or a zip archive, as torch.save writes, which could run any code and is not opened: "
            "convert it where you trust it, with safetensors.torch.save_file(state_dict, path)"
        )
    if start.lstrip()[:1] == b"<":
        return "is a web page, no safetensors file: delete it, and download the file itself"
    return f"is cut off, damaged or no safetensors file ({error}): delete it, and use an older copy or train again"


# -- states as JSON and arrays ---------------------------------------------------------------------------------


def _pack(value: Any, name: str, arrays: Arrays) -> Any:
    """`value` as JSON; arrays go to `arrays` under a dotted name and leave a reference behind."""
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        if math.isnan(value):
            raise CheckpointError(f"{name} is NaN, so the training has failed before: save an earlier state")
        return value if math.isfinite(value) else {"$float": str(value)}
    if isinstance(value, np.ndarray | np.generic | Tensor):
        while name in arrays:
            name += "_"
        arrays[name] = _array(name, value)
        return {"$scalar" if isinstance(value, np.generic) else "$array": name}
    if isinstance(value, Mapping):
        return _pack_mapping(value, name, arrays)
    if isinstance(value, list | tuple):
        items = [_pack(item, f"{name}.{i}", arrays) for i, item in enumerate(value)]
        return items if isinstance(value, list) else {"$tuple": items}
    raise CheckpointError(
        f"{name} is a {type(value).__name__}: only numbers, texts, arrays and dicts, lists of them are saved"
    )


def _pack_mapping(value: Mapping, name: str, arrays: Arrays) -> dict[str, Any]:
    packed = [(key, _pack(item, f"{name}.{key}", arrays)) for key, item in value.items()]
    if all(type(key) is str and not key.startswith("$") for key in value):
        return dict(packed)
    if all(type(key) in (int, str) for key in value):
        return {"$items": [[key, item] for key, item in packed]}
    raise CheckpointError(f"{name} has keys that are neither texts nor integers: {list(value)[:3]}")


def _unpack(value: Any, arrays: Arrays) -> Any:
    if isinstance(value, list):
        return [_unpack(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) != 1 or not next(iter(value)).startswith("$"):
        return {key: _unpack(item, arrays) for key, item in value.items()}
    ((kind, content),) = value.items()
    if kind == "$array":
        return arrays[content]
    if kind == "$scalar":
        return arrays[content][()]
    if kind == "$float":
        return {"inf": math.inf, "-inf": -math.inf}[content]
    if kind == "$tuple":
        return tuple(_unpack(content, arrays))
    if kind == "$items":
        return {key: _unpack(item, arrays) for key, item in content}
    raise ValueError(f"unknown mark {kind}")


def _states(arrays: Arrays, metadata: dict[str, str]) -> dict[str, Any]:
    if metadata.get("format") != FORMAT:
        raise CheckpointError(
            "it holds weights but no checkpoint: model.load_state_dict(load_weights(path)) takes them"
        )
    if metadata.get("version") != VERSION:
        raise CheckpointError(
            f"its version is {metadata.get('version')!r}, this library reads {VERSION!r}: update it"
        )
    try:
        states = _unpack(json.loads(metadata["state"], parse_constant=_refuse), arrays)
        if "crc32" not in metadata or type(states) is not dict or "extra" not in states:
            raise ValueError("parts are missing")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(
            f"its metadata are damaged ({error}): delete it, and use an older copy or train again"
        ) from None
    return states


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


# -- does it fit -----------------------------------------------------------------------------------------------


def _check_model(saved: Arrays, own: Mapping[str, np.ndarray], strict: bool) -> None:
    missing, unexpected = [n for n in own if n not in saved], [n for n in saved if n not in own]
    if strict and (missing or unexpected):
        raise CheckpointError(
            f"it is of another model (missing: {_some(missing)}; unexpected: {_some(unexpected)}): "
            "build the model with the settings it was saved with, or pass strict=False (to fit: resume=False)"
        )
    for name in own:
        if name in saved:
            _check_array(f"model.{name}", saved[name], own[name])


def _some(names: list[str]) -> str:
    return (
        ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "") if names else "none"
    )


def _check_array(name: str, saved: Any, own: np.ndarray) -> None:
    shape, dtype = getattr(saved, "shape", None), getattr(saved, "dtype", type(saved).__name__)
    if shape != own.shape or dtype != own.dtype:
        raise CheckpointError(
            f"{name} is {dtype} of shape {shape}, expected {own.dtype} of shape {own.shape}: "
            "build the model and the optimizer with the settings it was saved with"
        )


def _check_like(name: str, saved: Any, own: Any) -> None:
    """Assert that a saved state has the structure of the state which it is to replace."""
    if own is None:
        return
    if isinstance(own, dict) and isinstance(saved, dict):
        if name != "optimizer.state" and (set(saved) ^ set(own)) - {"initial_lr"}:
            raise CheckpointError(
                f"{name} has {sorted(map(str, saved))}, expected {sorted(map(str, own))}: use the same kind"
            )
        for key in set(own) & set(saved) if name != "optimizer.state" else ():
            _check_like(f"{name}.{key}", saved[key], own[key])
    elif isinstance(own, list | tuple) and type(saved) is type(own):
        if name.startswith("optimizer.") and len(saved) != len(own):
            raise CheckpointError(
                f"{name} has {len(saved)} entries, expected {len(own)}: pass the same parameters"
            )
        for i, item in enumerate(saved if own else ()):
            _check_like(f"{name}.{i}", item, own[i] if len(saved) == len(own) else own[0])
    elif isinstance(own, np.ndarray):
        _check_array(name, saved, own)
    elif not _same_kind(saved, own):
        raise CheckpointError(f"{name} is {saved!r:.60}, expected something like {own!r:.60}: save it again")


def _same_kind(saved: Any, own: Any) -> bool:
    numbers = (int, float, np.integer, np.floating)
    if isinstance(own, numbers) and not isinstance(own, bool):
        return isinstance(saved, numbers) and not isinstance(saved, bool)
    return type(saved) is type(own)


def _check_moments(saved: Any, optimizer: Any) -> None:
    """What an optimizer keeps of a parameter is numbers, and arrays of the parameter's shape and dtype."""
    parameters = [p.data for group in optimizer.param_groups for p in group["params"]]
    if not isinstance(saved, dict):
        raise CheckpointError(f"optimizer.state is a {type(saved).__name__}: save it again")
    for i, state in saved.items():
        if type(i) is not int or not 0 <= i < len(parameters) or not isinstance(state, dict):
            raise CheckpointError(
                f"optimizer.state has {i!r} but there are {len(parameters)} parameters: pass the same"
            )
        for name, value in state.items():
            if not _same_kind(value, 0):
                _check_array(f"optimizer.state.{i}.{name}", value, parameters[i])


def _apply(model: Any, weights: Arrays, parts: dict[str, Any], states: dict[str, Any], strict: bool) -> None:
    """Load everything; should a part refuse after all, all go back to where they were."""
    before = copy.deepcopy({name: part.state_dict() for name, part in parts.items()})
    weights_before = copy.deepcopy(model.state_dict())
    try:
        model.load_state_dict(weights, strict=strict)
        for name, part in parts.items():
            part.load_state_dict(states[name])
    except Exception as error:
        model.load_state_dict(weights_before)
        for name, part in parts.items():
            part.load_state_dict(before[name])
        raise CheckpointError(f"{type(error).__name__}: {error}") from error
