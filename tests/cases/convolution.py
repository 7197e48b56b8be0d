"""Cases of the convolutions: every kernel, stride, dilation, groups, padding, odd and smallest sizes."""

from cases import Case
from utils.functional import convolution


def _case(function, x, w, bias=True, **settings):
    transposed = "transpose" in function
    channels = w[1] * settings.get("groups", 1) if transposed else w[0]

    def reference(*inputs, **settings):
        import torch

        return getattr(torch.nn.functional, function)(*inputs, **settings)

    return Case(
        f"{function} {x} {w} {settings or ''}{'' if bias else ' without bias'}",
        "convolve_transposed" if transposed else "convolve",
        getattr(convolution, function),
        lambda rng: tuple(rng.normal(size=shape) for shape in [x, w, (channels,)][: 2 + bias]),
        reference,
        settings,
    )


def _conv1d(*arguments, **settings):
    return _case("conv1d", *arguments, **settings)


def _conv2d(*arguments, **settings):
    return _case("conv2d", *arguments, **settings)


def _transpose1d(*arguments, **settings):
    return _case("conv_transpose1d", *arguments, **settings)


def _transpose2d(*arguments, **settings):
    return _case("conv_transpose2d", *arguments, **settings)


CASES = [
    # few channels
    _conv2d((2, 3, 6, 7), (4, 3, 3, 3)),
    _conv2d((2, 3, 6, 7), (4, 3, 3, 3), bias=False),
    _conv2d((2, 1, 9, 9), (2, 1, 5, 5), padding=2),
    _conv2d((1, 2, 5, 13), (3, 2, 2, 3), padding=(0, 2)),
    _conv2d((1, 2, 5, 6), (1, 2, 4, 2), padding="same"),
    _conv2d((1, 2, 5, 6), (1, 2, 5, 6), padding="valid"),
    _conv2d((1, 1, 1, 1), (1, 1, 1, 1)),
    _conv2d((1, 1, 2, 2), (1, 1, 2, 2), padding=3),
    _conv2d((2, 3, 4, 4), (2, 3, 1, 1)),
    _conv2d((2, 3, 5, 4), (2, 3, 3, 1), padding=(1, 0)),
    _conv2d((2, 3, 4, 5), (2, 3, 1, 3), padding=(0, 1)),
    _conv2d((0, 2, 4, 4), (3, 2, 3, 3)),
    # many channels
    _conv2d((3, 17, 5, 6), (4, 17, 3, 3), padding=1),
    _conv2d((1, 16, 4, 3), (2, 16, 2, 3)),
    _conv2d((2, 16, 3, 3), (5, 16, 1, 1)),
    _conv2d((2, 16, 3, 3), (5, 16, 1, 1), padding=1),
    _conv2d((1, 16, 3, 4), (2, 16, 2, 2), padding=2),
    _conv2d((1, 16, 4, 5), (2, 16, 4, 2), padding="same", bias=False),
    _conv2d((0, 16, 4, 4), (3, 16, 3, 3)),
    # strides and dilations
    _conv2d((2, 3, 7, 8), (4, 3, 3, 3), stride=2, padding=1),
    _conv2d((1, 2, 9, 8), (2, 2, 2, 3), stride=3),
    _conv2d((1, 2, 9, 8), (2, 2, 2, 3), stride=(1, 3), padding=(1, 0)),
    _conv2d((2, 3, 5, 5), (4, 3, 1, 1), stride=2),
    _conv2d((1, 2, 8, 9), (2, 2, 3, 3), dilation=2, padding=2),
    _conv2d((1, 2, 8, 9), (2, 2, 3, 2), dilation=(2, 3), stride=(2, 1)),
    _conv2d((1, 2, 7, 7), (2, 2, 4, 3), dilation=(1, 2), padding="same"),
    _conv2d((1, 2, 6, 6), (2, 2, 1, 1), stride=4, padding=1),
    # groups
    _conv2d((2, 4, 5, 5), (6, 2, 3, 3), groups=2, padding=1),
    _conv2d((2, 6, 5, 5), (3, 2, 2, 2), groups=3, stride=2),
    _conv2d((2, 3, 5, 6), (3, 1, 3, 3), groups=3, padding=1),
    _conv2d((2, 3, 7, 6), (3, 1, 3, 2), groups=3, stride=2, dilation=(2, 1), padding=(1, 0), bias=False),
    _conv2d((2, 2, 5, 5), (4, 1, 3, 3), groups=2, padding="same"),
    # sequences
    _conv1d((2, 3, 9), (4, 3, 3), padding=1),
    _conv1d((2, 3, 9), (4, 3, 2), stride=2, bias=False),
    _conv1d((2, 18, 7), (3, 18, 3), padding="same"),
    _conv1d((1, 2, 9), (2, 2, 3), dilation=(2,), padding=(4,)),
    _conv1d((2, 4, 6), (4, 1, 3), groups=4, padding=1),
    _conv1d((1, 1, 1), (1, 1, 1)),
    # transposed
    _transpose2d((2, 3, 4, 5), (3, 2, 3, 3)),
    _transpose2d((2, 3, 4, 5), (3, 2, 3, 3), bias=False, stride=2, padding=1),
    _transpose2d((2, 3, 3, 4), (3, 2, 3, 3), stride=2, padding=1, output_padding=1),
    _transpose2d((1, 2, 3, 3), (2, 2, 2, 2), stride=3, output_padding=(2, 0)),
    _transpose2d(
        (1, 2, 3, 4), (2, 2, 3, 2), dilation=(2, 3), stride=(1, 2), padding=(1, 2), output_padding=(1, 2)
    ),
    _transpose2d((1, 4, 3, 3), (4, 2, 3, 3), groups=2, stride=2, padding=1),
    _transpose2d((1, 3, 3, 3), (3, 1, 4, 4), groups=3, stride=2, padding=1),
    _transpose2d((2, 3, 2, 2), (3, 2, 1, 1)),
    _transpose2d((1, 1, 1, 1), (1, 1, 1, 1)),
    _transpose1d((2, 3, 5), (3, 4, 3), stride=2, padding=1, output_padding=1),
    _transpose1d((2, 4, 5), (4, 1, 2), groups=2, dilation=2, bias=False),
    _transpose1d((1, 1, 1), (1, 1, 3)),
]
