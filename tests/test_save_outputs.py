"""Saved notebooks keep what a reader needs, and pictures lose bytes but nothing that could be seen."""

import base64
from io import BytesIO

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import save_outputs
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image


def encoded(pixels):
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def decoded(text):
    return np.asarray(Image.open(BytesIO(base64.b64decode(text))).convert("RGB"))


def test_a_plot_gets_smaller_and_looks_the_same():
    fig, ax = plt.subplots()
    ax.plot(np.sin(np.linspace(0, 20, 200)))
    ax.imshow(np.outer(np.arange(9), np.arange(9)), extent=(0, 50, -1, 1), aspect="auto", cmap="RdBu")
    fig.savefig(buffer := BytesIO(), format="png")
    plt.close(fig)
    plot = base64.b64encode(buffer.getvalue()).decode()
    smaller = save_outputs.smaller_png(plot)
    assert len(smaller) < len(plot) / 2
    assert np.abs(decoded(smaller).astype(int) - decoded(plot)).max() <= save_outputs.LARGEST_ERROR


def test_a_photograph_stays_as_it_is():
    pixels = np.random.default_rng(0).integers(0, 256, size=(60, 60, 3)).astype(np.uint8)
    assert save_outputs.smaller_png(encoded(pixels)) == encoded(pixels)


def test_transparency_stays_as_it_is():
    pixels = np.zeros((40, 40, 4), np.uint8)
    assert save_outputs.smaller_png(encoded(pixels)) == encoded(pixels)


def test_clean_removes_what_changes_from_run_to_run():
    cell = new_code_cell(
        "1", id="random", metadata={"execution": {"iopub.status.busy": "now"}, "tags": ["t"]}
    )
    pieces = [new_output("stream", name="stdout", text=text) for text in ("one ", "two\n")]
    cell.outputs = [*pieces, new_output("stream", name="stderr", text="three")]
    notebook = new_notebook(cells=[cell], metadata={"language_info": {"name": "python", "version": "3.11.7"}})
    save_outputs.clean(notebook)
    nbformat.validate(notebook)
    assert [output.text for output in cell.outputs] == ["one two\n", "three"]
    assert cell.id == "cell-000" and dict(cell.metadata) == {"tags": ["t"]}
    assert "version" not in notebook.metadata.language_info


def widget_notebook(*names):
    """A box with a slider in it, under the names of one run."""
    box, slider = names
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": box, "version_major": 2}}
    state = {slider: {"state": {"value": 3}}, box: {"state": {"children": [f"IPY_MODEL_{slider}"]}}}
    widgets = {"application/vnd.jupyter.widget-state+json": {"state": state, "version_major": 2}}
    cell = new_code_cell("box", id="cell-000", outputs=[new_output("display_data", data=view)])
    return new_notebook(cells=[cell], metadata={"widgets": widgets})


def test_widgets_have_the_same_names_in_every_run():
    runs = [widget_notebook("b" * 32, "a" * 32), widget_notebook("c" * 32, "d" * 32)]
    first, second = (nbformat.writes(save_outputs.with_stable_widgets(run)) for run in runs)
    assert first == second and "IPY_MODEL_" + f"{1:032x}" in first
    assert nbformat.writes(save_outputs.with_stable_widgets(new_notebook(cells=[])))
