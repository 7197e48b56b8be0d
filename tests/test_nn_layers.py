"""Every layer against PyTorch's: names, state both ways, outputs, gradients, first values."""

import math

import numpy as np
import pytest
from _nn_parity import Layer, compare, flat, randomize, run_ours, run_theirs, torch

from utils import nn
from utils.tensor import Tensor, no_grad

PRE = {"norm_first": True, "batch_first": True}
IMAGE, LINE = (2, 4, 7, 8), (3, 4, 9)
LAYERS = [
    Layer("Linear", (4, 5)),
    Layer("Linear", (4, 5), settings={"bias": False}),
    Layer("Linear", (4, 1), inputs=((2, 3, 4),)),
    Layer("Identity"),
    Layer("Flatten", inputs=(IMAGE,)),
    Layer("Flatten", (0, 2), inputs=(IMAGE,)),
    Layer("Unflatten", (1, (2, 2)), inputs=(IMAGE,)),
    Layer("Unflatten", (-1, (2, -1)), inputs=(IMAGE,)),
    *[
        Layer(name)
        for name in ("ReLU", "ReLU6", "LeakyReLU", "ELU", "GELU", "SiLU", "Sigmoid", "Tanh", "Softplus")
    ],
    Layer("LeakyReLU", (0.3,)),
    Layer("ELU", (0.5,)),
    Layer("GELU", settings={"approximate": "tanh"}),
    Layer("Softplus", (2.0,)),
    *[Layer(name, (dim,), inputs=((2, 3, 4),)) for name in ("Softmax", "LogSoftmax") for dim in (-1, 1)],
    Layer("Conv1d", (4, 6, 3), inputs=(LINE,)),
    Layer("Conv1d", (4, 6, 3, 2, 1, 2, 2), inputs=(LINE,), settings={"bias": False}),
    Layer("Conv2d", (4, 6, 3), inputs=(IMAGE,)),
    Layer("Conv2d", (4, 6, (3, 2), (2, 1), (1, 0)), inputs=(IMAGE,), settings={"groups": 2}),
    Layer("Conv2d", (4, 6, 3), inputs=(IMAGE,), settings={"padding": "same", "dilation": 2}),
    Layer("Conv2d", (4, 4, 1), inputs=(IMAGE,), settings={"groups": 4, "bias": False}),
    Layer("ConvTranspose1d", (4, 6, 3, 2, 1, 1), inputs=(LINE,)),
    Layer("ConvTranspose2d", (4, 6, 3), inputs=(IMAGE,)),
    Layer("ConvTranspose2d", (4, 6, 3, 2, 1, 1, 2), inputs=(IMAGE,), settings={"bias": False}),
    Layer("MaxPool1d", (3, 2, 1), inputs=(LINE,)),
    Layer("MaxPool2d", (2,), inputs=(IMAGE,)),
    Layer("MaxPool2d", ((3, 2), 2, (1, 0)), inputs=(IMAGE,), settings={"ceil_mode": True}),
    Layer("AvgPool1d", (3, 2, 1), inputs=(LINE,)),
    Layer("AvgPool2d", (2,), inputs=(IMAGE,)),
    Layer("AvgPool2d", (3, 2, 1), inputs=(IMAGE,), settings={"count_include_pad": False}),
    Layer("AdaptiveAvgPool2d", (1,), inputs=(IMAGE,)),
    Layer("AdaptiveAvgPool2d", ((3, None),), inputs=(IMAGE,)),
    Layer("AdaptiveMaxPool2d", ((3, 2),), inputs=(IMAGE,)),
    Layer("BatchNorm1d", (4,), inputs=((6, 4),)),
    Layer("BatchNorm1d", (4,), inputs=(LINE,), settings={"momentum": None, "affine": False}),
    Layer("BatchNorm2d", (4,), inputs=(IMAGE,)),
    Layer("BatchNorm2d", (4, 1e-3, 0.3), inputs=(IMAGE,), settings={"track_running_stats": False}),
    Layer("LayerNorm", (4,), inputs=((2, 3, 4),)),
    Layer("LayerNorm", ((3, 4),), inputs=((2, 3, 4),), settings={"bias": False}),
    Layer("LayerNorm", (4,), settings={"elementwise_affine": False}),
    Layer("GroupNorm", (2, 4), inputs=(IMAGE,)),
    Layer("GroupNorm", (4, 4), inputs=(LINE,), settings={"affine": False}),
    Layer("InstanceNorm2d", (4,), inputs=(IMAGE,)),
    Layer("InstanceNorm2d", (4,), inputs=(IMAGE,), settings={"affine": True, "track_running_stats": True}),
    Layer("RMSNorm", (4,), inputs=((2, 3, 4),)),
    Layer("RMSNorm", (4, 1e-3), settings={"elementwise_affine": False}),
    Layer("Dropout", (0.0,)),
    Layer("Embedding", (7, 4), inputs=(np.array([[0, 6, 2], [2, 2, 1]]),)),
    Layer("Embedding", (7, 4), inputs=(np.array([[0, 6, 2], [2, 2, 1]]),), settings={"padding_idx": 2}),
    Layer("RNN", (4, 5), inputs=((6, 3, 4),)),
    Layer(
        "RNN",
        (4, 5, 2, "relu"),
        inputs=((6, 3, 4), (4, 3, 5)),
        settings={"bidirectional": True, "bias": False},
    ),
    Layer("GRU", (4, 5), inputs=((6, 3, 4), (1, 3, 5))),
    Layer("GRU", (4, 5, 3), inputs=((3, 6, 4),), settings={"bidirectional": True, "batch_first": True}),
    Layer("LSTM", (4, 5), inputs=((1, 3, 4),)),
    Layer("LSTM", (4, 5, 2), inputs=((3, 6, 4),), settings={"bidirectional": True, "batch_first": True}),
    Layer("LSTM", (4, 5, 12), inputs=((6, 3, 4),), settings={"bias": False}),
    Layer("RNNCell", (4, 5), inputs=((3, 4), (3, 5))),
    Layer("RNNCell", (4, 5, False, "relu")),
    Layer("GRUCell", (4, 5), inputs=((3, 4), (3, 5))),
    Layer("LSTMCell", (4, 5)),
    Layer("MultiheadAttention", (6, 2), inputs=((5, 3, 6), (7, 3, 6), (7, 3, 6))),
    Layer(
        "MultiheadAttention", (6, 3), inputs=((3, 5, 6),) * 3, settings={"batch_first": True, "bias": False}
    ),
    Layer(
        "MultiheadAttention",
        (6, 2),
        inputs=((5, 3, 6), (7, 3, 4), (7, 3, 8)),
        settings={"kdim": 4, "vdim": 8},
    ),
    Layer("TransformerEncoderLayer", (6, 2, 10, 0.0), inputs=((5, 3, 6),)),
    Layer("TransformerEncoderLayer", (6, 2, 10, 0.0, "gelu"), inputs=((3, 5, 6),), settings=PRE),
    Layer("TransformerDecoderLayer", (6, 2, 10, 0.0), inputs=((5, 3, 6), (4, 3, 6))),
    Layer(
        "TransformerDecoderLayer",
        (6, 2, 10, 0.0),
        inputs=((3, 5, 6), (3, 4, 6)),
        settings=PRE | {"bias": False},
    ),
]


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", LAYERS, ids=str)
def test_layer_is_pytorchs(case, dtype, mode):
    ours, theirs = case.build()
    precision = torch.float64 if dtype == np.float64 else torch.float32
    ours.to(dtype).train(mode == "train")
    theirs.to(precision).train(mode == "train")
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    randomize(theirs)
    ours.load_state_dict(theirs.state_dict())
    arrays = case.arrays(dtype)
    for _ in range(2):  # twice, for running statistics
        ours.zero_grad()
        theirs.zero_grad()
        outputs, gradients = run_ours(ours, arrays, dtype)
        expected, expected_gradients = run_theirs(theirs, arrays, dtype)
    assert len(outputs) == len(expected) and all(out.dtype == dtype for out in outputs)
    for i, (out, reference) in enumerate(zip(outputs, expected, strict=True)):
        compare(out.data, reference.detach(), dtype, f"output {i}")
    for i, (g, reference) in enumerate(zip(gradients, expected_gradients, strict=True)):
        compare(g, reference, dtype, f"gradient of input {i}")
    for (name, p), reference in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        compare(p.grad, reference.grad, dtype, f"gradient of {name}")
    for (name, b), reference in zip(ours.named_buffers(), theirs.buffers(), strict=True):
        compare(b, reference, dtype, name)


