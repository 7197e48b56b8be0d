"""Whole networks: known numbers of parameters, shapes, gradients, and PyTorch's transformer as the truth for GPT."""

import numpy as np
import pytest

from utils import functional as F
from utils import nn, optim
from utils.models import (
    GPT,
    MLP,
    ClassicLeNet5,
    ConvNet,
    ConvNetConfig,
    GPTConfig,
    LeNet5,
    LeNetConfig,
    MLPConfig,
)
from utils.nn import init
from utils.tensor import Tensor, no_grad
from utils.testing import check_close

SMALL = GPTConfig(vocab_size=11, block_size=8, n_layer=2, n_head=3, n_embd=12)
DIGITS = np.random.default_rng(0).standard_normal((4, 1, 28, 28), np.float32)
LABELS = np.array([3, 1, 4, 1])
CLASSIFIERS = {
    "MLP": lambda: MLP(MLPConfig((784, 16, 12, 10), norm="batch", dropout=0.1)),
    "LeNet5": LeNet5,
    "ClassicLeNet5": ClassicLeNet5,
    "ConvNet": lambda: ConvNet(ConvNetConfig(channels=(4, 6, 8), hidden=12)),
}


# ---- known numbers of parameters ----


@pytest.mark.parametrize(
    ("model", "number"),
    [
        (lambda: MLP(MLPConfig((784, 300, 100, 10))), 266_610),
        (lambda: MLP(MLPConfig((784, 10), bias=False)), 7_840),
        (lambda: MLP(MLPConfig((4, 3, 2), norm="layer")), 15 + 6 + 8),
        (LeNet5, 61_706),
        (ConvNet, 426_490),  # 400 + 32, 4,608 + 64, 18,432 + 128, 401,536 and 1,290
        (lambda: LeNet5(LeNetConfig(in_channels=3)), 61_706 + 2 * 25 * 6),
    ],
)
def test_known_numbers_of_parameters(model, number):
    assert model().num_parameters() == number


def test_classic_lenet_has_the_papers_numbers():
    model = ClassicLeNet5()
    numbers = {name: layer.num_parameters() for name, layer in model.named_children()}
    published = {"c1": 156, "s2": 12, "c3": 1_516, "s4": 32, "c5": 48_120, "f6": 10_164}
    assert numbers == published | {"output": 850}
    assert sum(published.values()) == 60_000


def test_gpt2_small_has_its_published_number_without_being_built():
    assert GPTConfig().num_parameters == 124_439_808
    assert GPTConfig(n_layer=24, n_head=16, n_embd=1024).num_parameters == 354_823_168  # GPT-2 medium


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("tie", [True, False])
def test_gpts_formula_counts_what_is_built(bias, tie):
    config = GPTConfig(11, 8, n_layer=2, n_head=3, n_embd=12, bias=bias, tie_weights=tie)
    model = GPT(config)
    assert config.num_parameters == model.num_parameters()
    assert (model.lm_head.weight is model.transformer["wte"].weight) == tie


# ---- classifiers ----


@pytest.mark.parametrize("build", CLASSIFIERS.values(), ids=CLASSIFIERS)
def test_classifiers_learn_a_batch_by_heart(build):
    init.manual_seed(0)
    model = build()
    optimizer = optim.Adam(model.parameters(), lr=0.003)
    for _ in range(60):
        optimizer.zero_grad()
        scores = model(Tensor(DIGITS))
        F.cross_entropy(scores, LABELS).backward()
        assert all(p.grad is not None and p.grad.dtype == np.float32 for p in model.parameters())
        optimizer.step()
    with no_grad():
        scores = model.eval()(Tensor(DIGITS))
    assert scores.shape == (4, 10) and scores.dtype == np.float32
    assert scores.data.argmax(axis=1).tolist() == LABELS.tolist()


@pytest.mark.parametrize("build", CLASSIFIERS.values(), ids=CLASSIFIERS)
def test_state_travels(build):
    first, second = build(), build()
    second.load_state_dict(first.state_dict())
    with no_grad():
        a, b = (model.eval()(Tensor(DIGITS)).data for model in (first, second))
    np.testing.assert_array_equal(a, b)


