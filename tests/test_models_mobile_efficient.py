"""MobileNets and EfficientNets: published sizes, and networks of PyTorch's layers as the truth for both directions."""

from dataclasses import replace

import numpy as np
import pytest

from utils import functional as F
from utils import nn, optim
from utils.models import (
    EfficientNet,
    EfficientNetConfig,
    MobileNetV1,
    MobileNetV1Config,
    MobileNetV2,
    MobileNetV2Config,
)
from utils.models.efficientnet import MBConv, SqueezeExcitation, StochasticDepth
from utils.models.mobilenet import divisible
from utils.nn import init
from utils.tensor import Tensor, no_grad
from utils.testing import check_close

SMALL = {
    "MobileNetV1": lambda **c: MobileNetV1(MobileNetV1Config.small(**c)),
    "MobileNetV2": lambda **c: MobileNetV2(MobileNetV2Config.small(**c)),
    "EfficientNet": lambda **c: EfficientNet(EfficientNetConfig.small(**c)),
}
IMAGES = np.random.default_rng(0).standard_normal((6, 3, 16, 16), np.float32)
LABELS = np.array([3, 1, 4, 1, 5, 9])


# ---- published sizes ----


@pytest.mark.parametrize(
    ("build", "number"),
    [
        (MobileNetV1, 4_231_976),
        (lambda: MobileNetV1(MobileNetV1Config(width=0.75)), 2_585_560),
        (lambda: MobileNetV1(MobileNetV1Config(width=0.25)), 470_072),
        (lambda: MobileNetV1(MobileNetV1Config(separable=False)), 29_294_088),  # 29.3 million in the paper
        (MobileNetV2, 3_504_872),
        (lambda: MobileNetV2(MobileNetV2Config(width=0.5)), 1_968_680),
        (lambda: MobileNetV2(MobileNetV2Config(width=1.4)), 6_108_776),
        (EfficientNet, 5_288_548),
        (lambda: EfficientNet(EfficientNetConfig.b(1)), 7_794_184),
    ],
)
def test_published_numbers_of_parameters(build, number):
    assert build().num_parameters() == number


def counted(config: EfficientNetConfig) -> int:
    """The parameters of an EfficientNet, added up by hand from its blocks."""
    total = 27 * config.blocks[0][0] + 2 * config.blocks[0][0]
    for inputs, outputs, expansion, kernel, _ in config.blocks:
        wide, squeezed = inputs * expansion, max(1, inputs // 4)
        total += (inputs * wide + 2 * wide) * (expansion > 1) + wide * kernel**2 + 2 * wide
        total += 2 * wide * squeezed + squeezed + wide + wide * outputs + 2 * outputs
    head = divisible(config.head * config.width)
    return total + config.blocks[-1][1] * head + 2 * head + (head + 1) * config.n_classes


def test_the_largest_efficientnet_is_as_large_as_published():
    published = [5_288_548, 7_794_184, 9_109_994, 12_233_232, 19_341_616, 30_389_784, 43_040_704, 66_347_960]
    assert [counted(EfficientNetConfig.b(k)) for k in range(8)] == published
    small = EfficientNetConfig.small()
    assert EfficientNet(small).num_parameters() == counted(small)


@pytest.mark.parametrize(
    ("build", "millions"),
    [(MobileNetV1, 568.740352), (MobileNetV2, 300.774272), (EfficientNet, 385.814752)],
)
def test_published_multiply_adds_at_224_pixels(build, millions):
    assert build().summary((1, 3, 224, 224)).flops / 2e6 == pytest.approx(millions, rel=1e-12)


@pytest.mark.parametrize("build", SMALL.values(), ids=SMALL)
def test_small_ones_are_small(build):
    model = build()
    assert 50_000 <= model.num_parameters() <= 200_000
    assert model.summary((1, 3, 16, 16)).flops / 2 <= 4e6


def test_channels_are_rounded_to_multiples_that_lose_little():
    assert [divisible(c) for c in (32 * 0.75, 32 * 0.25, 24 * 1.1, 10, 12, 17.6, 3)] == [
        24,
        8,
        24,
        16,
        16,
        16,
        8,
    ]
    assert divisible(17.6, 2) == 18 and divisible(9.4, 1) == 9


def test_compound_scaling_multiplies_all_three():
    config = EfficientNetConfig().scaled(1.1, 1.2, 260 / 224)
    assert (config.width, config.depth, config.resolution) == (1.1, 1.2, 260)
    assert config == replace(EfficientNetConfig.b(2), dropout=0.2)
    twice = config.scaled(2, 0.5)
    assert twice.width == pytest.approx(2.2) and twice.depth == pytest.approx(0.6)
    assert [sum(1 for _ in EfficientNetConfig.b(k).blocks) for k in (0, 1, 7)] == [16, 23, 55]


# ---- PyTorch's layers as the truth ----


def torch_parts():
    torch = pytest.importorskip("torch", reason="pip install -e '.[torch]' compares with PyTorch")
    T = torch.nn

    def conv(inputs, outputs, kernel, stride, groups, act, config):
        parts = [T.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)]
        parts.append(T.BatchNorm2d(outputs, eps=config.norm_eps, momentum=config.norm_momentum))
        return T.Sequential(*parts, *([act()] if act else []))

    class Block(T.Module):
        """`conv` or `block` with a shortcut, as both families have it."""

        def __init__(self, name, inner, shortcut):
            super().__init__()
            self.inner, self.shortcut = name, shortcut
            setattr(self, name, inner)

        def forward(self, x):
            y = getattr(self, self.inner)(x)
            return x + y if self.shortcut else y

    class Squeeze(T.Module):
        def __init__(self, channels, squeezed):
            super().__init__()
            self.fc1, self.fc2 = T.Conv2d(channels, squeezed, 1), T.Conv2d(squeezed, channels, 1)

        def forward(self, x):
            means = x.mean((2, 3), keepdim=True)
            return x * torch.sigmoid(self.fc2(T.functional.silu(self.fc1(means))))

    class Net(T.Module):
        def __init__(self, parts, channels, classes):
            super().__init__()
            self.features = T.Sequential(*parts)
            self.classifier = T.Sequential(T.Identity(), T.Linear(channels, classes))

        def forward(self, x):
            return self.classifier(self.features(x).mean((2, 3)))

    return torch, T, conv, Block, Squeeze, Net


