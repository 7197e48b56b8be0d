"""Data sets with mirrors, checksums and stand-ins; generators; batches, splits and folds; augmentation.

    load_...        a data set from NN_DATA_DIR, the cache or a mirror, else its stand-in, which it says
    make_...        generated points, sequences and scenes; write_numbers: a given number in real digits
    DataLoader, bucket_batches, train_test_split, k_fold
    random_shift, random_affine, elastic, mixup     new images from old; affine, warp: from given places
    normalize_digit         a drawing in the form of MNIST's images
    available, fetch    what there is and where; have one on this machine

settings.py documents the environment variables, resources/datasets.md the data sets and their licences.
"""

from utils.data_loaders.augmentation import affine, elastic, mixup, random_affine, random_shift, warp
from utils.data_loaders.batching import DataLoader, bucket_batches, k_fold, train_test_split
from utils.data_loaders.drawings import make_drawings
from utils.data_loaders.errors import DataError
from utils.data_loaders.generators import (
    make_adding,
    make_blobs,
    make_copy,
    make_dates,
    make_linearly_separable,
    make_moons,
    make_spirals,
    make_xor,
)
from utils.data_loaders.images import load_cifar10, load_digits8x8, load_mnist, load_photographs
from utils.data_loaders.normalization import normalize_digit
from utils.data_loaders.scenes import (
    make_detection_scenes,
    make_digit_strings,
    make_segmentation_scenes,
    write_numbers,
)
from utils.data_loaders.series import load_airline_passengers, load_daily_temperatures, load_sunspots
from utils.data_loaders.store import available, fetch
from utils.data_loaders.texts import (
    load_gpt2_bpe,
    load_instructions,
    load_multi30k,
    load_names,
    load_preferences,
    load_review_polarity,
    load_shakespeare,
    load_sms_spam,
)

__all__ = [
    "DataError",
    "DataLoader",
    "affine",
    "available",
    "bucket_batches",
    "elastic",
    "fetch",
    "k_fold",
    "load_airline_passengers",
    "load_cifar10",
    "load_daily_temperatures",
    "load_digits8x8",
    "load_gpt2_bpe",
    "load_instructions",
    "load_mnist",
    "load_multi30k",
    "load_names",
    "load_photographs",
    "load_preferences",
    "load_review_polarity",
    "load_shakespeare",
    "load_sms_spam",
    "load_sunspots",
    "make_adding",
    "make_blobs",
    "make_copy",
    "make_dates",
    "make_detection_scenes",
    "make_digit_strings",
    "make_drawings",
    "make_linearly_separable",
    "make_moons",
    "make_segmentation_scenes",
    "make_spirals",
    "make_xor",
    "mixup",
    "normalize_digit",
    "random_affine",
    "random_shift",
    "train_test_split",
    "warp",
    "write_numbers",
]
