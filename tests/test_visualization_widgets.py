"""Pictures that controls redraw, without a kernel: what is displayed, and what moving a control changes."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pytest
from IPython.display import Image

from utils import visualization as viz
from utils.visualization import widgets


class Handle:
    def __init__(self, picture):
        self.pictures = [picture]

    def update(self, picture):
        self.pictures.append(picture)


@pytest.fixture(autouse=True)
def _figures():
    plt.switch_backend("Agg")
    yield
    plt.close("all")


@pytest.fixture
def shown(monkeypatch):
    """What was displayed: the controls, and the handle of the picture."""
    outputs = []

    def display(thing, display_id=None):
        outputs.append(Handle(thing) if display_id else thing)
        return outputs[-1] if display_id else None

    monkeypatch.setattr(widgets, "display", display)
    return outputs


def line(fig, step=0, **_):
    fig.subplots().plot([0, step])


def test_the_controls_and_an_ordinary_picture_are_two_outputs(shown):
    assert viz.explore(line, step=(0, 10)) is None
    controls, handle = shown
    assert isinstance(controls, ipywidgets.VBox)
    assert [type(picture) for picture in handle.pictures] == [Image]
    assert handle.pictures[0].data.startswith(b"\x89PNG")
    assert handle.pictures[0].format == "png"


def test_moving_a_control_redraws_the_same_picture_and_closes_the_figures(shown):
    viz.explore(line, step=(0, 10), figsize=(2, 1))
    slider, handle = shown[0].children[0], shown[1]
    slider.value = 7
    slider.value = 0
    first, moved, back = (picture.data for picture in handle.pictures)
    assert first != moved and first == back
    assert not plt.get_fignums()


def test_an_error_in_the_cell_is_raised_and_later_ones_are_shown(shown):
    def fails(fig, step, name):
        fig.text(0.5, 0.5, str(10 / (step - 3)))

    with pytest.raises(ZeroDivisionError):
        viz.explore(fails, step=(3, 5), name=["a"])
    assert not shown
    viz.explore(fails, step=(0, 5), name=["$x"])
    slider, handle = shown[0].children[0], shown[1]
    slider.value = 3
    slider.value = 4
    first, broken, mended = (picture.data for picture in handle.pictures)
    assert broken.startswith(b"\x89PNG") and broken not in (first, mended)
    assert not plt.get_fignums()


def test_the_report_of_an_error_names_call_and_cause(monkeypatch):
    written = []
    monkeypatch.setattr(widgets, "_write", lambda fig, text: (written.append(text), fig.text(0, 0, text)))
    widgets._render_or_report(lambda fig, lr: 1 / 0, (2, 1), {"lr": 0.5})
    assert written == ["draw(fig, lr=0.5) raised\n\nZeroDivisionError: division by zero"]


@pytest.mark.parametrize(
    ("spec", "kind", "state"),
    [
        ((0, 10), "IntSlider", {"value": 0, "min": 0, "max": 10, "step": 1}),
        ((np.int64(2), 10, 4), "IntSlider", {"value": 2, "min": 2, "max": 10, "step": 4}),
        ((5, 0, 10, 1), "IntSlider", {"value": 5, "min": 0, "max": 10, "step": 1}),
        ((0.0, 1.0), "FloatSlider", {"value": 0.0, "max": 1.0, "step": 0.01, "readout_format": ".2f"}),
        ((0, 1, 0.001), "FloatSlider", {"value": 0.0, "step": 0.001, "readout_format": ".3f"}),
        ((0.5, 0.0, 1.0, 0.05), "FloatSlider", {"value": 0.5, "readout_format": ".2f"}),
        (["a", "b"], "Dropdown", {"value": "a", "options": ("a", "b")}),
        (True, "Checkbox", {"value": True}),
        ("3141592", "Text", {"value": "3141592"}),
    ],
)
def test_controls(shown, spec, kind, state):
    viz.explore(line, some_value=spec)
    (control,) = shown[0].children
    assert type(control).__name__ == kind and control.description == "some value"
    assert {name: getattr(control, name) for name in state} == state


def test_a_widget_with_a_value_is_its_own_control(shown):
    pad = ipywidgets.IntText(value=4)
    viz.explore(line, step=pad)
    assert shown[0].children == (pad,)
    pad.value = 5
    assert len(shown[1].pictures) == 2


@pytest.mark.parametrize(
    "spec", [3, ("a", "b"), (1,), (1, 2, 3, 4, 5), [], None, ipywidgets.VBox(), (True, False), range(3)]
)
def test_other_controls_get_a_clear_error(shown, spec):
    with pytest.raises(TypeError, match=r"control step=.*expected \(low, high\[, step\]\)"):
        viz.explore(line, step=spec)
    assert not shown


@pytest.mark.parametrize("spec", [(5, 1), (1, 1), (0.0, 1.0, 0.0), (20, 0, 10, 1), (0, np.nan)])
def test_sliders_without_room_get_a_clear_error(shown, spec):
    with pytest.raises(ValueError, match=r"control step=.*low < high"):
        viz.explore(line, step=spec)


def test_drawing_elsewhere_gets_a_clear_error_and_leaves_no_figure(shown):
    with pytest.raises(ValueError, match=r"ax = fig.subplots\(\)"):
        viz.explore(lambda fig, step: plt.subplots(), step=(0, 3))
    assert not plt.get_fignums()


def test_figures_of_the_reader_stay_open(shown):
    own = plt.figure()
    viz.explore(line, step=(0, 3))
    assert plt.get_fignums() == [own.number]


def test_all_names_are_there_and_documented_with_their_notebook():
    for name in viz.__all__:
        helper = getattr(viz, name)
        if callable(helper):
            assert "Notebook: 0" in helper.__doc__.strip().splitlines()[-1]


def test_helpers_neither_show_nor_save_nor_clear():
    for path in Path(viz.__file__).parent.glob("*.py"):
        calls = {
            n.func.attr
            for n in ast.walk(ast.parse(path.read_text("utf8")))
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)
        }
        assert not calls & {"show", "clear_output", "Output"}
        assert "savefig" not in calls or path.name == "widgets.py"


FIRST_PICTURE = """
from IPython.core.interactiveshell import InteractiveShell
InteractiveShell.instance()
import matplotlib
from utils.visualization import explore
explore(lambda fig, k: fig.subplots(), k=(0, 1))
assert matplotlib.is_interactive(), "later figures of the notebook would not be shown"
"""


def test_a_notebook_whose_first_figure_explores_shows_the_later_ones():
    environment = os.environ | {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    subprocess.run(
        [sys.executable, "-c", FIRST_PICTURE], env=environment, check=True, capture_output=True, text=True
    )
