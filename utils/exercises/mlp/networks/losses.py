"""Exercises 5 to 8: activations and losses."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "02-mlp/exercises/01-mlp-exercises.ipynb"
ITEMS = ["Activations and losses"]


def _strictly(answer, *arguments):
    """Call the answer where overflow, 0/0 and log 0 are errors rather than warnings."""
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        return answer(*arguments)


def _log_sigmoid(z):
    return np.minimum(z, 0) - np.log1p(np.exp(-np.abs(z)))


def _sigmoid(z):
    return np.exp(_log_sigmoid(z))


yes_or_no = Exercise(
    "02-mlp/networks-5",
    notebook=NOTEBOOK,
    items=ITEMS,
    atol=1e-30,
    hints=[
        "log σ(z) = -log(1 + e^(-z)): for z = -1000 take e^z out of the bracket. Both cases in one: "
        "`np.minimum(z, 0) - np.log1p(np.exp(-np.abs(z)))`.",
        "1 - σ(z) = σ(-z), which keeps its digits where σ(z) rounds to 1.",
        "The slope of -log σ(z) is -σ(-z), that of -log σ(-z) is σ(z).",
        "With s = σ(Z) and t = σ(-Z): dZ = ((1 - Y) * s - weight * Y * t) / Z.size.",
    ],
    explanation="""
        log σ(z) = min(z, 0) - log(1 + e^(-|z|)) has no exponential of a positive number, and log1p keeps the
        digits that 1 + 1e-18 would lose. The sigmoid itself is e to that logarithm. The gradient pushes
        a score down by σ(z) where the answer is no, and up by weight · σ(-z) where it is yes. That is P - Y if
        the weights are 1.""",
)


@yes_or_no.reference
def sigmoid_cross_entropy(Z, Y, weight):
    def log_sigmoid(z):
        return np.minimum(z, 0) - np.log1p(np.exp(-np.abs(z)))

    losses = -weight * Y * log_sigmoid(Z) - (1 - Y) * log_sigmoid(-Z)  # (N, K)
    slopes = (1 - Y) * np.exp(log_sigmoid(Z)) - weight * Y * np.exp(log_sigmoid(-Z))
    return losses.mean(), slopes / Z.size


yes_or_no.driver(_strictly)


@yes_or_no.case("scores and answers, all questions of weight 1")
def _(rng):
    return rng.normal(0, 2, size=(3, 2)).round(1), rng.integers(0, 2, size=(3, 2)) * 1.0, np.ones(2)


@yes_or_no.case("rare answers count more: a weight for each question")
def _(rng):
    return rng.normal(0, 2, (4, 3)).round(1), rng.integers(0, 2, (4, 3)) * 1.0, np.array([1.0, 5.0, 0.5])


@yes_or_no.case("scores of 1000 and -1000, right and wrong", seeds=1)
def _(rng):
    Z = np.array([[1000.0, -1000.0], [1000.0, -1000.0]])
    return Z, np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([2.0, 3.0])


@yes_or_no.case("almost sure and right: the loss is 4e-18, not 0", seeds=1)
def _(rng):
    return np.array([[-40.0, 40.0]]), np.array([[0.0, 1.0]]), np.ones(2)


@yes_or_no.case("a doubtful answer between 0 and 1", seeds=2)
def _(rng):
    return rng.normal(size=(2, 2)).round(1), rng.random((2, 2)).round(2), np.array([1.0, 2.0])


@yes_or_no.wrong("σ and log one after the other: e^1000 overflows, or the logarithm meets 0.")
def _(Z, Y, weight):
    P = 1 / (1 + np.exp(-Z))
    losses = -weight * Y * np.log(P) - (1 - Y) * np.log(1 - P)
    return losses.mean(), ((1 - Y) * P - weight * Y * (1 - P)) / Z.size


@yes_or_no.wrong("Cut-off probabilities hide the overflow: a loss of 1000 comes out as 28.")
def _(Z, Y, weight):
    P = np.clip(_sigmoid(Z), 1e-12, 1 - 1e-12)
    losses = -weight * Y * np.log(P) - (1 - Y) * np.log(1 - P)
    return losses.mean(), ((1 - Y) * P - weight * Y * (1 - P)) / Z.size


@yes_or_no.wrong("log(1 + x) is 0 for x = 1e-18: np.log1p is not.")
def _(Z, Y, weight):
    def soft(z):
        return np.maximum(z, 0) + np.log(1 + np.exp(-np.abs(z)))

    _, dZ = sigmoid_cross_entropy(Z, Y, weight)
    return (weight * Y * soft(-Z) + (1 - Y) * soft(Z)).mean(), dZ


@yes_or_no.wrong("P - Y is the gradient for weights of 1: the weight belongs to the answers yes.")
def _(Z, Y, weight):
    return sigmoid_cross_entropy(Z, Y, weight)[0], (_sigmoid(Z) - Y) / Z.size


@yes_or_no.wrong("The weight counts for yes alone; here it multiplies both parts.")
def _(Z, Y, weight):
    losses = -weight * (Y * _log_sigmoid(Z) + (1 - Y) * _log_sigmoid(-Z))
    return losses.mean(), weight * (_sigmoid(Z) - Y) / Z.size


@yes_or_no.wrong("The mean runs over all N K answers: the gradient was divided by N only.")
def _(Z, Y, weight):
    loss, dZ = sigmoid_cross_entropy(Z, Y, weight)
    return loss, dZ * Z.shape[1]


mish = Exercise(
    "02-mlp/networks-6",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Three links: softplus ζ, tanh of it, and a product with z. The product rule gives two terms.",
        "The slope of ζ is the sigmoid: mish' = t + z (1 - t²) σ(z) with t = tanh ζ(z).",
        "ζ(z) = max(z, 0) + log1p(e^(-|z|)) cannot overflow, and σ(z) = e^(z - ζ(z)).",
    ],
    explanation="""
        With ζ(z) = log(1 + e^z), ζ' = σ and t = tanh ζ the product and chain rules give t + z (1 - t²) σ.
        Written with ζ, the sigmoid is e^z / (1 + e^z) = e^(z - ζ), whose exponent is never positive.""",
)


@mish.reference
def mish_both(Z):
    soft = np.maximum(Z, 0) + np.log1p(np.exp(-np.abs(Z)))
    t = np.tanh(soft)
    return Z * t, t + Z * (1 - t**2) * np.exp(Z - soft)


mish.driver(_strictly)


@mish.case("ordinary pre-activations")
def _(rng):
    return rng.normal(0, 2, size=(2, 3)).round(2)


@mish.case("0, where the value is 0 and the slope is 0.6", seeds=1)
def _(rng):
    return np.zeros((1, 2))


@mish.case("far out on both sides, where e^z overflows", seeds=1)
def _(rng):
    return np.array([[-1000.0, -30.0, 30.0, 1000.0]])


@mish.wrong("e^1000 overflows: take the larger of 0 and z out of the softplus.")
def _(Z):
    soft = np.log(1 + np.exp(Z))
    t = np.tanh(soft)
    return Z * t, t + Z * (1 - t**2) / (1 + np.exp(-Z))


@mish.wrong("The product rule has two terms: z times the slope of the tanh is missing.")
def _(Z):
    return mish_both(Z)[0], np.tanh(np.logaddexp(0, Z))


@mish.wrong("The innermost link is missing: softplus changes with slope σ(z).")
def _(Z):
    t = np.tanh(np.logaddexp(0, Z))
    return Z * t, t + Z * (1 - t**2)


@mish.wrong("The first term of the product rule, tanh itself, is missing.")
def _(Z):
    A, slope = mish_both(Z)
    return A, slope - np.tanh(np.logaddexp(0, Z))


@mish.wrong("The slope of tanh at u is 1 - tanh²(u): take it at the softplus, not at z.")
def _(Z):
    t = np.tanh(np.logaddexp(0, Z))
    return Z * t, t + Z * (1 - np.tanh(Z) ** 2) * np.exp(Z - np.logaddexp(0, Z))


own_doubt = Exercise(
    "02-mlp/networks-7",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Differentiate the bracket of one sample, first in mu with s held still, then in s with mu held still.",
        "In mu: the slope of the square is -2 (y - mu), the ½ cancels, e^(-s) stays.",
        "In s: ½ (1 - (y - mu)² e^(-s)). And the mean divides both by N.",
    ],
    explanation="""
        dmu = -(y - mu) e^(-s) / N and ds = ½ (1 - (y - mu)² e^(-s)) / N. The second is 0 where the squared
        error equals the predicted variance, so s learns to be the logarithm of the squared error to be
        expected. The first divides by the variance: samples that are known to be noisy pull less. Predicting
        the logarithm keeps the variance positive without a constraint.""",
)


@own_doubt.reference
def gaussian_nll(mu, s, y):
    surprise = (y - mu) ** 2 * np.exp(-s)  # (N,)
    loss = 0.5 * (s + surprise).mean()
    return loss, -(y - mu) * np.exp(-s) / len(y), 0.5 * (1 - surprise) / len(y)


def _forecast(rng, n):
    return rng.normal(size=n).round(1), rng.normal(size=n).round(1), rng.normal(size=n).round(1)


@own_doubt.case("several samples, each with its own doubt")
def _(rng):
    return _forecast(rng, 4)


@own_doubt.case("one sample", seeds=2)
def _(rng):
    return _forecast(rng, 1)


@own_doubt.case("perfect forecasts: the loss falls without end as the doubt shrinks", seeds=1)
def _(rng):
    return np.array([1.0, 2.0]), np.array([-5.0, 0.0]), np.array([1.0, 2.0])


@own_doubt.case("squared error equal to the variance: the doubt is right, and ds is 0", seeds=1)
def _(rng):
    return np.zeros(2), np.log([4.0, 0.25]), np.array([2.0, -0.5])


@own_doubt.wrong("The sign of dmu is turned round: a forecast that is too low must rise.")
def _(mu, s, y):
    loss, dmu, ds = gaussian_nll(mu, s, y)
    return loss, -dmu, ds


@own_doubt.wrong("dmu is the error divided by the variance e^s: noisy samples pull less.")
def _(mu, s, y):
    loss, _, ds = gaussian_nll(mu, s, y)
    return loss, (mu - y) / len(y), ds


@own_doubt.wrong("s stands in two places: the exponential changes with it, too.")
def _(mu, s, y):
    loss, dmu, _ = gaussian_nll(mu, s, y)
    return loss, dmu, np.full(len(y), 0.5 / len(y))


@own_doubt.wrong("The loss is a mean, so its gradients are divided by N.")
def _(mu, s, y):
    loss, dmu, ds = gaussian_nll(mu, s, y)
    return loss, dmu * len(y), ds * len(y)


@own_doubt.wrong(
    "s is the logarithm of the variance, not of the standard deviation: no factor 2 in the exponent."
)
def _(mu, s, y):
    surprise = (y - mu) ** 2 * np.exp(-2 * s)
    return (s + 0.5 * surprise).mean(), (mu - y) * np.exp(-2 * s) / len(y), (1 - surprise) / len(y)


focal = Exercise(
    "02-mlp/networks-8",
    notebook=NOTEBOOK,
    items=ITEMS,
    atol=1e-12,
    hints=[
        "Let m = s z, p = σ(m), so that p' = p (1 - p) and 1 - p = σ(-m). Differentiate in m first.",
        "The product rule: d/dm of -(1 - p)^γ log p is γ (1 - p)^(γ-1) p (1 - p) log p - (1 - p)^γ (1 - p).",
        "Take (1 - p)^γ out: (1 - p)^γ (γ p log p - (1 - p)). No negative power is left. Then dz = s · that / N.",
        "log p = min(m, 0) - log1p(e^(-|m|)), and 1 - p is e to the same thing at -m.",
    ],
    explanation="""
        dL/dz = s (1 - p)^γ (γ p log p - (1 - p)) / N. For γ = 0 that is s (p - 1) / N, the cross-entropy. For
        γ > 0 the factor (1 - p)^γ switches off samples that are right and sure, while those that are wrong,
        with p near 0, keep a slope of about -s. Simplifying on paper has also removed (1 - p)^(γ-1), which
        divides by 0 for γ < 1. (T.-Y. Lin and others, 2017.)""",
)


@focal.reference
def focal_loss(z, y, gamma):
    s = 2 * y - 1
    m = s * z
    log_p = np.minimum(m, 0) - np.log1p(np.exp(-np.abs(m)))
    p, rest = np.exp(log_p), np.exp(log_p - m)  # rest = 1 - p
    slope = rest**gamma * (gamma * p * log_p - rest)  # in m
    return -(rest**gamma * log_p).mean(), s * slope / len(z)


focal.driver(_strictly)


def _answers(rng, n):
    return rng.normal(0, 2, size=n).round(1), rng.integers(0, 2, size=n)


@focal.case("gamma = 2")
def _(rng):
    return *_answers(rng, 4), 2.0


@focal.case("gamma = 0 is the cross-entropy", seeds=2)
def _(rng):
    return *_answers(rng, 3), 0.0


@focal.case("gamma = 0.5, and a sample so sure that 1 - p is 0 or nearly so", seeds=1)
def _(rng):
    return np.array([800.0, -40.0, 1.0]), np.array([1, 0, 1]), 0.5


@focal.case("as wrong as can be: scores of 1000 on the wrong side", seeds=1)
def _(rng):
    return np.array([1000.0, -1000.0]), np.array([0, 1]), 2.0


@focal.wrong("The factor (1 - p)^γ was held still: it changes with z as well.")
def _(z, y, gamma):
    s = 2 * y - 1
    rest = _sigmoid(-s * z)
    return focal_loss(z, y, gamma)[0], -s * rest ** (gamma + 1) / len(z)


@focal.wrong("The sign s is missing from the chain: m = s z, so dz = s dm.")
def _(z, y, gamma):
    loss, dz = focal_loss(z, y, gamma)
    return loss, dz * (2 * y - 1)


@focal.wrong("The loss is a mean, so its gradient is divided by N.")
def _(z, y, gamma):
    loss, dz = focal_loss(z, y, gamma)
    return loss, dz * len(z)


@focal.wrong("This is the plain cross-entropy: the factor (1 - p)^γ is missing.")
def _(z, y, gamma):
    return focal_loss(z, y, 0.0)


@focal.wrong("(1 - p)^(γ-1) divides by 0 for γ < 1 and a sure sample: simplify before you program.")
def _(z, y, gamma):
    s = 2 * y - 1
    p, rest, log_p = _sigmoid(s * z), _sigmoid(-s * z), _log_sigmoid(s * z)
    slope = gamma * rest ** (gamma - 1) * p * rest * log_p - rest**gamma * rest
    return focal_loss(z, y, gamma)[0], s * slope / len(z)
