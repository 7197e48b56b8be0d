"""Exercises of 03-cnn/applications/02-transfer-learning.ipynb."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "03-cnn/applications/02-transfer-learning.ipynb"


probing = Exercise(
    "03-cnn/transfer-learning-1",
    notebook=NOTEBOOK,
    items=["Features that transfer"],
    hints=[
        "For a given W the best unpenalized bias is the mean of what is left: b = mean(Y) - mean(Phi) @ W.",
        "Put that in: the same problem without a bias, for Phi and Y less their means.",
        "W = Phic.T @ solve(Phic @ Phic.T + lam * I_N, Yc), with the centred Phic and Yc.",
    ],
    explanation="""
        The bias is not penalized, so its own equation says that the residuals have mean 0: b = mean(Y) - mean(Phi) W.
        Put in, what remains is ridge regression of the centred targets on the centred features, and its solution
        with N equations is that of the notebook. A column of ones would penalize the bias.""",
)


@probing.reference
def probe_with_bias(Phi, Y, lam):
    P, T = Phi - Phi.mean(axis=0), Y - Y.mean(axis=0)
    W = P.T @ np.linalg.solve(P @ P.T + lam * np.eye(len(P)), T)
    return W, Y.mean(axis=0) - Phi.mean(axis=0) @ W


@probing.driver
def as_one(function, Phi, Y, lam):
    W, b = function(Phi, Y, lam)
    return np.concatenate([np.asarray(W), np.asarray(b)[None]])


@probing.case("fewer samples than features")
def _(rng):
    Y = np.eye(3)[rng.permutation([0, 0, 1, 1, 2])]
    return rng.normal(size=(5, 8)).round(2), Y, round(float(rng.uniform(0.1, 2)), 2)


@probing.case("features far from 0, classes of unequal number")
def _(rng):
    return (5 + rng.normal(size=(6, 7))).round(2), np.eye(2)[[0, 0, 0, 0, 0, 1]], 0.5


@probing.case("a strong penalty: the bias alone is left", seeds=1)
def _(rng):
    return rng.normal(size=(4, 6)).round(2), np.eye(2)[[0, 1, 1, 1]], 1e6


@probing.wrong("The bias is missing: features and targets must be centred, and the means put back.")
def _(Phi, Y, lam):
    W = Phi.T @ np.linalg.solve(Phi @ Phi.T + lam * np.eye(len(Phi)), Y)
    return W, np.zeros(Y.shape[1])


@probing.wrong("A column of ones penalizes the bias, too: centre instead.")
def _(Phi, Y, lam):
    P = np.column_stack([Phi, np.ones(len(Phi))])
    W = P.T @ np.linalg.solve(P @ P.T + lam * np.eye(len(P)), Y)
    return W[:-1], W[-1]


@probing.wrong("The bias must make up for the mean of the features as well: b = mean(Y) - mean(Phi) @ W.")
def _(Phi, Y, lam):
    return probe_with_bias(Phi, Y, lam)[0], Y.mean(axis=0)


moving = Exercise(
    "03-cnn/transfer-learning-2",
    notebook=NOTEBOOK,
    items=["Frozen features against fine-tuning"],
    hints=[
        "Weights and biases move if and only if `requires_grad`; the mode does not matter to them.",
        "Running statistics are no parameters: they move if and only if `training`, whatever `requires_grad` says.",
        "A convolution here has no bias; a norm has a weight and a bias like a linear layer.",
    ],
    explanation="""
        Two switches, two kinds of state. The optimizer moves parameters that have gradients; the forward pass in
        training mode moves running statistics. A layer rests only if both are off, and a norm in evaluation mode
        whose factor and shift are trained is a sensible thing, too.""",
)


@moving.reference
def what_moves(modules):
    parameters = {"conv": ["weight"], "norm": ["weight", "bias"], "linear": ["weight", "bias"]}
    moved = set()
    for name, kind, requires_grad, training in modules:
        entries = parameters[kind] if requires_grad else []
        if kind == "norm" and training:
            entries = [*entries, "running_mean", "running_var"]
        moved |= {f"{name}.{entry}" for entry in entries}
    return moved


@moving.driver
def in_order(function, modules):
    return sorted(function(modules))


@moving.case("all combinations may occur", seeds=5)
def _(rng):
    kinds = ["conv", "norm", "conv", "norm", "linear"]
    flags = rng.random((5, 2)) < 0.5
    return [
        (f"part{i}", kind, bool(a), bool(b))
        for i, (kind, (a, b)) in enumerate(zip(kinds, flags, strict=True))
    ]


@moving.case("weights frozen, but in training mode", seeds=1)
def _(rng):
    return [("stem", "conv", False, True), ("norm", "norm", False, True), ("head", "linear", True, True)]


@moving.case("everything at rest but the head", seeds=1)
def _(rng):
    return [("stem", "conv", False, False), ("norm", "norm", False, False), ("head", "linear", True, True)]


@moving.case("factor and shift trained, statistics kept", seeds=1)
def _(rng):
    return [("norm", "norm", True, False)]


def _moves(modules, statistics, weights):
    parameters = {"conv": ["weight"], "norm": ["weight", "bias"], "linear": ["weight", "bias"]}
    moved = set()
    for name, kind, requires_grad, training in modules:
        entries = list(parameters[kind]) if weights(requires_grad, training) else []
        if kind == "norm" and statistics(requires_grad, training):
            entries += ["running_mean", "running_var"]
        moved |= {f"{name}.{entry}" for entry in entries}
    return moved


@moving.wrong("The running statistics move without any gradient: they ask for `training` alone.")
def _(modules):
    return _moves(modules, lambda grad, training: grad and training, lambda grad, training: grad)


@moving.wrong("Evaluation mode does not stop the optimizer: a weight with a gradient moves in either mode.")
def _(modules):
    return _moves(modules, lambda grad, training: training, lambda grad, training: grad and training)


@moving.wrong("Running statistics are part of the state, and move in training mode.")
def _(modules):
    return _moves(modules, lambda grad, training: False, lambda grad, training: grad)


choosing = Exercise(
    "03-cnn/transfer-learning-3",
    notebook=NOTEBOOK,
    items=["How little data is enough?"],
    hints=[
        "The best depth has the greatest mean over the folds: `hits.mean(axis=1).argmax()`.",
        "Its standard error is the deviation of its folds (`ddof=1`) over the root of their number.",
        "Of the depths with mean >= best mean - standard error take the first: `np.flatnonzero(...)[0]`.",
    ],
    explanation="""
        A difference smaller than the standard error is no reason to prefer one depth, so simplicity may decide. The
        error is that of the best depth's mean, and no test image has been looked at. (L. Breiman and others'
        rule for pruning trees, 1984.)""",
)


@choosing.reference
def choose_depth(hits):
    mean = hits.mean(axis=1)
    best = mean.argmax()
    error = hits[best].std(ddof=1) / np.sqrt(hits.shape[1])
    return int(np.flatnonzero(mean >= mean[best] - error)[0])


@choosing.driver
def as_index(function, hits):
    return int(function(hits))


@choosing.case("five depths, four folds", seeds=6)
def _(rng):
    level = np.array([0.7, 0.84, 0.86, 0.87, 0.85])[:, None]
    return (level + rng.normal(0, 0.03, (5, 4))).round(3)


@choosing.case("a lower depth within one standard error", seeds=1)
def _(rng):
    return np.array([[0.70, 0.72, 0.71], [0.80, 0.84, 0.85], [0.79, 0.86, 0.88], [0.75, 0.75, 0.76]])


@choosing.case("more than one standard error, though within one deviation", seeds=1)
def _(rng):
    return np.array([[0.80, 0.82, 0.81, 0.81], [0.80, 0.84, 0.82, 0.84], [0.84, 0.92, 0.84, 0.92]])


@choosing.case("the best is the lowest", seeds=1)
def _(rng):
    return np.array([[0.9, 0.9], [0.8, 0.82]])


@choosing.wrong("The lowest depth within one standard error is asked for, not the best one.")
def _(hits):
    return hits.mean(axis=1).argmax()


@choosing.wrong("This is the deviation of a fold; the mean over folds is surer, by the root of their number.")
def _(hits):
    mean = hits.mean(axis=1)
    return np.flatnonzero(mean >= mean.max() - hits[mean.argmax()].std(ddof=1))[0]


@choosing.wrong("The last depth within one standard error was returned: the lowest is the most general.")
def _(hits):
    mean, best = hits.mean(axis=1), hits.mean(axis=1).argmax()
    error = hits[best].std(ddof=1) / np.sqrt(hits.shape[1])
    return np.flatnonzero(mean >= mean[best] - error)[-1]


enrolling = Exercise(
    "03-cnn/transfer-learning-4",
    notebook=NOTEBOOK,
    items=["How little data is enough?"],
    hints=[
        "Normalize the rows first: H / np.linalg.norm(H, axis=1, keepdims=True), without the rows of zeros.",
        "n * mean is the sum of the old directions; add the sum of the new ones.",
        "Divide by n plus the number of rows that were taken in; none may have been.",
    ],
    explanation="""
        A mean and a count are all that is needed to go on: the old sum is n times the mean. Nothing is forgotten and
        nothing but D numbers a class is stored. The mean of unit vectors is shorter than 1, and must stay so: its
        length is what makes the update exact.""",
)


@enrolling.reference
def enrol_more(mean, n, H):
    length = np.linalg.norm(H, axis=1, keepdims=True)
    H = H[length[:, 0] > 0] / length[length[:, 0] > 0]
    return (n * mean + H.sum(axis=0)) / (n + len(H)), n + len(H)


@enrolling.driver
def as_row(function, mean, n, H):
    new, count = function(mean, n, H)
    return np.append(np.asarray(new, dtype=float), count)


@enrolling.case("several new examples")
def _(rng):
    return rng.normal(0, 0.4, 4).round(2), int(rng.integers(1, 9)), (3 * rng.normal(size=(3, 4))).round(1)


@enrolling.case("a row of zeros among them", seeds=2)
def _(rng):
    H = rng.normal(size=(3, 4)).round(1)
    H[1] = 0
    return rng.normal(0, 0.4, 4).round(2), 3, H


@enrolling.case("none that counts", seeds=1)
def _(rng):
    return np.array([0.6, 0.3]), 4, np.zeros((2, 2))


@enrolling.wrong("The new features must be normalized first: a loud example would outvote the others.")
def _(mean, n, H):
    H = H[np.linalg.norm(H, axis=1) > 0]
    return (n * mean + H.sum(axis=0)) / (n + len(H)), n + len(H)


@enrolling.wrong("A row of zeros has no direction: dividing by its length gives NaN. Leave it out.")
def _(mean, n, H):
    H = H / np.linalg.norm(H, axis=1, keepdims=True)
    return (n * mean + H.sum(axis=0)) / (n + len(H)), n + len(H)


@enrolling.wrong("The old mean stands for n examples: weight it by n.")
def _(mean, n, H):
    H = H[np.linalg.norm(H, axis=1) > 0]
    H = H / np.linalg.norm(H, axis=1, keepdims=True)
    return (mean + H.sum(axis=0)) / (1 + len(H)), n + len(H)


@enrolling.wrong("The mean of directions is shorter than 1; normalizing it spoils the next update.")
def _(mean, n, H):
    new, n = enrol_more(mean, n, H)
    return new / np.linalg.norm(new), n
