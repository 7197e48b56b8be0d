"""AlexNet and VGG: published numbers, torchvision's names, PyTorch's layers as the truth, what does not fit."""

from collections import OrderedDict
from dataclasses import replace

import numpy as np
import pytest

from utils import functional as F
from utils import nn, optim
from utils.models import VGG, AlexNet, AlexNetConfig, LocalResponseNorm, VGGConfig
from utils.nn import init
from utils.tensor import Tensor, no_grad
from utils.testing import check_close, gradcheck

TINY_ALEXNET = replace(
    AlexNetConfig.small(), channels=(4, 8, 6, 4, 4), groups=(1, 2, 1, 2, 2), hidden=(12, 10), dropout=0.0
)
TINY_VGG = VGGConfig(3, 5, ((4, 4), (6,), (8, 6)), grid=2, hidden=(12, 10), dropout=0.0)
IMAGES = np.random.default_rng(0).standard_normal((4, 3, 16, 16), np.float32)
LABELS = np.array([3, 1, 4, 1])
TINY = {
    "alexnet": lambda: AlexNet(TINY_ALEXNET),
    "original": lambda: AlexNet(replace(TINY_ALEXNET, local_response_norm=True)),
    "vgg": lambda: VGG(TINY_VGG),
    "vgg with norm": lambda: VGG(TINY_VGG.with_norm()),
    "no hidden layer": lambda: VGG(replace(TINY_VGG, grid=1, hidden=())),
}
PUBLISHED = {
    "vgg11": (VGGConfig.vgg11(), 132_863_336),
    "vgg13": (VGGConfig.vgg13(), 133_047_848),
    "vgg16": (VGGConfig.vgg16(), 138_357_544),
    "vgg19": (VGGConfig.vgg19(), 143_667_240),
    "vgg11_bn": (VGGConfig.vgg11().with_norm(), 132_868_840),
    "vgg16_bn": (VGGConfig.vgg16().with_norm(), 138_365_992),
    "vgg19_bn": (VGGConfig.vgg19().with_norm(), 143_678_248),
    "alexnet": (AlexNetConfig(), 61_100_840),
    "alexnet of 2012": (AlexNetConfig.original(), 60_965_224),
}


@pytest.fixture
def unfilled(monkeypatch):
    """Parameters stay zeros that no one has written: a large model is built in no time and takes no memory."""

    def leave(tensor, *_, **__):
        tensor.data = np.zeros(tensor.shape, np.float32)
        return tensor

    for draw in ("uniform_", "normal_", "constant_"):
        monkeypatch.setattr(init, draw, leave)


def build(config):
    return (AlexNet if isinstance(config, AlexNetConfig) else VGG)(config)


# ---- published numbers ----


@pytest.mark.parametrize(("config", "number"), PUBLISHED.values(), ids=PUBLISHED)
def test_published_numbers_of_parameters(config, number, unfilled):
    assert config.num_parameters == number
    assert build(config).num_parameters() == number


@pytest.mark.parametrize("make", TINY.values(), ids=TINY)
def test_formula_counts_what_is_built(make):
    model = make()
    assert model.config.num_parameters == model.num_parameters()


def test_defaults_are_the_papers():
    assert VGGConfig() == VGGConfig.vgg16()
    assert [getattr(VGGConfig, f"vgg{n}")().depth for n in (11, 13, 16, 19)] == [11, 13, 16, 19]


def test_full_alexnet_runs_on_one_image():
    model = AlexNet().eval()
    assert model.num_parameters() == 61_100_840
    image = np.random.default_rng(0).standard_normal((1, 3, 224, 224), np.float32)
    with no_grad():
        features, scores = model.features(Tensor(image)), model(Tensor(image))
    assert features.shape == (1, 256, 6, 6) and scores.shape == (1, 1000) and scores.dtype == np.float32
    assert 0.1 < scores.data.std() < 10  # He's first values keep the size of the signal


def test_full_vgg_is_counted_on_one_image(unfilled):
    summary = VGG().summary((1, 3, 224, 224))
    shapes = [row.output_shape[1:] for row in summary.rows if row.kind == "MaxPool2d"]
    assert shapes == [(64, 112, 112), (128, 56, 56), (256, 28, 28), (512, 14, 14), (512, 7, 7)]
    flops = {
        kind: sum(row.flops for row in summary.rows if row.kind == kind) for kind in ("Conv2d", "Linear")
    }
    assert flops == {"Conv2d": 2 * 15_346_630_656, "Linear": 2 * 123_633_664}
    assert summary.parameters == 138_357_544


def test_alexnets_multiply_adds(unfilled):
    assert AlexNet().summary((1, 3, 224, 224)).flops / 2 == 714_188_480


