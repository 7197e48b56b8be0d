"""Exercises 1 to 4: thresholds and boundaries."""

import itertools

import numpy as np

from utils.exercises.compare import describe
from utils.exercises.framework import Exercise, ExerciseError

NOTEBOOK = "01-foundations/exercises/02-perceptron-exercises.ipynb"
ITEMS = ["Thresholds and boundaries"]


majority = Exercise(
    "01-foundations/neurons-1",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "No voter counts more than another, so all weights are equal, for example 1. Then z = number of "
        "yes + b.",
        "The neuron must fire from (n + 1)/2 yes votes on, and stay silent up to (n - 1)/2.",
        "Any bias with -(n + 1)/2 < b < -(n - 1)/2 will do, such as the one in the middle.",
    ],
    explanation="""
        With equal weights the sum counts votes. n is odd, so -n/2 lies halfway between the largest losing
        count, (n - 1)/2, and the smallest winning one, (n + 1)/2: no sum is ever 0, and the strict
        comparison is safe.""",
)


@majority.reference
def majority_neuron(n):
    return np.ones(n), -n / 2


@majority.driver
def votes(answer, n):
    """The neuron's answer to every combination of votes."""
    answered = answer(n)
    if not isinstance(answered, (tuple, list)) or len(answered) != 2:
        raise ExerciseError(f"expected a pair w, b, but got {describe(answered)}")
    w, b = np.asarray(answered[0], dtype=float), answered[1]
    if w.shape != (n,):
        raise ExerciseError(f"w has shape {w.shape}, expected ({n},): one weight for each of the {n} inputs")
    return {x: int(w @ x + b > 0) for x in itertools.product((0, 1), repeat=n)}


@majority.case("the neuron fires if more than half of three inputs are 1", seeds=1)
def _(rng):
    return 3


@majority.case("the same for a single voter, and for five or seven")
def _(rng):
    return int(rng.choice([1, 5, 7]))


@majority.wrong("This neuron fires only if all agree: lower the threshold to half of them.")
def _(n):
    return np.ones(n), 0.5 - n


@majority.wrong("This neuron fires as soon as one votes yes: raise the threshold to half of them.")
def _(n):
    return np.ones(n), -0.5


@majority.wrong("With exactly (n + 1)/2 votes the sum is 0 here, and a neuron fires only above 0.")
def _(n):
    return np.ones(n), -(n + 1) / 2


@majority.wrong("The threshold does not grow with n: this is the neuron for three voters.")
def _(n):
    return np.ones(n), -1.5


@majority.wrong("The sign of the bias is turned round: a threshold is a negative bias.")
def _(n):
    return np.ones(n), n / 2


line = Exercise(
    "01-foundations/neurons-2",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "w is perpendicular to the line, and q - p runs along it. Turn q - p by a right angle: (x, y) "
        "becomes (-y, x).",
        "Divide w by its length. Then b follows from w·p + b = 0.",
        "Put `inside` in: if z is negative there, turn the sign of w and of b.",
    ],
    explanation="""
        (-dy, dx) is perpendicular to (dx, dy), since their dot product is -dy dx + dx dy = 0. Dividing by
        the length makes z a distance. p must have z = 0, so b = -w·p, and q has too, because w·(q - p) = 0.
        Of the two orientations, (w, b) and (-w, -b), the sign at `inside` picks one.""",
)


@line.reference
def line_through(p, q, inside):
    dx, dy = q - p
    w = np.array([-dy, dx]) / np.hypot(dx, dy)
    b = -(w @ p)
    return (w, b) if w @ inside + b > 0 else (-w, -b)


@line.case("any two points, and a third on either side")
def _(rng):
    p, q = rng.integers(-4, 5, size=2) * 1.0, rng.integers(5, 9, size=2) * 1.0
    return p, q, p + rng.choice([-1.0, 1.0]) * np.array([-(q - p)[1], (q - p)[0]])


@line.case("an upright line, which has no slope")
def _(rng):
    x = float(rng.integers(-3, 4))
    return np.array([x, 1.0]), np.array([x, 3.0]), np.array([x + rng.choice([-2.0, 2.0]), 7.0])


@line.case("a line through the origin")
def _(rng):
    return np.zeros(2), np.array([3.0, 4.0]), rng.choice([-1.0, 1.0]) * np.array([0.0, 2.0])


@line.wrong("w runs along the line here; it must be perpendicular to it.")
def _(p, q, inside):
    w = (q - p) / np.linalg.norm(q - p)
    b = -(w @ p)
    return (w, b) if w @ inside + b > 0 else (-w, -b)


@line.wrong("The line is right, its orientation not always: z must be positive at `inside`.")
def _(p, q, inside):
    dx, dy = q - p
    w = np.array([-dy, dx]) / np.hypot(dx, dy)
    return w, -(w @ p)


@line.wrong("w has not length 1 yet.")
def _(p, q, inside):
    w = np.array([-(q - p)[1], (q - p)[0]])
    b = -(w @ p)
    return (w, b) if w @ inside + b > 0 else (-w, -b)


