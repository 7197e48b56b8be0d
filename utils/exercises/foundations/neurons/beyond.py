"""Exercises 9 to 11: beyond the line."""

import itertools

import numpy as np

from utils.exercises.compare import describe
from utils.exercises.framework import Exercise, ExerciseError

NOTEBOOK = "01-foundations/exercises/02-perceptron-exercises.ipynb"
ITEMS = ["Beyond the line"]


ellipses = Exercise(
    "01-foundations/neurons-9",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Around the origin, inside means x1² + x2² < r²: linear in the two squares.",
        "Around (a, b) the squares (x1 - a)² and (x2 - b)² contain -2a x1 and -2b x2: keep x1 and x2 as "
        "features.",
        "A different width and height need the two squares as separate features, so that each has its "
        "own weight.",
        "A tilted ellipse has a term in x1 x2. With it there are five features.",
    ],
    explanation="""
        Every ellipse is a quadratic equation A x1² + B x1 x2 + C x2² + D x1 + E x2 + F = 0. Its left side is
        linear in the five features x1, x2, x1², x2² and x1 x2; their weights and a bias are the six letters.
        A neuron on top of them can therefore draw any ellipse, though not one of the features knows where it
        lies.""",
)


@ellipses.reference
def lift(X):
    x1, x2 = X.T
    return np.column_stack([x1, x2, x1**2, x2**2, x1 * x2])


@ellipses.driver
def separated(answer, X, y):
    """How many points the best line in the space of the features leaves wrong."""
    features, few = (np.asarray(answer(points), dtype=float) for points in (X, X[:5]))
    if features.ndim != 2 or len(features) != len(X):
        raise ExerciseError(
            f"the result has shape {features.shape}, expected ({len(X)}, K): a row for each point"
        )
    alone = few.shape == features[:5].shape and np.allclose(few, features[:5])
    if alone and features.shape[1] > 10:
        raise ExerciseError(
            f"these are {features.shape[1]} features a point; at most 10 are allowed, and 5 will do"
        )
    return {
        "each point is lifted by itself": alone,
        "points that no line gets right": _left_wrong(features, y),
    }


def _left_wrong(features, y):
    """Minimize the total slack of s (w·features + b) >= 1 by linear programming; count points with slack."""
    from scipy.optimize import linprog  # takes a second to import, and no other exercise needs it

    n, k = features.shape
    spread = np.where(np.ptp(features, axis=0) > 0, features.std(axis=0), 1)
    scaled = (features - features.mean(axis=0)) / spread
    signed = (2 * y - 1)[:, None] * np.column_stack([scaled, np.ones(n)])
    cost = np.append(np.zeros(k + 1), np.ones(n))
    bounds = [(None, None)] * (k + 1) + [(0, None)] * n
    slack = linprog(cost, A_ub=-np.hstack([signed, np.eye(n)]), b_ub=-np.ones(n), bounds=bounds).x[k + 1 :]
    return int((slack > 1e-6).sum())


def _ellipse(rng, centre=0.0, width=1.0, height=1.0, tilt=0.0, n=60):
    """Points inside an ellipse (label 1) and outside of it, with a gap between."""
    angle = rng.uniform(0, 2 * np.pi, size=n)
    y = np.arange(n) % 2
    radius = np.where(y == 1, rng.uniform(0, 0.9, size=n), rng.uniform(1.2, 2.0, size=n))
    flat = np.column_stack([width * radius * np.cos(angle), height * radius * np.sin(angle)])
    turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    return flat @ turn.T + centre, y


@ellipses.case("a circle around the origin", seeds=2)
def _(rng):
    return _ellipse(rng)


@ellipses.case("a circle anywhere in the plane", seeds=2)
def _(rng):
    return _ellipse(rng, centre=rng.choice([-3.0, 3.0], size=2))


@ellipses.case("an ellipse that is wider than high", seeds=2)
def _(rng):
    return _ellipse(rng, centre=np.array([1.0, -2.0]), width=4.0)


