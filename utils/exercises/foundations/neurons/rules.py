"""Exercises 5 to 8: learning rules."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "01-foundations/exercises/02-perceptron-exercises.ipynb"
ITEMS = ["Learning rules"]


def _quarters(rng, *shape):
    """Random multiples of 1/4: sums and products are exact, so that no order of adding decides a tie."""
    return np.round(4 * rng.normal(size=shape)) / 4


costs = Exercise(
    "01-foundations/neurons-5",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Answering 1 costs false_alarm with probability 1 - p. Answering 0 costs miss with probability p.",
        "Answer 1 where (1 - p) false_alarm < p miss, that is where p / (1 - p) > false_alarm / miss.",
        "For p = σ(z) the odds p / (1 - p) are exp(z). Take logarithms on both sides.",
    ],
    explanation="""
        Yes is cheaper where (1 - p) false_alarm < p miss. The odds p/(1 - p) of a sigmoid are e^z, so this
        reads z > log(false_alarm / miss): other costs shift the threshold and leave the weights alone. With
        equal costs it is z > 0, the neuron's own. Comparing z rather than p also keeps apart what the
        sigmoid rounds to 1.""",
)


@costs.reference
def decide(z, false_alarm, miss):
    return (z > np.log(false_alarm / miss)).astype(np.int64)


@costs.case("a miss is dearer than a false alarm")
def _(rng):
    return rng.normal(0, 2, size=7).round(2), 1.0, float(rng.integers(3, 9))


@costs.case("a false alarm is dearer than a miss")
def _(rng):
    return rng.normal(0, 2, size=7).round(2), float(rng.integers(3, 9)), 1.0


@costs.case("costs in any unit: only their ratio matters")
def _(rng):
    return rng.normal(0, 2, size=6).round(2), 250.0, 100.0


@costs.case("a false alarm so dear that p must be nearer to 1 than a float can be", seeds=1)
def _(rng):
    return np.array([30.0, 38.0, 45.0, 60.0]), 1e18, 1.0


@costs.wrong("This answers 1 where p > 1/2, whatever the mistakes cost.")
def _(z, false_alarm, miss):
    return (z > 0).astype(np.int64)


@costs.wrong("The ratio is upside down: where a false alarm is dear, a yes needs more evidence, not less.")
def _(z, false_alarm, miss):
    return (z > np.log(miss / false_alarm)).astype(np.int64)


@costs.wrong("The ratio of the costs bounds the odds p / (1 - p), not the probability p.")
def _(z, false_alarm, miss):
    return (np.exp(-np.logaddexp(0, -z)) > false_alarm / miss).astype(np.int64)


@costs.wrong(
    "The threshold false_alarm / (false_alarm + miss) is one for p; z has to go through the sigmoid first."
)
def _(z, false_alarm, miss):
    return (z > false_alarm / (false_alarm + miss)).astype(np.int64)


@costs.wrong("Right until p is rounded to 1: compare z itself with the logarithm of the cost ratio.")
def _(z, false_alarm, miss):
    return (1 / (1 + np.exp(-z)) > false_alarm / (false_alarm + miss)).astype(np.int64)


@costs.wrong(
    "For large z the difference 1 - p is rounded to 0: compare z with a logarithm instead of computing p."
)
def _(z, false_alarm, miss):
    p = 1 / (1 + np.exp(-z))
    return (p * miss > (1 - p) * false_alarm).astype(np.int64)


multiclass = Exercise(
    "01-foundations/neurons-6",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "The scores of all classes at once are `W @ x + b`, shape (K,); the answer is `np.argmax` of them.",
        "If the answer is right, return the weights as they came. If not, two rows change: that of y, "
        "that of the answer.",
        "Begin with `W, b = W.copy(), b.copy()`, so that the caller's arrays stay as they are.",
    ],
    explanation="""
        Only two neurons were to blame: the right one was too quiet, the winner too loud. Adding x to the
        first and subtracting it from the second moves their difference by 2(||x||² + 1) in the right
        direction. The other K - 2 neurons had no part in the mistake and stay. For K = 2 this is
        Rosenblatt's rule on w_1 - w_0.""",
)


@multiclass.reference
def multiclass_update(W, b, x, y):
    W, b = W.copy(), b.copy()
    answer = np.argmax(W @ x + b)
    if answer != y:
        W[y] += x
        b[y] += 1
        W[answer] -= x
        b[answer] -= 1
    return W, b


@multiclass.case("a wrong answer moves two rows, that of the label and that of the answer")
def _(rng):
    W, b, x = _quarters(rng, 4, 3), _quarters(rng, 4), _quarters(rng, 3)
    return W, b, x, int(np.argmin(W @ x + b))


@multiclass.case("a right answer moves nothing")
def _(rng):
    W, b, x = _quarters(rng, 3, 2), _quarters(rng, 3), _quarters(rng, 2)
    return W, b, x, int(np.argmax(W @ x + b))


