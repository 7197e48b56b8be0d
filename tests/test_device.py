"""Every op and whole training steps on a device: on a stand-in for CuPy's arrays, and on a GPU where there is one."""

import copy
import inspect

import numpy as np
import pytest
from _device import FUNCTIONS, METHODS, MISSING_UFUNCS, DeviceArray, install
from cases import all_cases

import utils.functional as F
from utils import nn, ops, optim
from utils.backend import asnumpy, to_device
from utils.tensor import OPS, Tensor, detect_anomaly, no_grad
from utils.testing import check_close

CASES = all_cases()
swept = set()


@pytest.fixture(params=["stand-in", "GPU"])
def place(request, monkeypatch):
    """Where the test runs, as the name of the array class it should find there."""
    if request.param == "stand-in":
        return install(monkeypatch).ndarray
    try:
        to_device(np.zeros(1), "cuda")
    except RuntimeError as error:
        pytest.skip(str(error))
    return type(to_device(np.zeros(1), "cuda"))


def run(case, put):
    """The result and the gradients of a case, float32, with its inputs where `put` puts them."""
    arrays = [np.asarray(x, np.float32) for x in case.inputs(np.random.default_rng(0))]
    leaves = [Tensor(put(x), requires_grad=True) for x in arrays]
    out = case.call(*leaves, **case.settings)
    weights = np.random.default_rng(1).normal(size=out.shape).astype(np.float32)
    out.backward(put(weights))
    return [out.data, *(leaf.grad for leaf in leaves if leaf.grad is not None)]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_ops_give_on_the_device_what_they_give_on_the_host(case, place):
    expected = run(case, np.array)
    found = run(case, lambda x: to_device(x, "cuda"))
    assert len(found) == len(expected)
    for i, (there, here) in enumerate(zip(found, expected, strict=True)):
        assert type(there) is place and there.dtype == here.dtype
        scale = max(1.0, float(np.abs(here).max(initial=0, where=np.isfinite(here))))
        check_close(asnumpy(there) / scale, here / scale, name=f"{i} (0 is the result)", rtol=1e-4, atol=1e-5)
    if place is DeviceArray:
        swept.update([case.ops] if isinstance(case.ops, str) else case.ops)


def test_every_op_has_been_on_the_device(request):
    """The cases above are all of tests/cases; alone, this test has nothing to say."""
    if len([item for item in request.session.items if "what_they_give_on_the_host" in item.name]) < len(
        CASES
    ):
        pytest.skip("run the whole file")
    assert set(OPS) - swept == set(), "no case of these ops has passed on the device"


# Settings of ops may be on the device too, as targets and masks are in a training loop.

