"""Checkpoints that are damaged, hostile or of another model are refused, and nothing is half-loaded."""

import json
import math
import pickle
import struct
import zipfile

import numpy as np
import pytest
from _checkpoint_parts import X, make, saved_in, snapshot, step
from safetensors import safe_open

from utils import checkpoint, nn
from utils.checkpoint import CheckpointError, load_checkpoint, load_weights, save_checkpoint, save_weights
from utils.optim import SGD


@pytest.fixture
def saved(tmp_path):
    return saved_in(tmp_path)


def assert_refused(path, says, *, target=None, **settings):
    """A CheckpointError that names the file and the reason, after which nothing has changed."""
    target = target or make(seed=2)
    before = snapshot(target)
    with pytest.raises(CheckpointError, match=says) as caught:
        load_checkpoint(path, **target, **settings)
    assert path.name in str(caught.value) and snapshot(target) == before


def header(data):
    size = struct.unpack("<Q", data[:8])[0]
    return json.loads(data[8 : 8 + size]), data[8 + size :]


def joined(head, body):
    head = head if isinstance(head, bytes) else json.dumps(head).encode()
    return struct.pack("<Q", len(head)) + head + body


def web_page(data):
    return b"<!DOCTYPE html><html><title>404 Not found</title></html>" * 40


def entry(name, **changes):
    def change(data):
        head, body = header(data)
        head[name].update(changes)
        return joined(head, body)

    return change


