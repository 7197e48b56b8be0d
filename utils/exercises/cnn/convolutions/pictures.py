"""Exercises 8 to 10: reading and repairing pictures."""

import numpy as np

from utils.exercises.framework import Exercise

NOTEBOOK = "03-cnn/exercises/01-convolution-exercises.ipynb"
ITEMS = ["Reading and repairing pictures"]


peaks = Exercise(
    "03-cnn/convolutions-8",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "A peak is a pixel that equals the maximum of its window: max-pooling with stride 1 tells all of"
        " them at once.",
        "Pad with -inf by radius on every side, so that pixels at the edge have whole windows.",
        "np.argwhere((image == pooled) & (image > threshold)) lists the places in order of rows.",
    ],
    explanation="""
        Max-pooling at stride 1 and the same size writes into every pixel the best of its neighbourhood;
        whoever equals it is that best. Zeros as padding would suppress peaks of negative numbers at the edge,
        -inf does not.""",
)


def _pooled(image, radius, fill=-np.inf):
    k = 2 * radius + 1
    padded = np.pad(image.astype(float), radius, constant_values=fill)
    return np.lib.stride_tricks.sliding_window_view(padded, (k, k)).max(axis=(2, 3))


@peaks.reference
def find_peaks(image, radius, threshold):
    k = 2 * radius + 1
    padded = np.pad(image, radius, constant_values=-np.inf)
    pooled = np.lib.stride_tricks.sliding_window_view(padded, (k, k)).max(axis=(2, 3))
    return np.argwhere((image == pooled) & (image > threshold))


@peaks.driver
def as_places(function, image, radius, threshold):
    return np.asarray(function(image, radius, threshold)).reshape(-1, 2).astype(int)


def _hills(rng, H, W, low=0):
    return rng.permutation(np.arange(H * W)).reshape(H, W).astype(float) + low


@peaks.case("hills and a threshold")
def _(rng):
    return _hills(rng, 6, 8), 1, 20.0


@peaks.case("a wide neighbourhood")
def _(rng):
    return _hills(rng, 7, 7), 2, 10.0


@peaks.case("below zero, where the edge must not win", seeds=2)
def _(rng):
    return _hills(rng, 5, 5, low=-30), 1, -40.0


@peaks.case("nothing above the threshold", seeds=1)
def _(rng):
    return _hills(rng, 4, 4), 1, 99.0


@peaks.wrong("Zeros around the picture are higher than its negative pixels: pad with -inf.")
def _(image, radius, threshold):
    return np.argwhere((image == _pooled(image, radius, 0.0)) & (image > threshold))


@peaks.wrong("Pixels above the threshold are not all peaks: compare with the maximum of the neighbourhood.")
def _(image, radius, threshold):
    return np.argwhere(image > threshold)


@peaks.wrong("The window reaches `radius` pixels to each side: it is 2 * radius + 1 wide.")
def _(image, radius, threshold):
    half = max(radius - 1, 0)
    return np.argwhere((image == _pooled(image, half)) & (image > threshold))


merged = Exercise(
    "03-cnn/convolutions-9",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "The mean of all is the mean of the two means, weighted by their numbers.",
        "Within each batch there is n * var of squared deviation; between them the means differ, which "
        "adds more.",
        "With d = mean_b - mean_a: the sum of squares is n_a var_a + n_b var_b + d^2 n_a n_b / (n_a + n_b).",
    ],
    explanation="""
        Squared deviations from the common mean split into those within the batches and that of the batches'
        means. The mean of the variances alone forgets the second part, which is what goes wrong when batches
        differ.""",
)


@merged.reference
def merge_statistics(a, b):
    (n_a, mean_a, var_a), (n_b, mean_b, var_b) = a, b
    n = n_a + n_b
    mean = (n_a * mean_a + n_b * mean_b) / n
    between = (mean_b - mean_a) ** 2 * n_a * n_b / n
    return n, mean, (n_a * var_a + n_b * var_b + between) / n


def _statistics(rng, n, C, shift):
    X = rng.normal(shift, 1, (n, C))
    return n, X.mean(axis=0).round(2), X.var(axis=0).round(2)


@merged.case("two batches of different sizes")
def _(rng):
    return _statistics(rng, 8, 3, 0), _statistics(rng, 3, 3, 1)


