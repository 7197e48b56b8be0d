"""Draw the README's picture, four things that the first phase builds: python resources/figures/first_phase.py"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from utils.data_loaders import load_mnist, make_linearly_separable
from utils.visualization import PALETTE, plot_line, plot_path, plot_points, plot_surface, use_style

SEED = 13


def perceptron_updates(X, y, max_epochs=50):
    """Every (w, b) that the perceptron rule passes through, (K, D + 1)."""
    X = np.column_stack([X, np.ones(len(X))])
    w, history = np.zeros(X.shape[1]), []
    for x_i, y_i in max_epochs * list(zip(X, y, strict=True)):
        error = y_i - int(x_i @ w > 0)
        if error:
            w = w + error * x_i
            history.append(w)
    return np.array(history)


def draw_boundary(ax):
    X, y = make_linearly_separable(120, margin=0.04, rng=SEED)
    plot_points(X, y, ax, size=16)
    ax.get_legend().remove()
    history = perceptron_updates(X, y)
    for number, row in enumerate(history):
        plot_line(row[:2], row[2], ax, color="#333333")
        ax.lines[-1].set(alpha=0.15 + 0.6 * number / len(history), linewidth=1)
    plot_line(history[-1, :2], history[-1, 2], ax, color="black")
    ax.set_title("A neuron learns, mistake by mistake")


def draw_weights(ax, data):
    keep = np.isin(data.y_train, (4, 9))
    X, y = data.X_train[keep].reshape(-1, 784) / 255, data.y_train[keep] == 9
    w = perceptron_updates(X, y.astype(int), max_epochs=3)[:, :-1].mean(axis=0)
    limit = np.abs(w).max()
    ax.imshow(w.reshape(28, 28), cmap="RdBu", vmin=-limit, vmax=limit)
    ax.set_axis_off()
    ax.set_title("Its weights: 9 (blue) or 4 (red)?")


def draw_components(ax, data):
    X, y = data.X_train[:3000].reshape(-1, 784) / 255, data.y_train[:3000]
    _, _, components = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    places = (X - X.mean(axis=0)) @ components[:2].T
    for digit, color in zip((0, 1, 7), PALETTE, strict=False):
        ax.scatter(*places[y == digit].T, s=5, alpha=0.6, color=color, label=f"{digit}", edgecolors="none")
    ax.legend(markerscale=3, loc="lower left")
    ax.set(xlabel="first component", ylabel="second", title="Handwriting, seen along two directions")


def draw_descent(ax):
    def rosenbrock(x, y):
        return (1 - x) ** 2 + 10 * (y - x**2) ** 2

    plot_surface(lambda x, y: np.log(1 + rosenbrock(x, y)), (-1.6, 1.6), (-0.8, 1.8), ax)
    x, path = np.array([-1.2, 1.4]), []
    for _ in range(600):
        path.append(x)
        x = x - 0.01 * np.array([-2 * (1 - x[0]) - 40 * x[0] * (x[1] - x[0] ** 2), 20 * (x[1] - x[0] ** 2)])
    plot_path(np.array(path), ax)
    ax.figure.axes[-1].set_ylabel("log(1 + f(x, y))")
    ax.set_title("Gradient descent in a curved valley")


def main():
    use_style()
    data = load_mnist()
    fig, axes = plt.subplots(1, 4, figsize=(17, 4.1))
    draw_boundary(axes[0])
    draw_weights(axes[1], data)
    draw_components(axes[2], data)
    draw_descent(axes[3])
    fig.savefig(Path(__file__).with_name("first-phase.png"), dpi=90)


if __name__ == "__main__":
    main()