@pytest.mark.parametrize("case", LAYERS, ids=str)
def test_our_weights_travel_to_pytorch(case):
    ours, theirs = case.build()
    theirs.load_state_dict({name: torch.tensor(array) for name, array in ours.state_dict().items()})
    arrays = case.arrays(np.float32)
    ours.eval(), theirs.eval()
    with no_grad(), torch.no_grad():
        mine = flat(ours(*arrays))
        reference = flat(theirs(*map(torch.tensor, arrays)))
    for a, b in zip(mine, reference, strict=True):
        compare(a.data if isinstance(a, Tensor) else a, b, np.float32, "output")


@pytest.mark.parametrize("case", LAYERS, ids=str)
def test_layer_shows_itself(case):
    ours, theirs = case.build()
    assert repr(ours).partition("(")[0] == repr(theirs).partition("(")[0]
    assert ours.num_parameters() == sum(p.numel() for p in theirs.parameters())


BIG = [
    ("Linear", (200, 300), {}),
    ("Conv1d", (20, 300, 5), {}),
    ("Conv2d", (20, 300, (3, 5)), {"groups": 2}),
    ("ConvTranspose2d", (300, 40, 3), {"groups": 2}),
    ("Embedding", (300, 100), {"padding_idx": 3}),
    ("BatchNorm2d", (30,), {}),
    ("LayerNorm", (30,), {}),
    ("RNN", (100, 150), {"num_layers": 2}),
    ("LSTM", (50, 60), {"bidirectional": True}),
    ("GRUCell", (50, 60), {}),
    ("MultiheadAttention", (120, 4), {}),
    ("MultiheadAttention", (120, 4), {"kdim": 60, "vdim": 80}),
    ("TransformerDecoderLayer", (64, 4, 300), {}),
]


