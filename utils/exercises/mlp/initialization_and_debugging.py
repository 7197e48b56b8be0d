"""Exercises of 02-mlp/backpropagation/05-initialization-and-debugging.ipynb."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "02-mlp/backpropagation/05-initialization-and-debugging.ipynb"


scale = Exercise(
    "02-mlp/initialization-and-debugging-1",
    notebook=NOTEBOOK,
    items=["Symmetry and scale", "Xavier and He initialization"],
    hints=[
        "Which share of E[z^2] is left after the activation? 1 for tanh, 1/2 for ReLU.",
        "A leaky ReLU keeps the positive half, and of the negative half the square of its slope: (1 + 0.1**2) / 2.",
        "The variance is 1 / (share * n), with n = shape[1] for fan_in and shape[0] for fan_out.",
    ],
    explanation="""
        A layer multiplies the mean square by n * Var[w] times the share that the activation keeps, so that
        Var[w] = 1 / (share * n). Forwards n counts inputs, the second entry of (out, in); backwards outputs.""",
)

KEPT = {"tanh": 1.0, "relu": 0.5, "leaky_relu": (1 + 0.1**2) / 2}


@scale.reference
def weight_std(shape, activation, mode):
    n_out, n_in = shape
    return 1 / np.sqrt(KEPT[activation] * (n_in if mode == "fan_in" else n_out))


@scale.case("ReLU, forwards", seeds=1)
def _(rng):
    return (50, 200), "relu", "fan_in"


@scale.case("tanh, forwards", seeds=1)
def _(rng):
    return (30, 100), "tanh", "fan_in"


@scale.case("ReLU, backwards", seeds=1)
def _(rng):
    return (50, 200), "relu", "fan_out"


@scale.case("leaky ReLU, any shape")
def _(rng):
    return (
        tuple(int(n) for n in rng.integers(5, 500, size=2)),
        "leaky_relu",
        str(rng.choice(["fan_in", "fan_out"])),
    )


@scale.wrong("That is the variance: the standard deviation is its square root.")
def _(shape, activation, mode):
    return weight_std(shape, activation, mode) ** 2


@scale.wrong("Weights are (out, in): fan_in is the second number.")
def _(shape, activation, mode):
    return weight_std(shape[::-1], activation, mode)


@scale.wrong("ReLU drops half of the mean square: a factor 2 is missing.")
def _(shape, activation, mode):
    return weight_std(shape, "tanh", mode)


@scale.wrong("A slope of 0.1 leaves 0.1 squared of the negative half's mean square.")
def _(shape, activation, mode):
    factor = np.sqrt(KEPT["leaky_relu"] / ((1 + 0.1) / 2)) if activation == "leaky_relu" else 1.0
    return weight_std(shape, activation, mode) * factor


limit = Exercise(
    "02-mlp/initialization-and-debugging-2",
    notebook=NOTEBOOK,
    items=["Diverging losses and NaN"],
    hints=[
        "The gradient is X.T @ (X @ w - y) / N. What is its derivative with respect to w?",
        "The Hessian is X.T @ X / N, the same everywhere. The limit is 2 over its largest eigenvalue.",
        "np.linalg.eigvalsh(H) gives the eigenvalues of a symmetric matrix, the largest last.",
    ],
    explanation="""
        A step multiplies the error along each eigenvector by 1 - lr * lambda. That stays between -1 and 1 for all of
        them up to lr = 2 / lambda_max; the targets y shift the minimum and do not matter.""",
)


@limit.reference
def largest_rate(X):
    return 2 / np.linalg.eigvalsh(X.T @ X / len(X))[-1]


@limit.case("more samples than features")
def _(rng):
    return (rng.normal(size=(12, 3)).round(2),)


@limit.case("more features than samples, so that some eigenvalues are 0")
def _(rng):
    return (rng.normal(size=(3, 6)).round(2),)


@limit.case("features of very different size")
def _(rng):
    return ((rng.normal(size=(20, 3)) * [0.1, 1, 10]).round(3),)


@limit.wrong("The loss is a mean: the Hessian is X.T @ X / N.")
def _(X):
    return 2 / np.linalg.eigvalsh(X.T @ X)[-1]


@limit.wrong("Up to 1 / lambda_max nothing overshoots; it diverges only above 2 / lambda_max.")
def _(X):
    return 1 / np.linalg.eigvalsh(X.T @ X / len(X))[-1]


@limit.wrong("The smallest eigenvalue belongs to the slowest direction: the largest sets the limit.")
def _(X):
    return 2 / max(np.linalg.eigvalsh(X.T @ X / len(X))[0], 1e-12)


@limit.wrong("This is the largest singular value of X: the Hessian's eigenvalue is its square over N.")
def _(X):
    return 2 / np.linalg.norm(X, 2)


clipping = Exercise(
    "02-mlp/initialization-and-debugging-3",
    notebook=NOTEBOOK,
    items=["Exploding gradients"],
    hints=[
        "One norm for all: the square root of the sum of all squares of all arrays.",
        "Multiply every array by the same factor, min(1, c / norm).",
        "Guard against a norm of 0: `factor = c / norm if norm > c else 1.0`.",
    ],
    explanation="""
        All gradients together are one vector. One common factor keeps its direction, which clipping each array by
        itself would not, and gradients that are short enough are left alone.""",
)


@clipping.reference
def clip_together(gradients, c):
    norm = np.sqrt(sum(np.sum(g**2) for g in gradients))
    factor = c / norm if norm > c else 1.0
    return [g * factor for g in gradients]


@clipping.driver
def quiet_and_untouched(function, gradients, c):
    copies = [g.copy() for g in gradients]
    with np.errstate(all="ignore"):
        out = function(copies, c)
    untouched = all(np.array_equal(a, b) for a, b in zip(copies, gradients, strict=True))
    return out, untouched


def some_gradients(rng, size):
    return [size * rng.normal(size=shape).round(2) for shape in ((3, 2), (3,), (1, 3))]


@clipping.case("gradients that are too long together")
def _(rng):
    return some_gradients(rng, 5.0), 1.5


@clipping.case("gradients that are short enough")
def _(rng):
    return some_gradients(rng, 0.01), 1.0


@clipping.case("each short enough, together too long", seeds=1)
def _(rng):
    return [np.full(4, 0.4), np.full(9, 0.3)], 1.0


@clipping.case("nothing but zeros", seeds=1)
def _(rng):
    return [np.zeros((2, 2)), np.zeros(2)], 1.0


@clipping.wrong("Each array was clipped by itself, which turns the direction: one norm for all of them.")
def _(gradients, c):
    return [g * min(1.0, c / max(np.linalg.norm(g), 1e-12)) for g in gradients]


@clipping.wrong("Gradients shorter than c were stretched to it: take the factor min(1, c / norm).")
def _(gradients, c):
    norm = np.sqrt(sum(np.sum(g**2) for g in gradients)) or 1.0
    return [g * c / norm for g in gradients]


@clipping.wrong("This limits each entry, which turns the direction: shorten the vector as a whole.")
def _(gradients, c):
    return [np.clip(g, -c, c) for g in gradients]


@clipping.wrong("A norm of 0 gives 0 / 0: guard against it.")
def _(gradients, c):
    norm = np.sqrt(sum(np.sum(g**2) for g in gradients))
    return [g * np.minimum(1.0, c * g.size / (norm * g.size)) if norm else g * np.nan for g in gradients]


leaks = Exercise(
    "02-mlp/initialization-and-debugging-4",
    notebook=NOTEBOOK,
    items=["Shape mismatches"],
    hints=[
        "Compute f(X) once. Then change row j of a copy of X and compare.",
        "Output row i depends on input row j if any of its entries changed: `(new != old).any(axis=1)` is column j.",
        "Change the whole row by something no symmetry undoes, such as adding random numbers.",
    ],
    explanation="""
        One call for each sample: what changes in the outputs when only row j of the input changed is column j of the
        matrix. In a sound network it is the diagonal. A random change rather than a constant one, because a
        constant may cancel, for instance where the function subtracts a row's mean.""",
)


