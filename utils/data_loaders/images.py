"""Loaders of images."""

import numpy as np

from utils.data_loaders import about, standins_images
from utils.data_loaders.errors import DataError
from utils.data_loaders.records import ImageDataset, PhotographDataset
from utils.data_loaders.store import read

DIGITS = tuple("0123456789")
CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def load_mnist(progress: bool | None = None) -> ImageDataset:
    """MNIST: X_train (60000, 28, 28), X_test (10000, 28, 28) uint8 0 (paper) to 255 (ink), y int64 0 to 9.

    LeCun, Bottou, Bengio, Haffner 1998, "Gradient-Based Learning Applied to Document Recognition". Looked for
    in NN_DATA_DIR, then in the cache, then downloaded (12 MB); else scikit-learn's 8x8 digits stand in,
    enlarged to 28x28, 1,437 and 360 of them. Raises DataError for a damaged file.

    Notebook: 01-foundations/math-prerequisites/03-linear-algebra.ipynb
    """
    files = read("mnist", progress=progress)
    if files is None:
        X_train, X_test, y_train, y_test = standins_images.enlarged_digits()
        return ImageDataset(
            **about.stood_in("mnist"), **_parts(X_train, y_train, X_test, y_test), classes=DIGITS
        )
    arrays = [
        files[f"{part}-{kind}-ubyte.gz"]
        for part in ("train", "t10k")
        for kind in ("images-idx3", "labels-idx1")
    ]
    return ImageDataset(**about.real("mnist"), **_parts(*arrays), classes=DIGITS)


def _parts(
    X_train: np.ndarray, y_train: np.ndarray, X_test: np.ndarray, y_test: np.ndarray
) -> dict[str, np.ndarray]:
    for part, X, y in (("training", X_train, y_train), ("test", X_test, y_test)):
        if len(X) != len(y):
            raise DataError(
                f"the {part} files do not belong together, {len(X)} images but {len(y)} labels: "
                "delete them both"
            )
    return {"X_train": X_train, "y_train": y_train, "X_test": X_test, "y_test": y_test}


def load_cifar10(progress: bool | None = None) -> ImageDataset:
    """CIFAR-10: X_train (50000, 3, 32, 32), X_test (10000, 3, 32, 32) uint8, channels red, green, blue.

    Krizhevsky 2009. Batches 2 to 5 may be missing from NN_DATA_DIR; then X_train is shorter and `.name` says
    so. Looked for in NN_DATA_DIR, then in the cache, then downloaded (170 MB); else 2,000 and 500 generated
    shapes and textures of ten other classes stand in. Raises DataError for a damaged file.

    Notebook: 03-cnn/architectures/01-alexnet.ipynb
    """
    files = read("cifar10", progress=progress)
    if files is None:
        X_train, X_test, y_train, y_test = standins_images.shapes_and_textures()
        parts = _parts(X_train, y_train, X_test, y_test)
        return ImageDataset(**about.stood_in("cifar10"), **parts, classes=standins_images.SHAPE_CLASSES)
    X_test, y_test = files.pop("test_batch.bin")
    X_train, y_train = (np.concatenate(arrays) for arrays in zip(*files.values(), strict=True))
    fields = about.real("cifar10")
    if len(X_train) < 50_000:
        fields["name"] += f" ({len(X_train):,} of 50,000 training images)"
    return ImageDataset(**fields, **_parts(X_train, y_train, X_test, y_test), classes=CIFAR10_CLASSES)


def load_digits8x8() -> ImageDataset:
    """scikit-learn's handwritten digits: X (N, 8, 8) uint8 of 0 to 16, a fixed split of 1,437 and 360.

    Notebook: 01-foundations/math-prerequisites/02-numpy-fundamentals.ipynb
    """
    X_train, X_test, y_train, y_test = standins_images.digits8x8()
    return ImageDataset(**about.real("digits8x8"), **_parts(X_train, y_train, X_test, y_test), classes=DIGITS)


def load_photographs() -> PhotographDataset:
    """scikit-learn's two photographs, uint8 (427, 640, 3): `.china`, `.flower`; print `.credits` beside them.

    Notebook: 01-foundations/math-prerequisites/03-linear-algebra.ipynb
    """
    from sklearn.datasets import load_sample_image

    photographers = {"china": "danielbuechele", "flower": "vultilion"}
    return PhotographDataset(
        **about.real("photographs"),
        **{key: np.array(load_sample_image(f"{key}.jpg")) for key in photographers},
        credits={key: f"{key}.jpg by {who} (Flickr), CC BY 2.0" for key, who in photographers.items()},
    )