CLASSES, ROWS = np.array([2, 0, 1, 1]), np.array([[0, 2], [1, 1]])
SEEN = np.array([[True, False, True, True]] * 4)
WEIGHTS = np.array([0.5, 2.0, 1.5], np.float32)
WITH_SETTINGS = {
    "cross_entropy": lambda x, put: F.cross_entropy(x[:, :3], put(CLASSES), put(WEIGHTS)),
    "smoothing": lambda x, put: F.cross_entropy(x[:, :3], put(CLASSES), label_smoothing=0.1),
    "probabilities": lambda x, put: F.cross_entropy(x, put(np.full((4, 4), 0.25, np.float32))),
    "nll_loss": lambda x, put: F.nll_loss(x[:, :3], put(CLASSES)),
    "multi_margin_loss": lambda x, put: F.multi_margin_loss(x[:, :3], put(CLASSES), weight=put(WEIGHTS)),
    "weights of logits": lambda x, put: F.binary_cross_entropy_with_logits(
        x[:, :3], put(np.ones((4, 3), np.float32)), put(WEIGHTS)
    ),
    "ctc": lambda x, put: F.ctc_loss(
        F.log_softmax(x.reshape(4, 1, 4)), put(np.array([[1, 2]])), put(np.array([4])), put(np.array([2]))
    ),
    "embedding": lambda x, put: F.embedding(put(ROWS), x, padding_idx=1),
    "getitem": lambda x, put: x[put(CLASSES)],
    "getitem mask": lambda x, put: x[put(SEEN)],
    "take": lambda x, put: x.take(put(ROWS), 1),
    "gather": lambda x, put: x.gather(1, put(ROWS)),
    "where": lambda x, put: ops.where(put(SEEN), x, 2.0 * x),
    "attention": lambda x, put: F.scaled_dot_product_attention(x, x, x, put(SEEN)),
    "added mask": lambda x, put: F.scaled_dot_product_attention(x, x, x, put(np.ones((4, 4), np.float32))),
    "lengths": lambda x, put: nn.RNN(4, 4, rng=0).to(*there(x))(x[:, None], lengths=put(np.array([3])))[0],
    "a number of NumPy's": lambda x, put: x * np.float32(2) + np.float64(1) * x,
    "dropout": lambda x, put: F.dropout(x, 0.5, rng=0),
    "dropout of attention": lambda x, put: F.scaled_dot_product_attention(x, x, x, dropout_p=0.5, rng=0),
    "anomaly": lambda x, put: detected(x),
}


def there(x):
    return [] if type(x.data) is np.ndarray else ["cuda"]


def detected(x):
    with detect_anomaly():
        return x.exp()


@pytest.mark.parametrize("name", WITH_SETTINGS)
def test_settings_may_be_on_the_device(name, place):
    x, found = np.random.default_rng(0).normal(size=(4, 4)).astype(np.float32), []
    for put in (np.array, lambda x: to_device(x, "cuda")):
        leaf = Tensor(put(x), requires_grad=True)
        out = WITH_SETTINGS[name](leaf, put)
        out.backward(put(np.random.default_rng(1).normal(size=out.shape).astype(np.float32)))
        found.append([out.data, leaf.grad])
    compare(found, place)


def compare(found, place):
    """The second list holds on the device what the first holds on the host."""
    for i, (here, other) in enumerate(zip(*found, strict=True)):
        assert type(here) is np.ndarray and type(other) is place and other.dtype == here.dtype
        check_close(asnumpy(other), here, name=str(i), rtol=1e-4, atol=1e-5)


# Modules and optimizers


class Cnn(nn.Module):
    def __init__(self):
        self.layers = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1, bias=False),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Dropout(0.5),
        )
        self.head = nn.Linear(64, 3)

    def forward(self, x):
        return self.head(self.layers(x).flatten(1))


class Reader(nn.Module):
    def __init__(self):
        self.embedding, self.lstm = nn.Embedding(7, 5), nn.LSTM(5, 6, 2, dropout=0.2, bidirectional=True)
        self.head = nn.Linear(12, 3)

    def forward(self, tokens):
        states, _ = self.lstm(self.embedding(tokens.T), lengths=[5, 3, 5, 1])
        return self.head(states.mean(axis=0))


class Block(nn.Module):
    def __init__(self):
        self.embedding = nn.Embedding(7, 8)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, norm_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, tokens):
        x = self.layer(self.embedding(tokens), src_key_padding_mask=asnumpy(tokens) == 6)
        return self.head(x.mean(axis=1))


def mlp():
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.LayerNorm(8), nn.Dropout(0.2), nn.Linear(8, 3))


TOKENS = np.random.default_rng(0).integers(0, 6, size=(4, 5))
MODELS = {
    "MLP": (mlp, np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)),
    "CNN": (Cnn, np.random.default_rng(0).normal(size=(4, 1, 8, 8)).astype(np.float32)),
    "LSTM": (Reader, TOKENS),
    "Transformer": (Block, TOKENS),
}