def test_lenet_is_pytorchs():
    torch = pytest.importorskip("torch", reason="pip install -e '.[torch]' compares with PyTorch")
    parts = torch.nn
    theirs = parts.Sequential(
        *[parts.Conv2d(1, 6, 5, padding=2), parts.ReLU(), parts.MaxPool2d(2)],
        *[parts.Conv2d(6, 16, 5), parts.ReLU(), parts.MaxPool2d(2), parts.Flatten()],
        *[parts.Linear(400, 120), parts.ReLU(), parts.Linear(120, 84), parts.ReLU(), parts.Linear(84, 10)],
    )
    ours = LeNet5()
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True)))
    check_close(ours(Tensor(DIGITS)).data, theirs(torch.tensor(DIGITS)).detach().numpy(), atol=1e-6)


def test_c3_sees_what_its_table_says():
    layer = ClassicLeNet5().c3
    weights = layer.weight.data[np.minimum(layer.kernel_of, 59)] * (layer.kernel_of < 60)[..., None, None]
    assert (layer.kernel_of < 60).sum(axis=1).tolist() == [3] * 6 + [4] * 9 + [6]
    assert (layer.kernel_of < 60).sum(axis=0).tolist() == [10] * 6  # each map of S2 is seen ten times
    x = np.random.default_rng(0).random((2, 6, 14, 14), dtype=np.float32)
    check_close(layer(Tensor(x)).data, F.conv2d(x, weights, layer.bias).data)


def test_dropout_and_norm_stand_where_the_config_puts_them():
    names = [type(part).__name__ for part in MLP(MLPConfig((4, 3, 3, 2), "tanh", "layer", 0.2)).layers]
    assert names == ["Linear", "LayerNorm", "Tanh", "Dropout"] * 2 + ["Linear"]
    config = ConvNetConfig(channels=(2, 4), kernels=(5, 3), pooled=(True, False), hidden=0, norm=False)
    model = ConvNet(config)
    assert [type(part).__name__ for part in model.features] == [
        "Conv2d",
        "MaxPool2d",
        "ReLU",
        "Conv2d",
        "ReLU",
    ]
    assert [type(part).__name__ for part in model.classifier] == ["Flatten", "Dropout", "Linear"]
    assert config.features == (4, 14) and model.classifier[2].in_features == 4 * 14 * 14


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: MLPConfig((784,)), r"sizes=\(784,\) must name input and output"),
        (lambda: MLPConfig(activation="step"), "activation='step': expected one of relu"),
        (lambda: MLPConfig(norm="group"), "norm='group': expected None or one of batch, layer"),
        (lambda: ConvNetConfig(kernels=(5, 3)), "must be of one length"),
        (lambda: ConvNetConfig(kernels=(5, 4, 3)), "must be odd"),
        (lambda: ConvNetConfig(size=3), "leaves nothing of 3 pixels"),
        (lambda: GPTConfig(n_head=5), "n_embd=768 cannot be divided into n_head=5"),
        (lambda: LeNet5()(Tensor(DIGITS[:, 0])), r"got \(4, 28, 28\): add the axis .* x\[:, None\]"),
        (
            lambda: ConvNet()(Tensor(DIGITS[..., :14])),
            r"expects images \(N, 1, 28, 28\) but got \(4, 1, 28, 14\)",
        ),
        (
            lambda: GPT(SMALL)(np.zeros((1, 9), int)),
            r"9 tokens .* block_size=8: keep the last ones, tokens\[:, -8:\]",
        ),
        (lambda: GPT(SMALL)(np.zeros(5, int)), r"tokens \(B, T\) but got \(5,\)"),
    ],
)
def test_errors_say_what_to_do(call, says):
    with pytest.raises(ValueError, match=says):
        call()


# ---- GPT ----


def randomized(model: nn.Module) -> nn.Module:
    rng = np.random.default_rng(5)
    for p in model.parameters():
        p.data += 0.3 * rng.standard_normal(p.shape, np.float32)
    return model


def test_gpt_names_its_parameters_as_gpt2_does():
    names = [name.removeprefix("transformer.") for name in GPT(SMALL).state_dict()]
    block = ["ln_1.weight", "ln_1.bias", "attn.c_attn.weight", "attn.c_attn.bias", "attn.c_proj.weight"]
    block += ["attn.c_proj.bias", "ln_2.weight", "ln_2.bias", "mlp.c_fc.weight", "mlp.c_fc.bias"]
    block += ["mlp.c_proj.weight", "mlp.c_proj.bias"]
    expected = ["wte.weight", "wpe.weight", *[f"h.{i}.{name}" for i in range(2) for name in block]]
    assert names == [*expected, "ln_f.weight", "ln_f.bias", "lm_head.weight"]