def torch_v1(config):
    _, T, conv, _, _, Net = torch_parts()
    inputs, parts = config.stem, [conv(3, config.stem, 3, config.stem_stride, 1, T.ReLU, config)]
    for outputs, stride in config.blocks:
        depthwise = conv(inputs, inputs, 3, stride, inputs, T.ReLU, config)
        parts.append(T.Sequential(depthwise, conv(inputs, outputs, 1, 1, 1, T.ReLU, config)))
        inputs = outputs
    return Net(parts, inputs, config.n_classes)


def torch_v2(config):
    _, T, conv, Block, _, Net = torch_parts()
    inputs, parts = config.stem, [conv(3, config.stem, 3, config.stem_stride, 1, T.ReLU6, config)]
    for t, outputs, n, s in config.blocks:
        for i in range(n):
            stride, wide = (1 if i else s), t * inputs
            inner = [conv(inputs, wide, 1, 1, 1, T.ReLU6, config)] if t > 1 else []
            inner.append(conv(wide, wide, 3, stride, wide, T.ReLU6, config))
            inner += conv(wide, outputs, 1, 1, 1, None, config)
            parts.append(Block("conv", T.Sequential(*inner), stride == 1 and inputs == outputs))
            inputs = outputs
    parts.append(conv(inputs, config.head, 1, 1, 1, T.ReLU6, config))
    return Net(parts, config.head, config.n_classes)


