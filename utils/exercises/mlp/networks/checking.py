"""Exercise 12: a gradient check that catches."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "02-mlp/exercises/01-mlp-exercises.ipynb"
ITEMS = ["Gradients by hand"]


finder = Exercise(
    "02-mlp/networks-12",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "For each name and each index: copy the array, change one entry by +eps and -eps, call the loss with "
        "`{**params, name: changed}`, divide the difference by 2 eps. eps = 1e-5 is about right.",
        "Compare sizes with sizes: the largest difference, divided by the largest entry of either gradient.",
        "Both all zeros means equal. Another shape means wrong, before anything is computed.",
    ],
    explanation="""
        Central differences err by about eps², so right gradients agree to nine digits or so, and faults are
        mostly wrong in the first. The limit must be relative: with a loss in millionths all gradients are tiny,
        and an absolute limit would let every one of them pass. `{**params, name: changed}` makes a new
        dictionary, so nothing has to be put back.""",
)


@finder.reference
def wrong_gradients(loss, params, gradients, eps=1e-5, limit=1e-5):
    wrong = []
    for name, value in params.items():
        numeric, given = np.zeros_like(value), gradients[name]
        if given.shape != value.shape:
            wrong.append(name)
            continue
        for index in np.ndindex(value.shape):
            step = np.zeros_like(value)
            step[index] = eps
            rise = loss({**params, name: value + step}) - loss({**params, name: value - step})
            numeric[index] = rise / (2 * eps)
        if np.abs(numeric - given).max() > limit * max(np.abs(numeric).max(), np.abs(given).max()):
            wrong.append(name)
    return sorted(wrong)


@finder.driver
def as_list(answer, loss, params, gradients):
    names = answer(loss, params, gradients)
    return sorted(names) if isinstance(names, (list, tuple, set)) else names


_X = np.random.default_rng(3).normal(size=(5, 3))


def small_network(params):
    hidden = np.tanh(_X @ params["W1"].T + params["b1"])
    return float(((hidden @ params["W2"].T) ** 2).mean())


def millionths(params):
    return 1e-6 * small_network(params)


def _parameters(rng, scale=1.0):
    params = {"W1": rng.normal(size=(3, 3)), "b1": rng.normal(size=3), "W2": rng.normal(size=(2, 3))}
    hidden = np.tanh(_X @ params["W1"].T + params["b1"])
    dY = scale * 2 * (hidden @ params["W2"].T) / (2 * len(_X))
    dZ = (dY @ params["W2"]) * (1 - hidden**2)
    return params, {"W1": dZ.T @ _X, "b1": dZ.sum(axis=0), "W2": dY.T @ hidden}


@finder.case("all gradients are right")
def _(rng):
    return small_network, *_parameters(rng)


@finder.case("a factor is wrong in one of them")
def _(rng):
    params, gradients = _parameters(rng)
    gradients[str(rng.choice(list(gradients)))] *= rng.choice([2.0, 1.001])
    return small_network, params, gradients


@finder.case("transposed, or the sign turned round: sizes are right, entries are not", seeds=2)
def _(rng):
    params, gradients = _parameters(rng)
    return small_network, params, {**gradients, "W1": gradients["W1"].T, "b1": -gradients["b1"]}


@finder.case("only the last entry is wrong", seeds=1)
def _(rng):
    params, gradients = _parameters(rng)
    gradients["W2"][-1, -1] += 0.1
    return small_network, params, gradients


@finder.case("a loss in millionths: all gradients are tiny, one of them is wrong", seeds=2)
def _(rng):
    params, gradients = _parameters(rng, scale=1e-6)
    return millionths, params, {**gradients, "W2": 1.5 * gradients["W2"]}


@finder.case("a gradient of another shape is wrong, and no reason to stop", seeds=1)
def _(rng):
    params, gradients = _parameters(rng)
    return small_network, params, {**gradients, "W2": gradients["W2"].T}


@finder.case("weights of 0 that get a gradient of 0: nothing is wrong", seeds=1)
def _(rng):
    params, _ = _parameters(rng)
    zeros = {name: np.zeros_like(value) for name, value in params.items()}
    return small_network, zeros, zeros


def _relative(numeric, given):
    scale = max(np.abs(numeric).max(), np.abs(given).max())
    return np.abs(numeric - given).max() / scale if scale > 0 else 0.0


def _numeric(loss, params, name, value):
    numeric = np.zeros_like(value)
    for index in np.ndindex(value.shape):
        step = np.zeros_like(value)
        step[index] = 1e-5
        numeric[index] = loss({**params, name: value + step}) - loss({**params, name: value - step})
    return numeric / 2e-5


def _judged(judge):
    """Names whose numeric and given gradients `judge` calls different."""

    def answer(loss, params, gradients):
        pairs = {
            name: (_numeric(loss, params, name, value), gradients[name]) for name, value in params.items()
        }
        return [
            name
            for name, (numeric, given) in pairs.items()
            if given.shape != numeric.shape or judge(numeric, given)
        ]

    return answer


finder.wrong("An absolute limit: where the loss is in millionths, every gradient passes it.")(
    _judged(lambda numeric, given: np.abs(numeric - given).max() > 1e-5)
)
finder.wrong("Only the lengths were compared: a transposed gradient has the right length.")(
    _judged(lambda numeric, given: _relative(*(np.linalg.norm([g]) for g in (numeric, given))) > 1e-5)
)
finder.wrong("Only the first entry was compared.")(
    _judged(lambda numeric, given: _relative(numeric.ravel()[:1], given.ravel()[:1]) > 1e-5)
)
finder.wrong("These are the gradients that are right.")(
    _judged(lambda numeric, given: _relative(numeric, given) <= 1e-5)
)


@finder.wrong("A gradient of another shape is wrong, too; comparing it must not stop everything.")
def _(loss, params, gradients):
    return [n for n, v in params.items() if _relative(_numeric(loss, params, n, v), gradients[n]) > 1e-5]