@pytest.mark.parametrize("config", [AlexNetConfig.small(), VGGConfig.small()], ids=["alexnet", "vgg"])
def test_small_ones_are_small(config):
    summary = build(config).summary((1, 3, 16, 16))
    assert summary.rows[0].output_shape == (1, 10)
    assert 50_000 < summary.parameters == config.num_parameters < 200_000 and summary.flops / 2 < 4e6
    stated = type(config).small.__doc__
    assert f"{summary.parameters:,} parameters, {summary.flops / 2e6:.1f} million multiply-adds" in stated


# ---- names and numbers of PyTorch ----


def torch_alexnet(torch, config):
    """As torchvision writes it, the activation before the pooling."""
    parts, inputs, features = torch.nn, config.in_channels, []
    rows = zip(config.channels, config.kernels, config.groups, config.pooled, strict=True)
    for i, (outputs, kernel, groups, pooled) in enumerate(rows):
        padding, stride = min(2, kernel // 2), config.stride if i == 0 else 1
        features += [parts.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups), parts.ReLU()]
        if config.local_response_norm and i < 2:
            features.append(parts.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0))
        features += [parts.MaxPool2d(*config.pool)] if pooled else []
        inputs = outputs
    one, two = config.hidden
    classifier = [parts.Dropout(0.0), parts.Linear(config.features, one), parts.ReLU()]
    classifier += [
        parts.Dropout(0.0),
        parts.Linear(one, two),
        parts.ReLU(),
        parts.Linear(two, config.n_classes),
    ]
    return whole(torch, features, config.grid, classifier)


def torch_vgg(torch, config):
    parts, inputs, features = torch.nn, config.in_channels, []
    for block in config.blocks:
        for outputs in block:
            features.append(parts.Conv2d(inputs, outputs, 3, padding=1))
            features += [parts.BatchNorm2d(outputs)] if config.norm else []
            features.append(parts.ReLU())
            inputs = outputs
        features.append(parts.MaxPool2d(2))
    classifier, width = [], config.features
    for units in config.hidden:
        classifier += [parts.Linear(width, units), parts.ReLU(), parts.Dropout(0.0)]
        width = units
    return whole(torch, features, config.grid, [*classifier, parts.Linear(width, config.n_classes)])


def whole(torch, features, grid, classifier):
    parts = torch.nn
    named = {"features": parts.Sequential(*features), "avgpool": parts.AdaptiveAvgPool2d(grid)}
    named |= {"flatten": parts.Flatten(), "classifier": parts.Sequential(*classifier)}
    return parts.Sequential(OrderedDict(named))


@pytest.mark.parametrize("size", [16, 25])
@pytest.mark.parametrize("name", TINY)
def test_twins_in_pytorch(name, size):
    """The state of theirs loads into ours and the other way, and outputs and gradients are equal."""
    torch = pytest.importorskip("torch", reason="pip install -e '.[torch]' compares with PyTorch")
    ours = TINY[name]().double()
    theirs = (torch_vgg if name[0] in "vn" else torch_alexnet)(torch, ours.config).double()
    ours.load_state_dict(
        {k: v for k, v in theirs.state_dict().items() if "num_batches" not in k}, strict=False
    )
    x = np.random.default_rng(1).standard_normal((4, 3, size, size))
    x_torch, x_ours = torch.tensor(x, requires_grad=True), Tensor(x, requires_grad=True)
    out, expected = ours(x_ours), theirs(x_torch)
    check_close(out.data, expected.detach().numpy(), rtol=1e-9, atol=1e-9)
    slope = np.random.default_rng(2).normal(size=out.shape)
    out.backward(slope)
    expected.backward(torch.tensor(slope))
    check_close(x_ours.grad, x_torch.grad.numpy(), rtol=1e-8, atol=1e-9)
    gradients = {key: p.grad.numpy() for key, p in theirs.named_parameters()}
    assert gradients.keys() == dict(ours.named_parameters()).keys()
    for key, p in ours.named_parameters():
        check_close(p.grad, gradients[key], rtol=1e-8, atol=1e-9, name=key)
    state = {key: torch.tensor(value) for key, value in ours.state_dict().items()}
    again = (torch_vgg if name[0] in "vn" else torch_alexnet)(torch, ours.config).double()
    again.load_state_dict(state)
    check_close(again(x_torch).detach().numpy(), expected.detach().numpy(), rtol=1e-9, atol=1e-9)


def test_names_are_torchvisions(unfilled):
    numbers = {
        "alexnet": ([0, 3, 6, 8, 10], [1, 4, 6]),
        "vgg11": ([0, 3, 6, 8, 11, 13, 16, 18], [0, 3, 6]),
        "vgg16": ([0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28], [0, 3, 6]),
    }
    for name, (features, classifier) in numbers.items():
        layers = [f"features.{i}" for i in features] + [f"classifier.{i}" for i in classifier]
        expected = [f"{layer}.{part}" for layer in layers for part in ("weight", "bias")]
        assert list(build(PUBLISHED[name][0]).state_dict()) == expected, name
    layers = [f"features.{i}" for i in (0, 1, 3, 4, 7, 8)]
    assert [name for name in build(PUBLISHED["vgg16_bn"][0]).state_dict() if name.endswith("weight")][:6] == [
        f"{layer}.weight" for layer in layers
    ]


