"""Loaders of texts."""

import numpy as np

from utils.data_loaders import about, standins_texts
from utils.data_loaders.errors import DataError
from utils.data_loaders.records import (
    BpeFiles,
    Instruction,
    InstructionDataset,
    LabelledTexts,
    NamesDataset,
    Preference,
    PreferenceDataset,
    TextDataset,
    TranslationDataset,
)
from utils.data_loaders.standins_bpe import small_bpe
from utils.data_loaders.standins_translation import small_grammar
from utils.data_loaders.store import read

LANGUAGES = ("de", "en", "fr")


def load_shakespeare() -> TextDataset:
    """Tiny Shakespeare: `.text`, 1,115,394 characters of plays; else the Python documentation stands in.

    Notebook: 04-rnn/applications/01-character-language-model.ipynb
    """
    files = read("shakespeare")
    if files is None:
        return TextDataset(**about.stood_in("shakespeare"), text=standins_texts.python_documentation())
    return TextDataset(**about.real("shakespeare"), text=files["input.txt"])


def load_names() -> NamesDataset:
    """First names: `.names`, 32,033 of them in the letters a to z; else generated syllables stand in.

    Notebook: 01-foundations/math-prerequisites/05-probability-and-information-theory.ipynb
    """
    files = read("names")
    if files is None:
        return NamesDataset(**about.stood_in("names"), names=standins_texts.syllable_names())
    return NamesDataset(**about.real("names"), names=files["names.txt"])


def load_multi30k(languages: tuple[str, str] = ("de", "en")) -> TranslationDataset:
    """Multi30k: captions as (source, target) pairs, 29,000 to train, 1,014 to validate, 1,000 to test.

    `languages` are two of de, en, fr, source first. Only their files are looked for; else a small grammar's
    sentences stand in. Elliott et al. 2016. Raises DataError for other languages or a damaged file.

    Notebook: 05-attention/basic-attention/01-the-bottleneck.ipynb
    """
    languages = tuple(languages)
    if len(languages) != 2 or languages[0] == languages[1] or not set(languages) <= set(LANGUAGES):
        raise DataError(
            f'languages must be two of {", ".join(LANGUAGES)}, e.g. ("de", "en"), but is {languages!r}'
        )
    splits = {"train": "train", "validation": "val", "test": "test_2016_flickr"}
    files = read("multi30k", [f"{stem}.{code}.gz" for stem in splits.values() for code in languages])
    if files is None:
        pairs = {
            split: tuple((s[languages[0]], s[languages[1]]) for s in sentences)
            for split, sentences in small_grammar().items()
        }
        return TranslationDataset(**about.stood_in("multi30k"), languages=languages, **pairs)
    pairs = {
        split: _pairs(*(files[f"{stem}.{code}.gz"] for code in languages)) for split, stem in splits.items()
    }
    return TranslationDataset(**about.real("multi30k"), languages=languages, **pairs)


def _pairs(source: tuple[str, ...], target: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    if len(source) != len(target):
        raise DataError(
            f"Multi30k: files of one split have {len(source)} and {len(target)} sentences, "
            "so they do not belong together: delete them both"
        )
    return tuple(zip(source, target, strict=True))


def load_sms_spam() -> LabelledTexts:
    """SMS spam: `.texts`, 5,574 messages, `.labels` 1 for spam (747); else generated messages stand in.

    Almeida, Hidalgo, Yamakami 2011, "Contributions to the Study of SMS Spam Filtering".

    Notebook: 01-foundations/perceptron/01-the-perceptron.ipynb
    """
    files = read("sms_spam")
    where = about.stood_in if files is None else about.real
    texts, labels = standins_texts.message_templates() if files is None else files["SMSSpamCollection"]
    return LabelledTexts(**where("sms_spam"), texts=texts, labels=labels, classes=("ham", "spam"))


def load_review_polarity() -> LabelledTexts:
    """Review polarity: `.texts`, 5,331 negative, then 5,331 positive sentences, `.labels` 1 for positive.

    Pang, Lee 2005, "Seeing Stars". Else generated sentences stand in, in mixed order.

    Notebook: 04-rnn/applications/03-text-classification.ipynb
    """
    files, classes = read("review_polarity"), ("negative", "positive")
    if files is None:
        texts, labels = standins_texts.review_templates()
        return LabelledTexts(**about.stood_in("review_polarity"), texts=texts, labels=labels, classes=classes)
    negative, positive = files["rt-polarity.neg"], files["rt-polarity.pos"]
    labels = np.repeat(np.arange(2), [len(negative), len(positive)])
    return LabelledTexts(
        **about.real("review_polarity"), texts=negative + positive, labels=labels, classes=classes
    )


def load_gpt2_bpe() -> BpeFiles:
    """GPT-2's vocabulary of 50,257 tokens and its 50,000 merges; else a small BPE stands in.

    The small one is trained on the Python documentation at each call. Tokens are written with GPT-2's
    printable character for each byte. Radford et al. 2019, after Sennrich et al. 2016.

    Notebook: 06-language-models/pre-training/02-tokenization.ipynb
    """
    files = read("gpt2_bpe")
    if files is None:
        encoder, merges = small_bpe()
        return BpeFiles(**about.stood_in("gpt2_bpe"), encoder=encoder, merges=merges)
    encoder, merges = files["encoder.json"], files["vocab.bpe"]
    unknown = next((pair for pair in merges if "".join(pair) not in encoder), None)
    if unknown:
        raise DataError(
            f"GPT-2's BPE: vocab.bpe merges {unknown} but encoder.json has no such token, "
            "so the two do not belong together: delete them both"
        )
    return BpeFiles(**about.real("gpt2_bpe"), encoder=encoder, merges=merges)


def load_instructions() -> InstructionDataset:
    """Instructions: 1,100 `.examples` with `.instruction`, `.input`, `.output`; else templates stand in.

    `.input` may be empty. Raschka 2024, "Build a Large Language Model (From Scratch)", chapter 7.

    Notebook: 06-language-models/fine-tuning/03-instruction-tuning.ipynb
    """
    files = read("instructions")
    if files is None:
        return InstructionDataset(
            **about.stood_in("instructions"), examples=standins_texts.instruction_templates()
        )
    examples = tuple(Instruction(*row) for row in files["instruction-data.json"])
    return InstructionDataset(**about.real("instructions"), examples=examples)


def load_preferences() -> PreferenceDataset:
    """Preferences: 1,100 `.examples` of `.instruction`, `.input`, `.chosen`, `.rejected`; else templates.

    The same instructions as `load_instructions`, with a polite and an impolite answer.

    Notebook: 07-llm-ecosystem/safety/02-direct-preference-optimization.ipynb
    """
    files = read("preferences")
    if files is None:
        return PreferenceDataset(
            **about.stood_in("preferences"), examples=standins_texts.preference_templates()
        )
    examples = tuple(Preference(*row) for row in files["instruction-data-with-preference.json"])
    return PreferenceDataset(**about.real("preferences"), examples=examples)
