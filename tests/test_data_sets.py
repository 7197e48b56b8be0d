"""All loaders with the real data (where NN_DATA_DIR is set) and with their stand-ins."""

import hashlib
import os
import time
from pathlib import Path

import numpy as np
import pytest

import utils.data_loaders as data
from utils.data_loaders import records, registry, store
from utils.data_loaders.standins_bpe import byte_symbols

LOADERS = {
    name.removeprefix("load_"): getattr(data, name) for name in data.__all__ if name.startswith("load_")
}
SHIPPED = {"digits8x8", "photographs"}
DOWNLOADED = sorted(set(LOADERS) - SHIPPED)
OWN = os.environ.get("NN_DATA_DIR", "")
real_data = pytest.mark.skipif(not OWN, reason="NN_DATA_DIR is not set, so the real data is not tested")


@pytest.fixture
def offline(tmp_path, monkeypatch):
    monkeypatch.delenv("NN_DATA_DIR", raising=False)
    monkeypatch.setenv("NN_OFFLINE", "1")
    monkeypatch.setenv("NN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(store, "_announced", set())


def digest(value):
    """A digest of a data set's content, whatever its fields."""
    state = hashlib.sha256()
    for name, field in sorted(vars(value).items()):
        state.update(name.encode())
        state.update(field.tobytes() if isinstance(field, np.ndarray) else repr(field).encode())
    return state.hexdigest()


def test_there_is_a_loader_for_every_record():
    assert set(LOADERS) == set(registry.RECORDS)


@pytest.mark.parametrize("name", DOWNLOADED)
def test_stand_ins_say_so_and_are_the_same_each_time(name, offline, capsys):
    first = LOADERS[name]()
    said = capsys.readouterr().out
    title = registry.RECORDS[name].title
    assert said.startswith(f"{title}: no network (NN_OFFLINE=1 is set), so ") and said.endswith(
        "unset NN_OFFLINE.\n"
    )
    assert first.is_stand_in and first.name.endswith(f"(stand-in for {title})")
    assert first.source and first.licence
    assert digest(first) == digest(LOADERS[name]())
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", LOADERS)
def test_a_data_set_shows_itself_in_one_short_line(name, offline):
    shown = repr(LOADERS[name]())
    assert "\n" not in shown and len(shown) < 400


def check_images(dataset, channels):
    for X, y in ((dataset.X_train, dataset.y_train), (dataset.X_test, dataset.y_test)):
        assert X.dtype == np.uint8 and y.dtype == np.int64 and X.shape == (len(y), *channels)
        assert set(np.unique(y)) == set(range(len(dataset.classes)))


def test_stand_in_for_mnist(offline):
    mnist = data.load_mnist()
    check_images(mnist, (28, 28))
    assert (len(mnist.X_train), len(mnist.X_test)) == (1437, 360)
    assert mnist.X_train.max() == 255 and mnist.X_train.flags.writeable
    frame = np.ones((28, 28), bool)
    frame[4:24, 4:24] = False
    assert not mnist.X_train[:, frame].any() and mnist.X_train[:, 4:24, 4:24].any(axis=(1, 2)).all()
    counts = np.bincount(mnist.y_train) / len(mnist.y_train) - np.bincount(mnist.y_test) / len(mnist.y_test)
    assert np.abs(counts).max() < 0.005  # stratified


def test_enlarging_keeps_the_mean_and_agrees_with_scipy():
    from scipy.ndimage import zoom

    from utils.data_loaders.standins_images import _bilinear, digits8x8

    image, A = digits8x8()[0][0].astype(float), _bilinear(8, 20)
    np.testing.assert_allclose(A.sum(axis=1), 1)
    expected = zoom(image, 2.5, order=1, mode="nearest", grid_mode=True)
    np.testing.assert_allclose(A @ image @ A.T, expected, atol=1e-9)


def test_stand_in_for_cifar10_can_be_told_apart_but_not_by_colour(offline):
    from sklearn.linear_model import LogisticRegression

    cifar = data.load_cifar10()
    check_images(cifar, (3, 32, 32))
    assert (len(cifar.X_train), len(cifar.X_test)) == (2000, 500)
    assert len(set(cifar.classes)) == 10 and "cat" not in cifar.classes
    colour = cifar.X_train.mean(axis=(2, 3)), cifar.X_test.mean(axis=(2, 3))
    by_colour = LogisticRegression(max_iter=500).fit(colour[0] / 255, cifar.y_train)
    assert by_colour.score(colour[1] / 255, cifar.y_test) < 0.25
    edges = [
        np.stack([np.abs(np.diff(X.astype(float), axis=a)).mean(axis=(1, 2, 3)) for a in (2, 3)], axis=1)
        for X in (cifar.X_train, cifar.X_test)
    ]
    by_edges = LogisticRegression(max_iter=500).fit(edges[0] / 50, cifar.y_train)
    assert by_edges.score(edges[1] / 50, cifar.y_test) > 0.3


@pytest.mark.parametrize(("load", "low", "high"), [("sms_spam", 0.9, 0.99), ("review_polarity", 0.88, 0.97)])
def test_stand_in_texts_are_neither_trivial_nor_hopeless(load, low, high, offline):
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.naive_bayes import MultinomialNB

    texts = LOADERS[load]()
    X, y = CountVectorizer().fit_transform(texts.texts), texts.labels
    assert low < MultinomialNB().fit(X[:1500], y[:1500]).score(X[1500:], y[1500:]) < high
    assert len(texts.classes) == 2 and set(y) == {0, 1}


def test_stand_in_names_are_many_and_different(offline):
    names = data.load_names().names
    assert len(names) == len(set(names)) > 5000
    assert all(name.isascii() and name.isalpha() and name.islower() for name in names)


@pytest.mark.parametrize("languages", [("de", "en"), ("en", "fr"), ("fr", "de")])
def test_stand_in_translations(languages, offline):
    pairs = data.load_multi30k(languages)
    splits = [set(part) for part in (pairs.train, pairs.validation, pairs.test)]
    assert [len(part) for part in splits] == [4000, 400, 400]
    assert not splits[0] & splits[2] and not splits[0] & splits[1]
    assert pairs.languages == languages


@pytest.mark.parametrize(
    ("scene", "english", "german", "french"),
    [
        (
            ("girl", "small", "is sleeping", "in a park", ""),
            "A small girl is sleeping in a park.",
            "Ein kleines Mädchen schläft in einem Park.",
            "Une petite fille dort dans un parc.",
        ),
        (
            ("cat", "tired", "is sitting", "on the street", "Today"),
            "Today a tired cat is sitting on the street.",
            "Heute sitzt eine müde Katze auf der Straße.",
            "Aujourd'hui, un chat fatigué est assis dans la rue.",
        ),
        (
            ("cow", "", "is sitting", "near the water", "At night"),
            "At night a cow is sitting near the water.",
            "Nachts sitzt eine Kuh am Wasser.",
            "La nuit, une vache est assise près de l'eau.",
        ),
    ],
)
def test_the_stand_in_grammar_agrees_and_inverts(scene, english, german, french):
    from utils.data_loaders import standins_translation as grammar

    tables = (grammar.NOUNS, grammar.ADJECTIVES, grammar.VERBS, grammar.PLACES, grammar.TIMES)
    rows = [next(row for row in table if row[0] == word) for table, word in zip(tables, scene, strict=True)]
    assert grammar._english(*rows) == english
    assert grammar._german(*rows) == german
    assert grammar._french(*rows) == french


@pytest.mark.parametrize("languages", [("de", "de"), ("de",), ("de", "nl"), "de"])
def test_other_languages_are_refused(languages, offline):
    with pytest.raises(data.DataError, match="two of de, en, fr"):
        data.load_multi30k(languages)


def test_stand_in_series_have_the_shapes_of_the_real_ones(offline):
    airline, sunspots, daily = (
        data.load_airline_passengers(),
        data.load_sunspots(),
        data.load_daily_temperatures(),
    )
    assert [len(s.values) for s in (airline, sunspots, daily)] == [144, 2820, 3650]
    for series in (airline, sunspots, daily):
        assert series.dates.shape == series.values.shape and series.values.dtype == np.float64
        assert (np.diff(series.dates).astype(int) > 0).all() and (series.values >= 0).all()
    years = airline.values.reshape(12, 12)
    assert (np.diff(years.mean(axis=1)) > 0).all()
    assert np.ptp(years[-1]) > 2 * np.ptp(years[0])  # the season grows with the level
    spectrum = np.abs(np.fft.rfft(sunspots.values - sunspots.values.mean()))
    assert 110 < len(sunspots.values) / spectrum.argmax() < 155
    by_day = daily.values.reshape(10, 365).mean(axis=0)
    assert by_day[:60].mean() - by_day[180:240].mean() > 5  # summer is in January


def test_stand_in_bpe_can_write_any_text_and_spells_its_own_shortly(offline):
    bpe = data.load_gpt2_bpe()
    assert sorted(bpe.encoder.values()) == list(range(len(bpe.encoder)))
    assert all(a + b in bpe.encoder for a, b in bpe.merges) and len(bpe.merges) == len(set(bpe.merges)) == 600
    assert set(byte_symbols().values()) <= set(bpe.encoder) and list(bpe.encoder)[-1] == "<|endoftext|>"
    assert {"Ġthe", "Ġof"} <= set(bpe.encoder)


def test_stand_in_merges_are_the_most_frequent_pairs():
    """Against recounting all pairs after every merge."""
    from collections import Counter
    from itertools import pairwise

    from utils.data_loaders import standins_bpe

    words = [list(word) for word in ("low", "lower", "newest", "widest", "wide")]
    counts = [5, 2, 6, 3, 4]
    expected, spelled = [], [list(word) for word in words]
    for _ in range(6):
        pairs = Counter()
        for word, count in zip(spelled, counts, strict=True):
            for pair in pairwise(word):
                pairs[pair] += count
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        expected.append(best)
        spelled = [standins_bpe._merge(word, best) for word in spelled]
    assert standins_bpe._train(words, counts, 6) == tuple(expected)


def test_stand_in_instructions_and_preferences(offline):
    tasks, preferences = data.load_instructions().examples, data.load_preferences().examples
    assert len(tasks) == len(set(tasks)) > 200 and len(preferences) == len(tasks)
    assert all(isinstance(p, records.Preference) and p.chosen != p.rejected for p in preferences)
    assert all(t.instruction and t.output for t in tasks)


def test_digits_and_photographs_come_with_scikit_learn(offline, capsys):
    digits, photographs = data.load_digits8x8(), data.load_photographs()
    check_images(digits, (8, 8))
    assert digits.X_train.max() == 16 and not digits.is_stand_in
    assert photographs["china"].shape == photographs.flower.shape == (427, 640, 3)
    assert (
        photographs.china.dtype == np.uint8
        and set(photographs) == {"china", "flower"}
        and len(photographs) == 2
    )
    assert "danielbuechele" in photographs.credits["china"] and "vultilion" in photographs.credits["flower"]
    with pytest.raises(KeyError, match=r"china, flower"):
        photographs["cat"]
    assert capsys.readouterr().out == ""


def test_available_is_cheap_and_complete(offline):
    started = time.perf_counter()
    table = data.available()
    assert time.perf_counter() - started < 0.2
    assert [row.name for row in table] == list(registry.RECORDS)
    assert {row.state for row in table} == {"offline", "with scikit-learn"}
    assert all(row.bytes > 0 for row in table if row.name in DOWNLOADED)


# With the real files


@pytest.fixture
def own(monkeypatch, tmp_path):
    monkeypatch.setenv("NN_OFFLINE", "1")
    monkeypatch.setenv("NN_CACHE_DIR", str(tmp_path))


@real_data
@pytest.mark.parametrize("name", DOWNLOADED)
def test_the_real_data_loads(name, own, capsys):
    dataset = LOADERS[name]()
    assert not dataset.is_stand_in and dataset.name.startswith(registry.RECORDS[name].title)
    assert capsys.readouterr().out == ""


@real_data
def test_real_mnist_is_the_original_and_quick(own):
    started = time.perf_counter()
    mnist = data.load_mnist()
    seconds = time.perf_counter() - started
    check_images(mnist, (28, 28))
    assert (len(mnist.X_train), len(mnist.X_test)) == (60_000, 10_000)
    header = bytes.fromhex("00000803 0000ea60 0000001c 0000001c")
    assert hashlib.md5(header + mnist.X_train.tobytes()).hexdigest() == "6bbc9ace898e44ae57da46a324031adb"
    assert mnist.y_train[:5].tolist() == [5, 0, 4, 1, 9]
    assert seconds < 2.0  # 0.2 s on an idle machine


@real_data
def test_real_cifar10(own):
    cifar = data.load_cifar10()
    check_images(cifar, (3, 32, 32))
    assert (np.bincount(cifar.y_test) == len(cifar.y_test) // 10).all()


@real_data
def test_real_texts(own):
    assert data.load_shakespeare().text.startswith("First Citizen:\nBefore we proceed")
    assert len(data.load_shakespeare().text) == 1_115_394
    names = data.load_names().names
    assert len(names) == 32_033 and names[:2] == ("emma", "olivia")
    sms = data.load_sms_spam()
    assert len(sms.texts) == 5574 and sms.labels.sum() == 747
    reviews = data.load_review_polarity()
    assert np.bincount(reviews.labels).tolist() == [5331, 5331]
    assert reviews.texts[5331].startswith("the rock is destined")
    pairs = data.load_multi30k(("en", "fr"))
    assert [len(p) for p in (pairs.train, pairs.validation, pairs.test)] == [29_000, 1014, 1000]
    assert pairs.train[0][0] == "Two young, White males are outside near many bushes."
    assert len(data.load_instructions().examples) == len(data.load_preferences().examples) == 1100


@real_data
def test_real_bpe(own):
    bpe = data.load_gpt2_bpe()
    assert len(bpe.encoder) == 50_257 and len(bpe.merges) == 50_000
    assert list(bpe.encoder)[:256] == list(byte_symbols().values())


@real_data
def test_real_series(own):
    airline, sunspots, daily = (
        data.load_airline_passengers(),
        data.load_sunspots(),
        data.load_daily_temperatures(),
    )
    assert airline.values[[0, -1]].tolist() == [112, 432] and str(airline.dates[-1]) == "1960-12"
    assert str(sunspots.dates[0]) == "1749-01" and len(sunspots.values) == 2820
    assert str(daily.dates[-1]) == "1990-12-31" and len(daily.values) == 3650


@real_data
def test_the_registered_checksums_are_those_of_the_real_files(own):
    """CIFAR-10 excepted: the archive's pixels may differ from a sample kept as JPEG."""
    from utils.data_loaders.archives import gunzip

    checked = 0
    for record in registry.RECORDS.values():
        for file in record.files:
            path = Path(OWN) / file.path
            if file.sha256 and record.name != "cifar10" and path.exists():
                content = path.read_bytes()
                content = gunzip(content, file.limit) if path.suffix == ".gz" else content
                assert hashlib.sha256(content).hexdigest() == file.sha256, file.path
                checked += 1
    assert checked >= 20
