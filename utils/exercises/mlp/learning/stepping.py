"""Exercises 4 to 6: steps and averages."""

import numpy as np

from utils.exercises.framework import Exercise, ExerciseError

NOTEBOOK = "02-mlp/exercises/02-training-exercises.ipynb"
ITEMS = ["Steps and averages"]


accumulation = Exercise(
    "02-mlp/learning-4",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Each piece hands back a mean over its own weights. Multiplied by its sum of weights it is a sum again.",
        "Add those sums for the loss and for the gradient, add the weights too, divide once at the end.",
        "A piece whose weights are all 0 has no mean: `if w[rows].sum() == 0: continue`.",
    ],
    explanation="""
        A mean of means is the mean only if all pieces weigh the same. Here the last piece is smaller and padded
        rows weigh nothing, so the pieces' means are turned back into sums, Σ w ℓ and Σ w ∇ℓ, added, and divided
        by the sum of all weights. The memory needed is that of one piece, the step that of the whole batch.""",
)


@accumulation.reference
def accumulated(gradient, X, y, w, most):
    loss = grad = total = 0.0
    for start in range(0, len(X), most):
        rows = slice(start, start + most)
        share = w[rows].sum()
        if share > 0:
            piece_loss, piece_grad = gradient(X[rows], y[rows], w[rows])
            loss, grad, total = loss + share * piece_loss, grad + share * piece_grad, total + share
    return loss / total, grad / total


@accumulation.driver
def in_pieces(answer, X, y, w, most):
    """Call the answer with the gradient of a weighted squared error at (1, -1), which refuses large batches."""

    def gradient(X, y, w):
        if len(X) > most:
            raise ExerciseError(f"gradient was called with {len(X)} rows, and memory is enough for {most}")
        error = X @ np.array([1.0, -1.0]) - y
        return (w * error**2).sum() / w.sum(), 2 * X.T @ (w * error) / w.sum()

    return answer(gradient, X, y, w, most)


def _rows(rng, n):
    return rng.normal(size=(n, 2)).round(1), rng.normal(size=n).round(1)


@accumulation.case("pieces of one size, all weights 1")
def _(rng):
    return *_rows(rng, 6), np.ones(6), 3


@accumulation.case("a smaller piece at the end")
def _(rng):
    return *_rows(rng, 7), np.ones(7), 3


@accumulation.case("padded rows of weight 0, more in some pieces than in others")
def _(rng):
    return *_rows(rng, 6), np.array([1.0, 0.0, 0.0, 1.0, 1.0, 1.0]), 3


@accumulation.case("a piece that is nothing but padding", seeds=2)
def _(rng):
    return *_rows(rng, 6), np.array([1.0, 2.0, 0.0, 0.0, 1.0, 0.5]), 2


@accumulation.case("one piece is enough", seeds=1)
def _(rng):
    return *_rows(rng, 3), np.array([1.0, 3.0, 0.0]), 8


def _summed(gradient, X, y, w, most, share_of, by, skip=True):
    loss = grad = total = 0.0
    for start in range(0, len(X), most):
        rows = slice(start, start + most)
        if not skip or w[rows].sum() > 0:
            piece_loss, piece_grad = gradient(X[rows], y[rows], w[rows])
            share = share_of(w[rows])
            loss, grad, total = loss + share * piece_loss, grad + share * piece_grad, total + share
    return loss / by(total), grad / by(total)


@accumulation.wrong("A mean of means: a small piece, or one full of padding, must count less.")
def _(gradient, X, y, w, most):
    return _summed(gradient, X, y, w, most, lambda w: 1, float)


@accumulation.wrong("Pieces were weighed by their rows, but padded rows weigh nothing: use the sum of w.")
def _(gradient, X, y, w, most):
    return _summed(gradient, X, y, w, most, len, float)


@accumulation.wrong("The sums are right; at the end they are divided by the sum of all weights.")
def _(gradient, X, y, w, most):
    return _summed(gradient, X, y, w, most, np.sum, lambda total: 1.0)


@accumulation.wrong(
    "A piece that is nothing but padding has no mean, and 0/0 spoils everything: leave it out."
)
def _(gradient, X, y, w, most):
    return _summed(gradient, X, y, w, most, np.sum, float, skip=False)


@accumulation.wrong("All rows at once is what memory does not allow.")
def _(gradient, X, y, w, most):
    return gradient(X, y, w)


nadam = Exercise(
    "02-mlp/learning-5",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Go through the formulas and the code line by line, with a finger on each. Three lines differ.",
        "The decay acts on the weights directly. Added to g it would be divided by the root as well.",
        "ε is added to the root, not under it.",
        "Hand back v itself. The corrected one is for this step only: give it a name of its own.",
    ],
    explanation="""
        Decay inside the gradient is divided by √v̂ like everything else, so weights with large gradients hardly
        decay: that is an L2 penalty, and to part the two was the point of AdamW (I. Loshchilov, F. Hutter,
        2019). An ε under the root is √ε = 1e-4 outside of it, and steps shrink where gradients are small. A
        corrected v that is handed back gets corrected again and again. The look-ahead itself is T. Dozat's
        (2016): it takes the share of the new gradient now instead of one step later.""",
)


@nadam.reference
def nadam_step(theta, g, m, v, step, lr, beta1, beta2, eps, decay):
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    ahead = beta1 * m / (1 - beta1 ** (step + 1)) + (1 - beta1) * g / (1 - beta1**step)
    v_hat = v / (1 - beta2**step)
    theta = theta - lr * (ahead / (np.sqrt(v_hat) + eps) + decay * theta)
    return theta, m, v


