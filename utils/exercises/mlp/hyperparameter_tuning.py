"""Exercises of 02-mlp/optimizers/04-hyperparameter-tuning.ipynb."""

import math

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "02-mlp/optimizers/04-hyperparameter-tuning.ipynb"


trials = Exercise(
    "02-mlp/hyperparameter-tuning-1",
    notebook=NOTEBOOK,
    items=["Random search"],
    hints=[
        "All n trials miss with probability (1 - share)^n; this must be at most 1 - chance.",
        "Take logarithms. Both are negative, so dividing turns the inequality round.",
        "n must be a whole number: round up, with math.ceil.",
    ],
    explanation="""
        (1 - share)^n <= 1 - chance means n log(1 - share) <= log(1 - chance), and since log(1 - share) is negative,
        n >= log(1 - chance) / log(1 - share). For 5 % and 95 % this gives 59.""",
)


@trials.reference
def trials_needed(share, chance):
    return math.ceil(math.log(1 - chance) / math.log(1 - share))


@trials.case("several shares and chances")
def _(rng):
    return round(float(rng.uniform(0.01, 0.3)), 3), round(float(rng.uniform(0.5, 0.99)), 3)


@trials.case("the best 5 % with 95 %")
def _(rng):
    return 0.05, 0.95


@trials.wrong("Chances do not add up: 20 trials of 5 % each are no certainty, and 19 are no 95 %.")
def _(share, chance):
    return math.ceil(chance / share)


@trials.wrong("One trial too few: round up, so that the chance is reached.")
def _(share, chance):
    return math.floor(math.log(1 - chance) / math.log(1 - share))


@trials.wrong("This asks that all trials hit; one is enough: look at the chance that all miss.")
def _(share, chance):
    return math.ceil(math.log(chance) / math.log(share))


halving = Exercise(
    "02-mlp/hyperparameter-tuning-2",
    notebook=NOTEBOOK,
    items=["Successive halving"],
    hints=[
        "The trials alive on rung k + 1 are the best of those alive on rung k, by the scores of rung k.",
        "Count from the n at the start: max(1, n // factor**(k + 1)) are left.",
        "`sorted(alive, key=lambda i: -scores[i, k])` keeps the smaller index first where scores tie.",
    ],
    explanation="""
        A trial that is out stays out, however well it would have done with more budget: rung k ranks only those that
        are alive. Python's sort is stable, so ties stay in the order of the indices.""",
)


@halving.reference
def survivors(scores, factor):
    alive, rungs = list(range(len(scores))), []
    for k in range(scores.shape[1]):
        rungs.append(sorted(alive))
        ranked = sorted(sorted(alive), key=lambda i: -scores[i, k])
        alive = ranked[: max(1, len(scores) // factor ** (k + 1))]
    return rungs


@halving.case("27 trials, three rungs, a third goes on")
def _(rng):
    return rng.random((27, 3)).round(3), 3


@halving.case("a number of trials that is no power of the factor")
def _(rng):
    return rng.random((int(rng.integers(10, 20)), 3)).round(3), int(rng.integers(2, 5))


@halving.case("ties go to the smaller index")
def _(rng):
    return rng.integers(0, 3, size=(12, 3)).astype(float), 2


@halving.wrong("The score of a rung decides about the next: all rungs were ranked by the last score.")
def _(scores, factor):
    ranked = sorted(range(len(scores)), key=lambda i: -scores[i, -1])
    return [sorted(ranked[: max(1, len(scores) // factor**k)]) for k in range(scores.shape[1])]


@halving.wrong("A trial that was stopped came back: rank only those that are still alive.")
def _(scores, factor):
    n, rungs = len(scores), [list(range(len(scores)))]
    for k in range(1, scores.shape[1]):
        ranked = sorted(range(n), key=lambda i: -scores[i, k - 1])
        rungs.append(sorted(ranked[: max(1, n // factor**k)]))
    return rungs


@halving.wrong("Larger scores are better here: the worst went on.")
def _(scores, factor):
    return survivors(-scores, factor)


importance = Exercise(
    "02-mlp/hyperparameter-tuning-3",
    notebook=NOTEBOOK,
    items=["Grid search", "Random search"],
    hints=[
        "For one setting, average the table over all other axes: one mean for each of its values.",
        "The variance of these means, divided by the variance of the whole table.",
        "`table.mean(axis=tuple(k for k in range(table.ndim) if k != axis)).var()`.",
    ],
    explanation="""
        Over a full grid the variance splits into a part for each setting alone and parts for settings acting
        together. The shares of the settings alone therefore sum to at most 1, and to 1 where the score is a sum.""",
)


@importance.reference
def shares(table):
    def means(axis):
        return table.mean(axis=tuple(k for k in range(table.ndim) if k != axis))

    return np.array([means(axis).var() for axis in range(table.ndim)]) / table.var()


@importance.case("three settings, any table")
def _(rng):
    return (rng.normal(size=(4, 3, 5)).round(2),)


@importance.case("a sum of one function of each setting: the shares sum to 1")
def _(rng):
    return (2 * rng.normal(size=(6, 1)).round(2) + rng.normal(size=(1, 3)).round(2),)


@importance.case("a setting without effect has the share 0")
def _(rng):
    return (np.repeat(rng.normal(size=(5, 1)).round(2), 4, axis=1),)


@importance.wrong("Average over the *other* axes: these are the means over the setting itself.")
def _(table):
    return np.array([table.mean(axis=k).var() for k in range(table.ndim)]) / table.var()


@importance.wrong("A share is a ratio of variances, not of standard deviations.")
def _(table):
    return np.sqrt(shares(table))


@importance.wrong("Divide by the variance of the whole table, not by the sum of the settings' variances.")
def _(table):
    return shares(table) / max(shares(table).sum(), 1e-300)


report = Exercise(
    "02-mlp/hyperparameter-tuning-4",
    notebook=NOTEBOOK,
    items=["Reading the results"],
    hints=[
        "Choose with right[:, :n] alone, and never look at these images again.",
        "The report is right[trial, n:].mean().",
        "m counts the images of the report: right.shape[1] - n.",
    ],
    explanation="""
        The winner's errors on the choosing images are part of why it won. On the others they are ordinary errors
        with mean 0, and their size is that of a share among m images.""",
)


@report.reference
def choose_and_report(right, n):
    trial = int(right[:, :n].mean(axis=1).argmax())
    others = right[trial, n:]
    p = others.mean()
    return trial, p, np.sqrt(p * (1 - p) / len(others))


@report.case("ten trials")
def _(rng):
    return rng.random((10, 60)) < 0.7, int(rng.integers(10, 50))


@report.case("ties go to the first")
def _(rng):
    return rng.random((6, 24)) < 0.5, 2


@report.wrong("The winner is reported on the images that chose it: too good on average.")
def _(right, n):
    trial = int(right[:, :n].mean(axis=1).argmax())
    p = right[trial, :n].mean()
    return trial, p, np.sqrt(p * (1 - p) / n)


@report.wrong("All images chose: then none are left that could report honestly.")
def _(right, n):
    trial = int(right.mean(axis=1).argmax())
    p = right[trial, n:].mean()
    return trial, p, np.sqrt(p * (1 - p) / (right.shape[1] - n))


@report.wrong("The standard error belongs to the m reporting images: divide by m, not by n.")
def _(right, n):
    trial, p, _ = choose_and_report(right, n)
    return trial, p, np.sqrt(p * (1 - p) / n)
