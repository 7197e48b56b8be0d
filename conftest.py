"""Settings of every test run: one BLAS thread a worker, no progress bars, no tick in anybody's README."""

import os
import shutil
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent

# Before NumPy is imported anywhere; notebook kernels inherit them.
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ["NN_PROGRESS"] = "0"


def pytest_configure(config):
    import utils

    if Path(utils.__file__).resolve().parent != ROOT / "utils":
        raise RuntimeError(
            f"`import utils` found {utils.__file__}, not this repository's: activate the virtual environment "
            "in which `pip install -r requirements.txt` was run"
        )
    folder = tempfile.mkdtemp(prefix="roadmap-")
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    os.environ["NN_ROADMAP"] = shutil.copy(ROOT / "README.md", folder)
    # nbval opens this path relative to the current folder; anchored here, runs from sub-folders find it too.
    if getattr(config.option, "nbval", False) and not config.option.nbval_sanitize_with:
        config.option.nbval_sanitize_with = str(ROOT / "nbval-sanitize.cfg")
