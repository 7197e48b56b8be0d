"""Residual and dense networks: published numbers of parameters, names, and PyTorch's layers as the truth."""

import numpy as np
import pytest

from utils import functional as F
from utils import optim
from utils.models import DenseNet, DenseNetConfig, ResNet, ResNetConfig
from utils.nn import init
from utils.tensor import Tensor, no_grad
from utils.testing import check_close

IMAGES = np.random.default_rng(0).standard_normal((5, 3, 16, 16), np.float32)
LABELS = np.array([3, 1, 4, 1, 5])
TINY = {"layers": (2, 1, 1), "widths": (4, 6, 8), "n_classes": 10}
RESNETS = {
    "imagenet": ResNetConfig(**TINY),
    "bottleneck": ResNetConfig(**TINY, block="bottleneck", stem="cifar"),
    "zeros": ResNetConfig.cifar(2, (3, 5, 7)),
    "plain": ResNetConfig.cifar(2, (3, 5, 7), skip=False),
}
DENSENETS = {
    "imagenet": DenseNetConfig((2, 3), growth=3, init_channels=5, n_classes=10),
    "cifar": DenseNetConfig.cifar(2, growth=4),
    "basic": DenseNetConfig((1, 2), growth=3, init_channels=4, bottleneck=0, compression=1.0, stem="cifar"),
}
MODELS = {
    **{f"ResNet {k}": (ResNet, v) for k, v in RESNETS.items()},
    **{f"DenseNet {k}": (DenseNet, v) for k, v in DENSENETS.items()},
}


# ---- known numbers ----


@pytest.mark.parametrize(
    ("config", "number"),
    [
        (ResNetConfig.resnet18(), 11_689_512),
        (ResNetConfig.resnet34(), 21_797_672),
        (ResNetConfig.resnet50(), 25_557_032),
        (ResNetConfig.resnet101(), 44_549_160),
        (ResNetConfig.resnet152(), 60_192_808),
        (ResNetConfig.cifar(3), 269_722),  # the paper: 0.27 M
        (ResNetConfig.cifar(9), 853_018),  # 0.85 M
        (ResNetConfig.cifar(18), 1_727_962),  # 1.7 M
        (ResNetConfig.cifar(3, skip=False), 269_722),
        (ResNetConfig.small(), 75_290),
        (DenseNetConfig.densenet121(), 7_978_856),
        (DenseNetConfig.densenet169(), 14_149_480),
        (DenseNetConfig.densenet201(), 20_013_928),
        (DenseNetConfig.cifar(16), 769_162),  # the paper: 0.8 M for L = 100, k = 12
        (DenseNetConfig.small(), 55_786),
    ],
)
def test_published_numbers_of_parameters(config, number):
    model = (ResNet if isinstance(config, ResNetConfig) else DenseNet)(config)
    assert model.num_parameters() == number


@pytest.mark.parametrize(("model", "config"), [(ResNet, ResNetConfig), (DenseNet, DenseNetConfig)])
def test_small_ones_are_small(model, config):
    summary = model(config.small()).summary((1, 3, 16, 16))
    assert 50_000 < summary.parameters < 200_000 and summary.flops < 2 * 4e6
    assert summary.rows[-1].output_shape == (1, 10)


def test_work_on_an_image_of_imagenet_is_as_published():
    """1.8, 3.8 and 2.9 billion multiply-adds (torchvision's stride in the bottleneck makes 3.8 into 4.1)."""
    billions = [
        ResNet().summary((1, 3, 224, 224)).flops / 2e9,
        ResNet(ResNetConfig.resnet50()).summary((1, 3, 224, 224)).flops / 2e9,
        DenseNet().summary((1, 3, 224, 224)).flops / 2e9,
    ]
    check_close(billions, [1.814, 4.089, 2.834], rtol=1e-3)


def test_depths():
    depths = [c().depth for c in (ResNetConfig.resnet18, ResNetConfig.resnet34, ResNetConfig.resnet50)]
    depths += [ResNetConfig.resnet101().depth, ResNetConfig.resnet152().depth]
    assert depths == [18, 34, 50, 101, 152]
    assert [ResNetConfig.cifar(n).depth for n in (1, 3, 5, 18)] == [8, 20, 32, 110]


def test_channels_of_densenet_121():
    assert DenseNetConfig().channels == ((64, 256), (128, 512), (256, 1024), (512, 1024))


