"""Cases of pooling; maxima of random numbers, in which no two are equal."""

from cases import Case
from utils.functional import pooling


def _case(function, shape, **settings):
    def reference(x, **settings):
        import torch

        return getattr(torch.nn.functional, function)(x, **settings)

    name = "adaptive_" * ("adaptive" in function) + ("max_pool" if "max" in function else "avg_pool")
    title = f"{function} {shape} {settings}"
    return Case(
        title, name, getattr(pooling, function), lambda rng: (rng.normal(size=shape),), reference, settings
    )


MAX = [
    ((2, 3, 6, 8), {"kernel_size": 2}),
    ((2, 3, 7, 5), {"kernel_size": 2}),
    ((2, 2, 7, 8), {"kernel_size": 3, "stride": 2, "padding": 1}),
    ((1, 2, 7, 8), {"kernel_size": (3, 2), "stride": 1}),
    ((1, 2, 9, 8), {"kernel_size": 2, "stride": 3}),
    ((1, 2, 6, 8), {"kernel_size": 2, "stride": (2, 1), "padding": (1, 0), "ceil_mode": True}),
    ((1, 2, 7, 5), {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
    ((1, 1, 5, 5), {"kernel_size": 2, "stride": 3, "padding": 1, "ceil_mode": True}),
    ((1, 1, 1, 1), {"kernel_size": 1}),
    ((2, 1, 3, 4), {"kernel_size": (3, 4)}),
]
CASES = [
    *(_case("max_pool2d", shape, **settings) for shape, settings in MAX),
    *(_case("avg_pool2d", shape, **settings) for shape, settings in MAX),
    _case("max_pool2d", (1, 2, 9, 9), kernel_size=3, dilation=2, stride=1),
    _case("max_pool2d", (1, 2, 9, 8), kernel_size=2, dilation=(3, 2), stride=2, padding=1, ceil_mode=True),
    _case("max_pool1d", (2, 3, 8), kernel_size=2),
    _case("max_pool1d", (2, 3, 9), kernel_size=(3,), stride=2, padding=1, dilation=2),
    _case("avg_pool2d", (1, 2, 6, 7), kernel_size=3, stride=2, padding=1, count_include_pad=False),
    _case("avg_pool2d", (1, 2, 6, 5), kernel_size=3, stride=2, padding=(1, 0), ceil_mode=True),
    _case(
        "avg_pool2d",
        (1, 2, 6, 5),
        kernel_size=3,
        stride=2,
        padding=1,
        ceil_mode=True,
        count_include_pad=False,
    ),
    _case("avg_pool1d", (2, 3, 8), kernel_size=2),
    _case(
        "avg_pool1d", (2, 3, 8), kernel_size=3, stride=2, padding=1, ceil_mode=True, count_include_pad=False
    ),
    *(
        _case(function, shape, output_size=size)
        for function in ("adaptive_avg_pool2d", "adaptive_max_pool2d")
        for shape, size in [
            ((2, 3, 4, 5), 1),
            ((2, 3, 6, 6), 3),
            ((1, 2, 7, 5), (3, 4)),
            ((1, 2, 3, 5), (None, 2)),
            ((1, 2, 2, 3), 4),
            ((1, 1, 1, 1), 1),
        ]
    ),
]
