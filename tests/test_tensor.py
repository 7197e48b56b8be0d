"""What the engine promises: memory, depth, adding up, order, errors that name the op."""

import gc
import threading
import weakref

import matplotlib.pyplot as plt
import numpy as np
import pytest

from utils import ops
from utils import tensor as engine
from utils.tensor import Node, Part, Tensor, detect_anomaly, graph, no_grad, op
from utils.testing import check_close, gradcheck


def leaf(*shape, value=None, dtype=np.float32):
    data = np.random.default_rng(0).normal(size=shape) if value is None else np.asarray(value)
    return Tensor(data.astype(dtype), requires_grad=True)


@pytest.fixture
def scratch_op():
    """Ops of a test are forgotten after it."""
    before = dict(engine.OPS)
    yield op
    engine.OPS.clear()
    engine.OPS.update(before)


@pytest.fixture
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def nodes_alive():
    return sum(type(thing) is Node for thing in gc.get_objects())


def test_a_graph_dies_by_reference_counting_after_backward(no_collector):
    x, w = leaf(4, 3), leaf(3, 2)
    alive = nodes_alive()
    for _ in range(200):
        y = (x @ w).tanh()
        loss = (y * y).mean()
        kept = [weakref.ref(t) for t in (y, loss)]
        loss.backward()
        del y, loss
        assert not any(r() for r in kept)
    assert nodes_alive() == alive


def test_a_graph_dies_by_reference_counting_without_backward(no_collector):
    x, alive = leaf(4, 3), nodes_alive()
    y = (x.exp() * x)[0].sum()
    assert nodes_alive() == alive + 4
    del y
    assert nodes_alive() == alive


def test_backward_frees_what_the_ops_saved(no_collector, scratch_op):
    saved = []

    @scratch_op
    def double(x):
        twos = np.full_like(x, 2)
        saved.append(weakref.ref(twos))
        return x * twos, lambda g: g * twos

    y = double(leaf(3)).sum()
    assert saved[0]() is not None
    y.backward()
    assert saved[0]() is None  # though y is still here


def test_what_nobody_needs_is_not_kept(no_collector, scratch_op):
    saved = []

    @scratch_op
    def scale(x, y):
        twos = np.full_like(x, 2)
        saved.append(weakref.ref(twos))
        return x + y, (lambda g: g, lambda g: g * twos)

    kept = scale(leaf(3), leaf(3))
    assert saved.pop()() is not None
    kept = scale(leaf(3), Tensor(np.ones(3, np.float32)))
    assert saved.pop()() is None and kept.requires_grad
    assert scale(Tensor([1.0]), Tensor([1.0])).node is None


def test_a_result_that_no_gradient_needs_is_not_kept(no_collector):
    x = leaf(3)
    y = x + 1
    arrays = [weakref.ref(y.data)]
    z = y.exp()
    arrays.append(weakref.ref(z.data))
    total = (z * 2).sum()
    del y, z
    assert arrays[0]() is None  # neither the sum nor exp asks for it again
    assert arrays[1]() is not None  # the gradient of exp does
    total.backward()
    check_close(x.grad, 2 * np.exp(x.data + 1), rtol=1e-6)


def test_fifty_thousand_ops_in_a_chain():
    x = leaf(2)
    for run_backward in (True, False):
        y = x
        for _ in range(50_000):
            y = y + 1
        if run_backward:
            y.sum().backward()
        del y
    check_close(x.grad, np.ones(2))


def test_gradients_add_up_over_backward_passes():
    x = leaf(value=[1.0, 2.0])
    for times in (1, 2, 3):
        (x * x).sum().backward()
        check_close(x.grad, times * 2 * x.data)
    x.zero_grad()
    assert x.grad is None


@pytest.mark.parametrize("shape", [(), (3,)])
def test_uses_add_up_within_a_pass(shape):
    x = leaf(*shape)
    y = x * 2 + x * 3 + x * 4 + x
    y.backward(np.ones(shape))
    check_close(x.grad, np.full(shape, 10.0))
    assert isinstance(x.grad, np.ndarray) and x.grad.dtype == np.float32


