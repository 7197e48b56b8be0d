"""The detector and the U-Net: known sizes, coordinates that come back, receptive fields, and PyTorch as the truth."""

import numpy as np
import pytest

from utils import functional as F
from utils import nn, optim
from utils.metrics import box_iou
from utils.models import Detector, DetectorConfig, UNet, UNetConfig
from utils.models.detector import (
    BACKGROUND,
    IGNORED,
    anchor_boxes,
    assign_anchors,
    decode_boxes,
    detection_loss,
    encode_boxes,
    focal_loss,
)
from utils.tensor import Tensor, no_grad
from utils.testing import check_close, gradcheck

RNG = np.random.default_rng(0)
TINY = DetectorConfig(n_classes=3, size=16, channels=(4, 4, 6), depth=1, anchors=((6, 6), (8, 12)))
SCENES = RNG.standard_normal((3, 1, 16, 16), np.float32)
SMALL = UNetConfig(n_classes=3, channels=(4, 6, 8))


def random_boxes(n, side=64, rng=RNG):
    corner = rng.uniform(0, side - 12, (n, 2))
    return np.concatenate([corner, corner + rng.uniform(3, 12, (n, 2))], axis=1)


# ---- anchors and offsets ----


def test_anchors_stand_in_the_middle_of_their_cells_row_by_row():
    anchors = anchor_boxes(TINY)
    assert anchors.shape == (4 * 4 * 2, 4) and anchors.dtype == np.float32
    assert anchors[0].tolist() == [-1, -1, 5, 5] and anchors[1].tolist() == [-2, -4, 6, 8]
    centres = (anchors[:, :2] + anchors[:, 2:]) / 2
    assert centres[2].tolist() == [6, 2] and centres[8].tolist() == [2, 6]  # the next to the right, and below


def test_decoding_is_the_inverse_of_encoding():
    boxes, anchors = random_boxes(40), random_boxes(40)
    check_close(decode_boxes(encode_boxes(boxes, anchors), anchors), boxes, atol=1e-10)
    offsets = RNG.normal(0, 0.5, (40, 4))
    check_close(encode_boxes(decode_boxes(offsets, anchors), anchors), offsets, atol=1e-10)
    check_close(
        encode_boxes(np.array([[10, 10, 30, 20.0]]), np.array([[0, 0, 20, 20.0]])),
        [[0.5, 0.25, 0, np.log(0.5)]],
    )


def test_assignment_follows_its_rules_one_anchor_at_a_time():
    anchors = anchor_boxes(DetectorConfig())
    for seed in range(5):
        boxes, labels = random_boxes(4, rng=np.random.default_rng(seed)), np.array([3, 1, 4, 1])
        targets, overlap = assign_anchors(anchors, boxes, labels), box_iou(anchors, boxes)
        closest = {int(overlap[:, k].argmax()): k for k in range(4)}
        for m in range(len(anchors)):
            k = closest.get(m, int(overlap[m].argmax()))
            if m in closest or overlap[m, k] >= 0.5:
                assert targets[m, 0] == labels[k]
                check_close(
                    decode_boxes(targets[m : m + 1, 1:].astype(float), anchors[m : m + 1])[0],
                    boxes[k],
                    atol=1e-4,
                )
            else:
                assert targets[m, 0] == (BACKGROUND if overlap[m, k] < 0.4 else IGNORED)


def test_no_box_goes_without_an_anchor():
    anchors = np.array([[0, 0, 10, 10], [0, 0, 10, 12], [40, 40, 50, 50.0]])
    boxes = np.array(
        [[0, 0, 10, 12], [0, 0, 5, 5.0]]
    )  # the first overlaps anchor 0 more, the second has no other
    assert assign_anchors(anchors, boxes, np.array([1, 2]))[:, 0].tolist() == [2, 1, BACKGROUND]


