"""The pad in JupyterLab, in a real browser: digits drawn by mouse are read while the hand moves."""

import math
from pathlib import Path

import nbformat
import pytest
from _lab import open_notebook, pictures, run_all, wait_until
from nbformat.v4 import new_code_cell, new_notebook

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = "drawing.ipynb"
CELL = f"""
from ipywidgets import Label
from IPython.display import display
from utils.checkpoint import load_checkpoint
from utils.data_loaders import normalize_digit
from utils.models import ConvNet, ConvNetConfig
from utils.tensor import Tensor
from utils.visualization import DrawingPad, explore, rasterize

network = ConvNet(ConvNetConfig(channels=(8, 16, 32), hidden=64)).eval()
load_checkpoint({str(ROOT / "resources/checkpoints/mnist-cnn.safetensors")!r}, model=network)
print("loaded")

def read(strokes):
    image = normalize_digit(rasterize(strokes))
    return network(Tensor(image[None, None])).data.argmax() if image.any() else "nothing"

def draw(fig, drawing):
    fig.subplots().imshow(rasterize(drawing))
    said.value = f"strokes: {{len(drawing)}}, it reads {{read(drawing)}}"

pad, said = DrawingPad(), Label()
display(said)
explore(draw, drawing=pad, figsize=(2, 2))
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawing")
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}
    nbformat.write(new_notebook(cells=[new_code_cell(CELL)], metadata=kernel), folder / NOTEBOOK)
    with open_notebook(folder, NOTEBOOK, tmp_path_factory.mktemp("jupyter")) as page:
        run_all(page, "loaded")
        page.wait_for_selector(".widget-label >> text=strokes: 0, it reads nothing")
        page.locator("canvas.nn-drawing-pad").scroll_into_view_if_needed()
        yield page


def draw(page, *strokes, held=False):
    """Strokes by mouse: points in shares of the pad's side; `held` leaves the button down at the end."""
    box = page.locator("canvas.nn-drawing-pad").bounding_box()
    for stroke in strokes:
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place, steps=6)
        if not held:
            page.mouse.up()


def expect(page, text):
    page.wait_for_selector(f".widget-label >> text={text}")


def clear(page):
    page.click('button:text-is("Clear")')
    expect(page, "strokes: 0, it reads nothing")


CIRCLE = [(0.5 + 0.2 * math.sin(t / 4), 0.5 - 0.35 * math.cos(t / 4)) for t in range(26)]
DIGITS = {
    "0": [CIRCLE],
    "1": [[(0.3, 0.2), (0.28, 0.7)]],
    "4": [[(0.4, 0.2), (0.3, 0.55), (0.65, 0.55)], [(0.58, 0.3), (0.56, 0.85)]],
    "7": [[(0.1, 0.1), (0.35, 0.1), (0.22, 0.5)]],
}


@pytest.mark.parametrize("digit", DIGITS)
def test_a_digit_drawn_by_mouse_is_read(page, digit):
    clear(page)
    before = pictures(page)
    draw(page, *DIGITS[digit])
    expect(page, f"strokes: {len(DIGITS[digit])}, it reads {digit}")
    wait_until(lambda: pictures(page) != before, "the picture is still the same")


def test_it_reads_while_the_button_is_down(page):
    clear(page)
    draw(page, DIGITS["1"][0], held=True)
    expect(page, "strokes: 1, it reads 1")
    page.mouse.up()


def test_undo_takes_back_one_stroke(page):
    clear(page)
    draw(page, *DIGITS["4"])
    expect(page, "strokes: 2, it reads 4")
    page.click('button:text-is("Undo")')
    expect(page, "strokes: 1")


def test_a_line_that_leaves_the_pad_stays_on_the_paper(page):
    clear(page)
    draw(page, [(0.5, 0.5), (1.6, 0.5)])
    expect(page, "strokes: 1, it reads")
