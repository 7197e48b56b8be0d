"""Module, containers, seeds, state and summary."""

import copy

import numpy as np
import pytest

import utils.functional as F
from utils import nn
from utils.nn import init
from utils.tensor import Tensor


class Scale(nn.Module):
    """Has a parameter, a plain Tensor that becomes one, a buffer in the state and one that is not."""

    def __init__(self, size=3):
        self.weight = nn.Parameter(np.ones(size, np.float32))
        self.shift = Tensor(np.zeros(size, np.float32), requires_grad=True)
        self.register_buffer("seen", np.zeros((), np.int64))
        self.register_buffer("scratch", np.zeros(size, np.float32), persistent=False)

    def forward(self, x):
        self.seen += 1
        return x * self.weight + self.shift


def mlp():
    return nn.Sequential(
        nn.Linear(4, 8), nn.Sequential(nn.Linear(8, 8, bias=False), Scale(8)), nn.Linear(8, 2)
    )


NAMES = ["0.weight", "0.bias", "1.0.weight", "1.1.weight", "1.1.shift", "2.weight", "2.bias"]


def test_parameters_come_in_the_order_of_assignment():
    model = mlp()
    assert [name for name, _ in model.named_parameters()] == NAMES
    assert [p.shape for p in model.parameters()][:3] == [(8, 4), (8,), (8, 8)]
    assert model.num_parameters() == 40 + 64 + 16 + 18
    assert [name for name, _ in model.named_buffers()] == ["1.1.seen", "1.1.scratch"]
    assert [name for name, _ in model.named_modules()] == ["", "0", "1", "1.0", "1.1", "2"]
    assert [name for name, _ in model.named_children()] == ["0", "1", "2"]
    assert next(iter(Scale().named_parameters(prefix="a")))[0] == "a.weight"
    assert not list(model.parameters(recurse=False))


def test_a_leaf_tensor_that_wants_a_gradient_is_a_parameter_and_others_are_not():
    model = Scale()
    assert isinstance(model.shift, nn.Parameter)
    model.last = model(np.ones(3, np.float32))
    model.constant = Tensor(np.ones(3))
    assert len(list(model.parameters())) == 2
    model.requires_grad_(False)
    assert list(model.state_dict()) == ["weight", "shift", "seen"]
    assert model.num_parameters(only_trainable=True) == 0