@pytest.mark.parametrize("f", [lambda x: x * x, lambda x: x + x, lambda x: x @ x, lambda x: ops.cat([x, x])])
def test_a_tensor_used_twice_by_one_op(f):
    x, copy, other = leaf(3, 3), leaf(3, 3), leaf(3, 3)
    f(x).sum().backward()
    two = {"mul": ops.mul, "add": ops.add, "matmul": ops.matmul}.get(
        f(x).node.op, lambda a, b: ops.cat([a, b])
    )
    two(copy, other).sum().backward()
    check_close(x.grad, copy.grad + other.grad, rtol=1e-5)


def test_a_diamond_is_walked_once():
    calls = []
    x = leaf(value=3.0)
    middle = x * 2
    middle.register_hook(lambda g: calls.append(float(g)))
    (middle * middle + middle).backward()
    assert calls == [13.0] and x.grad == 26


def test_no_two_gradients_share_memory():
    x, y, z = leaf(3), leaf(3), leaf(3)
    total = x + y + z.reshape(3)
    seed = np.ones(3, np.float32)
    total.backward(seed)
    x.grad += 5
    seed += 7
    for other in (y, z):
        assert not np.shares_memory(x.grad, other.grad)
        check_close(other.grad, np.ones(3))


def test_one_array_for_two_inputs_is_not_added_to_in_place(scratch_op):
    @scratch_op
    def both(x, y):
        def gradients(g):
            same = g * 1
            return same, same

        return x + y, gradients

    x, y = leaf(2), leaf(2)
    later = x * 3  # older than the op, so its gradient is added after it
    (both(x, y) + later).sum().backward()
    check_close(x.grad, [4, 4])
    check_close(y.grad, [1, 1])


def test_parts_of_one_array_add_up_in_one_array(monkeypatch):
    zeros, whole = [], Part.whole
    monkeypatch.setattr(Part, "whole", lambda part, shape: zeros.append(shape) or whole(part, shape))
    for x in (leaf(50, 2), leaf(50, 2) * 1):
        seen = []
        x.register_hook(seen.append)
        sum([x[i] * i for i in range(50)], start=x[::2].sum()).sum().backward()
        check_close(seen, [np.repeat(np.arange(50) + 2 * (np.arange(50) % 2 == 0), 2).reshape(50, 2)])
    assert zeros == [(50, 2)] * 2


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x + x[0],  # the first gradient to arrive is not x's own, and a part follows
        lambda x: x[0] + x,
        lambda x: x * 2 + x[1:] + x[:1],
        lambda x: x[x.data > 0].sum() + x[[0, 0]].sum() + x[1, 1:].sum(),
        lambda x: x.sum() * 2 + x.sum()[()] + x.sum()[None],
    ],
)
def test_parts_meet_whole_gradients(f):
    gradcheck(f, np.random.default_rng(0).normal(size=(2, 2)))
    gradcheck(lambda x: f(x * 1), np.random.default_rng(0).normal(size=(2, 2)))


def test_parts_meet_a_gradient_of_the_callers():
    x, seed = leaf(2, 2), np.ones((2, 2), np.float32)
    (y := x * 1)
    (y + y[0]).backward(seed)
    assert (seed == 1).all()
    check_close(x.grad, [[3, 3], [1, 1]])


def test_a_number_is_a_part_of_itself():
    x = leaf(value=3.0)
    y = x[()]  # older than x * 2, whose gradient comes first
    (x * 2 + y).backward()
    assert x.grad == 3


def test_a_second_pass_needs_retain_graph():
    x = leaf(3)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    check_close(x.grad, 4 * x.data, rtol=1e-6)
    with pytest.raises(RuntimeError, match=r"behind sum is freed.*retain_graph=True.*h\.detach\(\)"):
        y.backward()


def test_no_grad_is_the_threads_own():
    x, made = leaf(3), {}
    with no_grad():
        thread = threading.Thread(target=lambda: made.update(there=x * 2))
        thread.start()
        thread.join()
        made["here"] = x * 2
        with pytest.raises(ZeroDivisionError), no_grad():
            1 / 0  # noqa: B018
        assert not (x * 2).requires_grad
    assert made["there"].requires_grad and not made["here"].requires_grad
    assert (x * 2).requires_grad


def test_detach():
    x = leaf(value=[3.0])
    cut = (x * x).detach()
    (cut * x).sum().backward()
    assert cut.is_leaf and not cut.requires_grad
    check_close(x.grad, [9])