@multiclass.case("the bias decides who wins")
def _(rng):
    return np.zeros((3, 2)), rng.permutation([0.0, 1.0, 2.0]), np.array([1.0, -1.0]), int(rng.integers(3))


@multiclass.case("from zero weights all scores are equal, and the first class is the answer")
def _(rng):
    return np.zeros((3, 2)), np.zeros(3), _quarters(rng, 2), int(rng.integers(3))


@multiclass.wrong("The winner was left as loud as it was: subtract x from its row too.")
def _(W, b, x, y):
    W, b = W.copy(), b.copy()
    if np.argmax(W @ x + b) != y:
        W[y] += x
        b[y] += 1
    return W, b


@multiclass.wrong("The biases never move: each is a weight with input 1.")
def _(W, b, x, y):
    return multiclass_update(W, b, x, y)[0], b


@multiclass.wrong("The answer was found without the biases.")
def _(W, b, x, y):
    W, b, answer = W.copy(), b.copy(), np.argmax(W @ x)
    W[y], b[y] = W[y] + x, b[y] + 1
    W[answer], b[answer] = W[answer] - x, b[answer] - 1
    return W, b


@multiclass.wrong("The signs are turned round: the label's row must grow towards x, the winner's shrink.")
def _(W, b, x, y):
    new_W, new_b = multiclass_update(W, b, x, y)
    return 2 * W - new_W, 2 * b - new_b


@multiclass.wrong("All wrong classes were pushed down; only the one that won is to blame.")
def _(W, b, x, y):
    sign = np.where(np.arange(len(b)) == y, 1.0, -1.0) * (np.argmax(W @ x + b) != y)
    return W + sign[:, None] * x, b + sign


@multiclass.wrong("The label's row was raised although the answer was right: a right answer changes nothing.")
def _(W, b, x, y):
    W, b, answer = W.copy(), b.copy(), np.argmax(W @ x + b)
    W[y], b[y] = W[y] + x, b[y] + 1
    if answer != y:
        W[answer], b[answer] = W[answer] - x, b[answer] - 1
    return W, b


pocket = Exercise(
    "01-foundations/neurons-7",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Run the plain perceptron. Beside its w and b keep three more things: best_w, best_b and "
        "best_errors.",
        "The pocket starts with the zero weights, and as many errors as there are samples with label 1.",
        "After each update count the mistakes on all of X, `((X @ w + b > 0) != y).sum()`, and compare.",
        "`best_w = w` is safe only if w is never changed in place: write `w = w + error * x`.",
    ],
    explanation="""
        The perceptron goes on wandering, as it must on data that no line separates; the pocket
        remembers the best place it has been to. Comparing with < keeps the earliest of equally good
        ones. Each update costs a pass over all samples for the count, which is the price of the method.
        (S. I. Gallant, 1990.)""",
)


@pocket.reference
def pocket_perceptron(X, y, epochs):
    w, b = np.zeros(X.shape[1]), 0.0
    best_w, best_b, best_errors = w, b, int((y == 1).sum())
    for _ in range(epochs):
        for x_i, y_i in zip(X, y, strict=True):
            error = y_i - int(x_i @ w + b > 0)
            if error == 0:
                continue
            w, b = w + error * x_i, b + error
            errors = int(((X @ w + b > 0) != y).sum())
            if errors < best_errors:
                best_w, best_b, best_errors = w, b, errors
    return best_w, best_b, best_errors


@pocket.case("overlapping classes, a few epochs")
def _(rng):
    X = _quarters(rng, 7, 2)
    return X, rng.permutation([0, 0, 0, 1, 1, 1, 1]), 3


@pocket.case("no epochs: the zero weights are silent, and wrong wherever the label is 1")
def _(rng):
    return _quarters(rng, 5, 2), rng.permutation([0, 0, 1, 1, 1]), 0


@pocket.case("XOR, on which the perceptron goes round for ever")
def _(rng):
    order = rng.permutation(4)
    return (
        np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])[order],
        np.array([0, 1, 1, 0])[order],
        10,
    )


@pocket.case("separable classes: the pocket ends without errors")
def _(rng):
    X = _quarters(rng, 8, 2) + np.array([[2.0, 2.0]]) * rng.permutation([-1, -1, -1, -1, 1, 1, 1, 1])[:, None]
    return X, (X.sum(axis=1) > 0).astype(np.int64), 20


def _pocket_variant(better=np.less, last=False, shared=False, start=None):
    """The reference with one of its parts changed."""

    def pocket_perceptron(X, y, epochs):
        w, b = np.zeros(X.shape[1]), 0.0
        best = (w, b, int((y == 1).sum()) if start is None else start)
        for _ in range(epochs):
            for x_i, y_i in zip(X, y, strict=True):
                error = y_i - int(x_i @ w + b > 0)
                if error == 0:
                    continue
                if shared:
                    w += error * x_i
                else:
                    w = w + error * x_i
                b += error
                errors = int(((X @ w + b > 0) != y).sum())
                if last or better(errors, best[2]):
                    best = (w, b, errors)
        return best

    return pocket_perceptron