@line.wrong("The bias has the wrong sign: z = w·p + b must be 0 at p.")
def _(p, q, inside):
    w, b = line_through(p, q, inside)
    return w, -b


@line.wrong("Only w was turned round; w and b describe the same line only if both change their sign.")
def _(p, q, inside):
    dx, dy = q - p
    w = np.array([-dy, dx]) / np.hypot(dx, dy)
    b = -(w @ p)
    return (w, b) if w @ inside + b > 0 else (-w, b)


@line.wrong("Through `y = m x + c` an upright line cannot be written: its slope is a division by 0.")
def _(p, q, inside):
    m = (q[1] - p[1]) / (q[0] - p[0])
    w = np.array([-m, 1.0]) / np.hypot(m, 1.0)
    b = -(w @ p)
    return (w, b) if w @ inside + b > 0 else (-w, -b)


bound = Exercise(
    "01-foundations/neurons-3",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Append a column of ones to X, and b to w: `np.column_stack([X, np.ones(len(X))])`, "
        "`np.append(w, b)`.",
        "Divide the augmented weights by their length; then each margin is s_n times the dot product, s "
        "= 2y - 1.",
        "gamma is the smallest margin and R the largest length of an augmented row.",
        "If gamma is not positive, the line does not separate the data and the theorem says nothing: "
        "return `np.inf`.",
    ],
    explanation="""
        The perceptron treats the bias as one more weight, so the theorem lives in D + 1 dimensions: R and
        gamma are measured there. Without dividing by the length of (w, b), doubling the weights would seem
        to double the margin. A gamma that is negative must be caught, since its square is positive and looks
        like a bound.""",
)


@bound.reference
def mistake_bound(X, y, w, b):
    X_tilde = np.column_stack([X, np.ones(len(X))])  # (N, D + 1)
    u = np.append(w, b) / np.linalg.norm(np.append(w, b))
    gamma = ((2 * y - 1) * (X_tilde @ u)).min()
    R = np.linalg.norm(X_tilde, axis=1).max()
    return (R / gamma) ** 2 if gamma > 0 else np.inf


@bound.case("a line that separates the points")
def _(rng):
    w, b = rng.choice([-1.5, -1.0, 0.5, 2.0], size=2), 0.3125
    X = np.round(8 * rng.normal(size=(6, 2))) / 4
    return X, (X @ w + b > 0).astype(np.int64), w, b


@bound.case("the same line, written with weights ten times as large")
def _(rng):
    w, b = np.array([20.0, -10.0]), 6.25
    X = np.round(8 * rng.normal(size=(5, 2))) / 4
    return X, (X @ w + b > 0).astype(np.int64), w, b


@bound.case("one point is on the wrong side: there is no bound")
def _(rng):
    w, b = np.array([1.0, 2.0, -1.0]), -0.125
    X = np.round(8 * rng.normal(size=(5, 3))) / 4
    y = (X @ w + b > 0).astype(np.int64)
    y[int(rng.integers(5))] ^= 1
    return X, y, w, b


@bound.wrong("The bias is a weight too: R and gamma are measured on the augmented samples (x, 1).")
def _(X, y, w, b):
    gamma = ((2 * y - 1) * (X @ w + b) / np.linalg.norm(w)).min()
    return (np.linalg.norm(X, axis=1).max() / gamma) ** 2 if gamma > 0 else np.inf


@bound.wrong("Divide the weights by their length: the theorem's u is a unit vector.")
def _(X, y, w, b):
    gamma = ((2 * y - 1) * (X @ w + b)).min()
    return ((np.linalg.norm(X, axis=1) ** 2 + 1).max() / gamma**2) if gamma > 0 else np.inf


@bound.wrong("A line that does not separate gave a finite number: the square hides the sign of gamma.")
def _(X, y, w, b):
    gamma = ((2 * y - 1) * (X @ w + b)).min() / np.linalg.norm(np.append(w, b))
    return (np.linalg.norm(X, axis=1) ** 2 + 1).max() / gamma**2


@bound.wrong("Labels 0 and 1 cannot turn a sign: margins need s = 2y - 1.")
def _(X, y, w, b):
    gamma = (y * (X @ w + b)).min() / np.linalg.norm(np.append(w, b))
    return (np.linalg.norm(X, axis=1) ** 2 + 1).max() / gamma**2 if gamma > 0 else np.inf


@bound.wrong("The bound is the square of R / gamma.")
def _(X, y, w, b):
    return np.sqrt(mistake_bound(X, y, w, b))


@bound.wrong("gamma is the margin of the worst point, not of the average one.")
def _(X, y, w, b):
    margins = (2 * y - 1) * (X @ w + b) / np.linalg.norm(np.append(w, b))
    return (np.linalg.norm(X, axis=1) ** 2 + 1).max() / margins.mean() ** 2 if margins.min() > 0 else np.inf


