"""Exercises 1 to 4: arrays and matrices."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "01-foundations/exercises/01-math-exercises.ipynb"
ITEMS = ["Arrays and matrices"]


windows = Exercise(
    "01-foundations/math-1",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Write it out for the series 1, 2, 3, 4, 5 and length 2: which windows have a value after them?",
        "There are T - length of them. The targets are the values from place `length` on: `series[length:]`.",
        "`np.lib.stride_tricks.sliding_window_view(series, length)` gives every window as a row of a "
        "view; the last "
        "one has no value after it.",
    ],
    explanation="""
        A series of T values has T - length + 1 windows, and the last of them ends the series, so T - length
        pairs are left. The view repeats every value `length` times without copying one: neighbouring rows
        begin one place apart in the same memory. A loop, or `series[np.arange(T - length)[:, None] +
        np.arange(length)]`, gives the same rows as a copy.""",
)


@windows.reference
def make_windows(series, length):
    views = np.lib.stride_tricks.sliding_window_view(series, length)  # (T - length + 1, length)
    return views[:-1], series[length:]


@windows.case("each row holds `length` values in their order, its target is the value that follows")
def _(rng):
    return rng.integers(0, 100, size=int(rng.integers(5, 9))) / 10, int(rng.integers(2, 4))


@windows.case("a window of one value")
def _(rng):
    return rng.integers(0, 100, size=5) / 10, 1


@windows.case("a window so long that only one target is left")
def _(rng):
    return rng.integers(0, 100, size=4) / 10, 3


def _rows(series, length, starts):
    return np.array([series[start : start + length] for start in starts])


@windows.wrong("The last window has no value after it, so it has no target: there are T - length pairs.")
def _(series, length):
    return _rows(series, length, range(len(series) - length + 1)), series[length:]


@windows.wrong(
    "The target is the last value of its own window; it must be the next one, unknown to the window."
)
def _(series, length):
    return _rows(series, length, range(len(series) - length)), series[length - 1 : -1]


@windows.wrong("The last pair is missing: the very last value of the series is a target too.")
def _(series, length):
    return _rows(series, length, range(len(series) - length - 1)), series[length:-1]


@windows.wrong("The values of each window stand in the reverse order: the oldest comes first.")
def _(series, length):
    return _rows(series, length, range(len(series) - length))[:, ::-1], series[length:]


@windows.wrong("The windows do not overlap: each begins one place after the one before it.")
def _(series, length):
    starts = range(0, len(series) - length, length)
    return _rows(series, length, starts), series[length::length][: len(starts)]


counts = Exercise(
    "01-foundations/math-2",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "`np.eye(n_classes)[y]` has one row a sample, with a 1 in the column of its class: call it T, "
        "shape (N, K).",
        "The sum over samples of T[n, i] * P[n, j] counts how often i and j meet. That sum is a matrix "
        "product.",
        "The other way: `np.add.at(C, (y_true, y_pred), 1)` adds 1 once for every pair, repeated pairs "
        "included.",
    ],
    explanation="""
        T[n, i] P[n, j] is 1 where sample n is of class i and was called j, so the product T^T P, which sums
        over n, counts them. Indexing with `C[y_true, y_pred] += 1` does not work: NumPy reads all places
        first, adds 1, and writes, so a pair that occurs five times is counted once.""",
)


@counts.reference
def count_pairs(y_true, y_pred, n_classes):
    T = np.eye(n_classes, dtype=np.int64)[y_true]  # (N, K)
    P = np.eye(n_classes, dtype=np.int64)[y_pred]  # (N, K)
    return T.T @ P


@counts.case("rows are true classes, columns the answers given")
def _(rng):
    return rng.integers(0, 3, size=6), rng.integers(0, 3, size=6), 3


@counts.case("the same pair occurs many times")
def _(rng):
    n = int(rng.integers(3, 8))
    return np.array([0, 1] * n), np.array([1, 1] * n), 2


@counts.case("some classes never occur, and still have their row and column")
def _(rng):
    return rng.integers(0, 2, size=5), rng.integers(1, 3, size=5), 5


@counts.wrong(
    "A pair that occurs several times is counted once: indexing with += reads all places before it writes."
)
def _(y_true, y_pred, n_classes):
    C = np.zeros((n_classes, n_classes), dtype=np.int64)
    C[y_true, y_pred] += 1
    return C


@counts.wrong("Rows and columns are exchanged: rows stand for the true classes.")
def _(y_true, y_pred, n_classes):
    return count_pairs(y_pred, y_true, n_classes)


@counts.wrong("The size must come from n_classes: a class may be absent from the data.")
def _(y_true, y_pred, n_classes):
    return count_pairs(y_true, y_pred, int(max(y_true.max(), y_pred.max())) + 1)


@counts.wrong("These are fractions of all samples; the table holds whole numbers.")
def _(y_true, y_pred, n_classes):
    return count_pairs(y_true, y_pred, n_classes) / len(y_true)


neighbours = Exercise(
    "01-foundations/math-3",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "`X[:, None, :] - X_train[None, :, :]` holds the difference of every new point from every old "
        "one: (M, N, D).",
        "`np.argsort(distances, axis=1)[:, :k]` are the places of the k nearest, and `y_train[...]` "
        "their labels (M, k).",
        "Votes: compare the labels (M, k, 1) with `np.arange(n_classes)` and sum over the neighbours.",
        "`argmax` answers the first of several largest, which is the smallest label: the rule for ties.",
    ],
    explanation="""
        Squares are enough, since the root would not change which point is nearest. Three broadcasts do the
        work: all differences (M, N, D), the labels of the neighbours (M, k), and their comparison with every
        class (M, k, K). Summed over k, the last are votes, and argmax elects the winner; among equals it
        takes the first, which is the smallest label.""",
)


@neighbours.reference
def predict_knn(X_train, y_train, X, k):
    distances = ((X[:, None, :] - X_train) ** 2).sum(axis=2)  # (M, N)
    nearest = np.argsort(distances, axis=1)[:, :k]  # (M, k)
    labels = y_train[nearest]
    votes = (labels[:, :, None] == np.arange(y_train.max() + 1)).sum(axis=1)  # (M, K)
    return votes.argmax(axis=1)


@neighbours.case("with k = 1 the nearest point decides")
def _(rng):
    return (
        rng.normal(size=(5, 2)).round(2),
        rng.permutation([0, 0, 1, 2, 2]),
        rng.normal(size=(3, 2)).round(2),
        1,
    )


@neighbours.case("three and five neighbours vote, in three dimensions")
def _(rng):
    X_train, X = rng.normal(size=(9, 3)).round(2), rng.normal(size=(4, 3)).round(2)
    return X_train, rng.permutation([0, 0, 0, 1, 1, 1, 2, 2, 2]), X, int(rng.choice([3, 5]))


@neighbours.case("as many votes for two classes: the smaller label wins, even where the other is nearer")
def _(rng):
    a, b = rng.permutation([1, 2])
    return np.array([[0.1], [0.2], [5.0], [6.0]]), np.array([a, b, 0, 0]), np.array([[0.0]]), 2


@neighbours.case("a query that is itself a training point counts that point as its neighbour")
def _(rng):
    X_train = rng.normal(size=(6, 2)).round(2)
    return X_train, rng.permutation([0, 0, 1, 1, 2, 2]), X_train[:2].copy(), 1


@neighbours.wrong(
    "These are places among the training points; the labels that stand there are still to be looked up."
)
def _(X_train, y_train, X, k):
    return np.argsort(((X[:, None] - X_train) ** 2).sum(axis=2), axis=1)[:, 0]


@neighbours.wrong("Only the nearest point was asked: k of them vote.")
def _(X_train, y_train, X, k):
    return predict_knn(X_train, y_train, X, 1)


@neighbours.wrong("These are the k farthest points: argsort begins with the smallest.")
def _(X_train, y_train, X, k):
    nearest = np.argsort(((X[:, None] - X_train) ** 2).sum(axis=2), axis=1)[:, -k:]
    return (y_train[nearest][:, :, None] == np.arange(y_train.max() + 1)).sum(axis=1).argmax(axis=1)


@neighbours.wrong("Labels are names, not amounts: the mean of classes 0 and 2 is not class 1. Count votes.")
def _(X_train, y_train, X, k):
    nearest = np.argsort(((X[:, None] - X_train) ** 2).sum(axis=2), axis=1)[:, :k]
    return np.round(y_train[nearest].mean(axis=1)).astype(np.int64)


@neighbours.wrong(
    "The nearest point was left out as if it were the query itself: here queries are new points."
)
def _(X_train, y_train, X, k):
    nearest = np.argsort(((X[:, None] - X_train) ** 2).sum(axis=2), axis=1)[:, 1 : k + 1]
    return (y_train[nearest][:, :, None] == np.arange(y_train.max() + 1)).sum(axis=1).argmax(axis=1)


@neighbours.wrong(
    "The votes are right, the tie is not: among classes with as many votes, the smallest label wins."
)
def _(X_train, y_train, X, k):
    nearest = np.argsort(((X[:, None] - X_train) ** 2).sum(axis=2), axis=1)[:, :k]
    votes = (y_train[nearest][:, :, None] == np.arange(y_train.max() + 1)).sum(axis=1)
    return votes.shape[1] - 1 - votes[:, ::-1].argmax(axis=1)


basis = Exercise(
    "01-foundations/math-4",
    notebook=NOTEBOOK,
    items=ITEMS,
    atol=1e-6,
    hints=[
        "Go from column to column. What the directions found so far already explain of it is (q·a) q for "
        "each q.",
        "What is left after subtracting that is perpendicular to all of them: divide it by its length "
        "and keep it.",
        "Where nothing but a rounding error is left, the column depends on earlier ones: "
        "compare its length with 1e-10 times the column's.",
        "In exact arithmetic q·a and q·rest are the same number. In floating point only `rest -= (q @ "
        "rest) * q`, "
        "one direction after the other, keeps the right angles.",
    ],
    explanation="""
        This is Gram-Schmidt in its modified form. The projections are taken from what is left rather than
        from the column itself, so each step also removes the rounding errors that the steps before it left
        behind. The plain form gives the same result on paper and loses the right angles where columns are
        nearly parallel. The number of columns that survive is the rank.""",
)


@basis.reference
def orthonormal_basis(A):
    directions = []
    for a in A.T:
        rest = a
        for q in directions:
            rest = rest - (q @ rest) * q
        length = np.linalg.norm(rest)
        if length > 1e-10 * np.linalg.norm(a):
            directions.append(rest / length)
    return np.column_stack(directions)


@basis.case("as many directions as columns, at right angles, of length 1, each on the side of its column")
def _(rng):
    d, k = [(3, 2), (4, 3), (3, 3), (5, 1)][int(rng.integers(4))]
    return rng.normal(size=(d, k)).round(1)


@basis.case("a column that depends on those before it gives no direction; nor does a column of zeros")
def _(rng):
    a, b, c = rng.normal(size=(3, 4)).round(1)
    return np.column_stack([a, b, 2 * a - 3 * b, np.zeros(4), c])


@basis.case("tiny columns count as much as large ones", seeds=2)
def _(rng):
    return rng.normal(size=(3, 2)).round(1) * 1e-12


@basis.case("nearly parallel columns: rounding must not spoil the right angles", seeds=1)
def _(rng):
    return np.vstack([np.ones(3), 1e-8 * np.eye(3)])


@basis.wrong("The directions are at right angles, but not of length 1.")
def _(A):
    directions = []
    for a in A.T:
        rest = a
        for q in directions:
            rest = rest - (q @ rest) / (q @ q) * q
        if np.linalg.norm(rest) > 1e-10 * np.linalg.norm(a):
            directions.append(rest)
    return np.column_stack(directions)


@basis.wrong("Columns of length 1, and no right angles: subtract what earlier directions explain.")
def _(A):
    return A / np.linalg.norm(A, axis=0)


@basis.wrong("A column without anything new became noise or NaN of length 1: leave it out.")
def _(A):
    Q = np.zeros(A.shape)
    for j, a in enumerate(A.T):
        rest = a
        for q in Q.T[:j]:
            rest = rest - (q @ rest) * q
        Q[:, j] = rest / np.linalg.norm(rest)
    return Q


@basis.wrong(
    "On paper this is right; where columns are nearly parallel, take the projection from what is left of a."
)
def _(A):
    directions = []
    for a in A.T:
        rest = a - sum((q @ a) * q for q in directions)
        if np.linalg.norm(rest) > 1e-10 * np.linalg.norm(a):
            directions.append(rest / np.linalg.norm(rest))
    return np.column_stack(directions)


@basis.wrong(
    "`np.linalg.qr` chooses its own signs and keeps dependent columns; here each direction follows its "
    "column."
)
def _(A):
    return np.linalg.qr(A)[0]


@basis.wrong("A small column is not a dependent one: compare what is left with the column's own length.")
def _(A):
    directions = []
    for a in A.T:
        rest = a
        for q in directions:
            rest = rest - (q @ rest) * q
        if np.linalg.norm(rest) > 1e-10:
            directions.append(rest / np.linalg.norm(rest))
    return np.column_stack(directions)
