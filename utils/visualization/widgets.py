"""Figures that a slider moves, and that read as pictures where nothing can be moved."""

from collections.abc import Callable
from io import BytesIO
from math import ceil, log10
from numbers import Integral, Real
from typing import Any

import ipywidgets as widgets
import matplotlib.pyplot as plt
from IPython.display import Image, display
from matplotlib.figure import Figure

_EXPECTED = "(low, high[, step]), (value, low, high, step), a list, a bool, a text or a widget with a value"


def explore(draw: Callable[..., None], *, figsize: tuple[float, float] = (6.4, 3.6), **controls: Any) -> None:
    """Show the picture that `draw(fig, **values)` makes, with a control for each value that redraws it.

    A control is `(low, high)` or `(low, high, step)` for a slider, a list for a menu, a bool for a checkbox,
    a text for a box to type in, each starting at its first value; `(value, low, high, step)` starts at `value`.
    A widget that has a `value`, such as a `DrawingPad`, is its own control. The picture is an ordinary
    PNG output, so a page or a printout without a running kernel shows it as it was when the cell ran. An
    error in `draw` is raised by the cell; one that a later move causes is written into the picture. Raises
    TypeError for any other control, ValueError for a slider without room and where `draw` leaves `fig` empty.

    Notebook: 01-foundations/perceptron/01-the-perceptron.ipynb
    """
    boxes = {name: _control(name, spec) for name, spec in controls.items()}

    def values() -> dict[str, Any]:
        return {name: box.value for name, box in boxes.items()}

    first = Image(_render(draw, figsize, values()))
    display(widgets.VBox(list(boxes.values())))
    handle = display(first, display_id=True)
    for box in boxes.values():
        box.observe(
            lambda change: handle.update(Image(_render_or_report(draw, figsize, values()))), names="value"
        )


def _render(draw: Callable[..., None], figsize: tuple[float, float], values: dict[str, Any]) -> bytes:
    plt.draw_if_interactive()  # loads the backend, which may turn interactive mode on, and must not do so inside ioff
    before = plt.get_fignums()
    with plt.ioff():
        fig = plt.figure(figsize=figsize)
    try:
        draw(fig, **values)
        if fig.get_children() == [fig.patch]:
            raise ValueError(
                "draw left fig empty; draw on the figure it is given, as ax = fig.subplots() does"
            )
        buffer = BytesIO()
        fig.savefig(buffer, format="png", dpi=fig.dpi)
        return buffer.getvalue()
    finally:
        for number in set(plt.get_fignums()) - set(before):
            plt.close(number)


def _render_or_report(
    draw: Callable[..., None], figsize: tuple[float, float], values: dict[str, Any]
) -> bytes:
    """The picture, or one of the error: the front end shows no traceback of what a moved control calls."""
    try:
        return _render(draw, figsize, values)
    except Exception as error:
        call = ", ".join(["fig", *(f"{name}={value!r}" for name, value in values.items())])
        report = f"draw({call}) raised\n\n{type(error).__name__}: {error}"
        return _render(_write, figsize, {"text": report.replace("$", r"\$")})


def _write(fig: Figure, text: str) -> None:
    fig.text(0.05, 0.9, text, va="top", wrap=True, color="#A00000", family="monospace", fontsize=9)


def _control(name: str, spec: Any) -> widgets.Widget:
    if isinstance(spec, widgets.DOMWidget) and spec.has_trait("value"):
        return spec
    label = {"description": name.replace("_", " "), "style": {"description_width": "initial"}}
    if isinstance(spec, str):
        return widgets.Text(value=spec, **label)
    if isinstance(spec, bool):
        return widgets.Checkbox(value=spec, **label)
    if isinstance(spec, list) and spec:
        return widgets.Dropdown(options=spec, value=spec[0], **label)
    if isinstance(spec, tuple) and 2 <= len(spec) <= 4 and all(map(_is_number, spec)):
        return _slider(name, spec, label)
    raise TypeError(f"control {name}={spec!r}, expected {_EXPECTED}")


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _slider(name: str, spec: tuple, label: dict[str, Any]) -> widgets.Widget:
    whole = all(isinstance(number, Integral) for number in spec)
    value, low, high, *step = map(int if whole else float, spec if len(spec) == 4 else (spec[0], *spec))
    step = step[0] if step else (1 if whole else (high - low) / 100)
    if not (low <= value <= high and low < high and step > 0):
        raise ValueError(
            f"control {name}={spec!r}, expected low < high, a value between them and a step above 0"
        )
    slider = {
        "value": value,
        "min": low,
        "max": high,
        "step": step,
        "layout": widgets.Layout(width="420px"),
        **label,
    }
    if whole:
        return widgets.IntSlider(**slider)
    decimals = max(1, ceil(-log10(step) - 1e-9))
    return widgets.FloatSlider(readout_format=f".{decimals}f", **slider)
