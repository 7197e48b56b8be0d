"""Exercises of 02-mlp/forward-propagation/03-hidden-representations.ipynb."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "02-mlp/forward-propagation/03-hidden-representations.ipynb"


jacobian = Exercise(
    "02-mlp/hidden-representations-1",
    notebook=NOTEBOOK,
    items=["Bending space"],
    hints=[
        "A layer's Jacobian is diag(1 - a²) W, where a are the layer's activations.",
        "The chain rule multiplies Jacobians, the last layer's on the left: J2 @ J1.",
        "J2 is taken at the activations a1 of the first layer; `(1 - a**2)[:, None] * W` scales the rows of W.",
    ],
    explanation="""
        With a1 = tanh(W1 x + b1) and a2 = tanh(W2 a1 + b2) the layers' Jacobians are J1 = diag(1 - a1²) W1 and
        J2 = diag(1 - a2²) W2. By the chain rule the network's is J2 J1, of shape (out, in). Rows are scaled,
        because unit j's slope multiplies all derivatives of unit j.""",
)


def _tanh_layer(x, W, b):
    a = np.tanh(W @ x + b)
    return a, (1 - a**2)[:, None] * W


@jacobian.reference
def two_layer_jacobian(x, W1, b1, W2, b2):
    a1 = np.tanh(W1 @ x + b1)
    a2 = np.tanh(W2 @ a1 + b2)
    J1 = (1 - a1**2)[:, None] * W1  # (hidden, in)
    J2 = (1 - a2**2)[:, None] * W2  # (out, hidden)
    return J2 @ J1


def _two_layers(rng, n_in, hidden, n_out):
    shapes = (n_in,), (hidden, n_in), (hidden,), (n_out, hidden), (n_out,)
    return tuple(rng.normal(size=shape).round(1) for shape in shapes)


@jacobian.case("three inputs, four hidden units, two outputs")
def _(rng):
    return _two_layers(rng, 3, 4, 2)


@jacobian.case("square layers, where a transposed matrix raises no error")
def _(rng):
    return _two_layers(rng, 3, 3, 3)


@jacobian.case("one unit after another")
def _(rng):
    return _two_layers(rng, 1, 1, 1)


@jacobian.wrong("The slopes of tanh are missing: W2 @ W1 is the Jacobian without the bends.")
def _(x, W1, b1, W2, b2):
    return W2 @ W1


@jacobian.wrong("The second layer sees a1, not x's weighted sums: its tanh comes after the first one's.")
def _(x, W1, b1, W2, b2):
    z1 = W1 @ x + b1
    _, J1 = _tanh_layer(x, W1, b1)
    return _tanh_layer(z1, W2, b2)[1] @ J1


@jacobian.wrong("The slope of tanh is 1 - a², not 1 - a.")
def _(x, W1, b1, W2, b2):
    a1 = np.tanh(W1 @ x + b1)
    a2 = np.tanh(W2 @ a1 + b2)
    return (1 - a2)[:, None] * W2 @ ((1 - a1)[:, None] * W1)


@jacobian.wrong("Jacobians have the shape (out, in): this is the transpose.")
def _(x, W1, b1, W2, b2):
    return two_layer_jacobian(x, W1, b1, W2, b2).T + 0.0


@jacobian.wrong("The last layer's slopes are missing: it bends as well.")
def _(x, W1, b1, W2, b2):
    return W2 @ _tanh_layer(x, W1, b1)[1]


axes = Exercise(
    "02-mlp/hidden-representations-2",
    notebook=NOTEBOOK,
    items=["What hidden layers encode"],
    hints=[
        "Centre the columns first; the squared singular values are then proportional to the variances.",
        "`np.linalg.svd(A - A.mean(axis=0), compute_uv=False)` gives the singular values, largest first.",
        "Take the cumulative sum of the shares and find the first that reaches `share`, counting from 1.",
    ],
    explanation="""
        The squared singular values of the centred matrix, divided by their sum, are the axes' shares of the
        variance in falling order. The number of cumulative shares that still fall short, plus one, is the answer.
        A small tolerance keeps rounding from asking for one axis too many where the share is met exactly.""",
)


@axes.reference
def n_axes(A, share):
    s = np.linalg.svd(A - A.mean(axis=0), compute_uv=False)
    cumulative = np.cumsum(s**2) / (s**2).sum()
    return int((cumulative < share - 1e-12).sum()) + 1


def _cloud(rng, n=40, d=6):
    return rng.normal(size=(n, d)) * 2.0 ** -np.arange(d)


@axes.case("90 % of the variance of a cloud around 0")
def _(rng):
    return _cloud(rng), 0.9


@axes.case("a cloud far from 0")
def _(rng):
    return _cloud(rng) + 10 * rng.normal(size=6), 0.95


@axes.case("a share that the first axis already has")
def _(rng):
    return _cloud(rng), 0.1


@axes.case("fewer samples than columns")
def _(rng):
    return rng.normal(size=(4, 10)), 0.7


@axes.wrong("Centre the columns: without it, the first axis points from 0 to the middle of the cloud.")
def _(A, share):
    s = np.linalg.svd(A, compute_uv=False)
    return int((np.cumsum(s**2) / (s**2).sum() < share).sum()) + 1


@axes.wrong("Variances are squared singular values.")
def _(A, share):
    s = np.linalg.svd(A - A.mean(axis=0), compute_uv=False)
    return int((np.cumsum(s) / s.sum() < share).sum()) + 1


@axes.wrong("Counting starts at 1: this is the index of the last axis needed, one too few.")
def _(A, share):
    s = np.linalg.svd(A - A.mean(axis=0), compute_uv=False)
    return int((np.cumsum(s**2) / (s**2).sum() < share).sum())