# ---- local response normalization ----


@pytest.mark.parametrize("size", [1, 3, 5])
def test_local_response_norm_is_the_papers_formula(size):
    x, out = np.random.default_rng(0).normal(size=(2, 7, 3, 2)), np.empty((2, 7, 3, 2))
    alpha, beta, k = 0.3, 0.6, 1.5
    for c in range(7):
        around = x[:, max(0, c - size // 2) : c + size // 2 + 1]
        out[:, c] = x[:, c] / (k + alpha / size * (around**2).sum(axis=1)) ** beta
    layer = LocalResponseNorm(size, alpha, beta, k)
    check_close(layer(Tensor(x)).data, out, rtol=1e-12)
    gradcheck(layer, x)


def test_local_response_norm_keeps_float32():
    x = Tensor(IMAGES, requires_grad=True)
    out = LocalResponseNorm()(x)
    out.backward(np.ones_like(IMAGES))
    assert out.dtype == np.float32 == x.grad.dtype


# ---- learning, first values, other sizes ----


@pytest.mark.parametrize("make", TINY.values(), ids=TINY)
def test_learns_a_batch_by_heart(make):
    init.manual_seed(0)
    model = make()
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    for _ in range(80):
        optimizer.zero_grad()
        F.cross_entropy(model(Tensor(IMAGES)), LABELS).backward()
        assert all(p.grad is not None and p.grad.dtype == np.float32 for p in model.parameters())
        optimizer.step()
    with no_grad():
        scores = model(Tensor(IMAGES))
    assert scores.dtype == np.float32 and scores.data.argmax(axis=1).tolist() == LABELS.tolist()


def test_first_values_are_hes():
    for name, p in VGG(VGGConfig.small()).named_parameters():
        if name.endswith("bias"):
            assert not p.data.any(), name
        elif p.ndim > 1:
            assert p.data.std() == pytest.approx((2 / p.data[0].size) ** 0.5, rel=0.15), name


@pytest.mark.parametrize("config", [TINY_ALEXNET, TINY_VGG, AlexNetConfig(), VGGConfig()])
def test_the_smallest_image_runs_and_a_smaller_one_does_not(config):
    model, least = build(replace(config, n_classes=10, hidden=())), config.smallest
    with no_grad():
        assert model(Tensor(np.zeros((1, 3, least, least + 1), np.float32))).shape == (1, 10)
        with pytest.raises(ValueError, match=f"down to nothing: enlarge them to {least} or more"):
            model(Tensor(np.zeros((1, 3, least + 1, least - 1), np.float32)))
    with pytest.raises(ValueError):
        model.features(Tensor(np.zeros((1, 3, least - 1, least - 1), np.float32)))


def test_global_average_pooling_leaves_fifteen_of_138_million():
    assert replace(VGGConfig(), grid=1, hidden=()).num_parameters == 14_714_688 + 513_000


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_pooling_and_activation_may_change_places(activation):
    model = AlexNet(replace(TINY_ALEXNET, activation=activation))
    kinds = [type(part).__name__ for part in model.features]
    assert kinds[:3] == ["Conv2d", "MaxPool2d", {"tanh": "Tanh", "relu": "ReLU"}[activation]]
    swapped = nn.Sequential(*[model.features[i] for i in (0, 2, 1)])
    check_close(swapped(Tensor(IMAGES)).data, model.features[:3](Tensor(IMAGES)).data)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: AlexNetConfig(kernels=(11, 5)), "must be of one length"),
        (lambda: AlexNetConfig(kernels=(11, 4, 3, 3, 3)), r"kernels=\(11, 4, 3, 3, 3\) must be odd"),
        (lambda: AlexNetConfig(groups=(2, 1, 1, 1, 1)), "groups=2 divides 3 -> 64 channels unequally"),
        (lambda: AlexNetConfig(activation="step"), "activation='step': expected one of relu"),
        (lambda: LocalResponseNorm(4), "size=4 must be odd"),
        (lambda: VGGConfig(blocks=((64,), ())), "every block needs one convolution or more"),
        (lambda: VGGConfig(grid=0), "grid=0 must be 1 or more"),
        (
            lambda: VGG(TINY_VGG)(Tensor(IMAGES[0])),
            r"got \(3, 16, 16\): add the axis of the batch with x\[None\]",
        ),
        (
            lambda: VGG(TINY_VGG)(Tensor(IMAGES[:, :1])),
            r"expects images \(N, 3, H, W\) but got \(4, 1, 16, 16\)",
        ),
        (
            lambda: AlexNet(TINY_ALEXNET)(Tensor(IMAGES[..., :6])),
            r"16 x 6 pixels .*AlexNetConfig\.small\(\)",
        ),
    ],
)
def test_errors_say_what_to_do(call, says):
    with pytest.raises(ValueError, match=says):
        call()
