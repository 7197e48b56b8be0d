"""What stands instead of PyTorch's names that are not here."""

import difflib
import sys
from collections.abc import Callable, Mapping
from typing import Any

FUNCTIONS = {
    "pad": "utils.ops.pad",
    "one_hot": "np.eye(num_classes, dtype=np.float32)[labels]",
    "binary_cross_entropy": "binary_cross_entropy_with_logits, on scores without the sigmoid",
    "normalize": "x / (x * x).sum(dim, keepdim=True).sqrt()",
    "cosine_similarity": "the sum of x * y over the roots of those of x * x and y * y",
    "interpolate": "conv_transpose2d, which learns to enlarge, or np.repeat on an array",
    "logsigmoid": "-softplus(-x)",
    "relu6": "hardtanh(x, 0.0, 6.0)",
    "softmin": "softmax(-x, dim)",
    "mish": "x * softplus(x).tanh()",
    "hardsigmoid": "hardtanh(x / 6 + 0.5, 0.0, 1.0)",
    "hardswish": "x * hardtanh(x / 6 + 0.5, 0.0, 1.0)",
    "dropout2d": "dropout",
    "flatten": "x.flatten(start_dim)",
}

LAYERS = {
    "BCELoss": "BCEWithLogitsLoss, on scores without the Sigmoid",
    "functional": "utils.functional",
    "utils": "utils.optim.clip_grad_norm_ and clip_grad_value_",
    **dict.fromkeys(["Dropout1d", "Dropout2d", "Dropout3d"], "Dropout"),
    **{
        name: f"utils.functional.{function} in a Module of your own"
        for name, function in {"SELU": "selu", "GLU": "glu", "Hardtanh": "hardtanh"}.items()
    },
    "PReLU": "LeakyReLU, or a Module with a Parameter for the slope",
    "LogSigmoid": "-utils.functional.softplus(-x)",
    "Upsample": "ConvTranspose2d, which learns to enlarge",
    "AdaptiveAvgPool1d": "x.mean(-1, keepdim=True) for one entry, or AdaptiveAvgPool2d on x[:, :, None]",
    "InstanceNorm1d": "GroupNorm(channels, channels)",
    **dict.fromkeys(
        ["ZeroPad2d", "ReflectionPad2d", "ReplicationPad2d"], "utils.ops.pad in a Module of your own"
    ),
    **dict.fromkeys(["ParameterList", "ParameterDict"], "an attribute of its own for each Parameter"),
    "Transformer": "TransformerEncoder and TransformerDecoder",
    **dict.fromkeys(["LazyLinear", "LazyConv2d"], "the layer with its number of inputs"),
    "DataParallel": "utils.distributed",
}


def explain(module: str, instead: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of a module: an AttributeError that says what stands instead of a missing name."""

    def missing(name: str) -> Any:
        hint = f": use {instead[name]}" if name in instead else ""
        if not hint and not name.startswith("_"):
            close = difflib.get_close_matches(name, sys.modules[module].__all__)
            hint = f": did you mean {' or '.join(close)}?" if close else ""
        raise AttributeError(f"{module} has no {name!r}{hint}", name=name, obj=sys.modules[module])

    return missing
