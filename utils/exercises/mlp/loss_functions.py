"""Exercises of 02-mlp/backpropagation/01-loss-functions.ipynb."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "02-mlp/backpropagation/01-loss-functions.ipynb"


def _quiet_errors(answer, *arguments):
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        return answer(*arguments)


weighted = Exercise(
    "02-mlp/loss-functions-1",
    notebook=NOTEBOOK,
    items=["Mean squared error"],
    hints=[
        "The sum of the weights does not depend on y_hat: it is a constant divisor.",
        "The derivative of v_i (y_hat_i - y_i)^2 is 2 v_i (y_hat_i - y_i).",
        "Divide both the value and the gradient by v.sum(), not by N.",
    ],
    explanation="""
        A sample with weight 3 acts like three equal samples, so the sum of the weights takes the place of N. In a
        Gaussian likelihood the weights are 1/sigma_i^2: noisy measurements count less.""",
)


@weighted.reference
def weighted_mse(y_hat, y, v):
    error = y_hat - y
    return (v * error**2).sum() / v.sum(), 2 * v * error / v.sum()


@weighted.case("positive weights of several sizes")
def _(rng):
    n = int(rng.integers(2, 8))
    return rng.normal(size=n), rng.normal(size=n), rng.uniform(0.2, 4, size=n)


@weighted.case("weights of 0 take their samples out")
def _(rng):
    return rng.normal(size=5), rng.normal(size=5), np.array([1.0, 0.0, 2.0, 0.0, 1.0])


@weighted.wrong("Divide by the sum of the weights, not by the number of samples.")
def _(y_hat, y, v):
    error = y_hat - y
    return (v * error**2).mean(), 2 * v * error / len(y)


@weighted.wrong("The gradient lacks the 2 of the square's derivative.")
def _(y_hat, y, v):
    error = y_hat - y
    return (v * error**2).sum() / v.sum(), v * error / v.sum()


@weighted.wrong("The gradient's sign is turned round: with respect to y_hat the inner derivative is +1.")
def _(y_hat, y, v):
    error = y - y_hat
    return (v * error**2).sum() / v.sum(), 2 * v * error / v.sum()


soft = Exercise(
    "02-mlp/loss-functions-2",
    notebook=NOTEBOOK,
    items=["Cross-entropy", "Losses and their gradients"],
    hints=[
        "Write the loss with log P and compute log P itself: never the logarithm of a probability.",
        "log P = S - log(sum of exp(S)) along axis 1, where S is Z minus its row's maximum.",
        "The gradient of the mean is (P - T) / N with P = exp(log P), since each row of T sums to 1.",
    ],
    explanation="""
        The derivation of P - Y uses nothing of Y but that its rows sum to 1, so soft targets give P - T. The
        logarithm is taken inside, where the largest term of the sum is 1: it can neither overflow nor be log 0.""",
)


@soft.reference
def soft_cross_entropy(Z, T):
    S = Z - Z.max(axis=1, keepdims=True)
    log_P = S - np.log(np.exp(S).sum(axis=1, keepdims=True))
    return -(T * log_P).sum(axis=1).mean(), (np.exp(log_P) - T) / len(Z)


soft.driver(_quiet_errors)


@soft.case("moderate scores, random targets")
def _(rng):
    shape = int(rng.integers(2, 5)), int(rng.integers(2, 6))
    return rng.normal(scale=2, size=shape), rng.dirichlet(np.ones(shape[1]), size=shape[0])


@soft.case("scores in the thousands: nothing overflows and no logarithm of 0")
def _(rng):
    Z = np.array([[1000.0, 0.0, -1000.0], [-3000.0, -3001.0, -2999.0]])
    return Z, rng.dirichlet(np.ones(3), size=2)


@soft.wrong("The logarithm of a probability that has become 0 is infinite: compute log P directly.")
def _(Z, T):
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    P = E / E.sum(axis=1, keepdims=True)
    return -(T * np.log(P)).sum(axis=1).mean(), (P - T) / len(Z)


@soft.wrong("The loss is a mean over the samples: the gradient is divided by N too.")
def _(Z, T):
    value, dZ = soft_cross_entropy(Z, T)
    return value, dZ * len(Z)


@soft.wrong("The mean runs over the samples only; over the classes it is a sum.")
def _(Z, T):
    value, dZ = soft_cross_entropy(Z, T)
    return value / Z.shape[1], dZ / Z.shape[1]


@soft.wrong("Minimizing would go the wrong way: the gradient is prediction minus target.")
def _(Z, T):
    value, dZ = soft_cross_entropy(Z, T)
    return value, -dZ


hinge = Exercise(
    "02-mlp/loss-functions-3",
    notebook=NOTEBOOK,
    items=["Hinge loss"],
    hints=[
        "Let h = max(0, 1 - s z). The outer derivative is 2 h.",
        "The inner derivative of 1 - s z with respect to z is -s; where h is 0, so is 2 h.",
        "The mean divides the gradient by N: -2 * h * s / N.",
    ],
    explanation="""
        By the chain rule the gradient is 2 h times -s, and h itself switches it off beyond the margin: no case is
        needed, and there is no corner, since the slope goes to 0 at the margin.""",
)


@hinge.reference
def squared_hinge(z, s):
    h = np.maximum(0, 1 - s * z)
    return (h**2).mean(), -2 * h * s / len(z)


@hinge.case("sums on both sides of the margin")
def _(rng):
    n = int(rng.integers(3, 9))
    return rng.normal(scale=2, size=n), rng.choice([-1.0, 1.0], size=n)


@hinge.case("all beyond the margin: no loss and no pull")
def _(rng):
    s = rng.choice([-1.0, 1.0], size=4)
    return s * rng.uniform(1.5, 5, size=4), s


@hinge.wrong("The chain rule's outer factor 2 h is missing: this is the slope of the plain hinge.")
def _(z, s):
    h = np.maximum(0, 1 - s * z)
    return (h**2).mean(), -s * (h > 0) / len(z)


@hinge.wrong("Samples beyond the margin must not pull: keep the max(0, ...) in the gradient.")
def _(z, s):
    return (np.maximum(0, 1 - s * z) ** 2).mean(), -2 * (1 - s * z) * s / len(z)


@hinge.wrong("The inner derivative is -s: for a negative label the pull goes the other way.")
def _(z, s):
    h = np.maximum(0, 1 - s * z)
    return (h**2).mean(), -2 * h / len(z)


logcosh = Exercise(
    "02-mlp/loss-functions-4",
    notebook=NOTEBOOK,
    items=["Huber and others"],
    hints=[
        "cosh d = (e^d + e^-d) / 2. Its derivative is sinh d, so you know the derivative of log cosh d.",
        "For the value take the larger exponential out: cosh d = e^|d| (1 + e^(-2|d|)) / 2.",
        "The value is |d| + log1p(exp(-2|d|)) - log 2, the gradient tanh(d) / N.",
    ],
    explanation="""
        log cosh d is about d^2/2 near 0 and |d| - log 2 far away: a Huber loss without cases, whose gradient tanh d
        turns smoothly from d to the sign of d. cosh(1000) has no float, but its logarithm is an ordinary number.""",
)


@logcosh.reference
def log_cosh(y_hat, y):
    d = y_hat - y
    size = np.abs(d)
    return (size + np.log1p(np.exp(-2 * size)) - np.log(2)).mean(), np.tanh(d) / d.size


logcosh.driver(_quiet_errors)


@logcosh.case("moderate errors")
def _(rng):
    n = int(rng.integers(2, 7))
    return rng.normal(scale=2, size=n), rng.normal(size=n)


@logcosh.case("errors of a thousand do not overflow")
def _(rng):
    return np.array([1000.0, -1000.0, 0.5]), rng.normal(size=3)


@logcosh.wrong("cosh(1000) overflows: take e^|d| out of the logarithm.")
def _(y_hat, y):
    d = y_hat - y
    return np.log(np.cosh(d)).mean(), np.tanh(d) / d.size


@logcosh.wrong("The mean divides the gradient by N as well.")
def _(y_hat, y):
    value, gradient = log_cosh(y_hat, y)
    return value, gradient * len(y)


@logcosh.wrong("The factor 1/2 in cosh is lost: an error of 0 must cost nothing.")
def _(y_hat, y):
    value, gradient = log_cosh(y_hat, y)
    return value + np.log(2), gradient
