"""Exercises of 01-foundations/math-prerequisites/05-probability-and-information-theory.ipynb."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "01-foundations/math-prerequisites/05-probability-and-information-theory.ipynb"


tests = Exercise(
    "01-foundations/probability-1",
    notebook=NOTEBOOK,
    items=["Bayes' theorem"],
    hints=[
        "Work with the odds P(ill) / P(healthy). By which factor does each result multiply them?",
        "A positive result multiplies by sensitivity / (1 - specificity). What does a negative one do?",
        "A negative multiplies by (1 - sensitivity) / specificity; the way back is odds / (1 + odds).",
    ],
    explanation="""
        The odds start at prior / (1 - prior), and every result multiplies them by how much likelier it is for
        the ill than for the healthy. The probability of odds o is o / (1 + o). The order does not matter.""",
)


@tests.reference
def after_tests(prior, sensitivity, specificity, n_positive, n_negative):
    odds = prior / (1 - prior)
    odds *= (sensitivity / (1 - specificity)) ** n_positive
    odds *= ((1 - sensitivity) / specificity) ** n_negative
    return odds / (1 + odds)


@tests.case("a single positive test", seeds=3)
def _(rng):
    return round(float(rng.uniform(0.01, 0.3)), 3), 0.9, 0.8, 1, 0


@tests.case("a single negative test makes illness less likely", seeds=3)
def _(rng):
    return round(float(rng.uniform(0.1, 0.6)), 3), 0.9, 0.7, 0, 1


@tests.case("several results, positive and negative")
def _(rng):
    prior, sensitivity, specificity = (round(float(v), 2) for v in rng.uniform(0.1, 0.9, 3))
    return prior, sensitivity, specificity, int(rng.integers(1, 4)), int(rng.integers(1, 4))


@tests.case("no test at all leaves the prior as it is", seeds=1)
def _(rng):
    return 0.02, 0.9, 0.95, 0, 0


@tests.wrong("These are the odds: turn them into a probability with odds / (1 + odds).")
def _(prior, sensitivity, specificity, n_positive, n_negative):
    odds = prior / (1 - prior) * (sensitivity / (1 - specificity)) ** n_positive
    return odds * ((1 - sensitivity) / specificity) ** n_negative


@tests.wrong("That is P(results | ill): the base rate does not appear in it.")
def _(prior, sensitivity, specificity, n_positive, n_negative):
    return sensitivity**n_positive * (1 - sensitivity) ** n_negative


@tests.wrong("A positive result among the healthy has the probability 1 - specificity, not specificity.")
def _(prior, sensitivity, specificity, n_positive, n_negative):
    ill = prior * sensitivity**n_positive * (1 - sensitivity) ** n_negative
    healthy = (1 - prior) * specificity**n_positive * (1 - specificity) ** n_negative
    return ill / (ill + healthy)


@tests.wrong("The negative tests are left out: they are evidence too.")
def _(prior, sensitivity, specificity, n_positive, n_negative):
    odds = prior / (1 - prior) * (sensitivity / (1 - specificity)) ** n_positive
    return odds / (1 + odds)


sampling = Exercise(
    "01-foundations/probability-2",
    notebook=NOTEBOOK,
    items=["Probability distributions", "Expectation, variance and sampling"],
    hints=[
        "Cut the interval [0, 1) into K pieces whose lengths are p. On which piece does u fall?",
        "The pieces end at np.cumsum(p). How many of these ends does u lie at or beyond?",
        '`np.searchsorted(np.cumsum(p), u, side="right")` counts, for each u, the ends that are <= u.',
    ],
    explanation="""
        Outcome k owns the piece from p[0] + ... + p[k-1] up to, but without, p[0] + ... + p[k]; its length is
        p[k]. side="right" sends a u that hits an end exactly to the next piece, so an outcome with p = 0,
        whose piece is empty, is never drawn.""",
)


@sampling.reference
def outcomes(p, u):
    return np.searchsorted(np.cumsum(p), u, side="right")


@sampling.case("uniform numbers all over the interval")
def _(rng):
    p = rng.integers(1, 8, size=int(rng.integers(2, 6))) / 8.0
    return p / p.sum(), rng.random(12).round(3) * 0.999


@sampling.case("u = 0 and a u that falls on an end exactly belong to the piece that begins there", seeds=1)
def _(rng):
    return np.array([0.25, 0.25, 0.5]), np.array([0.0, 0.25, 0.5, 0.49, 0.999])


@sampling.case("outcomes of probability 0 are never drawn", seeds=1)
def _(rng):
    return np.array([0.0, 0.5, 0.0, 0.5]), np.array([0.0, 0.3, 0.5, 0.75])


@sampling.wrong(
    "A u that falls on an end belongs to the next piece; at u = 0 an impossible outcome could be drawn."
)
def _(p, u):
    return np.searchsorted(np.cumsum(p), u)


@sampling.wrong("Every outcome is treated as equally likely here: where do the pieces end?")
def _(p, u):
    return np.floor(u * len(p)).astype(np.int64)


@sampling.wrong("That counts from 1: the first outcome is 0.")
def _(p, u):
    return np.searchsorted(np.cumsum(p), u, side="right") + 1


@sampling.wrong("These are new random draws: the uniform numbers u that were given must decide.")
def _(p, u):
    return np.random.default_rng(0).choice(len(p), size=len(u), p=p)


gaussians = Exercise(
    "01-foundations/probability-3",
    notebook=NOTEBOOK,
    items=["Maximum likelihood estimation"],
    hints=[
        "Each class is fitted alone: which values belong to class c?",
        "`x[y == c]` are they; their mean is the first estimate.",
        "The likeliest variance divides by the number of values, not by one less: np.var as it is.",
    ],
    explanation="""
        The log-likelihood is a sum over the classes, and each class's mean and variance appear in its own
        part alone. There the notebook's derivation holds: the mean, and the mean squared distance from it.""",
)