def test_names_are_torchvisions():
    names = list(ResNet(RESNETS["imagenet"]).state_dict())
    assert names[:2] == ["conv1.weight", "bn1.weight"] and names[-2:] == ["fc.weight", "fc.bias"]
    assert {"layer1.0.conv1.weight", "layer2.0.downsample.0.weight", "layer2.0.downsample.1.running_var"} <= {
        *names
    }
    assert "layer1.0.downsample.0.weight" not in names
    assert "layer1.0.downsample.0.weight" in ResNet(RESNETS["bottleneck"]).state_dict()
    assert not any("downsample" in name for name in ResNet(RESNETS["zeros"]).state_dict())
    names = list(DenseNet(DENSENETS["imagenet"]).state_dict())
    assert names[:2] == ["features.conv0.weight", "features.norm0.weight"]
    assert names[-2:] == ["classifier.weight", "classifier.bias"]
    layer = "features.denseblock1.denselayer1."
    assert [n for n in names if n.startswith(layer) and n.endswith("weight")] == [
        layer + part + ".weight" for part in ("norm1", "conv1", "norm2", "conv2")
    ]
    assert {"features.transition1.norm.weight", "features.transition1.conv.weight"} <= {*names}
    assert "features.norm5.num_batches_tracked" in names


# ---- PyTorch's layers ----


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="pip install -e '.[torch]' compares with PyTorch")


def resnet_in_torch(torch, c):
    """The paper's network of `torch.nn`, written down block by block."""
    nn = torch.nn

    class Block(nn.Module):
        def __init__(self, before, width, stride):
            super().__init__()
            self.stride, self.bottleneck = stride, c.block == "bottleneck"
            self.out = 4 * width if self.bottleneck else width
            first, second = ((1, 1, 0), (3, stride, 1)) if self.bottleneck else ((3, stride, 1), (3, 1, 1))
            self.conv1, self.bn1 = nn.Conv2d(before, width, *first, bias=False), nn.BatchNorm2d(width)
            self.conv2, self.bn2 = nn.Conv2d(width, width, *second, bias=False), nn.BatchNorm2d(width)
            if self.bottleneck:
                self.conv3, self.bn3 = nn.Conv2d(width, self.out, 1, bias=False), nn.BatchNorm2d(self.out)
            if c.skip and c.shortcut == "B" and (stride != 1 or before != self.out):
                self.downsample = nn.Sequential(
                    nn.Conv2d(before, self.out, 1, stride, bias=False), nn.BatchNorm2d(self.out)
                )

        def forward(self, x):
            y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
            y = self.bn3(self.conv3(y.relu())) if self.bottleneck else y
            if not c.skip:
                return y.relu()
            if hasattr(self, "downsample"):
                return (y + self.downsample(x)).relu()
            shortcut = torch.zeros_like(y)
            shortcut[:, : x.shape[1]] = x[:, :, :: self.stride, :: self.stride]
            return (y + shortcut).relu()

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            big, before = c.stem == "imagenet", c.widths[0]
            self.conv1 = nn.Conv2d(c.in_channels, before, *((7, 2, 3) if big else (3, 1, 1)), bias=False)
            self.bn1 = nn.BatchNorm2d(before)
            self.pool = nn.MaxPool2d(3, 2, 1) if big else nn.Identity()
            for i, (n, width) in enumerate(zip(c.layers, c.widths, strict=True), 1):
                blocks = []
                for j in range(n):
                    blocks.append(Block(before, width, 2 if i > 1 and j == 0 else 1))
                    before = blocks[-1].out
                setattr(self, f"layer{i}", nn.Sequential(*blocks))
            self.fc = nn.Linear(before, c.n_classes)

        def forward(self, x):
            x = self.pool(self.bn1(self.conv1(x)).relu())
            for i in range(len(c.layers)):
                x = getattr(self, f"layer{i + 1}")(x)
            return self.fc(nn.functional.adaptive_avg_pool2d(x, 1).flatten(1))

    return Net()


