"""What there is to load: files, where they are published, and what each is checked against.

`sha256` is that of the decompressed bytes (mirrors pack anew) and is compared after a download and for a
cached file, not for a file of the learner's own in `NN_DATA_DIR`. Where it is missing, the publisher's bytes
differ from the copies at hand (rt-polarity is Latin-1 there) or may change (the instruction data), and the
parser's checks stand alone. CIFAR-10's archive is compared as a whole. Sizes are of the packed files.
"""

from collections.abc import Callable

from utils.data_loaders import parsers
from utils.data_loaders.errors import DataError
from utils.data_loaders.sources import MEGABYTE, Archive, File, Record, github


def _mnist(name: str, parse: Callable, size: int, sha256: str) -> File:
    mirrors = (
        "https://ossci-datasets.s3.amazonaws.com/mnist",
        "https://storage.googleapis.com/cvdf-datasets/mnist",
        "https://raw.githubusercontent.com/fgnt/mnist/master",
    )
    return File(f"mnist/{name}", parse, size, sha256, tuple(f"{mirror}/{name}" for mirror in mirrors))


_MNIST = Record(
    name="mnist",
    title="MNIST",
    source="LeCun, Cortes, Burges: the MNIST database of handwritten digits",
    licence="CC BY-SA 3.0",
    files=(
        _mnist(
            "train-images-idx3-ubyte.gz",
            parsers.idx_array(3, (28, 28)),
            9_912_422,
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        _mnist(
            "train-labels-idx1-ubyte.gz",
            parsers.idx_labels(10),
            28_881,
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        _mnist(
            "t10k-images-idx3-ubyte.gz",
            parsers.idx_array(3, (28, 28)),
            1_648_877,
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        _mnist(
            "t10k-labels-idx1-ubyte.gz",
            parsers.idx_labels(10),
            4_542,
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
    stand_in="scikit-learn's 8x8 digits, enlarged, stand in",
    stand_in_name="8x8 digits",
    stand_in_source="Alpaydin, Kaynak 1998, by way of scikit-learn",
    stand_in_licence="CC BY 4.0",
)


def _cifar(name: str, sha256: str, optional: bool = False) -> File:
    path = f"cifar-10-batches-bin/{name}"
    return File(path, parsers.cifar_batch, sha256=sha256, member=path, optional=optional)


_CIFAR10 = Record(
    name="cifar10",
    title="CIFAR-10",
    source="Krizhevsky 2009: Learning Multiple Layers of Features from Tiny Images",
    licence="none stated; for research",
    files=(
        _cifar("data_batch_1.bin", "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"),
        _cifar("data_batch_2.bin", "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed", True),
        _cifar("data_batch_3.bin", "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67", True),
        _cifar("data_batch_4.bin", "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48", True),
        _cifar("data_batch_5.bin", "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add", True),
        _cifar("test_batch.bin", "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"),
    ),
    archive=Archive(
        "tar.gz",
        (
            "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
            "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/cifar-10-binary.tar.gz",
        ),
        size=170_052_171,
        sha256="c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        limit=200 * MEGABYTE,
    ),
    stand_in="generated images of shapes and textures stand in",
    stand_in_name="shapes and textures",
)

_SHAKESPEARE = Record(
    name="shakespeare",
    title="tiny Shakespeare",
    source="Karpathy, char-rnn: plays of Shakespeare in one file",
    licence="public domain text",
    files=(
        File(
            "tinyshakespeare/input.txt",
            parsers.utf8,
            1_115_394,
            "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
            github("karpathy/char-rnn", "master", "data/tinyshakespeare/input.txt"),
        ),
    ),
    stand_in="the Python documentation (pydoc_data.topics) stands in",
    stand_in_name="Python documentation",
    stand_in_source="Python Software Foundation: pydoc_data.topics",
    stand_in_licence="PSF-2.0",
)

_NAMES = Record(
    name="names",
    title="names",
    source="US Social Security Administration's baby names, by way of Karpathy's makemore",
    licence="public data",
    files=(
        File(
            "names/names.txt",
            parsers.names,
            228_145,
            "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d",
            github("karpathy/makemore", "master", "names.txt"),
        ),
    ),
    stand_in="names generated from syllables stand in",
    stand_in_name="syllables",
)

_MULTI30K_FILES = (
    ("train.de", 637_044, "2c2b73fd2b548fbcde3a875e0a78d6ee94d498bfdee6bd3eae3945779e9ddf72"),
    ("train.en", 568_929, "460a15fbd157e34a7a9957ee388c1ca247fe47af3ef25fb50442af6c274e0fc6"),
    ("train.fr", 604_242, "5925a3c18f1587b6b54b87743106e6e8ab93618edb6f65d19eac0621f853a10d"),
    ("val.de", 24_681, "660e09eb7e1da2f856ea13ee5ad3cf6d36b3d5b0b733c857e94c5747a3dfc660"),
    ("val.en", 21_650, "1f2a23d992769b5b3d209b0a10dd0b77c08cceb1f20dfb97ed0aafa49d107227"),
    ("val.fr", 23_001, "5304e444d842e962b2dda4d816b70b22a1765b15401642b7ca37a67477e708dc"),
    ("test_2016_flickr.de", 22_890, "4be6b5b3236b79c25475c6bb829800a7ce559e9ba7a1f6c2394fe4d40be46d16"),
    ("test_2016_flickr.en", 21_077, "399a4382932c1aadd3ceb9bef1008d388a64c76d4ae4e9d4728c6f4301cac182"),
    ("test_2016_flickr.fr", 22_310, "cb3160d69b002bb638e66cc7612fcd56cb0af82eadc9c142dedc438afb885ef6"),
)


def _multi30k(name: str, size: int, sha256: str) -> File:
    urls = github("multi30k/dataset", "master", f"data/task1/raw/{name}.gz")
    return File(f"multi30k/{name}.gz", parsers.lines(100), size, sha256, urls)


_MULTI30K = Record(
    name="multi30k",
    title="Multi30k",
    source="Elliott, Frank, Sima'an, Specia 2016: Multi30K, Multilingual English-German Image Descriptions",
    licence="for research (captions of Flickr30k)",
    files=tuple(_multi30k(*entry) for entry in _MULTI30K_FILES),
    stand_in="sentences generated from a small grammar stand in",
    stand_in_name="small bilingual grammar",
)

_SMS_SPAM = Record(
    name="sms_spam",
    title="SMS spam",
    source="Almeida, Hidalgo 2011: SMS Spam Collection, UCI Machine Learning Repository",
    licence="CC BY 4.0",
    files=(
        File(
            "sms-spam/SMSSpamCollection",
            parsers.sms,
            sha256="7d039a24a6083ed9ef0f806ebad56bbb976e3aeb8de05669173bfdc4996c239d",
            member="SMSSpamCollection",
        ),
    ),
    archive=Archive(
        "zip", ("https://archive.ics.uci.edu/static/public/228/sms+spam+collection.zip",), 203_415
    ),
    stand_in="messages generated from templates stand in",
    stand_in_name="message templates",
)


def _polarity(name: str) -> File:
    urls = github("dennybritz/cnn-text-classification-tf", "master", f"data/rt-polaritydata/{name}")
    return File(f"rt-polarity/{name}", parsers.review_sentences, urls=urls, member=f"rt-polaritydata/{name}")


_REVIEW_POLARITY = Record(
    name="review_polarity",
    title="review polarity",
    source="Pang, Lee 2005: sentence polarity dataset v1.0, sentences from Rotten Tomatoes",
    licence="for research",
    files=(_polarity("rt-polarity.pos"), _polarity("rt-polarity.neg")),
    archive=Archive(
        "tar.gz",
        ("https://www.cs.cornell.edu/people/pabo/movie-review-data/rt-polaritydata.tar.gz",),
        487_770,
    ),
    stand_in="sentences generated from templates stand in",
    stand_in_name="review templates",
)


def _series(name: str, title: str, source: str, unit: str, file: str, size: int, sha256: str) -> Record:
    urls = github("jbrownlee/Datasets", "master", file)
    return Record(
        name=name,
        title=title,
        source=source,
        licence="none stated; freely redistributed",
        files=(File(f"time-series/{file}", parsers.series(unit), size, sha256, urls),),
        stand_in="a generated series stands in",
        stand_in_name="generated series",
    )


_SERIES = (
    _series(
        "airline_passengers",
        "airline passengers",
        "Box, Jenkins 1970: Time Series Analysis, series G",
        "M",
        "airline-passengers.csv",
        2_180,
        "8cb51be753a718d9be5d76d7e238cc224792754676adc21faa59e954b0201621",
    ),
    _series(
        "sunspots",
        "sunspots",
        "SIDC, Royal Observatory of Belgium: monthly mean sunspot number",
        "M",
        "monthly-sunspots.csv",
        45_039,
        "c4ec8cc57d9f6fb6ecdb3e1f37f25b6f4badd5124c55931052b0cd2fc3bc71f3",
    ),
    _series(
        "daily_temperatures",
        "daily temperatures",
        "Australian Bureau of Meteorology: daily minimum temperatures in Melbourne",
        "D",
        "daily-min-temperatures.csv",
        67_921,
        "8b9de63ed6789492bf497625e7f9beb96a63d367b4b0a21754006f749fa5e5da",
    ),
)


def _gpt2(name: str, hugging_face: str, parse: Callable, size: int, sha256: str) -> File:
    urls = (
        f"https://openaipublic.blob.core.windows.net/gpt-2/encodings/main/{name}",
        f"https://huggingface.co/openai-community/gpt2/resolve/main/{hugging_face}",
    )
    return File(f"gpt2-bpe/{name}", parse, size, sha256, urls)


_GPT2_BPE = Record(
    name="gpt2_bpe",
    title="GPT-2's BPE",
    source="OpenAI: GPT-2's byte-level BPE vocabulary and merges",
    licence="MIT",
    files=(
        _gpt2(
            "encoder.json",
            "vocab.json",
            parsers.bpe_encoder,
            1_042_301,
            "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
        ),
        _gpt2(
            "vocab.bpe",
            "merges.txt",
            parsers.bpe_merges,
            456_318,
            "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
        ),
    ),
    stand_in="a small BPE trained on the Python documentation stands in",
    stand_in_name="small BPE of the Python documentation",
    stand_in_source="Python Software Foundation: pydoc_data.topics",
    stand_in_licence="PSF-2.0",
)


def _instructions(name: str, title: str, folder: str, file: str, size: int, keys: tuple[str, ...]) -> Record:
    urls = github("rasbt/LLMs-from-scratch", "main", f"ch07/{folder}/{file}")
    return Record(
        name=name,
        title=title,
        source="Raschka: Build a Large Language Model (From Scratch), chapter 7",
        licence="Apache 2.0",
        files=(
            File(
                f"instructions/{file}", parsers.json_records("instruction", "input", *keys), size, urls=urls
            ),
        ),
        stand_in="pairs generated from templates stand in",
        stand_in_name="instruction templates",
    )


_INSTRUCTIONS = (
    _instructions(
        "instructions",
        "instructions",
        "01_main-chapter-code",
        "instruction-data.json",
        203_524,
        ("output",),
    ),
    _instructions(
        "preferences",
        "preferences",
        "04_preference-tuning-with-dpo",
        "instruction-data-with-preference.json",
        386_968,
        ("chosen", "rejected"),
    ),
)

_DIGITS8X8 = Record(
    name="digits8x8",
    title="8x8 digits",
    source="Alpaydin, Kaynak 1998: Optical Recognition of Handwritten Digits, UCI, by way of scikit-learn",
    licence="CC BY 4.0",
)
_PHOTOGRAPHS = Record(
    name="photographs",
    title="photographs",
    source="scikit-learn's sample images china.jpg and flower.jpg",
    licence="CC BY 2.0",
)

RECORDS: dict[str, Record] = {
    record.name: record
    for record in (
        _MNIST, _CIFAR10, _DIGITS8X8, _PHOTOGRAPHS, _SHAKESPEARE, _NAMES, _MULTI30K, _SMS_SPAM,
        _REVIEW_POLARITY, *_SERIES, _GPT2_BPE, *_INSTRUCTIONS,
    )
}  # fmt: skip


def lookup(name: str) -> Record:
    """The record called `name`; DataError, listing the names, where there is none."""
    if name not in RECORDS:
        raise DataError(f"no data set is called {name!r}; there are {', '.join(RECORDS)}")
    return RECORDS[name]
