"""Exercises of 01-foundations/perceptron/02-linear-limits-and-xor.ipynb."""

from math import comb

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "01-foundations/perceptron/02-linear-limits-and-xor.ipynb"


xnor = Exercise(
    "01-foundations/linear-limits-1",
    notebook=NOTEBOOK,
    items=["The XOR problem", "Features and hidden units solve XOR"],
    hints=[
        "XNOR is 1 for (0,0) and for (1,1). Can one hidden unit recognise each of the two?",
        "A NOR unit fires for (0,0) alone and an AND unit for (1,1) alone; the output fires if either does.",
        "NOR has the weights (-1, -1) and bias 0.5, AND (1, 1) and -1.5; OR of the two has (1, 1) and -0.5.",
    ],
    explanation="""
        One hidden unit fires for (0,0) alone, the other for (1,1) alone, and the output is their OR. The two
        hidden lines cut the square into three strips, and XNOR is 1 in the outer two. Many other weights do
        it: turning round the output unit of the notebook's XOR network is one more way.""",
)


@xnor.reference
def xnor_network():
    W1 = np.array([[-1.0, -1.0], [1.0, 1.0]])  # (2 hidden units, 2 inputs): NOR and AND
    b1 = np.array([0.5, -1.5])
    w2, b2 = np.array([1.0, 1.0]), -0.5  # OR
    return W1, b1, w2, b2


@xnor.driver
def output(network, x1, x2):
    if len(network) != 4:
        raise ValueError(f"the network has {len(network)} parts, expected the four (W1, b1, w2, b2)")
    W1, b1, w2, b2 = map(np.asarray, network)
    shapes = W1.shape, b1.shape, w2.shape, b2.shape
    if shapes != ((2, 2), (2,), (2,), ()):
        raise ValueError(f"W1, b1, w2, b2 have the shapes {shapes}, expected ((2, 2), (2,), (2,), ())")
    h = (W1 @ [x1, x2] + b1 > 0).astype(float)
    return int(w2 @ h + b2 > 0)


@xnor.case("the network answers 1 for (0, 0) and (1, 1), 0 for (0, 1) and (1, 0)")
def _(rng):
    return tuple(int(bit) for bit in divmod(int(rng.bit_generator.seed_seq.entropy), 2))


@xnor.wrong("This network computes XOR: XNOR is its opposite.")
def _():
    return [[1.0, 1.0], [-1.0, -1.0]], [-0.5, 1.5], [1.0, 1.0], -1.5


@xnor.wrong("The output needs both hidden units at once, but no input makes NOR and AND fire together.")
def _():
    return [[-1.0, -1.0], [1.0, 1.0]], [0.5, -1.5], [1.0, 1.0], -1.5


@xnor.wrong("Both hidden units are the same, so the network can do no more than one neuron.")
def _():
    return [[1.0, 1.0], [1.0, 1.0]], [-1.5, -1.5], [1.0, 1.0], -0.5


fraction = Exercise(
    "01-foundations/linear-limits-2",
    notebook=NOTEBOOK,
    items=["Linear separability"],
    hints=[
        "Each of the N points gets one of two labels: how many labellings are there in all?",
        "Cover counts 2 * sum of binom(N - 1, k) of them that a hyperplane can make, with k from 0 to D.",
        "`math.comb(n, k)` is 0 for k > n, so no special case is needed. Divide the count by 2**N.",
    ],
    explanation="""
        2**N labellings exist and Cover's theorem counts the separable ones. A neuron on D inputs has D + 1
        numbers to choose, its weights and its bias, so the sum has D + 1 terms: k = 0, ..., D. Up to
        N = D + 1 points the fraction is 1, and at N = 2 (D + 1) it is exactly one half.""",
)


@fraction.reference
def separable_fraction(N, D):
    count = 2 * sum(comb(N - 1, k) for k in range(D + 1))
    return count / 2**N


@fraction.case("as many points as the neuron has parameters, or fewer: every labelling is separable")
def _(rng):
    D = int(rng.integers(1, 9))
    return int(rng.integers(1, D + 2)), D


@fraction.case("twice as many points as parameters: one half")
def _(rng):
    D = int(rng.integers(1, 20))
    return 2 * (D + 1), D


@fraction.case("any numbers of points and inputs")
def _(rng):
    return int(rng.integers(3, 40)), int(rng.integers(1, 10))


@fraction.wrong("The bias is a parameter too: the sum runs over D + 1 terms, k = 0 to D.")
def _(N, D):
    return 2 * sum(comb(N - 1, k) for k in range(D)) / 2**N


@fraction.wrong("This is how many labellings are separable; what share of all of them is that?")
def _(N, D):
    return 2 * sum(comb(N - 1, k) for k in range(D + 1))


@fraction.wrong("The binomial coefficients choose among N - 1 points, not N.")
def _(N, D):
    return 2 * sum(comb(N, k) for k in range(D + 1)) / 2**N


@fraction.wrong("The factor 2 is missing: a labelling and its opposite are both separable.")
def _(N, D):
    return sum(comb(N - 1, k) for k in range(D + 1)) / 2**N


delta = Exercise(
    "01-foundations/linear-limits-3",
    notebook=NOTEBOOK,
    items=["Adaline and the delta rule"],
    hints=[
        "Compute the raw sums z of all rows first, and their errors z - s. No step function appears.",
        "The slope with respect to w adds up error times input over the rows: X.T times the errors.",
        "dw = X.T @ (z - s) / N and db is the mean of z - s. The new weights are w - lr * dw.",
    ],
    explanation="""
        L = sum((z - s)**2) / (2 N), and dz/dw is the sample itself, so dw = X.T @ (z - s) / N; the input of
        the bias is always 1, so db is the mean error. All rows use the old weights.""",
)