def densenet_in_torch(torch, c):
    nn = torch.nn

    class Layer(nn.Module):
        def __init__(self, before):
            super().__init__()
            self.norm1 = nn.BatchNorm2d(before)
            inner = c.bottleneck * c.growth
            if inner:
                self.conv1, self.norm2 = nn.Conv2d(before, inner, 1, bias=False), nn.BatchNorm2d(inner)
                self.conv2 = nn.Conv2d(inner, c.growth, 3, 1, 1, bias=False)
            else:
                self.conv1 = nn.Conv2d(before, c.growth, 3, 1, 1, bias=False)

        def forward(self, seen):
            y = self.conv1(self.norm1(torch.cat(seen, 1)).relu())
            return self.conv2(self.norm2(y).relu()) if hasattr(self, "conv2") else y

    class Block(nn.ModuleDict):
        def forward(self, x):
            seen = [x]
            for layer in self.values():
                seen.append(layer(seen))
            return torch.cat(seen, 1)

    parts, channels = {}, c.init_channels
    if c.stem == "imagenet":
        parts["conv0"] = nn.Conv2d(c.in_channels, channels, 7, 2, 3, bias=False)
        parts |= {"norm0": nn.BatchNorm2d(channels), "relu0": nn.ReLU(), "pool0": nn.MaxPool2d(3, 2, 1)}
    else:
        parts["conv0"] = nn.Conv2d(c.in_channels, channels, 3, 1, 1, bias=False)
    for i, n in enumerate(c.blocks, 1):
        layers = {f"denselayer{j + 1}": Layer(channels + j * c.growth) for j in range(n)}
        parts[f"denseblock{i}"] = Block(layers)
        channels += n * c.growth
        if i < len(c.blocks):
            kept = int(c.compression * channels)
            steps = {"norm": nn.BatchNorm2d(channels), "relu": nn.ReLU()}
            steps |= {"conv": nn.Conv2d(channels, kept, 1, bias=False), "pool": nn.AvgPool2d(2)}
            parts[f"transition{i}"], channels = nn.Sequential(), kept
            for name, step in steps.items():
                parts[f"transition{i}"].add_module(name, step)
    parts["norm5"] = nn.BatchNorm2d(channels)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.features = nn.Sequential()
            for name, part in parts.items():
                self.features.add_module(name, part)
            self.classifier = nn.Linear(channels, c.n_classes)

        def forward(self, x):
            return self.classifier(self.features(x).relu().mean((2, 3)))

    return Net()


def twins(torch, model, config):
    """Ours, and PyTorch's with the same weights, both in float64."""
    ours = model(config).double()
    theirs = (resnet_in_torch if model is ResNet else densenet_in_torch)(torch, config).double()
    return ours, theirs


def in_torch(torch, state):
    return {name: torch.tensor(array) for name, array in state.items()}


@pytest.mark.parametrize(("model", "config"), MODELS.values(), ids=MODELS)
def test_outputs_gradients_and_statistics_are_pytorchs(torch, model, config):
    ours, theirs = twins(torch, model, config)
    rng = np.random.default_rng(1)
    for p in ours.parameters():  # no scale is 1, no shift 0
        p.data += 0.1 * rng.normal(size=p.shape)
    theirs.load_state_dict(in_torch(torch, ours.state_dict()))
    x, t = Tensor(IMAGES.astype(np.float64), requires_grad=True), torch.tensor(IMAGES).double()
    t.requires_grad_()
    for training in (True, False):
        out, expected = ours.train(training)(x), theirs.train(training)(t)
        check_close(out.data, expected.detach().numpy(), rtol=1e-7, atol=1e-9)
        slope = rng.normal(size=out.shape)
        for value, gradient in ((out, slope), (expected, torch.tensor(slope))):
            value.backward(gradient)
    check_close(x.grad, t.grad.numpy(), rtol=1e-6, atol=1e-8)
    gradients = dict(theirs.named_parameters())
    for name, p in ours.named_parameters():
        check_close(p.grad, gradients[name].grad.numpy(), rtol=1e-6, atol=1e-8, name=name)
    for name, array in theirs.state_dict().items():
        check_close(ours.state_dict()[name], array.numpy(), rtol=1e-7, atol=1e-9, name=name)


@pytest.mark.parametrize(("model", "config"), MODELS.values(), ids=MODELS)
def test_pytorchs_weights_load(torch, model, config):
    ours, theirs = twins(torch, model, config)
    ours.load_state_dict(theirs.state_dict())
    assert list(ours.state_dict()) == list(theirs.state_dict())
    with no_grad(), torch.no_grad():
        out = ours.eval()(Tensor(IMAGES.astype(np.float64)))
        check_close(out.data, theirs.eval()(torch.tensor(IMAGES).double()).numpy(), rtol=1e-7, atol=1e-9)


