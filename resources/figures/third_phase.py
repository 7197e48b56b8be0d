"""Draw the README's picture, four things that the third phase builds: python resources/figures/third_phase.py"""

import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from utils.checkpoint import load_checkpoint
from utils.data_loaders import load_mnist, make_detection_scenes, make_segmentation_scenes, write_numbers
from utils.models import Detector, Reader, UNet, UNetConfig, read, shares
from utils.tensor import Tensor, no_grad
from utils.visualization import PALETTE, use_style

RESOURCES = Path(__file__).parents[1]
NUMBER, NUMBER_SEED, SCENE_SEED = "3141592", 3, 4


def trained(model, name):
    load_checkpoint(RESOURCES / "checkpoints" / f"{name}.safetensors", model)
    return model.eval()


def draw_reading(top, bottom, data):
    X = write_numbers(data.X_test, data.y_test, [NUMBER], width=196, rng=NUMBER_SEED)
    with no_grad():
        columns = trained(Reader(), "seven-digits")(Tensor(X[:, None]))
        answer = read(columns, len(NUMBER)).data[0].argmax(axis=1)
    mass = 1 / (1 + np.exp(-columns.data[:, :, -1].astype(float)))
    part = shares(Tensor(mass * len(NUMBER) / mass.sum()), len(NUMBER)).data[0]  # (digits, columns)
    top.imshow(X[0], cmap="gray_r", vmin=-0.2, vmax=1, aspect="auto")
    top.set_axis_off()
    top.set_title("A number read whole, its digits found by counting")
    left, places = np.zeros(part.shape[1]), 4 * np.arange(part.shape[1]) + 1.5
    for k, row in enumerate(part):
        bottom.bar(places, row, 3.4, bottom=left, color=PALETTE[k % 6])
        bottom.text(row @ places / row.sum(), 0.95, str(answer[k]), ha="center", fontsize=13)
        left = left + row
    bottom.set(xlim=(-0.5, 195.5), ylim=(0, 1.2))
    bottom.set_axis_off()


def draw_detection(ax, data):
    X, _, _ = make_detection_scenes(data.X_test, data.y_test, 1, n_digits=(4, 4), rng=SCENE_SEED)
    ((boxes, _, labels),) = trained(Detector(), "digit-detector").detect(
        X[:, None], threshold=0.4, across_classes=True
    )
    ax.imshow(X[0], cmap="gray")
    for (x1, y1, x2, y2), label in zip(boxes, labels, strict=True):
        ax.add_patch(plt.Rectangle((x1 - 0.5, y1 - 0.5), x2 - x1, y2 - y1, fill=False, ec=PALETTE[4], lw=1.5))
        ax.text(x2, y1 + 2, str(label), color=PALETTE[4], fontsize=12, weight="bold")
    ax.set_axis_off()
    ax.set_title("Where is which digit, in one look")


def draw_segmentation(ax, data):
    X, _ = make_segmentation_scenes(data.X_test, data.y_test, 1, n_digits=(4, 4), rng=SCENE_SEED)
    model = trained(UNet(UNetConfig(channels=(8, 16, 48, 96), convs=1)), "digit-segmenter")
    with no_grad():
        mask = model(Tensor(X[:, None])).data[0].argmax(axis=0)
    colors = np.vstack([[0, 0, 0], plt.get_cmap("tab10").colors])[mask]
    ax.imshow(np.where(mask[..., None] > 0, colors, 0.6 * X[0, ..., None].clip(0, 1)))
    ax.set_axis_off()
    ax.set_title("Whose is each pixel?")


def draw_architectures(ax):
    rows = json.loads((RESOURCES / "results" / "architectures.json").read_text("utf-8"))["networks"]
    for name, row in rows.items():
        ax.plot(row["quiet_seconds"], row["test"], "o", color=PALETTE[0])
        ax.annotate(name, (row["quiet_seconds"], row["test"]), (5, 3), textcoords="offset points", fontsize=8)
    ax.margins(x=0.25, y=0.1)
    ax.set(xscale="log", xlabel="training (CPU seconds)", ylabel="test accuracy (%)")
    ax.set_title("Ten architectures, trained alike")


def main():
    use_style()
    data = load_mnist()
    fig = plt.figure(figsize=(17, 3.6), layout="constrained")
    parts = fig.subfigures(1, 4, width_ratios=[1.7, 1, 1, 1.5])
    draw_reading(*parts[0].subplots(2, 1, height_ratios=[1, 1]), data)
    draw_detection(parts[1].subplots(), data)
    draw_segmentation(parts[2].subplots(), data)
    draw_architectures(parts[3].subplots())
    fig.savefig(Path(__file__).with_name("third-phase.png"), dpi=90)


if __name__ == "__main__":
    main()