@delta.reference
def adaline_step(X, s, w, b, lr):
    error = X @ w + b - s
    return w - lr * X.T @ error / len(X), b - lr * error.mean()


@delta.case("several samples, several features")
def _(rng):
    n, d = rng.integers(2, 7, size=2)
    return (
        rng.normal(size=(n, d)).round(1),
        rng.choice([-1.0, 1.0], size=n),
        rng.normal(size=d).round(1),
        0.3,
        0.1,
    )


@delta.case("a single sample: Widrow and Hoff's delta rule")
def _(rng):
    return rng.normal(size=(1, 3)).round(1), np.array([1.0]), rng.normal(size=3).round(1), -0.5, 0.2


@delta.case("samples that are on the right side, but not at s, still pull")
def _(rng):
    return np.array([[3.0, 0.0], [-2.0, 1.0]]), np.array([1.0, -1.0]), np.array([1.0, 0.5]), 0.0, 0.1


@delta.wrong("That walks up the slope: subtract the gradient.")
def _(X, s, w, b, lr):
    error = X @ w + b - s
    return w + lr * X.T @ error / len(X), b + lr * error.mean()


@delta.wrong("That is the perceptron's error: Adaline compares the raw sum z with s, without a step.")
def _(X, s, w, b, lr):
    error = np.where(X @ w + b > 0, 1.0, -1.0) - s
    return w - lr * X.T @ error / len(X), b - lr * error.mean()


@delta.wrong("The loss is a mean over the samples: divide by N.")
def _(X, s, w, b, lr):
    error = X @ w + b - s
    return w - lr * X.T @ error, b - lr * error.sum()


@delta.wrong("The bias never moves: it is a weight whose input is 1.")
def _(X, s, w, b, lr):
    error = X @ w + b - s
    return w - lr * X.T @ error / len(X), b


@delta.wrong("A factor of 2 too much: with the 1/2 in the loss the slope of the square is the error itself.")
def _(X, s, w, b, lr):
    error = X @ w + b - s
    return w - 2 * lr * X.T @ error / len(X), b - 2 * lr * error.mean()


cross_entropy = Exercise(
    "01-foundations/linear-limits-4",
    notebook=NOTEBOOK,
    items=["Logistic regression"],
    hints=[
        "log(1 + exp(-z)) overflows for very negative z. What is exp(-|z|) at most?",
        "-log σ(z) = max(-z, 0) + log(1 + exp(-|z|)); for the other label, put -z in place of z.",
        "Both labels at once: max(z, 0) - y z + log1p(exp(-|z|)). The slope is σ(z) - y, over N; "
        "σ(z) is 1 / (1 + e) for z >= 0, e / (1 + e) for z < 0, with e = exp(-|z|).",
    ],
    explanation="""
        exp(-|z|) lies in (0, 1], so nothing can overflow and log1p keeps its digits when it is tiny. The
        slope of the mean over N samples is (σ(z) - y) / N: how far each probability is from its label.""",
    atol=1e-14,
)


@cross_entropy.reference
def logistic_loss(z, y):
    e = np.exp(-np.abs(z))
    loss = np.maximum(z, 0) - y * z + np.log1p(e)
    p = np.where(z >= 0, 1, e) / (1 + e)
    return loss.mean(), (p - y) / len(z)


@cross_entropy.case("a few samples")
def _(rng):
    n = int(rng.integers(2, 6))
    return rng.normal(size=n).round(2), rng.integers(0, 2, size=n)


@cross_entropy.case(
    "sums as large as 1000 overflow nothing: the loss grows like |z| on the wrong side", seeds=1
)
def _(rng):
    return np.array([-1000.0, 1000.0, -1000.0, 1000.0, 0.0]), np.array([0, 1, 1, 0, 1])


@cross_entropy.case("a very sure and right answer costs little, but not nothing", seeds=1)
def _(rng):
    return np.array([30.0, -25.0]), np.array([1, 0])


@cross_entropy.wrong("The exponential or the logarithm overflows: use exp(-|z|), which is never above 1.")
def _(z, y):
    with np.errstate(all="ignore"):
        p = 1 / (1 + np.exp(-z))
        return (-y * np.log(p) - (1 - y) * np.log(1 - p)).mean(), (p - y) / len(z)


@cross_entropy.wrong(
    "Clipping the probability hides how wrong the answer is: the loss must go on growing with |z|."
)
def _(z, y):
    e = np.exp(-np.abs(z))
    p = np.clip(np.where(z >= 0, 1, e) / (1 + e), 1e-12, 1 - 1e-12)
    return (-y * np.log(p) - (1 - y) * np.log(1 - p)).mean(), (p - y) / len(z)


@cross_entropy.wrong("The loss is the mean, so its slope with respect to each z is divided by N.")
def _(z, y):
    e = np.exp(-np.abs(z))
    return (np.maximum(z, 0) - y * z + np.log1p(e)).mean(), np.where(z >= 0, 1, e) / (1 + e) - y


@cross_entropy.wrong("The slope has the wrong sign: the loss falls where z moves towards the label.")
def _(z, y):
    e = np.exp(-np.abs(z))
    return (np.maximum(z, 0) - y * z + np.log1p(e)).mean(), (y - np.where(z >= 0, 1, e) / (1 + e)) / len(z)


@cross_entropy.wrong("The losses of the samples are added up here; the exercise asks for their mean.")
def _(z, y):
    e = np.exp(-np.abs(z))
    return (np.maximum(z, 0) - y * z + np.log1p(e)).sum(), (np.where(z >= 0, 1, e) / (1 + e) - y) / len(z)