@merged.case("far apart, with the same spread")
def _(rng):
    return _statistics(rng, 5, 2, -10), _statistics(rng, 5, 2, 10)


@merged.case("the first batch is empty", seeds=2)
def _(rng):
    return (0, np.zeros(2), np.zeros(2)), _statistics(rng, 4, 2, 3)


@merged.wrong("The batches' means differ, and that is variance, too: add d^2 n_a n_b / n.")
def _(a, b):
    n, mean, _ = merge_statistics(a, b)
    return n, mean, (a[0] * a[2] + b[0] * b[2]) / n


@merged.wrong("Batches of different sizes must be weighted by their numbers.")
def _(a, b):
    d = b[1] - a[1]
    return a[0] + b[0], (a[1] + b[1]) / 2, (a[2] + b[2]) / 2 + d**2 / 4


@merged.wrong("Variances are divided by n here, as in the forward pass, not by n - 1.")
def _(a, b):
    n, mean, var = merge_statistics(a, b)
    return n, mean, var * n / max(n - 1, 1)


wiener = Exercise(
    "03-cnn/convolutions-10",
    notebook=NOTEBOOK,
    items=ITEMS,
    hints=[
        "Put the kernel into an array of the picture's shape; its Fourier transform K is then as large "
        "as that of the picture.",
        "Blurring multiplies by K. Dividing by K undoes it, and blows up noise wherever K is near 0.",
        "Multiply by conj(K) / (|K|^2 + noise) instead, transform back and take the real part.",
    ],
    explanation="""
        In the Fourier domain a convolution is a product, so undoing it is a division. Where |K|^2 is far
        above the noise the filter is 1 / K; where it is far below, the filter gives up and returns nearly
        nothing instead of amplified noise.""",
    rtol=1e-5,
)


def _spectrum(kernel, shape):
    return np.fft.fft2(kernel, shape)


@wiener.reference
def deblur(blurred, kernel, noise):
    K = np.fft.fft2(kernel, blurred.shape)  # the kernel, filled up with zeros
    return np.fft.ifft2(np.fft.fft2(blurred) * K.conj() / (np.abs(K) ** 2 + noise)).real


def _blurred(rng, H, W, kernel):
    image = rng.integers(0, 5, (H, W)).astype(float)
    return np.fft.ifft2(np.fft.fft2(image) * _spectrum(kernel, image.shape)).real.round(6), kernel


@wiener.case("a blur along a line, no noise")
def _(rng):
    return *_blurred(rng, 6, 7, np.array([[0.6, 0.3, 0.1]])), 1e-9


@wiener.case("noise allowed for")
def _(rng):
    return *_blurred(rng, 5, 8, np.array([[0.5, 0.2], [0.2, 0.1]])), 0.05


@wiener.case("a kernel that loses some frequencies wholly", seeds=2)
def _(rng):
    return *_blurred(rng, 4, 4, np.array([[0.5, 0.5]])), 0.01


@wiener.wrong("Plain division by K blows up what the kernel has lost: use conj(K) / (|K|^2 + noise).")
def _(blurred, kernel, noise):
    K = _spectrum(kernel, blurred.shape)
    return np.fft.ifft2(np.fft.fft2(blurred) / np.where(np.abs(K) < 1e-6, 1e-6, K)).real


@wiener.wrong("This blurs once more: the kernel's conjugate must be divided by |K|^2 + noise.")
def _(blurred, kernel, noise):
    return np.fft.ifft2(np.fft.fft2(blurred) * _spectrum(kernel, blurred.shape).conj()).real


@wiener.wrong("Without the conjugate the picture is moved by the kernel instead of moved back.")
def _(blurred, kernel, noise):
    K = _spectrum(kernel, blurred.shape)
    return np.fft.ifft2(np.fft.fft2(blurred) * K / (np.abs(K) ** 2 + noise)).real


@wiener.wrong("The noise is added to |K| before squaring: it belongs to |K|^2.")
def _(blurred, kernel, noise):
    K = _spectrum(kernel, blurred.shape)
    return np.fft.ifft2(np.fft.fft2(blurred) * K.conj() / (np.abs(K) + noise) ** 2).real