def test_an_input_that_forward_keeps_is_no_parameter():
    class Keeps(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(2, 2)

        def forward(self, x):
            self.last, self.made = x, Scale(2)
            return self.made(self.layer(x))

    model, x = Keeps(), Tensor(np.ones((1, 2), np.float32), requires_grad=True)
    for _ in range(2):
        model(x)
    assert type(x) is Tensor and "last" not in model.state_dict() and model.last is x
    assert "made.shift" in model.state_dict()  # of a module that is made on the way


def test_shared_parameters_come_once_and_stand_in_the_state_twice():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    model[1].weight = model[0].weight
    assert [name for name, _ in model.named_parameters()] == ["0.weight", "0.bias", "1.bias"]
    assert list(model.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    layer = nn.Linear(3, 3)
    assert len(list(nn.Sequential(layer, layer).parameters())) == 2
    assert len(nn.Sequential(layer, layer)) == 2


def test_gradients_reach_every_parameter_and_are_cleared():
    model = mlp()
    model(np.ones((5, 4), np.float32)).sum().backward()
    assert all(p.grad is not None and p.grad.shape == p.shape for p in model.parameters())
    model.zero_grad(set_to_none=False)
    assert not any(p.grad.any() for p in model.parameters())
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())


def test_train_and_eval_reach_all_modules():
    model = mlp()
    assert model.eval() is model and not any(m.training for m in model.modules())
    model.train()
    assert all(m.training for m in model.modules())


def test_apply_visits_children_first():
    seen = []
    model = mlp()
    assert model.apply(lambda m: seen.append(type(m).__name__)) is model
    assert seen == ["Linear", "Linear", "Scale", "Sequential", "Linear", "Sequential"]


def test_forward_hooks_see_replace_and_go():
    layer, seen = Scale(), []
    remove = layer.register_forward_hook(
        lambda module, inputs, output: seen.append((module, inputs[0], output))
    )
    double = layer.register_forward_hook(lambda module, inputs, output: output * 2.0)
    x = np.ones(3, np.float32)
    assert layer(x).data.tolist() == [2, 2, 2] and seen[0][0] is layer and seen[0][1] is x
    remove()
    double()
    assert layer(x).data.tolist() == [1, 1, 1] and len(seen) == 1


@pytest.mark.parametrize(
    ("break_it", "error", "says"),
    [
        (lambda m: m.wieght, AttributeError, r"Scale has no attribute 'wieght': did you mean 'weight'"),
        (lambda m: m.parameter(), AttributeError, r"did you mean .*'parameters'"),
        (lambda m: m.zzz, AttributeError, r"has no attribute 'zzz'$"),
        (lambda m: setattr(m, "weight", np.ones(3)), TypeError, r"weight is a parameter but got ndarray"),
        (lambda m: setattr(m, "weight", m.weight * 2.0), TypeError, r"write into it with \.weight\.data"),
        (lambda m: setattr(m, "seen", 3), TypeError, r"seen is a buffer, an array, but got int"),
        (lambda m: setattr(m, "parts", [nn.Linear(1, 1)]), TypeError, r"nn\.ModuleList"),
        (lambda m: setattr(m, "parts", {"a": nn.Linear(1, 1)}), TypeError, r"nn\.ModuleDict"),
        (lambda m: setattr(m, "parts", [nn.Parameter([1.0])]), TypeError, r"attribute of its own"),
        (lambda m: m.register_buffer("weight", np.ones(1)), KeyError, r"has an attribute 'weight' already"),
        (lambda m: m.register_buffer("forward", np.ones(1)), KeyError, r"has an attribute 'forward' already"),
        (lambda m: m.to(np.float16), TypeError, r"float32 or float64, not float16"),
        (lambda m: nn.Module()(1), NotImplementedError, r"define forward"),
        (lambda m: nn.Sequential(nn.Linear), TypeError, r"create it, Linear\(\)"),
        (lambda m: nn.Sequential(np.tanh), TypeError, r"holds modules but got .*wrap a function in a Module"),
        (lambda m: nn.Sequential([m, m]), TypeError, r"unpack it, Sequential\(\*layers\)$"),
        (lambda m: nn.ModuleList([[m]]), TypeError, r"hold it in a ModuleList"),
        (lambda m: nn.Sequential(m).__delitem__(1), IndexError, r"index 1 in Sequential of 1"),
        (lambda m: nn.ModuleDict({"items": m}), KeyError, r"choose another name"),
        (lambda m: nn.ModuleDict({"a.b": m}), KeyError, r"choose another name"),
        (lambda m: nn.ModuleList([m])[1], IndexError, r"index 1 in ModuleList of 1"),
        (lambda m: m.summary(784), TypeError, r"shapes with the batch first, e\.g\. \(1, 784\)"),
    ],
)
def test_mistakes_are_explained(break_it, error, says):
    with pytest.raises(error, match=says):
        break_it(Scale())


def test_a_module_is_not_replaced_by_something_else():
    model = mlp()
    with pytest.raises(TypeError, match="is a module but got ndarray"):
        setattr(model, "0", np.ones(3))
    model.extra = None
    model.extra = nn.Linear(1, 1)
    model.extra = None
    assert "extra.weight" not in model.state_dict()


# State


def test_state_is_the_modules_own_arrays_and_a_deepcopy_is_a_snapshot():
    model = Scale()
    state, snapshot, twin = model.state_dict(), copy.deepcopy(model.state_dict()), copy.deepcopy(model)
    model.weight.data += 1
    model.seen += 1
    assert state["weight"][0] == 2 and state["seen"] == 1
    assert snapshot["weight"][0] == 1 and twin.weight.data[0] == 1 and twin.seen == 0
    assert isinstance(twin.weight, nn.Parameter) and twin.weight.requires_grad


def test_state_travels():
    a, b = mlp(), mlp()
    before = [p.data for p in b.parameters()]
    assert b.load_state_dict(a.state_dict()) == ([], [])
    for p, q, old in zip(a.parameters(), b.parameters(), before, strict=True):
        assert np.array_equal(p.data, q.data) and q.data is old and not np.shares_memory(p.data, q.data)


def test_load_takes_lists_tensors_and_other_dtypes():
    model = Scale()
    model.load_state_dict({"weight": [1, 2, 3], "shift": Tensor(np.full(3, 0.5)), "seen": np.float32(7)})
    assert model.weight.data.tolist() == [1, 2, 3] and model.weight.dtype == np.float32
    assert model.shift.data[0] == 0.5 and model.seen == 7 and model.seen.dtype == np.int64


def test_load_reports_everything_and_changes_nothing():
    model = mlp()
    before = copy.deepcopy(model.state_dict())
    state = copy.deepcopy(before)
    state["0.weight"] += 1
    del state["2.bias"]
    state["head.bias"] = np.ones(2)
    with pytest.raises(
        KeyError,
        match=r"does not fit Sequential:\n  missing: 2.bias\n  unexpected: head.bias\n.*strict=False",
    ):
        model.load_state_dict(state)
    state["1.0.weight"] = np.ones((8, 9))
    state["0.bias"] = np.array(["a"] * 8)
    says = (
        r"missing: 2.bias(.|\n)*0.bias has dtype <U1(.|\n)*1.0.weight has shape \(8, 9\), expected \(8, 8\)"
    )
    with pytest.raises(ValueError, match=says):
        model.load_state_dict(state)
    with pytest.raises(ValueError, match="expected"):
        model.load_state_dict(state, strict=False)
    with pytest.raises(TypeError, match="mapping"):
        model.load_state_dict(list(state))
    assert all(np.array_equal(before[k], v) for k, v in model.state_dict().items())


def test_load_without_strict_returns_what_was_left_out():
    model = Scale()
    result = model.load_state_dict({"weight": np.full(3, 2.0), "other": np.ones(1)}, strict=False)
    assert result.missing_keys == ["shift", "seen"] and result.unexpected_keys == ["other"]
    assert model.weight.data[0] == 2


def test_to_converts_parameters_gradients_and_float_buffers():
    model = Scale()
    model(np.ones(3, np.float32)).sum().backward()
    weight = model.weight
    assert model.double() is model and model.weight is weight
    assert {x.dtype for x in (weight, weight.grad, model.scratch)} == {np.dtype(np.float64)}
    assert model.seen.dtype == np.int64
    assert model.float().weight.dtype == np.float32


# Containers


def test_sequential_is_a_list_with_a_forward():
    model = mlp()
    assert (
        len(model) == 3
        and model[-1] is model[2]
        and [type(m).__name__ for m in model[:2]] == ["Linear", "Sequential"]
    )
    x = np.ones((5, 4), np.float32)
    assert np.array_equal(model(x).data, model[2](model[:2](x)).data)
    named = nn.Sequential({"first": nn.Linear(4, 3), "second": nn.Linear(3, 2)})
    assert next(iter(named.state_dict())) == "first.weight" and named.append(nn.Linear(2, 1))(x).shape == (
        5,
        1,
    )


def test_module_list_and_dict():
    layers = nn.ModuleList(nn.Linear(2, 2) for _ in range(2)).append(nn.Linear(2, 3))
    layers[-1] = nn.Linear(2, 5)
    assert len(layers) == 3 and layers[2].out_features == 5 and len(layers[1:]) == 2
    assert list(layers.state_dict())[-1] == "2.bias"
    heads = nn.ModuleDict({"a": nn.Linear(2, 1)})
    heads["b"] = nn.Linear(2, 1, bias=False)
    assert list(heads) == ["a", "b"] and "b" in heads and heads["b"].bias is None and len(heads) == 2
    assert [k for k, _ in heads.items()] == list(heads.keys()) and len(list(heads.values())) == 2


@pytest.mark.parametrize("gone", [0, -1, slice(1, None), slice(None, None, 2)])
def test_modules_are_replaced_and_deleted_as_in_pytorch(gone):
    torch = pytest.importorskip("torch")

    def build(n, holder):
        model = holder(n, [n.Linear(4, 8), n.ReLU(), n.Linear(8, 8), n.ReLU()])
        model[-1] = n.Linear(8, 2)
        del model[gone]
        return model

    for holder in (lambda n, layers: n.Sequential(*layers), lambda n, layers: n.ModuleList(layers)):
        ours, theirs = build(nn, holder), build(torch.nn, holder)
        assert list(ours.state_dict()) == list(theirs.state_dict()) and len(ours) == len(theirs)
        assert [p.shape for p in ours.parameters()] == [tuple(p.shape) for p in theirs.parameters()]


def test_a_named_module_is_replaced_under_its_name():
    model = nn.Sequential({"body": nn.Linear(4, 3), "head": nn.Linear(3, 2)})
    model[-1] = nn.Linear(3, 5)
    assert list(model.state_dict())[2] == "head.weight" and model.head.out_features == 5


def test_repr_is_pytorchs():
    torch = pytest.importorskip("torch")

    def build(n):
        return n.Sequential(
            n.Linear(4, 8), n.Sequential(n.Linear(8, 8, bias=False), n.Flatten()), n.Identity()
        )

    assert repr(build(nn)) == repr(build(torch.nn))
    assert repr(nn.Parameter([1.0])).startswith("Parameter(")


# Summary


def test_summary_counts_shapes_parameters_and_operations():
    model = mlp().train()
    model[0].requires_grad_(False)
    table = model.summary((32, 4))
    assert table.flops == 2 * 32 * (4 * 8 + 8 * 8 + 8 * 2)
    assert (table.parameters, table.trainable) == (138, 98)
    assert [row.output_shape for row in table.rows] == [(32, 2), (32, 8), (32, 8), (32, 8), (32, 8), (32, 2)]
    assert [row.parameters for row in table.rows] == [0, 40, 0, 64, 16, 18]
    text = str(table)
    assert "40 parameters are frozen" in text and "  0: Linear" in text and "(32, 8)" in text
    assert all(m.training and not m._forward_hooks for m in model.modules())


def test_summary_leaves_no_trace_when_forward_fails():
    model = mlp().train()
    with pytest.raises(ValueError, match="Linear expects"):
        model.summary((1, 5))
    assert all(m.training and not m._forward_hooks for m in model.modules())


# Seeds


def test_manual_seed_repeats():
    init.manual_seed(3)
    a = mlp().state_dict()
    init.manual_seed(3)
    b = mlp().state_dict()
    assert all(np.array_equal(a[k], b[k]) for k in a)
    assert np.array_equal(nn.Linear(3, 4, rng=1).weight.data, nn.Linear(3, 4, rng=1).weight.data)
    rng = np.random.default_rng(0)
    assert not np.array_equal(nn.Linear(3, 4, rng=rng).weight.data, nn.Linear(3, 4, rng=rng).weight.data)


def test_one_seed_repeats_all_that_is_random():
    assert nn.manual_seed is init.manual_seed is F.manual_seed
    x = np.ones((4, 8, 6), np.float32)

    def draw():
        block = nn.TransformerEncoderLayer(6, 2, 12, dropout=0.5)  # first values
        rnn = nn.LSTM(6, 6, 2, dropout=0.5)
        attention = F.scaled_dot_product_attention(x, x, x, dropout_p=0.5)
        drawn = [block(Tensor(x)), rnn(Tensor(x))[0], F.dropout(x), nn.Dropout()(Tensor(x)), attention]
        return [*block.state_dict().values(), *rnn.state_dict().values(), *(out.data for out in drawn)]

    nn.manual_seed(3)
    first, going_on = draw(), draw()
    nn.manual_seed(3)
    assert all(np.array_equal(a, b) for a, b in zip(first, draw(), strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(first[-5:], going_on[-5:], strict=True))


def test_a_layer_more_changes_no_mask():
    masks = []
    for width in (1, 9):
        nn.manual_seed(0)
        nn.Linear(width, width)
        masks.append(F.dropout(np.ones(50)).data)
    assert np.array_equal(*masks)
