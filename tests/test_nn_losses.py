"""Loss modules against PyTorch's."""

import numpy as np
import pytest
from _nn_parity import Layer, compare, run_ours, run_theirs, torch

from utils import nn

# Losses

N, C = 5, 4
SCORES, OTHER = (N, C), np.random.default_rng(1).normal(size=(N, C))
CLASSES, IMAGE_CLASSES = np.array([0, 3, 1, 1, 2]), np.array([[0, 3, 1], [2, 2, 0]])
SHARES = np.exp(OTHER) / np.exp(OTHER).sum(1, keepdims=True)
WEIGHTS = np.array([1.0, 2.0, 0.5, 1.5])
LOSSES = [
    *[("MSELoss", SCORES, OTHER, {"reduction": r}) for r in ("mean", "sum", "none")],
    ("L1Loss", SCORES, OTHER, {}),
    ("HuberLoss", SCORES, OTHER, {"delta": 0.7}),
    ("SmoothL1Loss", SCORES, OTHER, {"beta": 0.7, "reduction": "sum"}),
    ("BCEWithLogitsLoss", SCORES, SHARES, {}),
    ("BCEWithLogitsLoss", SCORES, SHARES, {"pos_weight": WEIGHTS, "reduction": "none"}),
    ("CrossEntropyLoss", SCORES, CLASSES, {}),
    ("CrossEntropyLoss", SCORES, CLASSES, {"weight": WEIGHTS, "label_smoothing": 0.1}),
    ("CrossEntropyLoss", SCORES, CLASSES, {"ignore_index": 1, "reduction": "sum"}),
    ("CrossEntropyLoss", SCORES, SHARES, {}),
    ("CrossEntropyLoss", (2, C, 3), IMAGE_CLASSES, {}),
    ("NLLLoss", SCORES, CLASSES, {"weight": WEIGHTS}),
    ("MultiMarginLoss", SCORES, CLASSES, {"p": 2, "margin": 0.8}),
    ("KLDivLoss", SCORES, SHARES, {"reduction": "batchmean"}),
    ("KLDivLoss", SCORES, np.log(SHARES), {"log_target": True}),
]


@pytest.mark.filterwarnings("ignore:reduction. .mean. divides")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "shape", "target", "settings"), LOSSES)
def test_loss_is_pytorchs(name, shape, target, settings, dtype):
    target = target.astype(dtype) if target.dtype.kind == "f" else target
    tensors = {
        k: torch.tensor(v.astype(dtype)) if isinstance(v, np.ndarray) else v for k, v in settings.items()
    }
    ours, theirs = getattr(nn, name)(**settings), getattr(torch.nn, name)(**tensors)
    case = Layer(name, inputs=(shape,))
    outputs, gradients = run_ours(lambda x: ours(x, target), case.arrays(dtype), dtype)
    expected, expected_gradients = run_theirs(
        lambda x: theirs(x, torch.tensor(target)), case.arrays(dtype), dtype
    )
    compare(outputs[0].data, expected[0].detach(), dtype, "loss")
    compare(gradients[0], expected_gradients[0], dtype, "gradient")
    assert not list(ours.parameters())


def test_ctc_loss_is_pytorchs():
    x = np.log(np.random.default_rng(0).dirichlet(np.ones(5), size=(12, 3)))
    rest = (np.array([[1, 2, 2], [4, 3, 0], [1, 1, 1]]), np.array([12, 9, 10]), np.array([3, 2, 3]))
    for settings in ({}, {"reduction": "sum", "zero_infinity": True}):
        mine, theirs = nn.CTCLoss(**settings), torch.nn.CTCLoss(**settings)
        outputs, _ = run_ours(lambda x, f=mine: f(x, *rest), [x], np.float64)
        expected, _ = run_theirs(lambda x, f=theirs: f(x, *map(torch.tensor, rest)), [x], np.float64)
        compare(outputs[0].data, expected[0].detach(), np.float64, "loss")