def train(make, x, target, device):
    """A few steps and an evaluation; the model's state then, the losses, and the outputs."""
    nn.manual_seed(1)
    model = make().to(device)
    # a large eps, since the gradient of a key's bias is zero but for rounding, which Adam would blow up
    optimizer, losses = optim.AdamW(model.parameters(), lr=0.01, eps=1e-3), []
    x, target = to_device(x, device), to_device(target, device)
    for _ in range(3):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(as_input(x)), target)
        loss.backward()
        optim.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.data)
    with no_grad():
        return [*model.state_dict().values(), *losses, model.eval()(as_input(x)).data]


def as_input(x):
    return Tensor(x) if x.dtype.kind == "f" else x


@pytest.mark.parametrize("name", MODELS)
def test_training_on_the_device_is_that_on_the_host(name, place):
    found = [train(*MODELS[name], CLASSES, device) for device in ("cpu", "cuda")]
    assert len({float(loss) for loss in found[0][-4:-1]}) == 3
    compare(found, place)


def test_modules_move_there_and_back(place):
    model = Cnn()
    before = copy.deepcopy(model.state_dict())
    model(Tensor(np.ones((2, 1, 8, 8), np.float32))).sum().backward()
    parameters = list(model.parameters())
    assert model.cuda() is model and all(p is q for p, q in zip(model.parameters(), parameters, strict=True))
    assert all(type(p.data) is place and type(p.grad) is place for p in parameters)
    assert all(type(b) is place for b in model.buffers())
    model.summary((2, 1, 8, 8))
    assert model.to("cuda", np.float64).head.weight.dtype == np.float64
    assert model.layers[1].num_batches_tracked.dtype == np.int64
    model.load_state_dict(before)  # a state of the host
    nn.init.normal_(model.head.weight)
    state = copy.deepcopy(model.state_dict())
    back = model.cpu().float().state_dict()
    assert all(type(x) is np.ndarray for x in back.values())
    assert (
        type(model.head.weight.grad) is np.ndarray
        and (back["layers.0.weight"] == before["layers.0.weight"]).all()
    )
    model.load_state_dict(state)  # one of the device


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (optim.SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
        (optim.Adagrad, {"initial_accumulator_value": 0.1}),
        (optim.RMSprop, {"centered": True, "momentum": 0.9, "eps": 0.01}),
        (optim.Adam, {"amsgrad": True, "maximize": True}),
        (optim.AdamW, {}),
        (optim.NAdam, {}),
        (optim.Lion, {"weight_decay": 0.1}),
    ],
)
def test_optimizers_stay_on_the_device(kind, settings, place):
    start, g = np.random.default_rng(0).normal(size=(2, 4, 3)).astype(np.float32)
    found, state = [], None
    for put in (np.array, lambda x: to_device(x, "cuda")):
        p = Tensor(put(start), requires_grad=True)
        optimizer = kind([p], **settings)
        for i in range(4):
            p.grad = put(g)
            optim.clip_grad_norm_([p], 2.0)
            optim.clip_grad_value_([p], 1.0)
            if i == 2:  # that of the host goes on in both
                state = state or optimizer.state_dict()
                optimizer.load_state_dict(state)
            optimizer.step()
        found.append([p.data])
    compare(found, place)


def test_the_stand_in_has_what_cupy_has():
    cupy = pytest.importorskip("cupy", reason="pip install -e '.[gpu]' compares the stand-in with CuPy")
    missing = {n for n, f in vars(np).items() if isinstance(f, np.ufunc) and not hasattr(cupy, f.__name__)}
    assert missing == MISSING_UFUNCS
    assert all(hasattr(cupy.ndarray, name) for name in METHODS)
    for name, parameters in FUNCTIONS.items():
        function = cupy
        for part in name.split("."):
            function = getattr(function, part)
        try:
            theirs = inspect.signature(function).parameters
        except ValueError:  # compiled
            continue
        if not any(p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in theirs.values()):
            assert set(parameters.split()) <= set(theirs), name
