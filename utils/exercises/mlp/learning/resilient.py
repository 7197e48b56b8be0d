"""Exercise 7: steps of their own for every weight."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "02-mlp/exercises/02-training-exercises.ipynb"
ITEMS = ["Steps and averages"]


rprop = Exercise(
    "02-mlp/learning-7",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "The product g * previous is positive where the sign stayed, negative where it turned, else 0.",
        "Two np.where make a factor of 1.2, 0.5 or 1. Multiply the sizes, then np.clip them.",
        "Where the sign turned set g to 0: np.sign(0) is 0, so nothing moves, and the next product is 0 as well.",
    ],
    explanation="""
        Only signs are used, so it does not matter that gradients differ by a factor of a million between
        layers. A weight that keeps its direction is sped up; one that overshot is slowed down and sits out one
        round, and since its gradient was put to 0, the next round is not taken for another turn. It needs the
        gradient of all data: on mini-batches signs turn by chance and the steps die out. RMSprop was meant as
        its cure. (M. Riedmiller, H. Braun, 1993.)""",
)


@rprop.reference
def rprop_step(theta, g, previous, sizes):
    same = g * previous
    factor = np.where(same > 0, 1.2, np.where(same < 0, 0.5, 1.0))
    sizes = np.clip(sizes * factor, 1e-6, 1.0)
    g = np.where(same < 0, 0.0, g)
    return theta - np.sign(g) * sizes, g, sizes


@rprop.driver
def several_rounds(answer, theta, gradients, size):
    previous, sizes, path = np.zeros_like(theta), np.full_like(theta, size), []
    for g in gradients:
        theta, previous, sizes = answer(theta, g.copy(), previous, sizes)
        path.append((theta, previous, sizes))
    return path


@rprop.case("the first step: there is no previous gradient yet")
def _(rng):
    return rng.normal(size=3).round(1), rng.normal(size=(1, 3)).round(1), 0.1


@rprop.case("several steps, signs that stay and signs that turn")
def _(rng):
    return rng.normal(size=4).round(1), rng.normal(size=(6, 4)).round(1), 0.1


@rprop.case("a sign that stays: the step grows to 1 and no further", seeds=1)
def _(rng):
    return np.zeros(2), np.ones((8, 2)) * [0.001, -1000.0], 0.4


@rprop.case("a sign that turns again and again: the step shrinks to a millionth and no further", seeds=1)
def _(rng):
    return np.zeros(1), np.array([[1.0], [-1.0], [-1.0], [1.0], [1.0], [-1.0], [-1.0]]), 3e-6


@rprop.case("a gradient of 0: the weight rests and keeps its step size", seeds=1)
def _(rng):
    return np.ones(2), np.array([[0.0, 1.0], [0.0, 0.0], [2.0, 3.0]]), 0.1


def _variant(by_size=False, sit_out=True, limits=True, remember=False, swap=False):
    def step(theta, g, previous, sizes):
        same = g * previous
        up, down = (0.5, 1.2) if swap else (1.2, 0.5)
        sizes = sizes * np.where(same > 0, up, np.where(same < 0, down, 1.0))
        sizes = np.clip(sizes, 1e-6, 1.0) if limits else sizes
        masked = np.where(same < 0, 0.0, g) if sit_out else g
        move = masked if by_size else np.sign(masked)
        return theta - move * sizes, g if remember else masked, sizes

    return step


rprop.wrong("The size of the gradient is not used: only its sign.")(_variant(by_size=True))
rprop.wrong("A weight whose sign turned sits out one round: set its gradient to 0.")(_variant(sit_out=False))
rprop.wrong("The step sizes have limits, 1e-6 and 1.")(_variant(limits=False))
rprop.wrong(
    "Where the sign turned, hand back 0 as the previous gradient, or the next round is taken for another turn."
)(_variant(remember=True))
rprop.wrong("The factors are exchanged: a sign that stays makes the step longer.")(_variant(swap=True))
