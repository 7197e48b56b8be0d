"""Histograms of layers: what the artists hold."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from utils.visualization import plot_layer_histograms


@pytest.fixture(autouse=True)
def _figures():
    plt.switch_backend("Agg")
    yield
    plt.close("all")


def heights(ax, row):
    """Of the filled steps of this row, above its baseline."""
    return ax.patches[2 * row].get_data().values + row


def notes(ax):
    return [text.get_text() for text in ax.texts]


def test_bars_are_numpy_s_counts_first_layer_on_top():
    rng = np.random.default_rng(0)
    layers = {"wide": rng.normal(size=(50, 8)), "narrow": 0.1 * rng.normal(size=300)}
    ax = plot_layer_histograms(layers, limits=(-2, 2), bins=20, xlabel="gradient")
    for row, values in enumerate(layers.values()):
        counts = np.histogram(values, np.linspace(-2, 2, 21))[0]
        np.testing.assert_allclose(heights(ax, row), 0.82 * counts / counts.max(), atol=1e-12)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["wide", "narrow"]
    assert ax.get_yticks()[0] > ax.get_yticks()[1]
    assert (ax.get_xlabel(), ax.get_xlim()) == ("gradient", (-2, 2))
    assert notes(ax)[1] == f"std {layers['narrow'].std():.2g}"


def test_the_widest_row_sets_symmetric_limits():
    ax = plot_layer_histograms({"a": np.linspace(-1, 4, 1001), "b": [0.1, 0.2]})
    low, high = ax.get_xlim()
    assert -low == high == pytest.approx(3.975)
    assert plot_layer_histograms({"a": np.arange(5.0)}).get_xlim()[0] == pytest.approx(0.02)


def test_magnitudes_on_powers_of_ten_leave_zeros_out():
    ax = plot_layer_histograms({"g": [0.0, 1e-6, -1e-6, 1e-2]}, log=True, bins=10)
    assert np.count_nonzero(heights(ax, 0)) == 2 and heights(ax, 0).argmax() < 3
    assert "25% zero" in notes(ax)[0]
    assert next(t.get_text() for t in ax.get_xticklabels()) == "$10^{-6}$"
    assert plot_layer_histograms({"g": [1.0]}, log=True, limits=(1e-4, 10)).get_xlim() == (-4, 1)


def test_what_is_not_finite_is_counted_and_not_drawn():
    ax = plot_layer_histograms({"good": [1.0, 2.0], "bad": [np.nan, np.inf, 1.0], "lost": [np.nan]})
    ax.figure.canvas.draw()
    assert notes(ax) == ["std 0.5", "std 0, 2 NaN or inf", "1 NaN or inf"]


@pytest.mark.parametrize("values", [np.zeros(4), np.full(3, 7.0), np.array([True, False])])
def test_degenerate_layers_are_drawn(values, recwarn):
    for log in (False, True):
        plot_layer_histograms({"layer": values}, log=log).figure.canvas.draw()
    assert not recwarn


def test_what_is_refused():
    with pytest.raises(TypeError, match="expected names with arrays"):
        plot_layer_histograms([np.ones(3)])
    with pytest.raises(TypeError, match="'text' holds"):
        plot_layer_histograms({"text": ["a"]})
    with pytest.raises(ValueError, match="no numbers"):
        plot_layer_histograms({"empty": []})
