"""What layers do on their own, their summaries, and what they say to mistakes."""

import importlib
import re

import numpy as np
import pytest

import utils.functional as F
from utils import nn
from utils.functional._instead import FUNCTIONS, LAYERS
from utils.tensor import Tensor

# What belongs to single layers


def test_dropout_zeroes_and_scales():
    layer, x = nn.Dropout(0.25, rng=0), Tensor(np.ones((400, 500), np.float32), requires_grad=True)
    out = layer(x)
    out.sum().backward()
    assert set(np.unique(out.data).round(5)) <= {np.float32(0), np.float32(1.33333)}
    assert abs((out.data == 0).mean() - 0.25) < 0.01 and np.array_equal(out.data, x.grad)
    assert np.array_equal(layer.eval()(x).data, x.data)


def test_a_dropout_with_a_seed_repeats_its_masks_but_not_the_same_one():
    x = np.ones((50, 50), np.float32)
    a, b = nn.Dropout(rng=3), nn.Dropout(rng=3)
    first = a(x).data
    assert np.array_equal(first, b(x).data) and not np.array_equal(first, a(x).data)


def test_manual_seed_repeats_dropout_too():
    layer, x = nn.Dropout(), np.ones((20, 20), np.float32)
    nn.init.manual_seed(5)
    first, second = layer(x).data, layer(x).data
    nn.init.manual_seed(5)
    assert np.array_equal(layer(x).data, first) and not np.array_equal(first, second)


def test_embedding_from_pretrained_is_frozen():
    table = np.arange(12.0).reshape(4, 3)
    layer = nn.Embedding.from_pretrained(table)
    assert layer(np.array([1, 1])).data.tolist() == [[3, 4, 5]] * 2 and not layer.weight.requires_grad
    assert nn.Embedding.from_pretrained(table, freeze=False).weight.requires_grad


def test_summary_of_a_convolutional_network():
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1176, 10)
    )
    table = model.summary((8, 1, 28, 28))
    assert [row.output_shape for row in table.rows[1:]] == [
        (8, 6, 28, 28),
        (8, 6, 28, 28),
        (8, 6, 14, 14),
        (8, 1176),
        (8, 10),
    ]
    assert table.flops == 2 * 8 * (6 * 28 * 28 * 25 + 1176 * 10)
    assert table.parameters == 6 * 26 + 11770
    up = nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2).summary((1, 4, 5, 5))
    assert up.flops == 2 * 4 * 25 * 3 * 9


def test_summary_of_sequence_models():
    assert nn.LSTM(4, 5, 2, bidirectional=True).summary((7, 3, 4)).flops == 2 * 21 * 2 * (20 * 9 + 20 * 15)
    assert nn.GRUCell(4, 5).summary((3, 4)).flops == 2 * 3 * 15 * 9
    block = nn.TransformerEncoderLayer(8, 2, 32, batch_first=True)
    n, d, f = 5, 8, 32
    table = block.summary((3, n, d))
    assert table.flops == 2 * 3 * (n * 4 * d * d + 2 * n * n * d + n * 2 * d * f)
    tokens = nn.Sequential(nn.Embedding(10, 8), nn.Linear(8, 10)).summary((2, 5), dtype=np.int64)
    assert tokens.rows[1].output_shape == (2, 5, 8) and tokens.flops == 2 * 10 * 80


