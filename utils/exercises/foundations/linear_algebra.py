"""Exercises of 01-foundations/math-prerequisites/03-linear-algebra.ipynb."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "01-foundations/math-prerequisites/03-linear-algebra.ipynb"


all_pairs = Exercise(
    "01-foundations/linear-algebra-1",
    notebook=NOTEBOOK,
    items=["Tensor operations", "Matrix multiplication"],
    hints=[
        "For one sample, Q[b] is (T, C) and K[b] is (S, C): which product of the two is (T, S)?",
        "Per sample it is Q[b] @ K[b].T. With a batch, swap the last two axes of K only.",
        "Name the axes: `np.einsum` with btc and bsc going in, and bts coming out.",
    ],
    explanation="""
        `@` multiplies along the last two axes and repeats over the axes before them, so K must become
        (B, C, S). Its last two axes change places, the batch axis stays. `np.einsum("btc,bsc->bts", Q, K)`
        says the same.""",
)


@all_pairs.reference
def scores(Q, K):
    return Q @ K.transpose(0, 2, 1)


@all_pairs.case("as many queries as keys")
def _(rng):
    return rng.normal(size=(2, 3, 4)).round(1), rng.normal(size=(2, 3, 4)).round(1)


@all_pairs.case("more keys than queries: the queries come first in the result")
def _(rng):
    return rng.normal(size=(3, 2, 4)).round(1), rng.normal(size=(3, 5, 4)).round(1)


@all_pairs.case("a batch of one")
def _(rng):
    return rng.normal(size=(1, 2, 3)).round(1), rng.normal(size=(1, 4, 3)).round(1)


@all_pairs.case("all sizes equal, where a wrong transpose raises no error", seeds=2)
def _(rng):
    return rng.normal(size=(3, 3, 3)).round(1), rng.normal(size=(3, 3, 3)).round(1)


@all_pairs.wrong("`.T` reverses all the axes: the batch axis has to stay in front.")
def _(Q, K):
    return Q @ K.T


@all_pairs.wrong("Keys and queries have changed places: entry [b, t, s] belongs to query t and key s.")
def _(Q, K):
    return K @ Q.transpose(0, 2, 1)


@all_pairs.wrong("Query t is paired with key t alone here: every query meets every key of its sample.")
def _(Q, K):
    return (Q * K).sum(axis=-1)


@all_pairs.wrong("The samples have been added up: the batch axis must appear in the result.")
def _(Q, K):
    return np.einsum("btc,bsc->ts", Q, K)


shadows = Exercise(
    "01-foundations/linear-algebra-2",
    notebook=NOTEBOOK,
    items=["Vectors and matrices", "Dot product and transpose"],
    hints=[
        "The shadow of one x is a multiple c u, and x - c u is perpendicular to u.",
        "So c = (x · u) / (u · u). `X @ u` holds the dot products of all rows.",
        "Each row of the result is its own c times u: an outer product.",
    ],
    explanation="""
        X @ u / (u @ u) holds one coefficient a row. Twice the u has half the coefficients and the same
        shadows, because u · u is the square of its length. The outer product with u turns coefficients into
        vectors.""",
)


@shadows.reference
def project(X, u):
    return np.outer(X @ u / (u @ u), u)


@shadows.case("points in the plane")
def _(rng):
    return rng.normal(size=(4, 2)).round(1), np.array([2.0, 1.0])


@shadows.case("points in five dimensions")
def _(rng):
    return rng.normal(size=(3, 5)).round(1), rng.normal(size=5).round(1) + 0.05


@shadows.case("a u three times as long has the same shadows")
def _(rng):
    return rng.normal(size=(2, 2)).round(1), np.array([6.0, 3.0])


@shadows.case("a point on the line through u is its own shadow")
def _(rng):
    u = rng.normal(size=3).round(1) + 0.05
    return np.stack([u, -2.5 * u]), u


@shadows.wrong("Divide by u · u: as written, a longer u has longer shadows.")
def _(X, u):
    return np.outer(X @ u, u)


@shadows.wrong(
    "Divide by the square of u's length: one length belongs to the dot product, one to the arrow u itself."
)
def _(X, u):
    return np.outer(X @ u / np.linalg.norm(u), u)


@shadows.wrong("These are the coefficients: the shadows are vectors, each coefficient times u.")
def _(X, u):
    return X @ u / (u @ u)


@shadows.wrong("This is the rest, which is perpendicular to u: the shadow is what was taken away.")
def _(X, u):
    return X - np.outer(X @ u / (u @ u), u)


elimination = Exercise(
    "01-foundations/linear-algebra-3",
    notebook=NOTEBOOK,
    items=["Identity and inverse"],
    hints=[
        "Copy A as floats. A row below the pivot loses a multiple of the pivot's row; that changes no area.",
        "Before clearing column j, fetch the largest entry of rows j, j+1, ... If it is 0, the answer is 0.",
        "If the pivot came from another row, multiply the result by -1; then always by the pivot.",
    ],
    explanation="""
        Adding a multiple of one row to another shears space and leaves volumes alone; swapping two rows turns
        it over. Of a triangular matrix the determinant is the product of the diagonal, so rows above the
        pivot need not be cleared.""",
)


@elimination.reference
def determinant(A):
    M, result = A.astype(float), 1.0
    for j in range(len(M)):
        pivot = j + np.argmax(np.abs(M[j:, j]))
        if M[pivot, j] == 0:
            return 0.0
        if pivot != j:
            M[[j, pivot]] = M[[pivot, j]]
            result = -result
        result *= M[j, j]
        M[j + 1 :] -= np.outer(M[j + 1 :, j] / M[j, j], M[j])
    return result


@elimination.case("a matrix of numbers drawn at random")
def _(rng):
    n = int(rng.integers(2, 6))
    return (rng.normal(size=(n, n)).round(1) + 0.05,)


@elimination.case("a pivot that is exactly 0, so that rows must be swapped")
def _(rng):
    a = float(rng.integers(1, 5))
    return (np.array([[0.0, a, 1.0], [2.0, 0.0, 1.0], [0.0, 1.0, a + 1]]),)


@elimination.case("whole numbers, as an integer array", seeds=2)
def _(rng):
    return (np.array([[1, 2], [3, int(rng.integers(7, 10))]]),)


@elimination.case("a column of zeros: determinant 0", seeds=2)
def _(rng):
    A = rng.normal(size=(3, 3)).round(1)
    A[:, rng.integers(3)] = 0
    return (A,)


@elimination.case("one by one", seeds=1)
def _(rng):
    return (np.array([[-3.0]]),)


@elimination.wrong("Each swap of two rows changes the sign.")
def _(A):
    M, result = A.astype(float), 1.0
    for j in range(len(M)):
        pivot = j + np.argmax(np.abs(M[j:, j]))
        if M[pivot, j] == 0:
            return 0.0
        M[[j, pivot]] = M[[pivot, j]]
        result *= M[j, j]
        M[j + 1 :] -= np.outer(M[j + 1 :, j] / M[j, j], M[j])
    return result


@elimination.wrong(
    "A pivot of 0 stops the elimination, though the matrix may be fine: look for a larger one below it."
)
def _(A):
    M, result = A.astype(float), 1.0
    for j in range(len(M)):
        if M[j, j] == 0:
            return 0.0
        result *= M[j, j]
        M[j + 1 :] -= np.outer(M[j + 1 :, j] / M[j, j], M[j])
    return result


@elimination.wrong(
    "That is the product of the diagonal as it was given: it counts only once the matrix is triangular."
)
def _(A):
    return float(np.prod(np.diag(A)))


@elimination.wrong("The sign changes only if a row was really swapped, not at every column.")
def _(A):
    M, result = A.astype(float), 1.0
    for j in range(len(M)):
        pivot = j + np.argmax(np.abs(M[j:, j]))
        if M[pivot, j] == 0:
            return 0.0
        M[[j, pivot]] = M[[pivot, j]]
        result *= -M[j, j]
        M[j + 1 :] -= np.outer(M[j + 1 :, j] / M[j, j], M[j])
    return result


share = Exercise(
    "01-foundations/linear-algebra-4",
    notebook=NOTEBOOK,
    items=["Eigenvalues and eigenvectors", "Singular values and PCA"],
    hints=[
        "The variances along the principal components are the eigenvalues of the covariance matrix.",
        "Subtract each column's mean first. `np.linalg.eigvalsh` returns the eigenvalues in rising order.",
        "Sum of the k largest over the sum of all. From an SVD of the centred data, take the squares of σ.",
    ],
    explanation="""
        The eigenvalues of the covariance matrix are the variances along its eigenvectors, and their sum is
        the total variance. Factors like 1 / (N - 1) cancel in the share. The singular values of the centred
        data give the same, squared.""",
)


@share.reference
def variance_share(X, k):
    centred = X - X.mean(axis=0)
    variances = np.linalg.eigvalsh(centred.T @ centred)[::-1]
    return variances[:k].sum() / variances.sum()


@share.case("a cloud that is not centred")
def _(rng):
    return (rng.normal(size=(12, 4)) * [3, 2, 1, 0.5] + [5, -2, 0, 1]).round(1), int(rng.integers(1, 4))


@share.case("fewer samples than features")
def _(rng):
    return rng.normal(size=(3, 6)).round(1), 1


@share.case("all the components hold everything", seeds=2)
def _(rng):
    return rng.normal(size=(8, 3)).round(1) + 2, 3


@share.case("points on a line need one component", seeds=2)
def _(rng):
    return np.outer(rng.normal(size=6).round(1), [1.0, 2.0, -1.0]) + 4, 1


@share.wrong("Centre the data first: otherwise the mean counts as variance.")
def _(X, k):
    variances = np.linalg.eigvalsh(X.T @ X)[::-1]
    return variances[:k].sum() / variances.sum()


@share.wrong("Singular values are lengths: variances go with their squares.")
def _(X, k):
    sigma = np.linalg.svd(X - X.mean(axis=0), compute_uv=False)
    return sigma[:k].sum() / sigma.sum()


@share.wrong("`eigvalsh` sorts in rising order, so the first k are the smallest.")
def _(X, k):
    centred = X - X.mean(axis=0)
    variances = np.linalg.eigvalsh(centred.T @ centred)
    return variances[:k].sum() / variances.sum()


@share.wrong("The mean is taken along the wrong axis: every feature (column) has its own.")
def _(X, k):
    centred = X - X.mean(axis=1, keepdims=True)
    variances = np.linalg.eigvalsh(centred.T @ centred)[::-1]
    return variances[:k].sum() / variances.sum()


@share.wrong(
    "The features' own variances are not those along the components: correlated features share theirs."
)
def _(X, k):
    variances = np.sort(X.var(axis=0))[::-1]
    return variances[:k].sum() / variances.sum()