@pytest.mark.parametrize(("name", "args", "settings"), BIG)
def test_first_values_have_pytorchs_distribution(name, args, settings):
    torch.manual_seed(0)
    ours = getattr(nn, name)(*args, **settings)
    theirs = dict(getattr(torch.nn, name)(*args, **settings).named_parameters())
    for key, p in ours.named_parameters():
        mine, reference = p.data, theirs[key].detach().numpy()
        assert mine.dtype == np.float32 and mine.shape == reference.shape
        spread = reference.std() or 1.0
        n = math.sqrt(mine.size)
        assert (
            abs(mine.mean() - reference.mean()) < 8 * spread / n
            if reference.std()
            else mine.mean() == reference.mean()
        )
        assert abs(mine.std() - reference.std()) < 6 * spread / n
        if not key.startswith("weight") or name != "Embedding":
            assert np.abs(mine).max() == pytest.approx(np.abs(reference).max(), rel=20 / n)


def test_every_module_stands_here():
    tested = {case.name for case in LAYERS}
    modules = {n for n in nn.__all__ if isinstance(v := getattr(nn, n), type) and issubclass(v, nn.Module)}
    elsewhere = {
        "Module",
        "ModuleList",
        "ModuleDict",
        "Sequential",
        "TransformerEncoder",
        "TransformerDecoder",
    }
    assert {n for n in modules if not n.endswith("Loss")} - elsewhere == tested