polygon = Exercise(
    "01-foundations/neurons-4",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "A convex polygon is what its edges' half-planes have in common: one hidden neuron an edge, then "
        "an AND.",
        "Each edge goes from a corner to the next, and the last corner is joined to the first: "
        "`np.roll(corners, -1, axis=0)`.",
        "Problem 2 gives the line of an edge, oriented towards a point inside. The mean of the corners "
        "lies inside.",
        "AND of n units: output weights 1 and a bias between -n and -(n - 1).",
    ],
    explanation="""
        Each edge cuts the plane into a half that contains the polygon and one that does not; the polygon is
        what all the right halves share. The mean of the corners lies inside every convex polygon, so it
        orients all edges at once, whichever way round the corners are given. The output neuron fires only if
        all n hidden ones do: its bias is 0.5 - n. A single neuron has one straight boundary; a layer of them
        already has n.""",
)


@polygon.reference
def polygon_network(corners):
    middle = corners.mean(axis=0)
    edges = zip(corners, np.roll(corners, -1, axis=0), strict=True)
    lines = [line_through(p, q, inside=middle) for p, q in edges]
    W, c = np.array([w for w, _ in lines]), np.array([b for _, b in lines])  # (n, 2), (n,)
    v, d = np.ones(len(corners)), 0.5 - len(corners)
    return W, c, v, d


@polygon.driver
def inside_or_outside(answer, corners, points):
    """The network's answer at each of the points."""
    answered = answer(corners)
    if not isinstance(answered, (tuple, list)) or len(answered) != 4:
        raise ExerciseError(f"expected W, c, v, d, but got {describe(answered)}")
    W, c, v, d = (np.asarray(part, dtype=float) for part in answered)
    if W.ndim != 2 or W.shape[1] != 2 or c.shape != W.shape[:1] or v.shape != W.shape[:1]:
        shapes = f"W {W.shape}, c {c.shape}, v {v.shape}"
        raise ExerciseError(
            f"the shapes are {shapes}; expected W (H, 2), c (H,) and v (H,) with H hidden units"
        )
    return {tuple(x.tolist()): int((W @ x + c > 0) @ v + d > 0) for x in points}


def _around(rng, corners):
    """The corners of a polygon in either direction, and points inside, beyond each edge and corner."""
    middle, rim = corners.mean(axis=0), (corners + np.roll(corners, -1, axis=0)) / 2
    spokes = np.concatenate([0.8 * (rim - middle), 1.3 * (rim - middle), 1.4 * (corners - middle)])
    points = np.vstack([middle, middle + spokes])
    return corners[:: rng.choice([-1, 1])].copy(), np.round(points, 3)


@polygon.case("a triangle: its middle, and points on both sides of each edge")
def _(rng):
    return _around(rng, np.array([[0.0, 0.0], [4.0, 0.0], [1.0, 3.0]]))


@polygon.case("a triangle that does not contain the origin")
def _(rng):
    return _around(rng, np.array([[5.0, 5.0], [9.0, 6.0], [6.0, 9.0]]) + rng.integers(0, 3, size=2))


@polygon.case("a square with upright edges")
def _(rng):
    return _around(rng, np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]) * 2.0)


@polygon.case("six corners")
def _(rng):
    angle = np.arange(6) * np.pi / 3 + rng.uniform(0, 1)
    return _around(rng, np.round(np.column_stack([3 * np.cos(angle), 2 * np.sin(angle)]) + 4, 2))


def _polygon_variant(
    inside=lambda corners: corners.mean(axis=0), closed=True, bias=lambda n: 0.5 - n, oriented=True
):
    """The reference with one of its parts changed."""

    def polygon_network(corners):
        edges = list(zip(corners, np.roll(corners, -1, axis=0), strict=True))[: None if closed else -1]
        towards = inside(corners)

        def left_of(p, q):
            return p + np.array([p[1] - q[1], q[0] - p[0]])

        lines = [line_through(p, q, towards if oriented else left_of(p, q)) for p, q in edges]
        W, c = np.array([w for w, _ in lines]), np.array([b for _, b in lines])
        return W, c, np.ones(len(lines)), bias(len(lines))

    return polygon_network


for _diagnosis, _changes in {
    "The output fires as soon as one edge is on the right side: all n must be.": {"bias": lambda n: -0.5},
    "With all n hidden units on the output's sum is exactly 0, which is silent.": {"bias": lambda n: -n},
    "The output lets one edge be on the wrong side: its bias must be below -(n - 1).": {
        "bias": lambda n: 1.5 - n
    },
    "The last edge is missing: it joins the last corner to the first.": {"closed": False},
    "This takes the corners for counter-clockwise; they may be given the other way round.": {
        "oriented": False
    },
    "The origin need not lie inside the polygon; the mean of the corners does.": {
        "inside": lambda c: np.zeros(2)
    },
}.items():
    polygon.wrong(_diagnosis)(_polygon_variant(**_changes))