def test_no_token_sees_a_later_one():
    model, rng = randomized(GPT(SMALL)).eval(), np.random.default_rng(0)
    tokens = rng.integers(0, 11, (3, 8))
    changed = tokens.copy()
    changed[:, 5] = (tokens[:, 5] + 1) % 11
    with no_grad():
        before, after = model(tokens).data, model(changed).data
    assert before.shape == (3, 8, 11) and before.dtype == np.float32
    check_close(before[:, :5], after[:, :5], atol=1e-6)
    assert (np.abs(before[:, 5:] - after[:, 5:]).max(axis=(0, 2)) > 1e-3).all()


def test_first_values_are_gpt2s():
    config = GPTConfig(vocab_size=300, block_size=64, n_layer=8, n_head=4, n_embd=128)
    for name, p in GPT(config).named_parameters():
        if name.endswith("bias"):
            assert not p.data.any(), name
        elif p.ndim == 2:
            spread = 0.02 / 4 if "c_proj" in name else 0.02
            assert p.data.std() == pytest.approx(spread, rel=0.05), name
            assert abs(p.data.mean()) < 5 * spread / np.sqrt(p.size), name


IN_TORCH = {
    "ln_1": "norm1",
    "attn.c_attn.": "self_attn.in_proj_",
    "attn.c_proj": "self_attn.out_proj",
    "ln_2": "norm2",
    "mlp.c_fc": "linear1",
    "mlp.c_proj": "linear2",
}


def torch_name(name: str) -> str:
    for ours, theirs in IN_TORCH.items():
        name = name.replace(ours, theirs)
    return name


@pytest.mark.parametrize("tie", [True, False])
def test_gpt_is_pytorchs_transformer(tie):
    torch = pytest.importorskip("torch", reason="pip install -e '.[torch]' compares with PyTorch")
    config = GPTConfig(11, 8, n_layer=2, n_head=3, n_embd=12, tie_weights=tie)
    ours, tokens = randomized(GPT(config)).double(), np.random.default_rng(0).integers(0, 11, (4, 7))
    weights = {
        name.removeprefix("transformer."): torch.tensor(p.data, requires_grad=True)
        for name, p in ours.named_parameters()
    }
    head = weights["wte.weight"] if tie else weights["lm_head.weight"]

    def blocks(x):
        for i in range(2):
            layer = torch.nn.TransformerEncoderLayer(
                12, 3, 48, 0.0, lambda h: torch.nn.functional.gelu(h, approximate="tanh"), 1e-5, True, True
            ).double()
            own = {
                torch_name(n.removeprefix(f"h.{i}.")): w
                for n, w in weights.items()
                if n.startswith(f"h.{i}.")
            }
            mask = torch.triu(torch.ones(7, 7, dtype=torch.bool), 1)
            x = torch.func.functional_call(layer, own, (x,), {"src_mask": mask})
        return x

    x = blocks(weights["wte.weight"][tokens] + weights["wpe.weight"][:7])
    x = torch.nn.functional.layer_norm(x, (12,), weights["ln_f.weight"], weights["ln_f.bias"])
    expected, out = x @ head.T, ours(tokens)
    check_close(out.data, expected.detach().numpy(), rtol=1e-9, atol=1e-9)
    slope = np.random.default_rng(1).normal(size=out.shape)
    out.backward(slope)
    expected.backward(torch.tensor(slope))
    for name, p in ours.named_parameters():
        theirs = weights[name.removeprefix("transformer.")].grad.numpy()
        check_close(p.grad, theirs, rtol=1e-8, atol=1e-9, name=name)


def test_gpt_learns_a_sentence_by_heart():
    init.manual_seed(0)
    model, tokens = GPT(SMALL), np.array([[3, 1, 4, 1, 5, 9, 2, 6, 5]])
    optimizer = optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        logits = model(tokens[:, :-1])
        loss = F.cross_entropy(logits.reshape(-1, 11), tokens[:, 1:].reshape(-1))
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05
    assert logits.data[0].argmax(axis=1).tolist() == tokens[0, 1:].tolist()