DAMAGES = {
    "empty": (lambda data: b"", "cut off, damaged"),
    "five bytes": (lambda data: data[:5], "cut off, damaged"),
    "half": (lambda data: data[: len(data) // 2], "cut off, damaged.*delete it"),
    "one byte short": (lambda data: data[:-1], "cut off, damaged"),
    "one byte more": (lambda data: data + b"\0", "cut off, damaged"),
    "huge header": (lambda data: struct.pack("<Q", 2**62) + data[8:], "cut off, damaged"),
    "header beyond the file": (lambda data: struct.pack("<Q", 10**7) + data[8:], "cut off, damaged"),
    "header no JSON": (lambda data: joined(b"\xff" * 40, header(data)[1]), "cut off, damaged"),
    "deep header": (
        lambda data: joined(b'{"a":' + b"[" * 9999 + b"]" * 9999 + b"}", b""),
        "cut off, damaged",
    ),
    "absurd shape": (entry("model.0.weight", shape=[2**40, 2**20]), "cut off, damaged"),
    "absurd offset": (entry("model.0.weight", data_offsets=[0, 2**60]), "cut off, damaged"),
    "negative shape": (entry("model.0.weight", shape=[-4, -3]), "cut off, damaged"),
    "unknown dtype": (entry("model.0.weight", dtype="OBJECT"), "cut off, damaged"),
    "other dtype": (entry("model.0.weight", dtype="I32"), "its checksum differs"),
    "shape turned": (entry("model.0.weight", shape=[3, 4]), "its checksum differs"),
    "one bit": (
        lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:],
        "its checksum differs.*delete it",
    ),
    "web page": (web_page, "web page.*download"),
    "pickle": (lambda data: pickle.dumps({"a": [1] * 99}), "pickle.*save_file"),
    "text": (lambda data: b"epoch,loss\n1,0.5\n" * 20, "cut off, damaged"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_files_are_refused(name, saved):
    _, path = saved
    damage, says = DAMAGES[name]
    path.write_bytes(damage(path.read_bytes()))
    assert_refused(path, says)
    with pytest.raises(CheckpointError, match=path.name):
        load_weights(path)


def test_no_byte_can_be_cut_off_or_flipped_unseen(saved):
    _, path = saved
    data = path.read_bytes()
    model, rng = make(seed=2)["model"], np.random.default_rng(0)
    before = {name: x.copy() for name, x in model.state_dict().items()}
    for position in rng.integers(0, len(data), size=150):
        flipped = bytearray(data)
        flipped[position] ^= 1 << int(rng.integers(8))
        for bad in (bytes(flipped), data[:position]):
            path.write_bytes(bad)
            with pytest.raises(CheckpointError):
                load_checkpoint(path, model)
    assert all(np.array_equal(x, before[name]) for name, x in model.state_dict().items())


def test_a_zip_is_not_opened(tmp_path):
    with zipfile.ZipFile(tmp_path / "model.pt", "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps([1]))
    assert_refused(tmp_path / "model.pt", "zip archive, as torch.save writes")


def test_a_pickle_runs_nothing(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "exploded"), "w"))

    (tmp_path / "bomb").write_bytes(pickle.dumps(Bomb()))
    assert_refused(tmp_path / "bomb", "not opened")
    assert not (tmp_path / "exploded").exists()


def forged(path, change, arrays=None):
    """A checkpoint whose checksum is right though its contents are not."""
    with safe_open(path, framework="np") as file:
        own = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        metadata = file.metadata()
    own |= arrays or {}
    metadata = change(dict(metadata)) or metadata
    del metadata["crc32"]
    path.write_bytes(checkpoint._to_bytes(own, metadata))


def in_state(**changes):
    """Change entries of the JSON: `optimizer__param_groups__0__lr=...`."""

    def change(metadata):
        state = json.loads(metadata["state"])
        for place, value in changes.items():
            *way, last = place.split("__")
            inner = state
            for key in way:
                inner = inner[int(key) if key.isdigit() else key]
            inner[last] = value
        return metadata | {"state": json.dumps(state)}

    return change


HOSTILE = {
    "NaN": (in_state(extra=math.nan), "NaN is no JSON number"),
    "infinity": (in_state(optimizer__param_groups__0__lr=math.inf), "Infinity is no JSON number"),
    "no JSON": (lambda m: m | {"state": "{"}, "metadata are damaged"),
    "a number": (lambda m: m | {"state": "7"}, "metadata are damaged"),
    "deep": (lambda m: m | {"state": "[" * 100_000}, "metadata are damaged"),
    "deep and closed": (lambda m: m | {"state": "[" * 900 + "]" * 900}, "metadata are damaged"),
    "unknown mark": (in_state(extra={"$python": "os.system"}), "unknown mark"),
    "missing array": (in_state(extra={"$array": "nowhere"}), "metadata are damaged"),
    "list as name": (in_state(extra={"$array": [1]}), "metadata are damaged"),
    "list as key": (in_state(extra={"$items": [[[1], 2]]}), "metadata are damaged"),
    "other version": (lambda m: m | {"version": "99"}, "version is '99'.*update"),
    "no format": (lambda m: m | {"format": "pt"}, "holds weights but no checkpoint.*load_weights"),
    "rate is a text": (in_state(optimizer__param_groups__0__lr="high"), "lr is 'high', expected"),
    "rate is true": (in_state(optimizer__param_groups__0__lr=True), "lr is True, expected"),
    "rate is negative": (in_state(optimizer__param_groups__0__lr=-1.0), "lr=-1.0"),
    "unknown setting": (in_state(optimizer__param_groups__0__nesterov=True), "nesterov"),
    "other parameters": (in_state(optimizer__param_groups__0__params=[0]), "1 entries, expected 6"),
    "no groups": (in_state(optimizer__param_groups=[]), "0 entries, expected 1"),
    "state of no parameter": (in_state(optimizer__state={"$items": [[99, {}]]}), "has 99 but there are 6"),
    "moment is a text": (in_state(optimizer__state={"$items": [[0, {"exp_avg": "x"}]]}), "exp_avg is str"),
    "moment of other shape": (
        in_state(optimizer__state={"$items": [[0, {"exp_avg": {"$array": "model.0.bias"}}]]}),
        r"exp_avg is float32 of shape \(4,\), expected float32 of shape \(4, 3\)",
    ),
    "schedule of another kind": (in_state(scheduler={"a": 1}), "scheduler has .*use the same kind"),
    "position beyond": (in_state(loader__position=10**9), "position 1000000000 lies outside"),
    "negative position": (in_state(loader__position=-1), "position -1 lies outside"),
    "other generator": (in_state(rngs__noise__bit_generator="PCG64DXSM"), "rngs|PCG64"),
    "generator out of range": (in_state(rngs__noise__state__state=2**300), "cannot be used"),
    "generator is a text": (in_state(rngs__noise__state__inc="1"), "inc is '1'"),
    "no rngs": (in_state(rngs={}), r"rngs has \[\]"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_metadata_are_refused(name, saved):
    _, path = saved
    change, says = HOSTILE[name]
    forged(path, change)
    assert_refused(path, says)


def test_a_late_refusal_takes_everything_back(saved, monkeypatch):
    """The generators come last: by then model, optimizer, schedule and loader have been written."""
    _, path = saved
    target = make(seed=2)

    def refuse(self, states):
        if states["noise"] != before_noise:
            raise ValueError("a fault of the last part")

    before_noise = target["rngs"]["noise"].bit_generator.state
    monkeypatch.setattr(checkpoint._Generators, "load_state_dict", refuse)
    assert_refused(path, "a fault of the last part", target=target)


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"model.0.weight": np.zeros((4, 3))}, r"model.0.weight is float64 .*expected float32 .*settings"),
        ({"model.0.weight": np.zeros((4, 3), np.int32)}, "model.0.weight is int32"),
        (
            {"model.0.weight": np.zeros((3, 4), np.float32)},
            r"shape \(3, 4\), expected float32 of shape \(4, 3\)",
        ),
        ({"model.9.bias": np.zeros(2, np.float32)}, r"unexpected: 9.bias\).*strict=False"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(arrays, says, saved):
    _, path = saved
    forged(path, lambda metadata: None, arrays)
    assert_refused(path, says)


def test_another_model_or_optimizer_is_refused(saved):
    _, path = saved
    assert_refused(path, "expected float32 of shape", target=make(seed=2, width=5))
    assert_refused(path, "expected float32 of shape", target=make(seed=2, width=5), strict=False)
    assert_refused(path, r"param_groups.0 has .*use the same kind", target=make(seed=2, optimizer=SGD))
    deeper = make(seed=2)
    deeper["model"].append(nn.Linear(2, 2, rng=0))
    assert_refused(path, "missing: 3.weight, 3.bias; unexpected: none", target=deeper)
    other = make(seed=2)
    other["rngs"] = {"dropout": np.random.default_rng(0)}
    assert_refused(path, r"rngs has \['noise', 'old'\], expected \['dropout'\]", target=other)


def test_a_part_that_was_not_saved_is_asked_for(tmp_path):
    save_checkpoint(tmp_path / "c", model=make()["model"])
    assert_refused(
        tmp_path / "c", "holds no optimizer: load it without one, or save it with optimizer=optimizer"
    )


def test_missing_files_and_wrong_arguments_are_named(tmp_path):
    parts = make()
    with pytest.raises(FileNotFoundError, match=r"no file .*nowhere"):
        load_checkpoint(tmp_path / "nowhere", parts["model"])
    with pytest.raises(FileNotFoundError, match="no file"):
        load_weights(tmp_path)
    with pytest.raises(TypeError, match="rngs names each generator"):
        save_checkpoint(tmp_path / "c", model=parts["model"], rngs=np.random.default_rng(0))
    with pytest.raises(TypeError, match="loader is a list without state_dict"):
        save_checkpoint(tmp_path / "c", model=parts["model"], loader=[X])
    with pytest.raises(TypeError, match=r"model.state_dict\(\) but got Sequential"):
        save_weights(tmp_path / "c", parts["model"])


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ({"best": math.nan}, "extra.best is NaN"),
        ([1, {"f": print}], "extra.1.f is a builtin_function_or_method"),
        ({"words": np.array(["a"])}, "extra.words has dtype <U1"),
        ({"z": 1j}, "extra.z is a complex"),
        ({(1, 2): 3}, "extra has keys that are neither"),
    ],
)
def test_what_cannot_be_saved_leaves_the_old_file(extra, says, saved):
    parts, path = saved
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match=rf"run.safetensors is not written: {says}"):
        save_checkpoint(path, **parts, extra=extra)
    assert path.read_bytes() == before and [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_crash_while_writing_leaves_the_old_file(saved, monkeypatch):
    parts, path = saved
    before = path.read_bytes()

    def full(handle):
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", full)
    step(parts)
    with pytest.raises(OSError, match="no space left"):
        save_checkpoint(path, **parts)
    assert path.read_bytes() == before and [p.name for p in path.parent.iterdir()] == [path.name]
