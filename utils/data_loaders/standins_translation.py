"""A grammar of small scenes in English, German and French, for want of Multi30k."""

from itertools import product

import numpy as np

# Per word: English, German, French; nouns with their genders, adjectives with their endings and place.
NOUNS = (
    ("man", "Mann", "m", "homme", "m"), ("woman", "Frau", "f", "femme", "f"),
    ("child", "Kind", "n", "enfant", "m"),
    ("girl", "Mädchen", "n", "fille", "f"), ("boy", "Junge", "m", "garçon", "m"),
    ("dog", "Hund", "m", "chien", "m"),
    ("cat", "Katze", "f", "chat", "m"), ("horse", "Pferd", "n", "cheval", "m"),
    ("teacher", "Lehrerin", "f", "professeure", "f"),
    ("bird", "Vogel", "m", "oiseau", "m"), ("cow", "Kuh", "f", "vache", "f"),
    ("sheep", "Schaf", "n", "mouton", "m"),
)  # fmt: skip
ADJECTIVES = (
    ("", "", "", "", ""), ("small", "klein", "petit", "petite", "before"),
    ("big", "groß", "grand", "grande", "before"),
    ("young", "jung", "jeune", "jeune", "before"), ("tired", "müde", "fatigué", "fatiguée", "after"),
    ("happy", "glücklich", "heureux", "heureuse", "after"),
    ("quiet", "still", "tranquille", "tranquille", "after"),
    ("strong", "stark", "fort", "forte", "after"), ("curious", "neugierig", "curieux", "curieuse", "after"),
)  # fmt: skip
VERBS = (
    ("is sleeping", "schläft", "dort"), ("is waiting", "wartet", "attend"), ("is playing", "spielt", "joue"),
    ("is running", "läuft", "court"), ("is eating", "isst", "mange"), ("is sitting", "sitzt", "est assis"),
    ("is drinking", "trinkt", "boit"), ("is jumping", "springt", "saute"),
)  # fmt: skip
PLACES = (
    ("in a park", "in einem Park", "dans un parc"), ("on the beach", "am Strand", "sur la plage"),
    ("in front of a house", "vor einem Haus", "devant une maison"),
    ("on the street", "auf der Straße", "dans la rue"),
    ("under a tree", "unter einem Baum", "sous un arbre"), ("near the water", "am Wasser", "près de l'eau"),
    ("in the snow", "im Schnee", "dans la neige"),
    ("behind a fence", "hinter einem Zaun", "derrière une clôture"),
    ("in the grass", "im Gras", "dans l'herbe"), ("on a bridge", "auf einer Brücke", "sur un pont"),
)  # fmt: skip
TIMES = (("", "", ""), ("Today", "Heute", "Aujourd'hui"), ("At night", "Nachts", "La nuit"))


def small_grammar(n_train: int = 4000, n_rest: int = 400) -> dict[str, tuple[dict[str, str], ...]]:
    """Different sentences in three splits (`train`, `validation`, `test`), each by language.

    After an opening adverb German puts the verb before its subject; French puts some adjectives behind the
    noun.
    """
    scenes = list(product(NOUNS, ADJECTIVES, VERBS, PLACES, TIMES))
    chosen = np.random.default_rng(0).permutation(len(scenes))[: n_train + 2 * n_rest]
    sentences = tuple(
        {"en": _english(*s), "de": _german(*s), "fr": _french(*s)} for s in (scenes[i] for i in chosen)
    )
    middle = n_train + n_rest
    return {
        "train": sentences[:n_train],
        "validation": sentences[n_train:middle],
        "test": sentences[middle:],
    }


def _sentence(*words: str) -> str:
    text = " ".join(filter(None, words))
    return f"{text[0].upper()}{text[1:]}."


def _english(noun: tuple, adjective: tuple, verb: tuple, place: tuple, time: tuple) -> str:
    return _sentence(time[0], "a", adjective[0], noun[0], verb[0], place[0])


def _german(noun: tuple, adjective: tuple, verb: tuple, place: tuple, time: tuple) -> str:
    gender = noun[2]
    stem = adjective[1].removesuffix("e")
    described = stem and stem + {"m": "er", "f": "e", "n": "es"}[gender]
    subject = ("eine" if gender == "f" else "ein", described, noun[1])
    return _sentence(time[1], *((verb[1], *subject) if time[1] else (*subject, verb[1])), place[1])


def _french(noun: tuple, adjective: tuple, verb: tuple, place: tuple, time: tuple) -> str:
    feminine = noun[4] == "f"
    described = adjective[3] if feminine else adjective[2]
    verb_form = verb[2] + "e" if feminine and verb[2] == "est assis" else verb[2]
    first, last = (described, "") if adjective[4] == "before" else ("", described)
    return _sentence(
        time[2] and f"{time[2]},", "une" if feminine else "un", first, noun[3], last, verb_form, place[2]
    )
