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