def torch_efficientnet(config):
    _, T, conv, Block, Squeeze, Net = torch_parts()
    inputs, parts = config.stem, [conv(3, config.stem, 3, config.stem_stride, 1, T.SiLU, config)]
    for t, kernel, s, outputs, n in config.stages:
        stage = []
        for i in range(n):
            stride, wide = (1 if i else s), t * inputs
            inner = [conv(inputs, wide, 1, 1, 1, T.SiLU, config)] if t > 1 else []
            inner.append(conv(wide, wide, kernel, stride, wide, T.SiLU, config))
            inner += [Squeeze(wide, inputs // 4), conv(wide, outputs, 1, 1, 1, None, config)]
            stage.append(Block("block", T.Sequential(*inner), stride == 1 and inputs == outputs))
            inputs = outputs
        parts.append(T.Sequential(*stage))
    parts.append(conv(inputs, config.head, 1, 1, 1, T.SiLU, config))
    return Net(parts, config.head, config.n_classes)


TWINS = {
    "MobileNetV1": (MobileNetV1, MobileNetV1Config.small(norm_eps=1e-3, norm_momentum=0.01), torch_v1),
    "MobileNetV2": (MobileNetV2, MobileNetV2Config.small(norm_eps=1e-3, norm_momentum=0.2), torch_v2),
    "EfficientNet": (EfficientNet, EfficientNetConfig.small(stochastic_depth=0.0), torch_efficientnet),
}


def randomized(model: nn.Module) -> nn.Module:
    """Running statistics and scales as if it had been trained."""
    rng = np.random.default_rng(5)
    for name, array in model.state_dict().items():
        if name.endswith("running_var"):
            array[...] = rng.uniform(0.5, 2, array.shape)
        elif array.ndim == 1:
            array += rng.normal(0, 0.3, array.shape)
    return model


def tensors(torch, state) -> dict:
    return {name: torch.tensor(np.array(array)) for name, array in state.items()}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("build", "config", "twin"), TWINS.values(), ids=TWINS)
def test_small_networks_are_pytorchs(build, config, twin, training):
    torch = torch_parts()[0]
    ours, theirs = randomized(build(config)).double(), twin(config).double()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs.load_state_dict(tensors(torch, ours.state_dict()))
    ours.train(training), theirs.train(training)
    x = IMAGES.astype(np.float64)
    out, expected = ours(Tensor(x)), theirs(torch.tensor(x))
    check_close(out.data, expected.detach().numpy(), rtol=1e-9, atol=1e-9)
    slope = np.random.default_rng(1).normal(size=out.shape)
    out.backward(slope)
    expected.backward(torch.tensor(slope))
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        check_close(p.grad, q.grad.numpy(), rtol=1e-7, atol=1e-8 * (1 + np.abs(p.grad).max()), name=name)
    for (name, mine), other in zip(ours.named_buffers(), theirs.buffers(), strict=True):
        check_close(mine, other.numpy(), rtol=1e-9, atol=1e-9, name=name)


@pytest.mark.parametrize(("build", "config", "twin"), TWINS.values(), ids=TWINS)
def test_weights_travel_from_pytorch(build, config, twin):
    torch = torch_parts()[0]
    theirs = twin(config).eval()
    with torch.no_grad():
        theirs.train()(torch.tensor(IMAGES))  # running statistics that are not the first ones
        expected = theirs.eval()(torch.tensor(IMAGES)).numpy()
    ours = build(config).eval()
    ours.load_state_dict(theirs.state_dict())
    with no_grad():
        found = ours(Tensor(IMAGES)).data
    assert found.dtype == np.float32
    check_close(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


def test_full_mobilenet_v2_reads_224_pixels_as_pytorchs_does():
    config = MobileNetV2Config()
    torch, ours, theirs = torch_parts()[0], MobileNetV2(config), torch_v2(config)
    x = np.random.default_rng(2).standard_normal((2, 3, 224, 224), np.float32)
    theirs.load_state_dict(tensors(torch, ours.state_dict()))
    ours.classifier[0].p = 0.0
    with no_grad(), torch.no_grad():
        found, expected = ours(Tensor(x)).data, theirs(torch.tensor(x)).numpy()  # in training mode
    assert found.shape == (2, 1000)
    check_close(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


NAMES = {
    "MobileNetV2": [
        "features.0.0.weight",
        "features.1.conv.0.0.weight",
        "features.1.conv.1.weight",
        "features.2.conv.0.1.running_mean",
        "features.2.conv.2.weight",
        "features.17.conv.3.bias",
        "features.18.0.weight",
        "classifier.1.weight",
    ],
    "EfficientNet": [
        "features.0.1.num_batches_tracked",
        "features.1.0.block.0.0.weight",
        "features.1.0.block.1.fc1.weight",
        "features.2.0.block.2.fc2.bias",
        "features.2.1.block.3.1.running_var",
        "features.6.3.block.1.0.weight",
        "features.8.0.weight",
        "classifier.1.bias",
    ],
}


@pytest.mark.parametrize(("build", "count"), [(MobileNetV2, 314), (EfficientNet, 360)])
def test_names_are_torchvisions(build, count):
    state = build().state_dict()
    assert len(state) == count and set(NAMES[build.__name__]) <= set(state)


# ---- parts ----


def test_squeeze_and_excitation_sees_all_positions_and_scales_each_channel():
    part, x = SqueezeExcitation(4, 2), Tensor(IMAGES[:, [0, 1, 2, 0]])
    scale = part(x).data / x.data
    assert np.ptp(scale, axis=(2, 3)).max() < 1e-5  # one number for each sample and channel
    assert scale.min() > 0 and scale.max() < 1 and np.ptp(scale[:, 0, 0, 0]) > 0


def test_relu6_is_pytorchs():
    torch = torch_parts()[0]
    x = np.array([-1.0, 0.0, 3.0, 6.0, 7.0])
    ours, theirs = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y = nn.ReLU6()(ours)
    y.backward(np.arange(1.0, 6.0))
    expected = torch.nn.ReLU6()(theirs)
    expected.backward(torch.arange(1.0, 6.0))
    check_close(y.data, expected.detach().numpy())
    check_close(ours.grad, theirs.grad.numpy())


def test_stochastic_depth_drops_whole_samples_and_keeps_the_mean():
    layer, x = StochasticDepth(0.25, rng=0), Tensor(np.ones((4000, 2, 3, 1), np.float32), requires_grad=True)
    y = layer(x)
    assert y.dtype == np.float32
    assert set(np.unique(y.data)) == {np.float32(0), np.float32(4 / 3)}
    assert np.ptp(y.data, axis=(1, 2, 3)).max() == 0
    assert y.data.mean() == pytest.approx(1, abs=4 * np.sqrt(1 / 3 / 4000))
    y.backward(np.ones_like(y.data))
    np.testing.assert_array_equal(x.grad, y.data)
    assert layer.eval()(x) is x
    assert not StochasticDepth(1.0)(x).data.any()


def test_a_skipped_block_hands_its_input_on():
    x = Tensor(np.random.default_rng(0).standard_normal((3, 8, 5, 5), np.float32))
    np.testing.assert_array_equal(MBConv(8, 8, 2, 3, 1, drop=1.0)(x).data, x.data)
    assert MBConv(8, 8, 2, 3, 2, drop=1.0)(x).data.any()  # without a shortcut nothing is skipped


def test_skipping_grows_with_depth_and_stops_in_evaluation():
    model = EfficientNet(EfficientNetConfig.small(stochastic_depth=0.6))
    rates = [block.stochastic_depth.p for stage in list(model.features)[1:-1] for block in stage]
    check_close(rates, 0.6 * np.arange(5) / 5)
    first, second = (model(Tensor(IMAGES)).data for _ in range(2))
    assert np.abs(first - second).max() > 1e-3
    model.eval()
    with no_grad():
        np.testing.assert_array_equal(model(Tensor(IMAGES)).data, model(Tensor(IMAGES)).data)


@pytest.mark.parametrize("build", SMALL.values(), ids=SMALL)
def test_they_learn_a_batch_by_heart(build):
    init.manual_seed(0)
    model = build()
    optimizer = optim.Adam(model.parameters(), lr=0.003)
    for _ in range(40):
        optimizer.zero_grad()
        F.cross_entropy(model(Tensor(IMAGES)), LABELS).backward()
        assert all(p.grad is not None and p.grad.dtype == np.float32 for p in model.parameters())
        optimizer.step()
    assert model(Tensor(IMAGES)).data.argmax(axis=1).tolist() == LABELS.tolist()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: MobileNetV1Config(width=0), "MobileNetV1Config: width=0 must be above 0"),
        (lambda: MobileNetV2Config(dropout=1.0), r"dropout=1.0 must lie in \[0, 1\)"),
        (lambda: MobileNetV1Config(stem_stride=4), "stem_stride=4 must be 1 or 2"),
        (lambda: MobileNetV2Config(head=0), "head=0 must be a whole number of at least 1"),
        (lambda: MobileNetV1Config(stem=2.5), "stem=2.5 must be a whole number"),
        (
            lambda: MobileNetV1Config(blocks=()),
            r"blocks is empty: give at least one row \(channels, stride\)",
        ),
        (
            lambda: MobileNetV2Config(blocks=((6, 24, 2),)),
            r"has the row \(6, 24, 2\): expected whole numbers",
        ),
        (lambda: MobileNetV2Config(blocks=((6, 24, 2, 3),)), "whose stride must be 1 or 2"),
        (lambda: EfficientNetConfig(stages=((1, 4, 1, 16, 1),)), "whose kernel must be odd"),
        (lambda: EfficientNetConfig(depth=-1), "depth=-1 must be above 0"),
        (lambda: EfficientNetConfig(stochastic_depth=1), r"stochastic_depth=1 must lie in \[0, 1\)"),
        (lambda: EfficientNetConfig.b(8), "B8: there are B0 to B7"),
        (lambda: StochasticDepth(1.5), "p=1.5: a probability lies between 0 and 1"),
        (lambda: SMALL["MobileNetV2"]()(Tensor(IMAGES[:, :1])), r"\(N, 3, H, W\) but got \(6, 1, 16, 16\)"),
        (
            lambda: SMALL["EfficientNet"]()(Tensor(IMAGES.transpose(0, 2, 3, 1))),
            r"EfficientNet expects .* x.transpose\(0, 3, 1, 2\)",
        ),
    ],
)
def test_errors_say_what_to_do(call, says):
    with pytest.raises(ValueError, match=says):
        call()
