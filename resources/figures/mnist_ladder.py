"""Draw mnist-ladder.png for the README, from resources/results/mnist.json: python resources/figures/mnist_ladder.py"""

import json
from pathlib import Path

import matplotlib.pyplot as plt

from utils.visualization import PALETTE, use_style

HERE = Path(__file__).resolve().parent
RESULTS = HERE.parent / "results" / "mnist.json"


def draw(rungs: list[dict]) -> plt.Figure:
    fig, ax = plt.subplots(figsize=(9, 3.6))
    errors = [100 - rung["median"] for rung in rungs]
    ax.plot(errors, "o-", color=PALETTE[0])
    for x, rung in enumerate(rungs):
        ax.plot(
            [x] * len(rung["test"]), [100 - score for score in rung["test"]], "_", color=PALETTE[1], ms=12
        )
        ax.annotate(f"{rung['median']:.1f}", (x, errors[x]), (0, 9), textcoords="offset points", ha="center")
    ticks = [1, 2, 5, 10, 20]
    ax.set(yscale="log", ylim=(0.9, 25), yticks=ticks, yticklabels=[str(tick) for tick in ticks])
    ax.minorticks_off()
    ax.set_xticks(range(len(rungs)), [rung["name"] for rung in rungs], rotation=25, ha="right")
    ax.set_ylabel("test error on MNIST (%)")
    ends = [rungs[0]["median"], rungs[-1]["median"]]
    ax.set_title("From {:.0f}% to {:.1f}%, one change at a time (median and three seeds)".format(*ends))
    return fig


if __name__ == "__main__":
    use_style()
    figure = draw(json.loads(RESULTS.read_text("utf-8"))["rungs"])
    figure.savefig(HERE / "mnist-ladder.png", dpi=110, bbox_inches="tight")
