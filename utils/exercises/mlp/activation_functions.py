"""Exercises of 02-mlp/forward-propagation/02-activation-functions.ipynb."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "02-mlp/forward-propagation/02-activation-functions.ipynb"


def _sigmoid(z):
    return (1 + np.tanh(z / 2)) / 2


chain = Exercise(
    "02-mlp/activation-functions-1",
    notebook=NOTEBOOK,
    items=["Sigmoid and tanh"],
    hints=[
        "Go forward unit by unit. What does one unit multiply the derivative by?",
        "Besides a, carry a number `slope` that starts at 1; each unit multiplies it by sigma'(z) * w[l].",
        "With a = sigmoid(z) the factor is a * (1 - a) * w[l].",
    ],
    explanation="""
        The chain rule multiplies one factor for each unit, sigma'(z) w. Since sigma' is at most 1/4, a chain with
        weights of size 1 loses at least three quarters of the derivative at every unit.""",
)


@chain.reference
def chain_slope(x, w, b):
    a, slope = x, 1.0
    for weight, bias in zip(w, b, strict=True):
        a = 1 / (1 + np.exp(-(weight * a + bias)))
        slope = slope * a * (1 - a) * weight
    return slope


@chain.case("a single unit")
def _(rng):
    return float(rng.normal()), rng.normal(size=1), rng.normal(size=1)


@chain.case("a chain of several units")
def _(rng):
    n = int(rng.integers(2, 7))
    return float(rng.normal()), rng.normal(scale=2, size=n), rng.normal(size=n)


@chain.wrong("Each unit also multiplies by its weight: z = w a + b has the slope w in a.")
def _(x, w, b):
    a, slope = x, 1.0
    for weight, bias in zip(w, b, strict=True):
        a = _sigmoid(weight * a + bias)
        slope = slope * a * (1 - a)
    return slope


@chain.wrong("The slope of a unit is taken at its own z, not at the first one's.")
def _(x, w, b):
    a = _sigmoid(w[0] * x + b[0])
    return float(np.prod(a * (1 - a) * w))


@chain.wrong("This is the output of the chain; its derivative was asked for.")
def _(x, w, b):
    for weight, bias in zip(w, b, strict=True):
        x = _sigmoid(weight * x + bias)
    return x


health = Exercise(
    "02-mlp/activation-functions-2",
    notebook=NOTEBOOK,
    items=["ReLU and its family", "Comparing activations"],
    hints=[
        "Rows are samples and columns are units: reduce over axis 0 first, then take the mean over the units.",
        "A ReLU is dead if its largest z over the samples is not positive: Z.max(axis=0) <= 0.",
        "The sigmoid's slope is s (1 - s); compare its largest value of each column with tol.",
    ],
    explanation="""
        Dead and saturated are properties of a unit over all samples: one sample with a slope is enough for the
        unit to learn from. So reduce along the samples with max (or all) before averaging over the units.""",
)


@health.reference
def unit_health(Z, tol):
    dead = Z.max(axis=0) <= 0
    s = (1 + np.tanh(Z / 2)) / 2
    slow = (s * (1 - s)).max(axis=0) < tol
    return dead.mean(), slow.mean()


@health.case("layers whose units have different biases")
def _(rng):
    return rng.normal(size=(6, 8)) * 2 + rng.normal(scale=4, size=8), 0.05


@health.case("a unit whose largest z is exactly 0 is dead, and huge z do not overflow")
def _(rng):
    Z = np.stack([[0.0, -1.0, 800.0], [-2.0, -3.0, 900.0]]) * rng.integers(1, 3)
    return Z, 0.1


@health.wrong("These are shares of entries: a unit is dead only if no sample wakes it.")
def _(Z, tol):
    s = _sigmoid(Z)
    return (Z <= 0).mean(), (s * (1 - s) < tol).mean()


@health.wrong(
    "The maximum runs over the units of each sample; it must run over the samples of each unit, axis 0."
)
def _(Z, tol):
    s = _sigmoid(Z)
    return (Z.max(axis=1) <= 0).mean(), ((s * (1 - s)).max(axis=1) < tol).mean()


@health.wrong(
    "A sigmoid is saturated on the far right too: look at the slope, not at z or the activation alone."
)
def _(Z, tol):
    return (Z.max(axis=0) <= 0).mean(), (_sigmoid(Z).max(axis=0) < tol).mean()


silu = Exercise(
    "02-mlp/activation-functions-3",
    notebook=NOTEBOOK,
    items=["GELU and SiLU"],
    hints=[
        "SiLU(z) = z s with s = sigma(z). The product rule gives s + z s (1 - s).",
        "A sigmoid without overflow: e = exp(-|z|), then 1 / (1 + e) on the right and e / (1 + e) on the left.",
        "Or s = (1 + np.tanh(Z / 2)) / 2, in one line; Python's own numbers leave the dtype as it is.",
    ],
    explanation="""
        The slope is s + z s (1 - s). tanh cannot overflow, and its result is cheap to reuse. np.float64 numbers,
        such as np.sqrt(2.0), would turn float32 arrays into float64; plain Python numbers do not.""",
    rtol=1e-5,
)


@silu.reference
def silu_both(Z, dA):
    s = (1 + np.tanh(Z / 2)) / 2
    return Z * s, dA * (s + Z * s * (1 - s))


@silu.driver
def value_and_gradient(answer, Z, dA):
    with np.errstate(over="raise", invalid="raise"):
        result = answer(Z, dA)
    if not isinstance(result, tuple) or len(result) != 2:
        return result
    for name, array in zip(("A", "dZ"), result, strict=True):
        if getattr(array, "dtype", None) != Z.dtype:
            raise TypeError(
                f"{name} has dtype {getattr(array, 'dtype', type(array).__name__)}, expected {Z.dtype}"
            )
    return result


@silu.case("moderate numbers")
def _(rng):
    return rng.normal(scale=3, size=(3, 4)), rng.normal(size=(3, 4))


@silu.case("huge numbers: no overflow, no NaN")
def _(rng):
    return np.array([-1000.0, -50.0, 0.0, 50.0, 1000.0]), rng.normal(size=5)


@silu.case("float32 stays float32", seeds=2)
def _(rng):
    return rng.normal(size=6).astype(np.float32), rng.normal(size=6).astype(np.float32)


@silu.wrong("The slope lacks its second term: z stands in front of s and inside it.")
def _(Z, dA):
    s = _sigmoid(Z)
    return Z * s, dA * s


@silu.wrong("exp(-z) overflows for large negative z: use exp(-|z|), or tanh.")
def _(Z, dA):
    s = 1 / (1 + np.exp(-Z))
    return Z * s, dA * (s + Z * s * (1 - s))


@silu.wrong("This is the slope alone: the gradient is the slope times dA, entry by entry.")
def _(Z, dA):
    s = _sigmoid(Z)
    return Z * s, s + Z * s * (1 - s)


@silu.wrong("float32 went in and float64 came out.")
def _(Z, dA):
    s = _sigmoid(Z.astype(np.float64))
    return Z * s, dA * (s + Z * s * (1 - s))


temperature = Exercise(
    "02-mlp/activation-functions-4",
    notebook=NOTEBOOK,
    items=["Softmax"],
    hints=[
        "Write U = Z / T. You know the gradient dU of a softmax from the notebook; then dZ = dU / T.",
        "T reaches the result through every entry of U: dT is a sum of dU * (dU_ij/dT).",
        "dU_ij/dT = -Z_ij / T**2, so dT = -(dU * Z).sum() / T**2. Subtract each row's maximum before exp.",
    ],
    explanation="""
        With U = Z/T the softmax's backward pass gives dU = P * (dP - rowsum(dP * P)). Each score gets dU / T.
        The temperature is shared by all entries, so its gradient is the sum over all of dU * (-Z / T^2). Shifting
        a row by its maximum does not change dT either, because each row of dU adds up to 0.""",
)


@temperature.reference
def softmax_temperature(Z, T, dP):
    E = np.exp((Z - Z.max(axis=1, keepdims=True)) / T)
    P = E / E.sum(axis=1, keepdims=True)
    dU = P * (dP - (dP * P).sum(axis=1, keepdims=True))
    return P, dU / T, -(dU * Z).sum() / T**2


@temperature.case("several rows at several temperatures")
def _(rng):
    shape = int(rng.integers(2, 5)), int(rng.integers(2, 6))
    return rng.normal(scale=2, size=shape), float(rng.uniform(0.3, 3)), rng.normal(size=shape)


@temperature.case("scores in the thousands")
def _(rng):
    return 1000 + rng.normal(size=(2, 3)), 0.5, rng.normal(size=(2, 3))


@temperature.wrong("dZ lacks the chain rule's factor 1/T.")
def _(Z, T, dP):
    P, dZ, dT = softmax_temperature(Z, T, dP)
    return P, dZ * T, dT


@temperature.wrong("A warmer softmax is less sure: mind the sign of dT, (1/T)' = -1/T^2.")
def _(Z, T, dP):
    P, dZ, dT = softmax_temperature(Z, T, dP)
    return P, dZ, -dT


@temperature.wrong(
    "Each probability depends on every score of its row: the sum of dP * P over the row is missing."
)
def _(Z, T, dP):
    P, _, _ = softmax_temperature(Z, T, dP)
    dU = P * (1 - P) * dP
    return P, dU / T, -(dU * Z).sum() / T**2


@temperature.wrong("The sums run over the samples; a softmax is taken along the classes, axis 1.")
def _(Z, T, dP):
    P, dZ, dT = softmax_temperature(Z.T, T, dP.T)
    return P.T, dZ.T, dT