def test_a_scene_without_boxes_is_background():
    targets = assign_anchors(anchor_boxes(TINY), np.zeros((0, 4)), np.zeros(0, int))
    assert (targets[:, 0] == BACKGROUND).all() and targets.dtype == np.float32


# ---- losses ----


@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0, 3.0])
def test_focal_loss_is_the_papers(gamma):
    z, y = RNG.normal(0, 3, (4, 5)), RNG.random((4, 5)) < 0.3
    p = 1 / (1 + np.exp(-z))
    p_t, alpha_t = np.where(y, p, 1 - p), np.where(y, 0.3, 0.7)
    check_close(
        focal_loss(Tensor(z), y, 0.3, gamma).data, -alpha_t * (1 - p_t) ** gamma * np.log(p_t), rtol=1e-9
    )
    gradcheck(lambda z: focal_loss(z, y, 0.3, gamma), z)
    assert focal_loss(Tensor(z.astype(np.float32)), y).dtype == np.float32


def test_detection_loss_counts_positives_and_leaves_out_the_ignored():
    out, targets = RNG.normal(size=(2, 6, 7)), np.zeros((2, 6, 5))
    targets[..., 0] = [[0, -1, -2, 2, -1, -1], [-2, -1, 1, -1, -2, -1]]
    targets[..., 1:] = RNG.normal(size=(2, 6, 4))
    expected = 0.0
    for z, (label, *t) in zip(out.reshape(-1, 7), targets.reshape(-1, 5), strict=True):
        if label != IGNORED:
            expected += focal_loss(Tensor(z[:3]), np.arange(3) == label).data.sum()
        if label >= 0:
            d = np.abs(z[3:] - t)
            expected += np.where(d < 0.1, d * d / 0.2, d - 0.05).sum()
    check_close(detection_loss(Tensor(out), targets).data, expected / 3, rtol=1e-9)
    gradcheck(lambda out: detection_loss(out, targets), out)


def test_a_batch_without_digits_has_a_finite_loss():
    targets = np.full((2, 6, 5), BACKGROUND, np.float32)
    loss = detection_loss(Tensor(np.zeros((2, 6, 7), np.float32), requires_grad=True), targets)
    loss.backward()
    assert np.isfinite(loss.item()) and loss.dtype == np.float32


# ---- the detector ----


def test_the_detector_has_its_number_of_parameters_and_shape():
    model = Detector()
    convolutions = 25 * 16 + 9 * (16 * 32 + 32 * 64 + 2 * 64 * 64)
    assert model.num_parameters() == convolutions + 2 * (16 + 32 + 3 * 64) + (9 * 64 + 1) * 42 == 121_882
    assert model(Tensor(np.zeros((2, 1, 64, 64), np.float32))).shape == (2, 768, 14)
    assert "anchors" not in model.state_dict()


def test_an_output_row_sees_the_neighbourhood_of_its_anchor():
    nn.manual_seed(0)
    model = Detector().eval()
    scene = Tensor(RNG.random((1, 1, 64, 64), dtype=np.float32), requires_grad=True)
    model(scene)[0, (8 * 16 + 7) * 3 + 1].sum().backward()
    seen = np.argwhere(scene.grad[0, 0])
    assert seen.min(axis=0).tolist() == [32 - 20, 28 - 20] and seen.max(axis=0).tolist() == [32 + 20, 28 + 20]


def test_classes_are_rare_from_the_start():
    nn.manual_seed(0)
    out = Detector()(Tensor(RNG.random((2, 1, 64, 64), dtype=np.float32))).data
    p = 1 / (1 + np.exp(-out[..., :10]))
    assert 0.005 < np.median(p) < 0.02


