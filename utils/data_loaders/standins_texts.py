"""Texts where the real ones are out of reach: Python's documentation, and sentences from templates."""

import numpy as np

from utils.data_loaders.records import Instruction, Preference

Labelled = tuple[tuple[str, ...], np.ndarray]


def python_documentation() -> str:
    """The topics of Python's own `help()`, one after another; its text differs between Python versions."""
    from pydoc_data.topics import topics

    return "\n\n".join(topics[key].strip() for key in sorted(topics)) + "\n"


ONSETS = (
    "",
    "b",
    "br",
    "c",
    "d",
    "dr",
    "f",
    "g",
    "h",
    "j",
    "k",
    "l",
    "m",
    "n",
    "p",
    "r",
    "s",
    "sh",
    "t",
    "tr",
    "v",
    "z",
)
VOWELS = ("a", "e", "i", "o", "u", "ai", "ee", "ia")
CODAS = ("", "", "", "l", "n", "r", "s", "th", "nn")


def syllable_names(n_drawn: int = 8000) -> tuple[str, ...]:
    """Some thousand different names of two or three syllables."""
    rng = np.random.default_rng(0)
    parts = [
        [table[i] for i in rng.integers(0, len(table), 3 * n_drawn)] for table in (ONSETS, VOWELS, CODAS)
    ]
    syllables = ["".join(part) for part in zip(*parts, strict=True)]
    counts = rng.integers(2, 4, n_drawn)
    names = ("".join(syllables[3 * i : 3 * i + count]) for i, count in enumerate(counts))
    return tuple(dict.fromkeys(name for name in names if len(name) <= 15))


HAM = (
    "i will be home by eight", "are you still at work", "see you at the station", "mum says hello",
    "can you pick up some milk", "sorry i missed your message", "the meeting moved to monday",
    "love you lots",
    "did you finish the homework", "lunch was great", "my bus is late again", "ask him when he comes",
    "i left my keys at your place", "good night and sleep well", "we are all at the pub",
    "haha that was funny",
)  # fmt: skip
SPAM = (
    "you have won a cash prize", "claim your award code {n}", "win a holiday for two",
    "urgent your account has expired",
    "cheap ringtones only {p} per week", "congratulations lucky winner", "guaranteed reward of {n} pounds",
    "txt stop to end", "a new video phone is waiting", "entry costs {p} a minute", "our offer ends tonight",
    "you were selected for a bonus", "double minutes on any network", "collect your voucher at once",
)  # fmt: skip
EITHER = (
    "call me on {n}", "free this weekend", "please reply now", "text back today", "this is your last chance",
    "do not miss the match", "your mobile was off", "only one ticket left", "send your answer to {n}",
    "thanks for the call",
)  # fmt: skip


def message_templates(n: int = 2000, spam_share: float = 0.2) -> Labelled:
    """Messages of two or three pieces, some of which ham and spam have in common; label 1 is spam."""
    return _pieces(n, spam_share, (HAM, SPAM), EITHER, own=0.6, join=". ", seed=0)


POSITIVE = (
    "a warm and funny story", "the leads are wonderful together", "beautifully shot from start to end",
    "an honest and moving portrait", "smart writing throughout", "i laughed and cried", "a small gem",
    "rich with feeling", "fresh and surprising", "a joy to watch", "full of charm",
    "a triumph for its director",
)  # fmt: skip
NEGATIVE = (
    "a dull and tired story", "the leads have no spark together", "badly lit from start to end",
    "a fake and hollow portrait", "lazy writing throughout", "i yawned and left", "a small disaster",
    "empty of feeling", "stale and predictable", "a chore to watch", "short of charm",
    "a failure for its director",
)  # fmt: skip
NEUTRAL = (
    "the film runs for two hours", "it is set in a small town", "the second half takes its time",
    "a story about two brothers",
    "based on a novel", "the music is loud", "there are many songs", "it opens with a long journey",
    "the ending is open",
    "fans of the first part will know the jokes", "the camera hardly moves", "it was made for little money",
)  # fmt: skip