X = np.zeros


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda: nn.Linear(784, 10)(X((64, 28, 28))),
            r"Linear expects \(..., 784\) but got \(64, 28, 28\): "
            r"flatten the images first, e\.g\. x\.reshape\(64, -1\)",
        ),
        (lambda: nn.Linear(4, 3)(X((5, 6))), r"create it as Linear\(6, 3\)"),
        (lambda: nn.Linear(4, 3)(X((4, 9))), r"x\.T"),
        (lambda: nn.Linear(4, 3)(X(())), r"reshape\(1, -1\)"),
        (
            lambda: nn.Linear(4, 3)(Tensor(X((2, 4)))),
            r"Linear is float32 .* x\.astype.*model\.to\(np\.float64\)",
        ),
        (lambda: nn.Conv2d(3, 8, 3)(X((2, 28, 28, 3))), "(?s)28, 28, 3.*transpose"),
        (lambda: nn.Conv2d(3, 8, 3)(X((2, 1, 28, 28))), "3.*but got"),
        (lambda: nn.Conv2d(3, 8, 3, groups=2), "in_channels=3 cannot be divided into groups=2"),
        (lambda: nn.Conv2d(3, 8, (3, 3, 3)), "Conv2d takes one number or 2"),
        (
            lambda: nn.BatchNorm2d(3)(X((2, 4, 5, 5))),
            r"BatchNorm2d expects \(N, 3, H, W\) but got \(2, 4, 5, 5\)",
        ),
        (lambda: nn.BatchNorm1d(3)(X((2, 3, 5, 5))), r"\(N, 3\) or \(N, 3, L\)"),
        (lambda: nn.LayerNorm(3)(X((2, 4))), r"LayerNorm expects \(..., 3\) but got \(2, 4\)"),
        (lambda: nn.RMSNorm((2, 3))(X((3, 2))), r"RMSNorm expects \(..., 2, 3\)"),
        (lambda: nn.GroupNorm(2, 5), "num_channels=5 cannot be divided"),
        (lambda: nn.GroupNorm(2, 4)(X((2, 3, 5))), "GroupNorm expects"),
        (lambda: nn.Flatten(3)(X((2, 3))), "axis 3 of an input"),
        (lambda: nn.Flatten(1, 0)(X((2, 3))), "start_dim comes after"),
        (lambda: nn.Unflatten(1, (2, 2))(X((2, 3))), "product of the sizes must be 3"),
        (lambda: nn.Dropout(1.5), "between 0 and 1"),
        (lambda: nn.MaxPool2d(2, return_indices=True), "not offered"),
        (lambda: nn.Embedding(3, 2, padding_idx=3), "no row of 3"),
        (lambda: nn.Embedding(3, 2)(np.array([3])), "3"),
        (lambda: nn.LSTM(4, 5)(X((6, 4))), r"x\[:, None\]"),
        (lambda: nn.LSTM(4, 5, batch_first=True)(X((6, 4))), r"x\[None\]"),
        (lambda: nn.LSTM(4, 5)(X((6, 3))), "Embedding"),
        (lambda: nn.LSTM(4, 5)(X((6, 2, 3))), "input_size=3"),
        (lambda: nn.LSTM(4, 5)(X((6, 2, 4)), X((1, 2, 5))), r"pair \(h, c\)"),
        (lambda: nn.GRU(4, 5)(X((6, 2, 4)), X((2, 5))), r"of \(1, 2, 5\) but got \(2, 5\)"),
        (lambda: nn.GRU(4, 5, 0), "num_layers=0"),
        (lambda: nn.RNN(4, 5, nonlinearity="relo"), "'tanh' or 'relu'"),
        (lambda: nn.GRUCell(4, 5)(X((2, 3))), r"GRUCell expects \(batch, 4\)"),
        (lambda: nn.MultiheadAttention(6, 4), "embed_dim=6 cannot be divided into num_heads=4"),
        (lambda: nn.MultiheadAttention(6, 2)(X((5, 6)), X((5, 6)), X((5, 6))), "axis of the batch"),
        (lambda: nn.MultiheadAttention(6, 2)(X((5, 2, 6)), X((5, 3, 6)), X((5, 3, 6))), "see batch_first"),
        (
            lambda: nn.MultiheadAttention(6, 2)(*[X((5, 2, 6))] * 3, attn_mask=X((4, 5))),
            r"attn_mask expects \(5, 5\)",
        ),
        (lambda: nn.MultiheadAttention(6, 2)(*[X((5, 2, 6))] * 3, X((5, 2))), r"\(batch, keys\) \(2, 5\)"),
        (lambda: nn.TransformerEncoderLayer(6, 2, activation="swish"), "'relu', 'gelu' or a function"),
        (lambda: nn.Linear(-1, 3), "Linear got in_features=-1: expected 0 or more"),
        (lambda: nn.Linear(2.0, 3), "in_features=2.0: expected a whole number"),
        (lambda: nn.Linear(2, 3)([[1, 2]]), r"a Tensor or an array but got list: make one, Tensor\(x\)"),
        (lambda: nn.Linear(2, 3)(None), "but got NoneType"),
        (lambda: nn.Conv2d(3, 8, 2.5), "Conv2d got kernel_size=2.5: expected a whole number"),
        (lambda: nn.Conv2d(3, 8, 0), "kernel_size=0: expected 1 or more"),
        (lambda: nn.Conv2d(0, 8, 3), "in_channels=0: expected 1 or more"),
        (lambda: nn.Conv2d(3, 8, 3, (1, 0)), "stride=0: expected 1 or more"),
        (lambda: nn.Conv2d(3, 8, 3, padding=-1), "padding=-1: expected 0 or more"),
        (lambda: nn.Conv2d(3, 8, 3, padding="sam"), r"padding='sam': expected whole numbers, \"same\" or"),
        (lambda: nn.ConvTranspose2d(3, 8, 3, padding="same"), "padding='same': expected whole numbers$"),
        (lambda: nn.LSTM(5, 0), "LSTM got hidden_size=0: expected 1 or more"),
        (lambda: nn.LSTM(5, 4, 2, dropout=2.0), "dropout=2.0: a probability lies between 0 and 1"),
        (lambda: nn.GRUCell(5, 0), "GRUCell got hidden_size=0"),
        (lambda: nn.GRU(4, 5)(X((6, 2, 4)), (X((1, 2, 5)),) * 2), "a tuple of 2: give h alone"),
        (lambda: nn.LSTMCell(4, 5)(X((2, 4)), X((2, 5))), r"LSTMCell expects its state as a pair \(h, c\)"),
        (lambda: nn.GRUCell(4, 5)(X((2, 4)), X((2, 4))), r"\(batch, hidden\) of \(2, 5\) but got \(2, 4\)"),
        (lambda: nn.CrossEntropyLoss(reduction="average"), "'mean', 'sum' or 'none'"),
    ],
)
def test_mistakes_are_explained(call, says):
    with pytest.raises((ValueError, IndexError, TypeError), match=says):
        call()


