"""Exercises of 02-mlp/optimizers/03-learning-rate-schedules.ipynb."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "02-mlp/optimizers/03-learning-rate-schedules.ipynb"


stall = Exercise(
    "02-mlp/learning-rate-schedules-1",
    notebook=NOTEBOOK,
    items=["Step and exponential decay"],
    hints=[
        "In the long run m = (1 - lr lam)^2 m + lr^2 s2. Solve it for lr instead of m.",
        "Multiply out: the m on both sides cancel, and one factor lr can be divided away.",
        "What is left is linear: 2 lam m = lr (lam^2 m + s2).",
    ],
    explanation="""
        The floor grows with the rate, so the largest rate is the one whose floor is m. From
        m = (1 - lr lam)^2 m + lr^2 s2 follows 2 lam m = lr (lam^2 m + s2). It is twice the rate that is the best for
        the next step at this m: the best step leads below m, a step of twice its length leads back to m.""",
)


@stall.reference
def largest_rate(lam, s2, m):
    return 2 * lam * m / (lam**2 * m + s2)


@stall.case("moderate curvatures and noises")
def _(rng):
    return tuple(rng.uniform(0.2, 3, size=3).round(2))


@stall.case("a floor far above the noise, where the curvature sets the limit")
def _(rng):
    return round(float(rng.uniform(1, 5)), 2), 0.01, 100.0


@stall.wrong("This is the approximation for small rates: the floor has the factor 2 - lr lam, not 2.")
def _(lam, s2, m):
    return 2 * lam * m / s2


@stall.wrong("This rate makes the next m smallest; the question is where m stays as it is.")
def _(lam, s2, m):
    return lam * m / (lam**2 * m + s2)


@stall.wrong("The noise term of a step is lr^2 s2: s2 is a variance already, not a standard deviation.")
def _(lam, s2, m):
    return 2 * lam * m / (lam**2 * m + s2**2)


shape = Exercise(
    "02-mlp/learning-rate-schedules-2",
    notebook=NOTEBOOK,
    items=["Cosine and warm-up"],
    hints=[
        "Write the rise and the fall as two factors, each at most 1: `np.minimum(1, ...)`.",
        "Step t = 0 already has 1 / n_warm: the rise is (t + 1) / n_warm.",
        "The last step, t = T - 1, has 1 / n_fall: the fall is (T - t) / n_fall.",
    ],
    explanation="""
        Both lines, cut off at 1, multiplied. The rise counts the steps done including this one, the fall those still
        to do including this one, so that no step is wasted on a rate of 0.""",
)


@shape.reference
def trapezoid(t, lr, T, n_warm, n_fall):
    return lr * np.minimum(1, (t + 1) / n_warm) * np.minimum(1, (T - t) / n_fall)


@shape.case("a rise, a plateau and a fall")
def _(rng):
    T = int(rng.integers(20, 40))
    return (
        np.arange(T),
        round(float(rng.uniform(0.1, 2)), 2),
        T,
        int(rng.integers(2, 8)),
        int(rng.integers(2, 10)),
    )


@shape.case("one step of warm-up is none: the first rate is lr")
def _(rng):
    return np.arange(10), 0.5, 10, 1, int(rng.integers(2, 6))


@shape.wrong("The first step would have the rate 0: count it as the first of n_warm, (t + 1) / n_warm.")
def _(t, lr, T, n_warm, n_fall):
    return lr * np.minimum(1, t / n_warm) * np.minimum(1, (T - t) / n_fall)


@shape.wrong("The last step would have the rate 0: T - t steps are still to do, this one included.")
def _(t, lr, T, n_warm, n_fall):
    return lr * np.minimum(1, (t + 1) / n_warm) * np.minimum(1, (T - 1 - t) / n_fall)


@shape.wrong("The fall is missing: this is warm-up to a constant rate.")
def _(t, lr, T, n_warm, n_fall):
    return lr * np.minimum(1, (t + 1) / n_warm)


noise = Exercise(
    "02-mlp/learning-rate-schedules-3",
    notebook=NOTEBOOK,
    items=["Cosine and warm-up"],
    hints=[
        "After t steps m holds gradient i with weight (1 - beta1) beta1^(t - i), and is divided by 1 - beta1^t.",
        "Independent noises of variance 1: the variance of the sum is the sum of the squared weights.",
        "The squares are a geometric series too: sum of beta1^(2k) for k < t is (1 - beta1^(2t)) / (1 - beta1^2).",
    ],
    explanation="""
        (1 - beta1)^2 (1 - beta1^(2t)) / (1 - beta1^2) / (1 - beta1^t)^2. Since 1 - a^2 = (1 - a)(1 + a), twice, it
        becomes (1 - beta1)/(1 + beta1) * (1 + beta1^t)/(1 - beta1^t): 1 at the first step, and
        (1 - beta1)/(1 + beta1) in the end.""",
)


@noise.reference
def step_variance(t, beta1):
    return (1 - beta1) / (1 + beta1) * (1 + beta1**t) / (1 - beta1**t)


@noise.case("a few steps, several betas")
def _(rng):
    return int(rng.integers(2, 20)), round(float(rng.uniform(0.3, 0.95)), 2)


@noise.case("the first step is full, whatever beta1")
def _(rng):
    return 1, round(float(rng.uniform(0.1, 0.99)), 2)


@noise.case("after many steps")
def _(rng):
    return 500, round(float(rng.uniform(0.5, 0.95)), 2)


@noise.wrong("This is the limit for many steps: at the first step the square is 1.")
def _(t, beta1):
    return (1 - beta1) / (1 + beta1)


@noise.wrong("The correction of the bias is missing: Adam divides by 1 - beta1^t, here squared.")
def _(t, beta1):
    return (1 - beta1) ** 2 * (1 - beta1 ** (2 * t)) / (1 - beta1**2)


@noise.wrong("This would hold if all gradients weighed the same; the newest weigh most.")
def _(t, beta1):
    return 1 / t


reading = Exercise(
    "02-mlp/learning-rate-schedules-4",
    notebook=NOTEBOOK,
    items=["Finding a learning rate"],
    hints=[
        "Smooth first: a = beta a + (1 - beta) loss from a = 0, and divide by 1 - beta^t with t from 1.",
        "`np.gradient(smooth, np.log(rates))` is the slope per unit of log rate.",
        "`smooth.argmin()` is the lowest place; the answer is `rates[slope[:lowest].argmin()]`.",
    ],
    explanation="""
        Without the correction the smoothed curve begins near 0, which looks like a minimum at the smallest rate.
        Against the plain rate instead of its logarithm, slopes at small rates would count thousands of times more.""",
)


def _smooth(losses, beta, corrected=True):
    average, smooth = 0.0, []
    for t, loss in enumerate(losses, start=1):
        average = beta * average + (1 - beta) * loss
        smooth.append(average / (1 - beta**t) if corrected else average)
    return np.array(smooth)


@reading.reference
def steepest_rate(rates, losses, beta):
    average, smooth = 0.0, []
    for t, loss in enumerate(losses, start=1):
        average = beta * average + (1 - beta) * loss
        smooth.append(average / (1 - beta**t))
    smooth = np.array(smooth)
    slope = np.gradient(smooth, np.log(rates))
    return rates[slope[: smooth.argmin()].argmin()]


def _curve(rng, low=1e-4):
    rates = np.geomspace(low, 10, 80)
    losses = 2.3 - 1.5 / (1 + (0.1 / rates) ** 1.5) + rates**2 + rng.normal(0, 0.03, 80)
    return rates, losses.round(4), 0.8


@reading.case("a curve that does nothing, falls, and explodes")
def _(rng):
    return _curve(rng)


@reading.case("an explosion that comes back down: only what lies before the lowest loss counts")
def _(rng):
    rates, losses, beta = _curve(rng)
    losses[-12:-6], losses[-6:] = 60.0, 3.0
    return rates, losses, beta


@reading.case("smallest rates that are a thousand times smaller")
def _(rng):
    return _curve(rng, low=1e-7)


@reading.wrong(
    "The bias is not corrected: the smoothed curve begins near 0, and its lowest place is the first."
)
def _(rates, losses, beta):
    smooth = _smooth(losses, beta, corrected=False)
    lowest = max(1, smooth.argmin())
    return rates[np.gradient(smooth, np.log(rates))[:lowest].argmin()]


@reading.wrong("The slope is per unit of log rate: give np.gradient the logarithms.")
def _(rates, losses, beta):
    smooth = _smooth(losses, beta)
    return rates[np.gradient(smooth, rates)[: smooth.argmin()].argmin()]


@reading.wrong("This is the rate of the lowest loss, the ceiling: the steepest place lies before it.")
def _(rates, losses, beta):
    return rates[_smooth(losses, beta).argmin()]


@reading.wrong("Falls after the explosion do not count: look only before the lowest smoothed loss.")
def _(rates, losses, beta):
    smooth = _smooth(losses, beta)
    return rates[np.gradient(smooth, np.log(rates)).argmin()]