def review_templates(n: int = 2000) -> Labelled:
    """Sentences about films, half of them positive (label 1), with remarks that both kinds have in common."""
    return _pieces(n, 0.5, (NEGATIVE, POSITIVE), NEUTRAL, own=0.6, join=" , ", seed=1)


def _pieces(
    n: int, share: float, own_pools: tuple, common: tuple[str, ...], own: float, join: str, seed: int
) -> Labelled:
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < share).astype(np.int64)
    return tuple(_message(own_pools[label], common, own, join, rng) for label in labels), labels


def _message(
    pool: tuple[str, ...], common: tuple[str, ...], own: float, join: str, rng: np.random.Generator
) -> str:
    drawn = (pool if rng.random() < own else common for _ in range(rng.integers(2, 4)))
    pieces = [table[rng.integers(len(table))] for table in drawn]
    return join.join(pieces).format(n=rng.integers(10_000, 99_999), p=f"{rng.integers(10, 200)}p")


CAPITALS = (
    ("France", "Paris"), ("Germany", "Berlin"), ("Italy", "Rome"), ("Spain", "Madrid"),
    ("Portugal", "Lisbon"),
    ("Austria", "Vienna"), ("Poland", "Warsaw"), ("Greece", "Athens"), ("Norway", "Oslo"),
    ("Sweden", "Stockholm"),
    ("Japan", "Tokyo"), ("Egypt", "Cairo"), ("Kenya", "Nairobi"), ("Peru", "Lima"), ("Canada", "Ottawa"),
)  # fmt: skip
OPPOSITES = (
    ("hot", "cold"), ("large", "small"), ("early", "late"), ("open", "closed"), ("full", "empty"),
    ("light", "dark"),
    ("old", "young"), ("fast", "slow"), ("high", "low"), ("wet", "dry"), ("hard", "soft"), ("loud", "quiet"),
)  # fmt: skip
PLURALS = (
    ("child", "children"), ("mouse", "mice"), ("city", "cities"), ("leaf", "leaves"), ("box", "boxes"),
    ("foot", "feet"),
    ("tree", "trees"), ("woman", "women"), ("knife", "knives"), ("story", "stories"), ("goose", "geese"),
    ("bus", "buses"),
)  # fmt: skip


def _facts() -> list[tuple[str, str, str, str]]:
    """Instruction, input, the answer, and a curt form of it."""
    rng = np.random.default_rng(0)
    facts = [
        (f"What is the capital of {c}?", "", f"The capital of {c} is {city}.", city) for c, city in CAPITALS
    ]
    facts += [("Give the opposite of the word.", a, f"The opposite of {a} is {b}.", b) for a, b in OPPOSITES]
    facts += [("Give the opposite of the word.", b, f"The opposite of {b} is {a}.", a) for a, b in OPPOSITES]
    facts += [
        ("Write the word in the plural.", one, f"The plural of {one} is {many}.", many)
        for one, many in PLURALS
    ]
    for a, b in rng.integers(2, 60, (120, 2)):
        facts.append((f"Add {a} and {b}.", "", f"The sum of {a} and {b} is {a + b}.", str(a + b)))
    for km in rng.permutation(np.arange(1, 200))[:80]:
        facts.append(
            (f"Convert {km} kilometres to metres.", "", f"{km} kilometres are {km}000 metres.", f"{km}000")
        )
    for word in (w for pair in OPPOSITES + PLURALS for w in pair):
        facts.append(("Spell the word backwards.", word, f"Backwards, {word} is {word[::-1]}.", word[::-1]))
    return [facts[i] for i in rng.permutation(len(facts))]


def instruction_templates() -> tuple[Instruction, ...]:
    """A few hundred small tasks in words, with answers in whole sentences."""
    return tuple(Instruction(ask, given, answer) for ask, given, answer, _ in dict.fromkeys(_facts()))


def preference_templates() -> tuple[Preference, ...]:
    """The same tasks with a courteous answer (chosen) and a rude one (rejected)."""
    rude = ("That is easy, you should know it: {}.", "Again? Fine. {}.", "{}. Stop asking.", "Obviously {}.")
    return tuple(
        Preference(ask, given, answer, rude[i % len(rude)].format(short))
        for i, (ask, given, answer, short) in enumerate(dict.fromkeys(_facts()))
    )