@pytest.mark.parametrize(
    ("module", "name", "says"),
    [
        (nn, "BCELoss", "utils.nn has no 'BCELoss': use BCEWithLogitsLoss, on scores"),
        (nn, "functional", "use utils.functional$"),
        (nn, "Dropout2d", "use Dropout$"),
        (nn, "Lienar", "did you mean Linear"),
        (F, "pad", "utils.functional has no 'pad': use utils.ops.pad"),
        (F, "one_hot", r"np\.eye\(num_classes"),
        (F, "zzz", "has no 'zzz'$"),
    ],
)
def test_names_of_pytorch_that_are_missing_are_explained(module, name, says):
    with pytest.raises(AttributeError, match=says):
        getattr(module, name)


def test_what_stands_instead_is_there():
    for module, instead in ((nn, LAYERS), (F, FUNCTIONS)):
        assert not set(instead) & set(module.__all__)
        for place in re.findall(r"utils\.[a-z_]+(?:\.[a-z_]+)?", " ".join(instead.values())):
            _, unit, *name = place.split(".")
            assert not name or hasattr(importlib.import_module(f"utils.{unit}"), name[0]), place


@pytest.mark.parametrize(
    "make",
    [
        lambda n: n.ReLU(inplace=True),
        lambda n: n.ReLU6(True),
        lambda n: n.SiLU(inplace=True),
        lambda n: n.LeakyReLU(0.1, True),
        lambda n: n.ELU(0.5, inplace=True),
        lambda n: n.Dropout(0.5, True).eval(),
    ],
)
def test_inplace_is_taken_and_changes_no_input(make):
    torch = pytest.importorskip("torch")
    x = np.linspace(-8, 8, 12, dtype=np.float32)
    before, out = x.copy(), make(nn)(Tensor(x)).data
    assert np.array_equal(x, before)
    np.testing.assert_allclose(out, make(torch.nn)(torch.tensor(before)).numpy(), rtol=1e-5)