explained = Exercise(
    "02-mlp/hidden-representations-3",
    notebook=NOTEBOOK,
    items=["What hidden layers encode"],
    hints=[
        "Give A a column of ones and solve with `np.linalg.lstsq`; give A_new one too.",
        "R² = 1 - (sum of squared errors) / (sum of squared deviations from the mean).",
        "Errors and deviations are those of the new targets; the weights come from the old ones.",
    ],
    explanation="""
        The weights are fitted to A and t alone. On the new data R² compares the squared errors with those of the
        best constant there, the mean of t_new. It is 1 for a perfect fit, about 0 for a fit that knows nothing,
        and may be negative for one that learned by heart.""",
)


def _with_ones(A):
    return np.column_stack([A, np.ones(len(A))])


@explained.reference
def r_squared(A, t, A_new, t_new):
    v = np.linalg.lstsq(np.column_stack([A, np.ones(len(A))]), t)[0]
    residual = t_new - np.column_stack([A_new, np.ones(len(A_new))]) @ v
    return 1 - (residual**2).sum() / ((t_new - t_new.mean()) ** 2).sum()


def _regression(rng, noise, n=30, m=12, d=3):
    A, A_new, w = rng.normal(size=(n, d)) + 1, rng.normal(size=(m, d)) + 1, rng.normal(size=d)
    return A, A @ w + 4 + noise * rng.normal(size=n), A_new, A_new @ w + 4 + noise * rng.normal(size=m)


@explained.case("targets with a little noise, far from 0")
def _(rng):
    return _regression(rng, 0.5)


@explained.case("targets without noise: 1")
def _(rng):
    return _regression(rng, 0.0)


@explained.case("targets that have nothing to do with A")
def _(rng):
    A, _, A_new, _ = _regression(rng, 0.0)
    return A, rng.normal(size=30), A_new, rng.normal(size=12)


@explained.wrong("The constant is missing: these targets do not pass through 0.")
def _(A, t, A_new, t_new):
    residual = t_new - A_new @ np.linalg.lstsq(A, t)[0]
    return 1 - (residual**2).sum() / ((t_new - t_new.mean()) ** 2).sum()


@explained.wrong("This is R² on the data that the weights were fitted to.")
def _(A, t, A_new, t_new):
    return r_squared(A, t, A, t)


@explained.wrong("The weights were fitted to the new data: fit to A and t, judge on A_new and t_new.")
def _(A, t, A_new, t_new):
    return r_squared(A_new, t_new, A_new, t_new)


@explained.wrong("Divide by the squared deviations from the mean, not by the squares of the targets.")
def _(A, t, A_new, t_new):
    residual = t_new - _with_ones(A_new) @ np.linalg.lstsq(_with_ones(A), t)[0]
    return 1 - (residual**2).sum() / (t_new**2).sum()


@explained.wrong("This is the unexplained share; R² is one minus it.")
def _(A, t, A_new, t_new):
    return 1 - r_squared(A, t, A_new, t_new)


alike = Exercise(
    "02-mlp/hidden-representations-4",
    notebook=NOTEBOOK,
    items=["What hidden layers encode"],
    hints=[
        "Centre the columns of both, then form A.T @ B, A.T @ A and B.T @ B.",
        "`np.linalg.norm(M)` of a matrix is the root of the sum of its squares.",
        "The numerator is the squared norm of A.T @ B; the denominator the product of the two other norms.",
    ],
    explanation="""
        CKA is the cosine between A A^T and B B^T, the two tables of which samples are alike. Their inner product is
        the sum of squares of A^T B, and their lengths are those of A^T A and B^T B. It is 1 where one
        representation is a turned, scaled and shifted copy of the other.""",
)


@alike.reference
def linear_cka(A, B):
    A, B = A - A.mean(axis=0), B - B.mean(axis=0)
    norm = np.linalg.norm
    return norm(A.T @ B) ** 2 / (norm(A.T @ A) * norm(B.T @ B))


@alike.case("two unrelated representations of different widths")
def _(rng):
    return rng.normal(size=(20, 5)), rng.normal(size=(20, 3))


@alike.case("representations far from 0")
def _(rng):
    A = rng.normal(size=(15, 3))
    return A + 5, A @ rng.normal(size=(3, 3)) - 4


@alike.case("a turned, scaled and shifted copy: 1")
def _(rng):
    A = rng.normal(size=(12, 3))
    return A, 3 * A @ np.linalg.qr(rng.normal(size=(3, 3)))[0] + 2


@alike.wrong("Centre the columns first: a common offset makes everything look alike.")
def _(A, B):
    norm = np.linalg.norm
    return norm(A.T @ B) ** 2 / (norm(A.T @ A) * norm(B.T @ B))


@alike.wrong("The numerator is the squared norm.")
def _(A, B):
    A, B = A - A.mean(axis=0), B - B.mean(axis=0)
    norm = np.linalg.norm
    return norm(A.T @ B) / (norm(A.T @ A) * norm(B.T @ B))


@alike.wrong("The denominator holds the norms of A.T @ A and B.T @ B, not the squared norms of A and B.")
def _(A, B):
    A, B = A - A.mean(axis=0), B - B.mean(axis=0)
    return (np.linalg.norm(A.T @ B) / (np.linalg.norm(A) * np.linalg.norm(B))) ** 2


@alike.wrong("The columns are centred, not the rows: the mean over the samples is axis 0.")
def _(A, B):
    A, B = A - A.mean(axis=1, keepdims=True), B - B.mean(axis=1, keepdims=True)
    norm = np.linalg.norm
    return norm(A.T @ B) ** 2 / (norm(A.T @ A) * norm(B.T @ B))