def test_hooks_see_gradients_and_can_be_removed():
    x, seen = leaf(value=[1.0, 2.0]), {"leaf": [], "inner": []}
    remove = x.register_hook(seen["leaf"].append)
    for turn in range(2):
        y = x * 3
        y.register_hook(seen["inner"].append)
        (y * y).sum().backward()
        if turn == 0:
            remove()
    check_close(seen["inner"], [[6, 12]] * 2)
    check_close(seen["leaf"], [[18, 36]])
    with pytest.raises(RuntimeError, match="requires_grad is False"):
        x.detach().register_hook(print)


def test_backward_asks_for_one_number_and_a_leaf():
    x = leaf(3)
    with pytest.raises(ValueError, match=r"single number but the shape is \(3,\): sum or average it"):
        (x * 2).backward()
    with pytest.raises(ValueError, match=r"gradient has shape \(2,\) but the Tensor has \(3,\)"):
        (x * 2).backward(np.ones(2))
    with pytest.raises(
        RuntimeError, match=r"mark the leaves with requires_grad=True.*no_grad\(\).*detach\(\), item"
    ):
        (x.detach() * 2).sum().backward()


def test_an_op_that_widens_is_named(scratch_op):
    @scratch_op
    def scale(x):
        return x / np.sqrt(8), lambda g: g / 8**0.5

    with pytest.raises(TypeError, match="scale turned float32 into float64"):
        scale(leaf(3))
    assert scale(leaf(3, dtype=np.float64)).dtype == np.float64


@pytest.mark.parametrize(
    ("gradient", "error", "says"),
    [
        (
            lambda g: g[:1, :1],
            ValueError,
            r"the gradient of wrong has shape \(1, 1\) where its input has \(2, 3\)",
        ),
        (lambda g: g.T, ValueError, r"the gradient of wrong has shape \(3, 2\)"),
        (lambda g: g.sum(), ValueError, r"the gradient of wrong has shape \(\) where"),
        (lambda g: g * np.sqrt(8), TypeError, "the gradient of wrong is float64 where its input is float32"),
    ],
)
def test_an_op_with_a_wrong_gradient_is_named(scratch_op, gradient, error, says):
    @scratch_op
    def wrong(x):
        return x * 1, gradient

    with pytest.raises(error, match=says):
        wrong(leaf(2, 3)).sum().backward()


def test_names_of_ops_are_taken_once(scratch_op):
    with pytest.raises(ValueError, match="an op called add already"):

        @scratch_op
        def add(x):
            return x, lambda g: g


def test_detect_anomaly_names_op_and_line():
    x = leaf(value=[0.0, 1.0])
    with np.errstate(all="ignore"), detect_anomaly():
        with pytest.raises(
            FloatingPointError, match=r"log made NaN or infinity, line \d+: x.log\(\)  # here"
        ):
            x.log()  # here
        y = x.sqrt()  # the culprit
        with pytest.raises(
            FloatingPointError, match=r"gradient of sqrt, line \d+: y = x.sqrt\(\)  # the culprit"
        ):
            y.sum().backward()
        y = x[:1]
        with pytest.raises(FloatingPointError, match=r"gradient of getitem, line \d+: y = x\[:1\]"):
            y.backward(np.array([np.nan]))
    with np.errstate(all="ignore"):
        assert not np.isfinite(x.log().data).all()


def test_a_graph_is_drawn():
    from utils.visualization import plot_graph

    x, w = Tensor(np.ones((4, 3), np.float32)), leaf(3, 2)
    loss = ((x @ w).relu() * 2).mean()
    nodes, edges = graph(loss)
    assert sorted(node["label"] for node in nodes if node["kind"] in ("op", "output")) == [
        "matmul",
        "mean",
        "mul",
        "relu",
    ]
    assert [node["value"] for node in nodes if node["kind"] == "parameter"] == ["(3, 2)"]
    assert len(edges) == 4
    plot_graph(nodes, edges)
    plt.close("all")


def test_repr_and_numbers():
    assert repr(leaf(value=[1.0])) == "Tensor([1.], float32, requires_grad=True)"
    assert "made by mul" in repr(leaf(2) * 2)
    x = leaf(value=2.0)
    assert float(x) == x.item() == 2 and bool(x) and len(leaf(3)) == 3
    assert [float(row.sum()) for row in Tensor(np.ones((2, 3)))] == [3, 3]