@ellipses.case("a tilted ellipse", seeds=2)
def _(rng):
    return _ellipse(rng, centre=np.array([-1.0, 0.5]), width=4.0, tilt=rng.uniform(0.5, 1.0))


@ellipses.wrong("The points went through as they are: no line in the plane cuts out a disc.")
def _(X):
    return X


@ellipses.wrong("The distance from the origin finds discs around the origin only.")
def _(X):
    return (X**2).sum(axis=1, keepdims=True)


@ellipses.wrong("Squares alone find ellipses around the origin; the centre needs x1 and x2 themselves.")
def _(X):
    return X**2


@ellipses.wrong("Circles anywhere, but x1² + x2² as one feature gives both axes the same width.")
def _(X):
    return np.column_stack([X, (X**2).sum(axis=1)])


@ellipses.wrong("Upright ellipses anywhere; a tilted one has a term in which x1 meets x2.")
def _(X):
    return np.column_stack([X, X**2])


@ellipses.wrong(
    "These features are relative to the other points, so a new point would be lifted elsewhere each time."
)
def _(X):
    return np.eye(len(X))


parity = Exercise(
    "01-foundations/neurons-10",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Parity depends only on how many inputs are 1. So give every hidden unit all weights 1; then it "
        "sees the count.",
        "Let hidden unit k fire if at least k inputs are 1, for k = 1 to n: bias 0.5 - k.",
        "With a count of m the units 1 to m fire. The output sum must be 1 for m = 1, 0 for 2, 1 for 3 ...",
        "Output weights +1, -1, +1, -1, ... and an output bias of -0.5.",
    ],
    explanation="""
        The hidden units turn the count m into a row of m ones followed by zeros, like the mercury in a
        thermometer. With weights +1, -1, +1, ... the output sum is 1 for odd m and 0 for even m, and the
        threshold lies between. For n = 2 this is XOR as "at least one, and not both". One neuron cannot do
        it for any n >= 2, since it already fails on two inputs with the others held at 0; n hidden ones
        suffice.""",
)


@parity.reference
def parity_network(n):
    W, c = np.ones((n, n)), 0.5 - np.arange(1, n + 1)
    v, d = (-1.0) ** np.arange(n), -0.5
    return W, c, v, d


@parity.driver
def truth_table(answer, n):
    """The network's answer to every input."""
    answered = answer(n)
    if not isinstance(answered, (tuple, list)) or len(answered) != 4:
        raise ExerciseError(f"expected W, c, v, d, but got {describe(answered)}")
    W, c, v, d = (np.asarray(part, dtype=float) for part in answered)
    if W.ndim != 2 or W.shape[1] != n or c.shape != W.shape[:1] or v.shape != W.shape[:1]:
        shapes = f"W {W.shape}, c {c.shape}, v {v.shape}"
        raise ExerciseError(
            f"the shapes are {shapes}; expected W (H, {n}), c (H,) and v (H,) with H hidden units"
        )
    if len(W) > n:
        raise ExerciseError(
            f"the network has {len(W)} hidden units, at most {n} are allowed: count before you compare"
        )
    return {x: int((W @ x + c > 0) @ v + d > 0) for x in itertools.product((0, 1), repeat=n)}


@parity.case("XOR, the parity of two inputs", seeds=1)
def _(rng):
    return 2


@parity.case("an odd number of ones among three, four or five inputs")
def _(rng):
    return int(rng.choice([3, 4, 5]))


@parity.case("one input, whose parity is itself", seeds=1)
def _(rng):
    return 1


@parity.wrong(
    "Every hidden unit adds to the sum, so more ones never silence the output: let the signs alternate."
)
def _(n):
    W, c, v, d = parity_network(n)
    return W, c, np.abs(v), d


@parity.wrong("Unit k fires only for more than k ones here: 'at least k' puts the threshold just below k.")
def _(n):
    W, _, v, d = parity_network(n)
    return W, -1.0 * np.arange(1, n + 1), v, d


@parity.wrong("This answers 1 for an even number of ones.")
def _(n):
    W, c, v, _ = parity_network(n)
    return W, c, -v, 0.5


