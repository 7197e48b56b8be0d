"""Exercises of 02-mlp/optimizers/02-adaptive-optimizers.ipynb."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "02-mlp/optimizers/02-adaptive-optimizers.ipynb"


sums = Exercise(
    "02-mlp/adaptive-optimizers-1",
    notebook=NOTEBOOK,
    items=["AdaGrad"],
    hints=[
        "Keep a vector s of the squares of all gradients so far, beginning with zeros.",
        "In each step add g * g to s first, then divide by its root: the first step has size lr.",
        "theta = theta - lr * g / (np.sqrt(s) + eps), with a new array, so that the input stays as it was.",
    ],
    explanation="""
        The square of the present gradient is part of the sum, so the first step has the size lr for every parameter,
        and no step is ever longer. Without a loop: s = np.cumsum(G**2, axis=0).""",
)


@sums.reference
def adagrad(theta, G, lr, eps):
    s = np.zeros_like(theta)
    for g in G:
        s = s + g * g
        theta = theta - lr * g / (np.sqrt(s) + eps)
    return theta


@sums.case("several steps")
def _(rng):
    return rng.normal(size=3).round(2), rng.normal(size=(4, 3)).round(2), 0.1, 1e-10


@sums.case("gradients of very different sizes")
def _(rng):
    return np.zeros(2), rng.normal(size=(5, 2)).round(3) * [0.1, 100.0], 0.5, 1e-10


@sums.case("an eps that is not small")
def _(rng):
    return rng.normal(size=2).round(2), rng.normal(size=(3, 2)).round(2), 0.1, 0.5


@sums.wrong("Divide by the root of the sum of squares, not by the sum.")
def _(theta, G, lr, eps):
    s = np.zeros_like(theta)
    for g in G:
        s = s + g * g
        theta = theta - lr * g / (s + eps)
    return theta


@sums.wrong("This is the mean of the squares: AdaGrad adds them up.")
def _(theta, G, lr, eps):
    s = np.zeros_like(theta)
    for t, g in enumerate(G, start=1):
        s = s + g * g
        theta = theta - lr * g / (np.sqrt(s / t) + eps)
    return theta


@sums.wrong("Each parameter has a sum of its own: this adds the squares of all of them.")
def _(theta, G, lr, eps):
    s = 0.0
    for g in G:
        s = s + np.sum(g * g)
        theta = theta - lr * g / (np.sqrt(s) + eps)
    return theta


@sums.wrong("eps stands outside the root.")
def _(theta, G, lr, eps):
    s = np.zeros_like(theta)
    for g in G:
        s = s + g * g
        theta = theta - lr * g / np.sqrt(s + eps)
    return theta


adam_steps = Exercise(
    "02-mlp/adaptive-optimizers-2",
    notebook=NOTEBOOK,
    items=["Adam"],
    hints=[
        "Two averages, both from zero: m of g with beta1, v of g * g with beta2.",
        "Steps are counted from 1: in the t-th, divide m by 1 - beta1**t and v by 1 - beta2**t.",
        "The corrections are for the step alone; the averages go on uncorrected.",
    ],
    explanation="""
        The averages start at zero, so after t steps they hold a share of 1 - beta**t of what they should; dividing
        repairs it. With the correction the very first step has the size lr, whatever the betas.""",
)


@adam_steps.reference
def adam(theta, G, lr, beta1, beta2, eps):
    m, v = np.zeros_like(theta), np.zeros_like(theta)
    for t, g in enumerate(G, start=1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
        theta = theta - lr * m_hat / (np.sqrt(v_hat) + eps)
    return theta


@adam_steps.case("the first step, of size lr")
def _(rng):
    return rng.normal(size=3).round(2), rng.normal(size=(1, 3)).round(2), 0.1, 0.9, 0.999, 1e-8


@adam_steps.case("several steps")
def _(rng):
    return rng.normal(size=3).round(2), rng.normal(size=(5, 3)).round(2), 0.1, 0.8, 0.95, 1e-8


@adam_steps.case("an eps that is not small")
def _(rng):
    return rng.normal(size=2).round(2), rng.normal(size=(3, 2)).round(2), 0.1, 0.9, 0.9, 0.3


def _wrong_adam(first=1, correct=(True, True), squared=True, keep=False, inside=False):
    def answer(theta, G, lr, beta1, beta2, eps):
        m, v = np.zeros_like(theta), np.zeros_like(theta)
        for t, g in enumerate(G, start=first):
            m = beta1 * m + (1 - beta1) * g
            v = beta2 * v + (1 - beta2) * (g * g if squared else np.abs(g))
            m_hat = m / (1 - beta1**t) if correct[0] else m
            v_hat = v / (1 - beta2**t) if correct[1] else v
            root = np.sqrt(v_hat + eps) if inside else np.sqrt(v_hat) + eps
            theta = theta - lr * m_hat / root
            m, v = (m_hat, v_hat) if keep else (m, v)
        return theta

    return answer


adam_steps.wrong("The bias correction is missing: both averages are too small at first.")(
    _wrong_adam(correct=(False, False))
)
adam_steps.wrong("The squares' average needs its correction, too: by 1 - beta2**t.")(
    _wrong_adam(correct=(True, False))
)
adam_steps.wrong("The second average is of squares, g * g.")(_wrong_adam(squared=False))
adam_steps.wrong("Corrected values are for the step only: the averages go on without.")(
    _wrong_adam(keep=True)
)
adam_steps.wrong("eps stands outside the root.")(_wrong_adam(inside=True))
adam_steps.wrong("Count steps from 1.")(_wrong_adam(first=2))


decoupled = Exercise(
    "02-mlp/adaptive-optimizers-3",
    notebook=NOTEBOOK,
    items=["AdamW and other variants"],
    hints=[
        "The averages see the gradient of the loss alone, without a penalty.",
        "The decay multiplies the old parameters by 1 - lr * weight_decay.",
        "Then comes Adam's step, with both corrections.",
    ],
    explanation="""
        The decay goes around the averages, so that it is not divided by the size of the gradients. It is multiplied by
        the learning rate, as the step is: a schedule lowers both together.""",
)


@decoupled.reference
def adamw_step(theta, g, m, v, t, lr, beta1, beta2, eps, weight_decay):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g * g
    step = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
    return (1 - lr * weight_decay) * theta - lr * step, m, v


def _middle(rng, t):
    theta, g, m = rng.normal(size=(3, 4)).round(2)
    return theta, g, m, rng.uniform(0.5, 2, 4).round(2), t


@decoupled.case("the first step, from averages of zero")
def _(rng):
    theta, g = rng.normal(size=(2, 3)).round(2)
    return theta, g, np.zeros(3), np.zeros(3), 1, 0.1, 0.9, 0.999, 1e-8, 0.3


@decoupled.case("a later step")
def _(rng):
    return *_middle(rng, 5), 0.05, 0.8, 0.95, 1e-8, 0.5


@decoupled.case("without decay it is Adam")
def _(rng):
    return *_middle(rng, 3), 0.05, 0.9, 0.99, 1e-8, 0.0


@decoupled.wrong("This is L2: the decay must not enter the averages.")
def _(theta, g, m, v, t, lr, beta1, beta2, eps, weight_decay):
    g = g + weight_decay * theta
    return adamw_step(theta, g, m, v, t, lr, beta1, beta2, eps, 0.0)


@decoupled.wrong("The decay is multiplied by the learning rate, too.")
def _(theta, g, m, v, t, lr, beta1, beta2, eps, weight_decay):
    return adamw_step(theta, g, m, v, t, lr, beta1, beta2, eps, weight_decay / lr)


@decoupled.wrong("The bias correction is missing.")
def _(theta, g, m, v, t, lr, beta1, beta2, eps, weight_decay):
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
    return (1 - lr * weight_decay) * theta - lr * m / (np.sqrt(v) + eps), m, v


@decoupled.wrong("Return the averages as they are kept, uncorrected.")
def _(theta, g, m, v, t, lr, beta1, beta2, eps, weight_decay):
    theta, m, v = adamw_step(theta, g, m, v, t, lr, beta1, beta2, eps, weight_decay)
    return theta, m / (1 - beta1**t), v / (1 - beta2**t)


signs = Exercise(
    "02-mlp/adaptive-optimizers-4",
    notebook=NOTEBOOK,
    items=["AdamW and other variants"],
    hints=[
        "The direction is the sign of beta1 * m + (1 - beta1) * g, with the old m.",
        "The average is renewed after that, with beta2.",
        "The decay multiplies the old parameters by 1 - lr * weight_decay.",
    ],
    explanation="""
        Two mixtures of the same two vectors: one, with much of the new gradient, gives the direction; the other, with
        less of it, is remembered. Every parameter moves by exactly lr, apart from the decay.""",
)


@signs.reference
def lion_step(theta, g, m, lr, beta1, beta2, weight_decay):
    direction = np.sign(beta1 * m + (1 - beta1) * g)
    return (1 - lr * weight_decay) * theta - lr * direction, beta2 * m + (1 - beta2) * g


@signs.case("average and gradient disagree")
def _(rng):
    g = rng.normal(size=6).round(2)
    return rng.normal(size=6).round(2), g, -0.5 * g * rng.uniform(0.1, 2, 6).round(2), 0.1, 0.6, 0.9, 0.0


@signs.case("with weight decay")
def _(rng):
    theta, g, m = rng.normal(size=(3, 4)).round(2)
    return theta, g, m, 0.1, 0.9, 0.99, 0.5


@signs.case("a parameter without gradient and memory stays")
def _(rng):
    return np.ones(3), np.array([1.0, 0.0, -2.0]), np.zeros(3), 0.1, 0.9, 0.99, 0.0


@signs.wrong("The step is a sign, not the mixture itself.")
def _(theta, g, m, lr, beta1, beta2, weight_decay):
    return (1 - lr * weight_decay) * theta - lr * (beta1 * m + (1 - beta1) * g), beta2 * m + (1 - beta2) * g


@signs.wrong("The direction uses the old average with beta1; this renews the average first.")
def _(theta, g, m, lr, beta1, beta2, weight_decay):
    m = beta2 * m + (1 - beta2) * g
    return (1 - lr * weight_decay) * theta - lr * np.sign(m), m


@signs.wrong("The average is renewed with beta2; beta1 is for the direction.")
def _(theta, g, m, lr, beta1, beta2, weight_decay):
    new, _ = lion_step(theta, g, m, lr, beta1, beta2, weight_decay)
    return new, beta1 * m + (1 - beta1) * g


@signs.wrong("The decay belongs to the parameters, not under the sign.")
def _(theta, g, m, lr, beta1, beta2, weight_decay):
    g = g + weight_decay * theta
    return lion_step(theta, g, m, lr, beta1, beta2, 0.0)