@nadam.driver
def several_steps(answer, theta, gradients, lr, beta1, beta2, eps, decay):
    m, v = np.zeros_like(theta), np.zeros_like(theta)
    path = []
    for step, g in enumerate(gradients, start=1):
        theta, m, v = answer(theta, g.copy(), m, v, step, lr, beta1, beta2, eps, decay)
        path.append((theta, m, v))
    return path


def _gradients(rng, steps):
    return rng.normal(size=3).round(1), rng.normal(size=(steps, 3)).round(1)


@nadam.case("the first step")
def _(rng):
    return *_gradients(rng, 1), 0.1, 0.9, 0.99, 1e-8, 0.0


@nadam.case("several steps, with decay")
def _(rng):
    return *_gradients(rng, 4), 0.1, 0.8, 0.95, 1e-8, 0.3


@nadam.case("gradients of a millionth: ε stands outside of the root", seeds=2)
def _(rng):
    theta, gradients = _gradients(rng, 3)
    return theta, 1e-6 * gradients, 0.1, 0.9, 0.999, 1e-8, 0.0


@nadam.case("no gradient at all: the weights decay, and nothing is NaN", seeds=1)
def _(rng):
    return np.array([1.0, -2.0, 4.0]), np.zeros((2, 3)), 0.1, 0.9, 0.999, 1e-8, 0.5


def _nadam(coupled=False, look_ahead=True, inside=False, hand_back=False):
    def step_of(theta, g, m, v, step, lr, beta1, beta2, eps, decay):
        g = g + decay * theta if coupled else g
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        ahead = beta1 * m / (1 - beta1 ** (step + 1)) + (1 - beta1) * g / (1 - beta1**step)
        move = ahead if look_ahead else m / (1 - beta1**step)
        v_hat = v / (1 - beta2**step)
        root = np.sqrt(v_hat + eps) if inside else np.sqrt(v_hat) + eps
        theta = theta - lr * (move / root + (0 if coupled else decay * theta))
        return theta, m, v_hat if hand_back else v

    return step_of


nadam.wrong("The decay went through the gradient, where the root divides it: take it off the weights.")(
    _nadam(coupled=True)
)
nadam.wrong("This is Adam: the look-ahead is missing.")(_nadam(look_ahead=False))
nadam.wrong("ε is added to the root, not under it: √1e-8 is 1e-4.")(_nadam(inside=True))
nadam.wrong("The corrected v was handed back, so the next step corrects it again.")(_nadam(hand_back=True))
nadam.wrong("One fault is found, two are left: the decay in the gradient, and ε under the root.")(
    _nadam(coupled=True, inside=True)
)


@nadam.wrong("The decay is scaled by the learning rate like the rest of the step.")
def _(theta, g, m, v, step, lr, beta1, beta2, eps, decay):
    new, m, v = nadam_step(theta, g, m, v, step, lr, beta1, beta2, eps, 0.0)
    return new - decay * theta, m, v


averaging = Exercise(
    "02-mlp/learning-6",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Keep a running average a, zeros at first: a = decay * a + (1 - decay) * weights.",
        "After t steps the shares in a sum to 1 - decay**t only, since it began with zeros. Divide by that.",
        "Divide a copy for the result; a itself goes on uncorrected.",
    ],
    explanation="""
        Unrolled, a_t = (1 - β) Σ_i β^(t-i) θ_i, and the shares sum to 1 - β^t. Divided by that it is a true
        weighted mean from the first step on: the first average is the first weights. Adam corrects its moments
        for the same reason.""",
)


@averaging.reference
def averaged_weights(history, decay):
    average, result = np.zeros(history.shape[1]), np.zeros(history.shape)
    for t, theta in enumerate(history, start=1):
        average = decay * average + (1 - decay) * theta
        result[t - 1] = average / (1 - decay**t)
    return result


@averaging.case("several steps")
def _(rng):
    return rng.normal(size=(5, 2)).round(1), float(rng.choice([0.5, 0.9, 0.99]))


@averaging.case("weights that stand still are their own average from the first step on", seeds=1)
def _(rng):
    return np.full((4, 2), 3.0), 0.9


@averaging.case("one step: the average is the weights", seeds=1)
def _(rng):
    return np.array([[2.0, -1.0, 0.5]]), 0.999


@averaging.case("decay 0 remembers nothing", seeds=1)
def _(rng):
    return rng.normal(size=(3, 2)).round(1), 0.0


@averaging.wrong("The average began with zeros and still leans towards them: divide by 1 - decay**t.")
def _(history, decay):
    shares = 1 - decay ** np.arange(1, len(history) + 1)
    return averaged_weights(history, decay) * shares[:, None]


@averaging.wrong("The shares are exchanged: `decay` is for the old average.")
def _(history, decay):
    average, result = np.zeros(history.shape[1]), np.zeros(history.shape)
    for t, theta in enumerate(history, start=1):
        average = (1 - decay) * average + decay * theta
        result[t - 1] = average / max(1 - (1 - decay) ** t, 1e-300)
    return result


@averaging.wrong("All steps count the same here: older ones should fade.")
def _(history, decay):
    return np.cumsum(history, axis=0) / np.arange(1, len(history) + 1)[:, None]


@averaging.wrong("It began with the first weights at full share, which then fade too slowly.")
def _(history, decay):
    result = history.copy()
    for t in range(1, len(history)):
        result[t] = decay * result[t - 1] + (1 - decay) * history[t]
    return result


@averaging.wrong("The corrected average was carried on and corrected again.")
def _(history, decay):
    average, result = np.zeros(history.shape[1]), np.zeros(history.shape)
    for t, theta in enumerate(history, start=1):
        average = (decay * average + (1 - decay) * theta) / (1 - decay**t)
        result[t - 1] = average
    return result