def test_the_detector_learns_a_batch_by_heart_and_finds_its_boxes():
    nn.manual_seed(0)
    model = Detector(TINY)
    boxes = [np.array([[2, 3, 8, 10.0]]), np.array([[7, 1, 15, 13.0]]), np.zeros((0, 4))]
    labels = [np.array([0]), np.array([2]), np.zeros(0, int)]
    targets = np.stack([assign_anchors(model.anchors, *pair) for pair in zip(boxes, labels, strict=True)])
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    for _ in range(150):
        optimizer.zero_grad()
        loss = detection_loss(model(Tensor(SCENES)), targets)
        loss.backward()
        optimizer.step()
    for _ in range(30):  # running statistics settle
        with no_grad():
            model(Tensor(SCENES))
    found = model.detect(SCENES, threshold=0.5)
    assert model.training
    for true, label, (b, s, y) in zip(boxes, labels, found, strict=True):
        assert y.tolist() == label.tolist() and len(s) == len(b)
        if len(true):
            assert box_iou(b, true)[0, 0] > 0.8


def test_suppression_runs_within_classes_unless_told_otherwise():
    model = Detector(TINY)
    out = np.full((32, 7), -9.0)
    out[10, [0, 1]], out[10, 3:] = [3.0, 2.0], 0.0  # one anchor, two classes
    model.forward = lambda x: Tensor(np.repeat(out[None].astype(np.float32), len(x), axis=0))
    boxes, scores, labels = model.detect(SCENES[:1])[0]
    assert labels.tolist() == [0, 1] and (boxes[0] == boxes[1]).all() and scores[0] > scores[1]
    check_close(boxes[0], model.anchors[10].clip(0, 16), atol=1e-5)
    assert model.detect(SCENES[:1], across_classes=True)[0][2].tolist() == [0]


# ---- U-Net ----


def twin(torch, w, x, config):
    """The U-Net in PyTorch, with the weights `w` by their names in ours."""
    parts, scales = torch.nn.functional, len(config.channels)

    def block(x, name):
        step = 3 if config.norm else 2  # convolution, norm, ReLU
        for k in (0, step):
            x = parts.conv2d(
                x, w[f"{name}.{k}.weight"], w.get(f"{name}.{k}.bias"), padding=int(config.padded)
            )
            if config.norm:
                scale, shift = w[f"{name}.{k + 1}.weight"], w[f"{name}.{k + 1}.bias"]
                x = parts.batch_norm(x, None, None, scale, shift, training=True)
            x = parts.relu(x)
        return x

    bridges = [block(x, "down.0")]
    for k in range(1, scales):
        bridges.append(block(parts.max_pool2d(bridges[-1], 2), f"down.{k}"))
    x = bridges.pop()
    for k in range(scales - 1):
        x = parts.conv_transpose2d(x, w[f"up.{k}.weight"], w[f"up.{k}.bias"], stride=2)
        bridge = bridges.pop()
        cut = (bridge.shape[2] - x.shape[2]) // 2
        bridge = bridge[:, :, cut : cut + x.shape[2], cut : cut + x.shape[3]]
        x = block(torch.cat([bridge, x], dim=1), f"merge.{k}")
    return parts.conv2d(x, w["head.weight"], w["head.bias"])


@pytest.mark.parametrize(
    ("config", "side"),
    [(SMALL, 12), (UNetConfig(n_classes=3, channels=(4, 6, 8), norm=False, padded=False), 44)],
    ids=["padded with norm", "as published"],
)
def test_unet_equals_its_pytorch_twin_in_value_and_gradient(config, side):
    torch = pytest.importorskip("torch", reason="pip install -e '.[torch]' compares with PyTorch")
    nn.manual_seed(0)
    model = UNet(config)
    weights = {n: torch.tensor(p.data, requires_grad=True) for n, p in model.named_parameters()}
    x = RNG.standard_normal((2, 1, side, side), np.float32)
    ours, theirs = model(Tensor(x)), twin(torch, weights, torch.tensor(x), config)
    check_close(ours.data, theirs.detach().numpy(), atol=2e-5)
    y = RNG.integers(0, 3, (2, *ours.shape[2:]))
    F.cross_entropy(ours, y).backward()
    torch.nn.functional.cross_entropy(theirs, torch.tensor(y)).backward()
    for name, parameter in model.named_parameters():
        check_close(parameter.grad, weights[name].grad.numpy(), rtol=1e-3, atol=1e-5, name=name)


