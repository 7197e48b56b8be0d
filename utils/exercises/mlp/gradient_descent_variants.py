"""Exercises of 02-mlp/optimizers/01-gradient-descent-variants.ipynb."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "02-mlp/optimizers/01-gradient-descent-variants.ipynb"


noise = Exercise(
    "02-mlp/gradient-descent-variants-1",
    notebook=NOTEBOOK,
    items=["Batch, mini-batch and online learning"],
    hints=[
        "The trace of the covariance is the sum, over parameters, of the variance over samples (divided by N).",
        "A mean of B independent samples has that, divided by B, as its expected squared distance.",
        "Without replacement multiply by (N - B) / (N - 1): nothing is left for B = N.",
    ],
    explanation="""
        The variance of one sample's gradient, summed over the parameters, is divided by B because B gradients are
        averaged. Two different cards of a finite deck are negatively correlated: together they can never be both
        the same one. That is the factor (N - B) / (N - 1).""",
)


@noise.reference
def batch_noise(G, B):
    N = len(G)
    return G.var(axis=0).sum() / B * (N - B) / (N - 1)


@noise.case("a batch of several samples")
def _(rng):
    n = int(rng.integers(5, 9))
    return rng.normal(size=(n, 3)).round(2), int(rng.integers(2, n - 1))


@noise.case("online learning, B = 1")
def _(rng):
    return rng.normal(size=(4, 2)).round(2), 1


@noise.case("the whole batch has no noise")
def _(rng):
    return rng.normal(size=(4, 2)).round(2), 4


@noise.wrong("This is for drawing with replacement: the factor (N - B) / (N - 1) is missing.")
def _(G, B):
    return G.var(axis=0).sum() / B


@noise.wrong("Sum the variances over the parameters, don't average them.")
def _(G, B):
    N = len(G)
    return G.var(axis=0).mean() / B * (N - B) / (N - 1)


@noise.wrong("The variance is taken over samples, axis 0, parameter by parameter.")
def _(G, B):
    N = len(G)
    return G.var(axis=1).sum() / B * (N - B) / (N - 1)


@noise.wrong("Variance falls as 1/B; its root, the standard error, as 1/sqrt(B).")
def _(G, B):
    N = len(G)
    return G.var(axis=0).sum() / np.sqrt(B) * (N - B) / (N - 1)


ball = Exercise(
    "02-mlp/gradient-descent-variants-2",
    notebook=NOTEBOOK,
    items=["Momentum"],
    hints=[
        "Only the smallest and the largest eigenvalue of H matter: np.linalg.eigvalsh gives them in order.",
        "Both ends lie on a border: sqrt(lr * lam_min) = 1 - sqrt(mu), sqrt(lr * lam_max) = 1 + sqrt(mu).",
        "Their sum gives sqrt(lr) = 2 / (sqrt(lam_max) + sqrt(lam_min)), their ratio gives sqrt(mu).",
    ],
    explanation="""
        With both ends of the spectrum on the borders of the complex region every curvature shrinks by sqrt(mu) a step.
        Adding the two equations gives the rate, dividing them the momentum; the factor is the root of the momentum.""",
)


@ball.reference
def tune_heavy_ball(H):
    low, high = np.sqrt(np.linalg.eigvalsh(H)[[0, -1]])
    factor = (high - low) / (high + low)
    return (2 / (high + low)) ** 2, factor**2, factor


def _bowl(rng, curvatures):
    Q, _ = np.linalg.qr(rng.normal(size=(len(curvatures), len(curvatures))))
    return Q * curvatures @ Q.T


@ball.case("a narrow valley in three dimensions")
def _(rng):
    return _bowl(rng, np.array([0.5, 3.0, rng.uniform(20, 60)]))


@ball.case("a round bowl needs no momentum")
def _(rng):
    return rng.uniform(1, 5) * np.eye(2)


@ball.wrong("The product of the roots is mu, so the factor is sqrt(mu), not mu.")
def _(H):
    lr, momentum, _ = tune_heavy_ball(H)
    return lr, momentum, momentum


@ball.wrong("The momentum is the square of (sqrt(kappa) - 1) / (sqrt(kappa) + 1).")
def _(H):
    lr, _, factor = tune_heavy_ball(H)
    return lr, factor, factor


@ball.wrong("This is plain descent at its best: momentum has square roots of the eigenvalues.")
def _(H):
    low, high = np.linalg.eigvalsh(H)[[0, -1]]
    return 2 / (high + low), 0.0, (high - low) / (high + low)


@ball.wrong("Curvatures are eigenvalues of H; its diagonal has them only where H is diagonal.")
def _(H):
    return tune_heavy_ball(np.diag(np.diag(H)))


sgd = Exercise(
    "02-mlp/gradient-descent-variants-3",
    notebook=NOTEBOOK,
    items=["Momentum", "Nesterov momentum"],
    hints=[
        "Weight decay comes first: it is added to the gradient, as the slope of lambda/2 times the squared length.",
        "Then v = momentum * v + g, with that g.",
        "The step is lr * v, or with nesterov lr * (g + momentum * v), with the new v.",
    ],
    explanation="""
        The penalty is a part of the loss, so its slope enters the velocity like any other gradient. With Nesterov's
        momentum the parameters stored are those one look ahead, which turns the step into g + momentum * v.""",
)


@sgd.reference
def sgd_step(theta, g, v, lr, momentum, nesterov, weight_decay):
    g = g + weight_decay * theta
    v = momentum * v + g
    return theta - lr * (g + momentum * v if nesterov else v), v


def _state(rng):
    return tuple(rng.normal(size=(3, 4)).round(2))[:3]


@sgd.case("momentum alone")
def _(rng):
    return *_state(rng), 0.1, 0.9, False, 0.0


@sgd.case("Nesterov's momentum")
def _(rng):
    return *_state(rng), 0.1, 0.8, True, 0.0


@sgd.case("Nesterov's momentum with weight decay")
def _(rng):
    return *_state(rng), 0.05, 0.9, True, 0.3


@sgd.case("plain descent with weight decay")
def _(rng):
    return *_state(rng), 0.05, 0.0, False, 0.3


def _wrong_step(decay_late=False, old_velocity=False, scaled=False, rate_inside=False):
    def answer(theta, g, v, lr, momentum, nesterov, weight_decay):
        late = weight_decay * theta if decay_late else 0.0
        g = g if decay_late else g + weight_decay * theta
        new = momentum * v + (lr if rate_inside else 1 - momentum if scaled else 1) * g
        ahead = g + momentum * (v if old_velocity else new)
        rate = 1.0 if rate_inside else lr
        return theta - rate * (ahead if nesterov else new) - lr * late, new

    return answer


sgd.wrong("Weight decay belongs to the gradient, before the velocity takes it up.")(
    _wrong_step(decay_late=True)
)
sgd.wrong("Nesterov's step uses the new velocity.")(_wrong_step(old_velocity=True))
sgd.wrong("PyTorch adds the whole gradient to the velocity, without a factor 1 - momentum.")(
    _wrong_step(scaled=True)
)
sgd.wrong("The rate multiplies the step, not the gradients that the velocity collects.")(
    _wrong_step(rate_inside=True)
)


factor = Exercise(
    "02-mlp/gradient-descent-variants-4",
    notebook=NOTEBOOK,
    items=["Nesterov momentum"],
    hints=[
        "Two places determine the next, with a = lr * lam: w_{t+1} = (1 + mu)(1 - a) w_t - mu (1 - a) w_{t-1}.",
        "Roots of r^2 - (1 + mu)(1 - a) r + mu (1 - a): np.roots finds them, complex ones too.",
        "Take the absolute value of both roots, then the maximum over all curvatures.",
    ],
    explanation="""
        Each eigenvector goes its own way, and in the long run the larger of its two roots decides; over all
        eigenvectors the slowest one decides. Below 1 the method converges, above 1 it explodes.""",
)


@factor.reference
def nesterov_factor(lam, lr, momentum):
    worst = 0.0
    for a in lr * np.asarray(lam):
        roots = np.roots([1.0, -(1 + momentum) * (1 - a), momentum * (1 - a)])
        worst = max(worst, float(np.abs(roots).max()))
    return worst


@factor.case("a valley that converges")
def _(rng):
    return np.array([1.0, 4.0, rng.uniform(10, 20)]), 0.05, 0.7


@factor.case("a rate that is stable for the heavy ball only")
def _(rng):
    return np.array([0.3, 1.0]), round(float(rng.uniform(1.6, 2.4)), 2), 0.6


@factor.case("plain descent, momentum 0")
def _(rng):
    return np.array([1.0, round(float(rng.uniform(2, 5)), 1)]), 0.3, 0.0


@factor.wrong(
    "This is the heavy ball: Nesterov's gradient is taken ahead, which puts 1 - lr * lam on both terms."
)
def _(lam, lr, momentum):
    return max(float(np.abs(np.roots([1.0, -(1 + momentum - lr * x), momentum])).max()) for x in lam)


@factor.wrong("The slowest curvature decides: take the maximum over them, not the minimum.")
def _(lam, lr, momentum):
    return min(nesterov_factor([x], lr, momentum) for x in lam)


@factor.wrong("Roots may be negative or complex: compare absolute values, not real parts.")
def _(lam, lr, momentum):
    a = lr * np.asarray(lam)
    return max(float(np.roots([1.0, -(1 + momentum) * (1 - x), momentum * (1 - x)]).real.max()) for x in a)


@factor.wrong("sqrt(mu (1 - a)) holds for complex roots only.")
def _(lam, lr, momentum):
    return float(np.sqrt(np.abs(momentum * (1 - lr * np.asarray(lam)))).max())