@leaks.reference
def dependence(f, X):
    before, noise = f(X), np.random.default_rng(0)
    columns = []
    for j in range(len(X)):
        changed = X.copy()
        changed[j] += noise.normal(size=X.shape[1])
        columns.append((np.abs(f(changed) - before) > 1e-9).any(axis=1))
    return np.stack(columns, axis=1)


@leaks.driver
def as_array(function, f, X):
    answer = function(f, X.copy())
    return np.asarray(answer) if isinstance(answer, (list, np.ndarray)) else answer


@leaks.case("a sound layer")
def _(rng):
    W = rng.normal(size=(3, 4))
    return lambda X: np.tanh(X @ W.T), rng.normal(size=(5, 4))


@leaks.case("a mean over the batch")
def _(rng):
    return lambda X: X - X.mean(axis=0), rng.normal(size=(4, 3))


@leaks.case("each row sees the row before it, so the matrix is not symmetric")
def _(rng):
    return lambda X: X[:, :2] + np.vstack([np.zeros((1, 2)), X[:-1, :2]]), rng.normal(size=(5, 3))


@leaks.case("each row minus its own mean, where adding a constant changes nothing")
def _(rng):
    return lambda X: X - X.mean(axis=1, keepdims=True), rng.normal(size=(4, 3))


@leaks.wrong("Rows are outputs and columns inputs: this is the transpose.")
def _(f, X):
    return dependence(f, X).T


@leaks.wrong("Adding a constant to a row may cancel: add random numbers.")
def _(f, X):
    before = f(X)
    changed = [X + np.eye(len(X))[j][:, None] for j in range(len(X))]
    return np.stack([(np.abs(f(C) - before) > 1e-9).any(axis=1) for C in changed], axis=1)


@leaks.wrong("An output row has changed if any of its entries has, not only if all have.")
def _(f, X):
    before, noise = f(X), np.random.default_rng(0)
    columns = []
    for j in range(len(X)):
        changed = X.copy()
        changed[j, 0] += noise.normal()
        columns.append((np.abs(f(changed) - before) > 1e-9).all(axis=1))
    return np.stack(columns, axis=1)


@leaks.wrong("Restore the row before you change the next one: work on a copy each time.")
def _(f, X):
    before, noise, changed = f(X), np.random.default_rng(0), X.copy()
    columns = []
    for j in range(len(X)):
        changed[j] += noise.normal(size=X.shape[1])
        columns.append((np.abs(f(changed) - before) > 1e-9).any(axis=1))
    return np.stack(columns, axis=1)