@parity.wrong(
    "The two units of XOR are not enough for three inputs: 'at least one, and not two' misses three ones."
)
def _(n):
    return np.ones((2, n)), np.array([-0.5, -1.5]), np.array([1.0, -1.0]), -0.5


@parity.wrong("One hidden unit for each odd pattern is right and grows like 2^(n-1); here n units must do.")
def _(n):
    patterns = np.array([x for x in itertools.product((0, 1), repeat=n) if sum(x) % 2])
    return 2.0 * patterns - 1, 0.5 - patterns.sum(axis=1), np.ones(len(patterns)), -0.5


kernel = Exercise(
    "01-foundations/neurons-11",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "The score of sample i is a sum over all samples j: alpha_j s_j K[j, i]. As vectors: `(alpha * "
        "s) @ K[:, i]`.",
        "A mistake is s_i times that score <= 0. The 0 counts: at the start every score is 0.",
        "On a mistake nothing moves but one number: `alpha[i] += 1`.",
    ],
    explanation="""
        Started from zero, the perceptron's weights are always a sum of samples, w = Σ α_j s_j x_j, where α_j
        counts the mistakes on sample j. Put into w·x_i, only dot products x_j·x_i are left, and K holds
        them. Any K made of dot products of lifted points will do, so the lifting itself is never computed,
        not even where the space has infinitely many dimensions. (M. Aizerman, E. Braverman, L. Rozonoer,
        1964.)""",
)


@kernel.reference
def kernel_perceptron(K, s, epochs):
    alpha = np.zeros(len(s))
    for _ in range(epochs):
        for i in range(len(s)):
            score = (alpha * s) @ K[:, i]
            if s[i] * score <= 0:
                alpha[i] += 1
    return alpha


def _points(rng, n):
    return np.round(4 * rng.normal(size=(n, 2))) / 4, rng.permutation(np.resize([-1, 1], n))


@kernel.case("one epoch with plain dot products: the perceptron without a bias")
def _(rng):
    X, s = _points(rng, 5)
    return X @ X.T, s, 1


@kernel.case("several epochs: samples that stay difficult are counted again")
def _(rng):
    X, s = _points(rng, 7)
    return X @ X.T + 1, s, 4


@kernel.case("a kernel of infinite dimension, exp(-||x - x'||²)")
def _(rng):
    X, s = _points(rng, 6)
    return np.exp(-((X[:, None] - X) ** 2).sum(axis=2)), s, 3


@kernel.case("no epochs, no mistakes", seeds=1)
def _(rng):
    return np.eye(3), np.array([1, -1, 1]), 0


@kernel.wrong("It never begins: with alpha = 0 every score is 0, which must count as a mistake.")
def _(K, s, epochs):
    return np.zeros(len(s))


@kernel.wrong("A sample of class -1 pulls the score down: the sum needs s_j beside alpha_j.")
def _(K, s, epochs):
    alpha = np.zeros(len(s))
    for _ in range(epochs):
        for i in range(len(s)):
            alpha[i] += s[i] * (alpha @ K[:, i]) <= 0
    return alpha


@kernel.wrong("alpha is marked, not counted: a sample that is missed again counts again.")
def _(K, s, epochs):
    alpha = np.zeros(len(s))
    for _ in range(epochs):
        for i in range(len(s)):
            if s[i] * ((alpha * s) @ K[:, i]) <= 0:
                alpha[i] = 1
    return alpha


@kernel.wrong("All scores of an epoch used the old alpha: update after each sample.")
def _(K, s, epochs):
    alpha = np.zeros(len(s))
    for _ in range(epochs):
        alpha = alpha + (s * ((alpha * s) @ K) <= 0)
    return alpha


@kernel.wrong("These are alpha_j s_j; alpha itself counts mistakes and is never negative.")
def _(K, s, epochs):
    return kernel_perceptron(K, s, epochs) * s


@kernel.wrong("The counts of the last epoch alone: alpha grows over all epochs.")
def _(K, s, epochs):
    return kernel_perceptron(K, s, epochs) - kernel_perceptron(K, s, max(epochs - 1, 0))