@gaussians.reference
def fit_gaussians(x, y, K):
    means = np.array([x[y == c].mean() for c in range(K)])
    variances = np.array([((x[y == c] - means[c]) ** 2).mean() for c in range(K)])
    return means, variances


@gaussians.case("two classes")
def _(rng):
    y = np.array([0, 0, 0, 1, 1, 1, 1])
    return (rng.normal(size=7) + 3 * y).round(2), y, 2


@gaussians.case("several classes of different sizes, in mixed order")
def _(rng):
    K = int(rng.integers(3, 5))
    y = rng.permutation(np.repeat(np.arange(K), rng.integers(2, 5, size=K)))
    return rng.normal(size=len(y)).round(2), y, K


@gaussians.case("a class with a single value has variance 0", seeds=1)
def _(rng):
    return np.array([1.0, 4.0, 2.0]), np.array([0, 1, 0]), 2


@gaussians.wrong("The likeliest variance divides by n; n - 1 gives the unbiased one.")
def _(x, y, K):
    means = np.array([x[y == c].mean() for c in range(K)])
    with np.errstate(all="ignore"):
        sums = np.array([((x[y == c] - means[c]) ** 2).sum() for c in range(K)])
        return means, sums / (np.bincount(y, minlength=K) - 1)


@gaussians.wrong("These are standard deviations: the variance is their square.")
def _(x, y, K):
    return np.array([x[y == c].mean() for c in range(K)]), np.array([x[y == c].std() for c in range(K)])


@gaussians.wrong("The distances are taken from the mean of all values; each class has a mean of its own.")
def _(x, y, K):
    variances = np.array([((x[y == c] - x.mean()) ** 2).mean() for c in range(K)])
    return np.array([x[y == c].mean() for c in range(K)]), variances


@gaussians.wrong("All classes get the same variance here; each must be fitted to its own values.")
def _(x, y, K):
    return np.array([x[y == c].mean() for c in range(K)]), np.full(K, x.var())


divergence = Exercise(
    "01-foundations/probability-4",
    notebook=NOTEBOOK,
    items=["Entropy, cross-entropy and KL divergence"],
    hints=[
        "Term by term it is p * (log2(p) - log2(q)), summed along the last axis.",
        "0 * log(0) is NaN in NumPy, so the terms with p = 0 must be left out before the sum.",
        "np.where(p > 0, ..., 0.0) leaves them out; `with np.errstate(...)` silences what is computed in vain.",
    ],
    explanation="""
        Where p is 0 the term counts 0, whatever q is: such outcomes never have to be coded. Where q is 0 and
        p is not, the code has no word for something that happens, and log2(0) = -inf makes the cost infinite.""",
)


@divergence.driver
def quietly(function, p, q):
    """Turn NumPy's warnings into errors, so that a warning counts as a mistake."""
    with np.errstate(divide="raise", invalid="raise", over="raise"):
        return function(p, q)


@divergence.reference
def kl_bits(p, q):
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = p * (np.log2(p) - np.log2(q))
    return np.where(p > 0, terms, 0.0).sum(axis=-1)


@divergence.case("several rows without zeros")
def _(rng):
    n, k = rng.integers(2, 5, size=2)
    return rng.dirichlet(np.ones(k), size=n), rng.dirichlet(np.ones(k), size=n)


@divergence.case("equal distributions waste nothing")
def _(rng):
    p = rng.dirichlet(np.ones(4), size=2)
    return p, p.copy()


@divergence.case("p = 0 counts nothing, also where q is 0 too", seeds=1)
def _(rng):
    return np.array([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]]), np.array([[0.25, 0.25, 0.5], [0.5, 0.5, 0.0]])


@divergence.case("q = 0 where p is not: infinite", seeds=1)
def _(rng):
    return np.array([[0.5, 0.5]]), np.array([[1.0, 0.0]])


@divergence.wrong("The natural logarithm gives nats; bits need the logarithm to the base 2.")
def _(p, q):
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = p * (np.log(p) - np.log(q))
    return np.where(p > 0, terms, 0.0).sum(axis=-1)


@divergence.wrong("p and q have changed places: the truth p weighs the terms.")
def _(p, q):
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = q * (np.log2(q) - np.log2(p))
    return np.where(q > 0, terms, 0.0).sum(axis=-1)


@divergence.wrong("That is the cross-entropy: the entropy of p is still to be taken off.")
def _(p, q):
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = -p * np.log2(q)
    return np.where(p > 0, terms, 0.0).sum(axis=-1)


@divergence.wrong("Each row has its own divergence: sum along the last axis only.")
def _(p, q):
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = p * (np.log2(p) - np.log2(q))
    return np.where(p > 0, terms, 0.0).sum()


@divergence.wrong(
    "A small number added inside the logarithm makes the infinite cost finite and all others inexact."
)
def _(p, q):
    return (p * np.log2((p + 1e-9) / (q + 1e-9))).sum(axis=-1)