for _diagnosis, _changes in {
    "These are the last weights, not the best ones.": {"last": True},
    "Among equally good weights the pocket keeps the earliest: replace them only by strictly better ones.": {
        "better": np.less_equal
    },
    "The weights in the pocket went on moving, because w was changed in place.": {"shared": True},
    "The zero weights belong in the pocket first, with the errors that they make.": {"start": 10**6},
}.items():
    pocket.wrong(_diagnosis)(_pocket_variant(**_changes))


@pocket.wrong("The mistakes were counted once an epoch; good weights may come and go within one.")
def _(X, y, epochs):
    w, b = np.zeros(X.shape[1]), 0.0
    best = w, b, int((y == 1).sum())
    for _ in range(epochs):
        for x_i, y_i in zip(X, y, strict=True):
            error = y_i - int(x_i @ w + b > 0)
            w, b = w + error * x_i, b + error
        errors = int(((X @ w + b > 0) != y).sum())
        if errors < best[2]:
            best = w, b, errors
    return best


newton = Exercise(
    "01-foundations/neurons-8",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "The gradient is X.T @ (p - y) / N + lam * w, with p = σ(Xw).",
        "Its derivative is the Hessian. dp_n/dw = p_n (1 - p_n) x_n, so a weight p (1 - p) stands "
        "between X^T and X.",
        "H = (X.T * (p * (1 - p))) @ X / N + lam * np.eye(D), shape (D, D).",
        "The step solves H d = gradient: `np.linalg.solve(H, gradient)`. The new weights are w - d.",
    ],
    explanation="""
        Newton's method jumps to the lowest point of the parabola that touches the loss in value, slope and
        curvature. The curvature of the cross-entropy is X^T diag(p(1 - p)) X / N: samples about which the
        neuron is sure, p near 0 or 1, do not bend it. The penalty adds lam to every direction, so H can
        always be solved, even for columns that repeat each other. Solving costs less than inverting and
        loses fewer digits.""",
)


@newton.reference
def newton_step(w, X, y, lam):
    p = np.exp(-np.logaddexp(0, -(X @ w)))  # the sigmoid, without overflow
    gradient = X.T @ (p - y) / len(y) + lam * w
    H = (X.T * (p * (1 - p))) @ X / len(y) + lam * np.eye(len(w))
    return w - np.linalg.solve(H, gradient)


@newton.case("the first step, from zero weights")
def _(rng):
    X = rng.normal(size=(6, 2)).round(1)
    return np.zeros(2), X, rng.permutation([0, 0, 0, 1, 1, 1]), 0.1


@newton.case("a later step, in three dimensions")
def _(rng):
    X = rng.normal(size=(8, 3)).round(1)
    return rng.normal(size=3).round(1), X, rng.integers(0, 2, size=8), round(float(rng.uniform(0.05, 0.5)), 2)


@newton.case("two equal columns: the penalty alone keeps H invertible")
def _(rng):
    x = rng.normal(size=5).round(1)
    return np.array([0.3, -0.2]), np.column_stack([x, x]), rng.integers(0, 2, size=5), 0.2


@newton.wrong("The sign of the step is turned round: the loss falls against the gradient.")
def _(w, X, y, lam):
    return 2 * w - newton_step(w, X, y, lam)


@newton.wrong("This is a plain gradient step: multiply by the inverse of the Hessian.")
def _(w, X, y, lam):
    p = np.exp(-np.logaddexp(0, -(X @ w)))
    return w - (X.T @ (p - y) / len(y) + lam * w)


def _newton_variant(
    curvature=lambda p: p * (1 - p), mean_gradient=True, mean_hessian=True, penalty=(1.0, 1.0)
):
    """The reference with one of its parts changed."""

    def newton_step(w, X, y, lam):
        p = np.exp(-np.logaddexp(0, -(X @ w)))
        gradient = X.T @ (p - y) / (len(y) if mean_gradient else 1) + penalty[0] * lam * w
        H = (X.T * curvature(p)) @ X / (len(y) if mean_hessian else 1) + penalty[1] * lam * np.eye(len(w))
        return w - np.linalg.solve(H, gradient)

    return newton_step


for _diagnosis, _changes in {
    "The curvature p (1 - p) is missing from H: this is least squares.": {"curvature": np.ones_like},
    "The loss is a mean: divide the gradient and the Hessian by N, both of them.": {"mean_hessian": False},
    "The loss is a mean, so X.T @ (p - y) is divided by N as well.": {"mean_gradient": False},
    "Neither the gradient nor the Hessian was divided by N; beside lam it makes a difference.": {
        "mean_gradient": False, "mean_hessian": False
    },
    "The penalty bends the loss too: lam stands on the diagonal of H.": {"penalty": (1, 0)},
    "The penalty has a slope too: lam * w belongs to the gradient.": {"penalty": (0, 1)},
    "The penalty is lam/2 times the square, so its slope is lam * w, without a 2.": {"penalty": (2, 2)},
}.items():  # fmt: skip
    newton.wrong(_diagnosis)(_newton_variant(**_changes))
