"""Exercises of 03-cnn/applications/04-semantic-segmentation.ipynb."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "03-cnn/applications/04-semantic-segmentation.ipynb"


back = Exercise(
    "03-cnn/semantic-segmentation-1",
    notebook=NOTEBOOK,
    items=["Transposed convolution"],
    hints=[
        "A convolution makes (size + 2 padding - kernel) // stride + 1 outputs; the division may leave a remainder.",
        "The transpose makes (outputs - 1) stride + kernel - 2 padding. How much of `size` is missing?",
        "What is missing are the pixels at the end that no window reached: the remainder of the division.",
    ],
    explanation="""
        With n = (size + 2 padding - kernel) // stride the transpose makes n stride + kernel - 2 padding, and size minus
        that is the remainder (size + 2 padding - kernel) % stride. It is always below the stride: so many sizes of
        input share one size of output, and output_padding says which of them is meant.""",
)


@back.reference
def output_padding(size, kernel, stride, padding):
    return (size + 2 * padding - kernel) % stride


@back.case("stride 2")
def _(rng):
    return int(rng.integers(10, 40)), 3, 2, int(rng.integers(0, 2))


@back.case("stride 3 and other kernels")
def _(rng):
    return int(rng.integers(12, 60)), int(rng.integers(2, 6)), 3, int(rng.integers(0, 2))


@back.case("stride 1: nothing is lost")
def _(rng):
    return int(rng.integers(8, 20)), 5, 1, 2


@back.wrong("Padding is added on both sides: 2 padding.")
def _(size, kernel, stride, padding):
    return (size + padding - kernel) % stride


@back.wrong("The remainder is that of size + 2 padding - kernel, the way from the first window to the last.")
def _(size, kernel, stride, padding):
    return size % stride


@back.wrong("The transpose makes (outputs - 1) stride + kernel - 2 padding, not outputs times stride.")
def _(size, kernel, stride, padding):
    return size - ((size + 2 * padding - kernel) // stride + 1) * stride


soft = Exercise(
    "03-cnn/semantic-segmentation-2",
    notebook=NOTEBOOK,
    items=["A small U-Net"],
    hints=[
        "The derivative of I with respect to p_i is g_i; that of U is 1 - g_i.",
        "Quotient rule: the derivative of -I/U is -(I' U - I U') / U^2.",
        "Where g is 1 the gradient is -1/U, elsewhere I/U^2.",
    ],
    explanation="""
        dL/dp_i = -(g_i U - I (1 - g_i)) / U^2. On the object that is -1/U: more p, more overlap and no larger union.
        Off the object it is I/U^2: a false pixel makes the union larger, and costs more the better the rest is.""",
)


@soft.reference
def jaccard(p, g):
    common = (p * g).sum()
    union = p.sum() + g.sum() - common
    return 1 - common / union, -(g * union - common * (1 - g)) / union**2


def _prediction(rng, shape, share):
    g = (rng.random(shape) < share).astype(float)
    g.flat[0] = 1.0
    return rng.random(shape).round(2), g


@soft.case("a row of pixels")
def _(rng):
    return _prediction(rng, (6,), 0.5)


@soft.case("a picture with little of the class")
def _(rng):
    return _prediction(rng, (4, 5), 0.15)


@soft.case("a perfect prediction", seeds=2)
def _(rng):
    _, g = _prediction(rng, (3, 4), 0.4)
    return g.copy(), g


@soft.wrong("The union depends on p, too: its derivative is 1 - g, by the quotient rule.")
def _(p, g):
    common = (p * g).sum()
    union = p.sum() + g.sum() - common
    return 1 - common / union, -g / union


@soft.wrong("The sign is that of I/U; the loss is 1 - I/U.")
def _(p, g):
    loss, slope = jaccard(p, g)
    return loss, -slope


@soft.wrong("The intersection is in both sums: subtract it once.")
def _(p, g):
    common, both = (p * g).sum(), p.sum() + g.sum()
    return 1 - common / both, -(g * both - common) / both**2


@soft.wrong("That is Dice, 2 I / (sum p + sum g); Jaccard is I / U.")
def _(p, g):
    common, both = (p * g).sum(), p.sum() + g.sum()
    return 1 - 2 * common / both, -(2 * g * both - 2 * common) / both**2


repaired = Exercise(
    "03-cnn/semantic-segmentation-3",
    notebook=NOTEBOOK,
    items=["Mean IoU"],
    hints=[
        "In a scene without an 8, and none predicted, the 8 gets IoU 0. What did the network do wrong there?",
        "A mean over scenes gives the three pixels of one scene as much weight as the three hundred of another.",
        "For each class: the intersection over all of `truth` and `mask` at once; no empty unions.",
    ],
    explanation="""
        The faulty version punishes a network for classes that are rightly absent, and averages ratios over scenes where
        sums were meant. Sum first, divide once, and average over the classes whose union is not empty.""",
)


@repaired.reference
def mean_iou(truth, mask, K):
    ious = []
    for c in range(K):
        common = ((truth == c) & (mask == c)).sum()
        either = ((truth == c) | (mask == c)).sum()
        if either:
            ious.append(common / either)
    return np.mean(ious)


def _masks(rng, n, K):
    truth = rng.integers(0, K, (n, 4, 4))
    mask = np.where(rng.random(truth.shape) < 0.6, truth, rng.integers(0, K, truth.shape))
    return truth, mask


@repaired.case("several scenes with all classes")
def _(rng):
    return *_masks(rng, 3, 3), 3


@repaired.case("a class that never occurs")
def _(rng):
    return *_masks(rng, 2, 3), 5


@repaired.case("a class that only some scenes show")
def _(rng):
    truth, mask = _masks(rng, 3, 3)
    truth[0], mask[0] = truth[0] % 2, mask[0] % 2
    return truth, mask, 3


@repaired.case("a class that is predicted but never there")
def _(rng):
    truth, mask = _masks(rng, 2, 2)
    mask[0, 0, 0] = 3
    return truth, mask, 4


@repaired.wrong("A class that is in neither has no IoU: leave it out of the mean.")
def _(truth, mask, K):
    both = [(((truth == c) & (mask == c)).sum(), ((truth == c) | (mask == c)).sum()) for c in range(K)]
    return np.mean([common / either if either else 0 for common, either in both])


@repaired.wrong("Take the pixels of all scenes together: sum first, then divide.")
def _(truth, mask, K):
    return np.mean([mean_iou(t, m, K) for t, m in zip(truth, mask, strict=True)])


@repaired.wrong("A class that is predicted and never there has IoU 0, and counts.")
def _(truth, mask, K):
    there = [c for c in range(K) if (truth == c).any()]
    both = [(((truth == c) & (mask == c)).sum(), ((truth == c) | (mask == c)).sum()) for c in there]
    return np.mean([common / either for common, either in both])


balance = Exercise(
    "03-cnn/semantic-segmentation-4",
    notebook=NOTEBOOK,
    items=["From labels to masks"],
    hints=[
        "`shown = (masks == c).any(axis=(1, 2))` says which scenes show class c.",
        "f_c = pixels of c / (scenes that show it * H * W).",
        "`np.median(f[f > 0])`, and then a division where f > 0.",
    ],
    explanation="""
        Counting only the scenes that show a class separates how large it is from how often it appears. The median class
        gets weight 1, larger ones less, smaller ones more: the paper of our scenes gets very little.""",
)


@balance.reference
def balanced_weights(masks, K):
    of_class = masks[None] == np.arange(K)[:, None, None, None]  # (K, N, H, W)
    pixels, shown = of_class.sum(axis=(1, 2, 3)), of_class.any(axis=(2, 3)).sum(axis=1)
    f = pixels / np.maximum(shown * masks[0].size, 1)
    return np.where(f > 0, np.median(f[f > 0]) / np.maximum(f, 1e-12), 0.0)


@balance.case("classes that all scenes show")
def _(rng):
    masks = rng.integers(0, 3, (3, 4, 5))
    masks[:, 0, :3] = [0, 1, 2]
    return masks, 3


@balance.case("a class that one scene alone shows")
def _(rng):
    masks = rng.integers(0, 3, (4, 4, 4))
    masks[1, 2, :2] = 3
    return masks, 4


@balance.case("a class that never occurs")
def _(rng):
    return rng.integers(0, 3, (3, 4, 4)), 5


@balance.wrong("Divide by the pixels of the scenes that show the class, not of all scenes.")
def _(masks, K):
    f = np.bincount(masks.ravel(), minlength=K) / masks.size
    return np.where(f > 0, np.median(f[f > 0]) / np.maximum(f, 1e-12), 0.0)


@balance.wrong("A class that never occurs must not pull the median down: take it over the others.")
def _(masks, K):
    weights = balanced_weights(masks, K)
    f = np.array([0.0 if w == 0 else 1 / w for w in weights])
    return np.where(f > 0, np.median(f) / np.maximum(f, 1e-12), 0.0)


@balance.wrong("Rare classes need *more* weight: the median over f, not f over the median.")
def _(masks, K):
    weights = balanced_weights(masks, K)
    return np.where(weights > 0, 1 / np.maximum(weights, 1e-12), 0.0)