def test_resnet_18_sees_an_image_of_imagenet_as_pytorchs(torch):
    init.manual_seed(0)
    ours, theirs = ResNet(), resnet_in_torch(torch, ResNetConfig())
    theirs.load_state_dict(in_torch(torch, ours.state_dict()))
    image = np.random.default_rng(0).standard_normal((1, 3, 224, 224), np.float32)
    with no_grad(), torch.no_grad():
        out, expected = ours.eval()(Tensor(image)).data, theirs.eval()(torch.tensor(image)).numpy()
    assert out.shape == (1, 1000) and out.dtype == np.float32
    check_close(out, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


# ---- behaviour ----


@pytest.mark.parametrize(("model", "config"), MODELS.values(), ids=MODELS)
def test_they_learn_a_batch_by_heart(model, config):
    init.manual_seed(0)
    net = model(config)
    optimizer = optim.Adam(net.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(Tensor(IMAGES)), LABELS)
        loss.backward()
        assert all(p.grad.dtype == np.float32 for p in net.parameters())
        optimizer.step()
    assert loss.item() < 0.5


def test_zero_init_makes_every_block_of_equal_shape_the_identity():
    net = ResNet(ResNetConfig.cifar(2, (3, 5, 7), zero_init=True))
    x = Tensor(np.abs(np.random.default_rng(0).standard_normal((2, 3, 8, 8), np.float32)))
    np.testing.assert_array_equal(net.blocks[1](x).data, x.data)
    assert len(net.blocks) == 6 and all(not block.last_norm.weight.data.any() for block in net.blocks)


def test_a_plain_block_is_the_residual_alone():
    block = ResNet(RESNETS["plain"]).eval().blocks[0]
    x = Tensor(np.random.default_rng(0).standard_normal((2, 3, 8, 8), np.float32))
    np.testing.assert_array_equal(block(x).data, np.maximum(block.residual(x).data, 0))


def test_a_dense_block_keeps_its_input():
    block = DenseNet(DENSENETS["cifar"]).features.denseblock1
    x = Tensor(np.random.default_rng(0).standard_normal((2, 8, 4, 4), np.float32))
    out = block(x).data
    assert out.shape == (2, 8 + 2 * 4, 4, 4)
    np.testing.assert_array_equal(out[:, :8], x.data)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: ResNetConfig((2, 2), (4,)), r"layers=\(2, 2\), widths=\(4,\) must be of one length"),
        (lambda: ResNetConfig((2, 0), (4, 8)), "must be 1 or more each"),
        (lambda: ResNetConfig(block="wide"), "block='wide': expected one of basic, bottleneck"),
        (lambda: ResNetConfig(stem="mnist"), "stem='mnist': expected one of imagenet, cifar"),
        (lambda: ResNetConfig(shortcut="C"), "shortcut='C': expected one of A, B"),
        (lambda: ResNetConfig(skip=False, zero_init=True), "would let nothing through: drop one"),
        (lambda: ResNetConfig.cifar(0), "n=0 blocks in each stage must be 1 or more"),
        (lambda: DenseNetConfig(()), r"blocks=\(\) must name one block or more"),
        (lambda: DenseNetConfig(growth=0), "growth=0, init_channels=64 must be 1 or more"),
        (lambda: DenseNetConfig(bottleneck=-1), "bottleneck=-1 must be 0, for none, or more"),
        (lambda: DenseNetConfig(compression=1.5), "compression=1.5 is a share of the channels"),
        (lambda: DenseNetConfig(stem="mnist"), "stem='mnist': expected one of imagenet, cifar"),
        (
            lambda: ResNet(RESNETS["zeros"])(Tensor(IMAGES[0])),
            r"ResNet expects images \(N, 3, H, W\) but got \(3, 16, 16\): add the batch axis",
        ),
        (
            lambda: DenseNet(DENSENETS["basic"])(Tensor(IMAGES[:, :1])),
            r"DenseNet expects images \(N, 3, H, W\) but got \(5, 1, 16, 16\)",
        ),
    ],
)
def test_errors_say_what_to_do(call, says):
    with pytest.raises(ValueError, match=says):
        call()
