"""Run notebooks from a fresh kernel and save their outputs: python tests/save_outputs.py PATH.ipynb ..."""

import base64
import json
import os
import re
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path

import nbformat
import numpy as np
from nbclient import NotebookClient
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from utils.files import atomic_write

LANGUAGE = {
    "name": "python",
    "pygments_lexer": "ipython3",
    "file_extension": ".py",
    "mimetype": "text/x-python",
}
LARGEST_ERROR = 16  # of 255 levels of red, green or blue, in any pixel: not to be seen
KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}


def run(path: Path) -> float:
    """Execute one notebook in its own folder and save it; returns the seconds it took."""
    notebook = nbformat.read(path, as_version=4)
    started = time.perf_counter()
    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": path.parent}}
    ).execute()
    seconds = time.perf_counter() - started
    clean(notebook)
    notebook = with_stable_widgets(notebook)
    nbformat.validate(notebook)
    atomic_write(path, (nbformat.writes(notebook).rstrip("\n") + "\n").encode())
    return seconds


def clean(notebook: nbformat.NotebookNode) -> None:
    """Keep what a reader needs: no timestamps, no machine's version numbers, cell ids that do not change."""
    widgets = notebook.metadata.get("widgets")
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": LANGUAGE})
    if widgets:
        notebook.metadata["widgets"] = widgets
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:03d}"
        tags = cell.metadata.get("tags")
        cell.metadata = nbformat.from_dict({"tags": tags} if tags else {})
        if cell.cell_type == "code":
            cell.outputs = merge_streams(cell.outputs)
            for output in cell.outputs:
                if "image/png" in output.get("data", {}):
                    output.data["image/png"] = smaller_png(output.data["image/png"])


def merge_streams(outputs: list) -> list:
    """Join neighbouring pieces of printed text, which a slow moment of the kernel may have split."""
    merged = []
    for output in outputs:
        last = merged[-1] if merged else {}
        if output.output_type == "stream" == last.get("output_type") and output.name == last.get("name"):
            last["text"] += output.text
        else:
            merged.append(output)
    return merged


def with_stable_widgets(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Widgets numbered in the order in which outputs show them, in place of names that are new in every run."""
    kind = "application/vnd.jupyter.widget-"
    state = notebook.metadata.get("widgets", {}).get(f"{kind}state+json", {}).get("state", {})
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    left = [
        output.data[f"{kind}view+json"]["model_id"]
        for output in outputs
        if f"{kind}view+json" in output.get("data", {})
    ]
    text, seen = nbformat.writes(notebook), []
    while left:
        name = left.pop(0)
        if name in state and name not in seen:
            seen.append(name)
            left += re.findall(r"IPY_MODEL_(\w+)", json.dumps(state[name], sort_keys=True))
    for number, name in enumerate(seen):
        text = text.replace(name, f"{number:032x}")
    return nbformat.reads(text, as_version=4)


def smaller_png(encoded: str) -> str:
    """The picture with a palette of 256 colours where nobody could tell, which takes half of the bytes or less."""
    raw = base64.b64decode(encoded)
    picture = Image.open(BytesIO(raw))
    if picture.mode == "RGBA" and picture.getextrema()[3] != (255, 255):
        return encoded
    picture = picture.convert("RGB")
    method, dither = (
        Image.Quantize.MAXCOVERAGE,
        Image.Dither.NONE,
    )  # keeps rare colours, such as one dark pixel
    reduced = picture.quantize(256, method=method, kmeans=3, dither=dither)
    error = np.abs(np.subtract(picture, reduced.convert("RGB"), dtype=np.int16))  # (H, W, 3)
    buffer = BytesIO()
    reduced.save(buffer, "PNG", optimize=True)
    if error.max() > LARGEST_ERROR or buffer.tell() >= len(raw):
        return encoded
    return base64.b64encode(buffer.getvalue()).decode()


def main() -> int:
    if not sys.argv[1:]:
        print(__doc__)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        # Saved outputs must not depend on what the person at this machine has ticked, nor change it.
        os.environ.update(NN_PROGRESS="0", NN_ROADMAP=str(Path(folder) / "README.md"))
        readme = Path(__file__).resolve().parents[1] / "README.md"
        if readme.exists():
            Path(os.environ["NN_ROADMAP"]).write_bytes(readme.read_bytes())
        for path in map(Path, sys.argv[1:]):
            print(f"{run(path):6.1f} s  {path}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