def test_the_published_unet_has_23_convolutions_and_its_number_of_parameters():
    model = UNet(UNetConfig(n_classes=2, channels=(64, 128, 256, 512, 1024), norm=False, padded=False))
    down = sum(
        9 * (i * o + o * o) + 2 * o for i, o in [(1, 64), (64, 128), (128, 256), (256, 512), (512, 1024)]
    )
    up = sum(4 * 2 * o * o + o + 9 * 3 * o * o + 2 * o for o in (512, 256, 128, 64))
    assert model.num_parameters() == down + up + 2 * 65 == 31_030_658
    layers = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    assert len(layers) == 23  # as section 2 of the paper says


def test_the_published_sizes_572_and_388():
    model = UNet(UNetConfig(n_classes=2, channels=(1, 1, 1, 1, 1), norm=False, padded=False))
    with no_grad():
        assert model(Tensor(np.zeros((1, 1, 572, 572), np.float32))).shape == (1, 2, 388, 388)


@pytest.mark.parametrize("convs", [1, 2])
@pytest.mark.parametrize("skips", [True, False])
def test_unet_works_on_any_fitting_size_with_and_without_skips(convs, skips):
    model = UNet(UNetConfig(channels=(4, 6, 8, 10), convs=convs, skips=skips))
    for side in ((16, 16), (24, 40)):
        assert model(Tensor(np.zeros((2, 1, *side), np.float32))).shape == (2, 11, *side)


def test_without_skips_only_the_transposed_convolutions_grow():
    with_skips, without = (dict(UNet(UNetConfig(skips=skips)).named_parameters()) for skips in (True, False))
    assert with_skips.keys() == without.keys()
    changed = {name for name in with_skips if with_skips[name].shape != without[name].shape}
    assert changed == {f"up.{k}.{part}" for k in range(3) for part in ("weight", "bias")}


def test_a_skip_carries_detail_that_the_bottom_lost():
    """Within a cell of the coarsest grid the deep path cannot tell places apart; the skip's gradient can."""
    nn.manual_seed(0)
    model = UNet(UNetConfig(channels=(4, 6), norm=False))
    for parameter in (*model.up[0].parameters(), *model.down[1].parameters()):
        parameter.data[...] = 0
    assert model(Tensor(RNG.standard_normal((1, 1, 8, 8), np.float32))).data.std(axis=(2, 3)).min() > 0
    blind = UNet(UNetConfig(channels=(4, 6), norm=False, skips=False))
    for parameter in blind.down[1].parameters():
        parameter.data[...] = 0
    inner = blind(Tensor(RNG.standard_normal((1, 1, 8, 8), np.float32))).data[..., 2:6, 2:6]
    check_close(
        inner[..., ::2, ::2], np.broadcast_to(inner[..., :1, :1], inner[..., ::2, ::2].shape), atol=1e-6
    )


# ---- mistakes ----


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: DetectorConfig(size=30), "size=30 must be a multiple of 4"),
        (lambda: DetectorConfig(anchors=()), "must be pairs of a width and a height above 0"),
        (
            lambda: Detector(TINY)(Tensor(SCENES[:, 0])),
            r"\(N, 1, 16, 16\) but got \(3, 16, 16\): add the axis",
        ),
        (lambda: UNetConfig(channels=(8,)), "two scales or more"),
        (lambda: UNet(SMALL)(Tensor(SCENES[:, 0])), "add the axis of the channels"),
        (lambda: UNet(SMALL)(Tensor(SCENES[..., :14])), "side 14, expected one that is a multiple of 4"),
        (
            lambda: UNet(UNetConfig(padded=False))(Tensor(np.zeros((1, 1, 64, 64), np.float32))),
            "side 64, expected",
        ),
    ],
)
def test_mistakes_get_clear_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
