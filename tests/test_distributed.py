"""Data parallelism: N workers reach the gradients and the parameters of one."""

import importlib.util
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from utils import nn
from utils.data_loaders import DataLoader
from utils.distributed import (
    ShardedLoader,
    ThreadedDataParallel,
    all_reduce_gradients,
    broadcast_parameters,
    communicator,
    distributed_backward,
    shard,
)
from utils.functional.generators import generator
from utils.models.gpt import CausalSelfAttention, GPTConfig
from utils.optim import SGD
from utils.tensor import Tensor
from utils.testing import check_close

ROOT = Path(__file__).resolve().parents[1]


class Ring:
    """An MPI communicator for threads, with what `utils.distributed` calls."""

    def __init__(self, size):
        self.size, self.slots = size, [None] * size
        self.barrier = threading.Barrier(size, timeout=20)

    def of(self, rank):
        return _Place(self, rank)


class _Place:
    def __init__(self, ring, rank):
        self.ring, self.rank = ring, rank

    def Get_rank(self):
        return self.rank

    def Get_size(self):
        return self.ring.size

    def _all(self, value):
        self.ring.slots[self.rank] = value.copy()
        self.ring.barrier.wait()
        values = list(self.ring.slots)
        self.ring.barrier.wait()
        return values

    def Bcast(self, buffer, root):
        buffer[...] = self._all(buffer)[root]

    def Allreduce(self, flat, total):
        total[...] = sum(self._all(flat))


def on_ranks(size, work):
    ring = Ring(size)
    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(lambda rank: work(ring.of(rank)), range(size)))


def squared_error(output, target):
    return ((output - target) ** 2).mean()


def data(n=21, dtype=np.float64):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, 4)).astype(dtype), rng.normal(size=(n, 2)).astype(dtype)


def mlp(seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2)).to(dtype)
    for p in model.parameters():
        p.data[...] = rng.normal(size=p.shape)
    return model


def gradients(model):
    return [p.grad for p in model.parameters()]


def alone(batch, model=None):
    model = model or mlp()
    loss = squared_error(model(Tensor(batch[0])), batch[1])
    loss.backward()
    return loss.item(), gradients(model)


def test_shards_are_the_batch():
    batch = data(7)
    parts = [shard(batch, rank, 3) for rank in range(3)]
    assert [len(part[0]) for part, _ in parts] == [2, 2, 3] and sum(
        share for _, share in parts
    ) == pytest.approx(1)
    np.testing.assert_array_equal(np.concatenate([part[1] for part, _ in parts]), batch[1])
    part, share = shard(np.arange(2), 0, 3)
    assert len(part) == 0 and share == 0
    for rank, size, says in [(3, 3, "ranks run from 0 to 2"), (-1, 2, "ranks run")]:
        with pytest.raises(ValueError, match=says):
            shard(batch, rank, size)
    with pytest.raises(ValueError, match="no samples"):
        shard(np.zeros((0, 2)), 0, 2)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("n", [21, 3])
def test_ranks_reach_the_gradients_of_one(size, n):
    loss, expected = alone(data(n))

    def work(comm):
        model = mlp(seed=comm.Get_rank())
        broadcast_parameters(model, comm)
        return distributed_backward(model, data(n), squared_error, comm), gradients(model)

    for its_loss, found in on_ranks(size, work):
        assert its_loss == pytest.approx(loss, rel=1e-12)
        for g, e in zip(found, expected, strict=True):
            check_close(g, e, rtol=1e-10, atol=1e-13)


def test_ranks_reach_the_parameters_of_one():
    def train(backward, model):
        optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
        for batch in DataLoader(data(50, np.float32), batch_size=8, shuffle=True, rng=3):
            optimizer.zero_grad()
            backward(model, batch)
            optimizer.step()
        return model.state_dict()

    expected = train(lambda model, batch: alone(batch, model), mlp(dtype=np.float32))
    found = on_ranks(
        3,
        lambda comm: train(
            lambda m, b: distributed_backward(m, b, squared_error, comm), mlp(dtype=np.float32)
        ),
    )
    for state in found:
        for name, array in state.items():
            check_close(array, expected[name], rtol=1e-4, atol=1e-5, name=name)
            np.testing.assert_array_equal(array, found[0][name])


def test_mean_of_gradients_by_hand_with_a_sharded_loader():
    _, expected = alone(data(20))

    def work(comm):
        model = mlp()
        loader = ShardedLoader(DataLoader(data(20), batch_size=20), comm)
        assert len(loader) == 1
        for (X, y), share in loader:
            assert share == 0.25
            squared_error(model(Tensor(X)), y).backward()
        all_reduce_gradients(model, comm)
        return gradients(model)

    for found in on_ranks(4, work):
        for g, e in zip(found, expected, strict=True):
            check_close(g, e, rtol=1e-10, atol=1e-13)


def test_gradients_that_some_or_all_lack():
    def work(comm):
        model = mlp()
        first, second, *_ = model.parameters()
        if comm.Get_rank() == 1:
            first.grad = np.ones_like(first.data)
        all_reduce_gradients(model, comm)
        return first.grad, second.grad

    for first, second in on_ranks(2, work):
        assert (first == 0.5).all() and second is None


def test_gradients_accumulate():
    _, expected = alone(data())

    def work(comm):
        model = mlp()
        for _ in range(2):
            distributed_backward(model, data(), squared_error, comm)
        return gradients(model)

    for g, e in zip(on_ranks(2, work)[1], expected, strict=True):
        check_close(g, 2 * e, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("n", [21, 2])
def test_threads_reach_the_gradients_of_one(threads, n):
    loss, expected = alone(data(n))
    model = mlp()
    parallel = ThreadedDataParallel(model, threads)
    for times in (1, 2):  # as backward, it adds to what is there
        assert parallel.backward(data(n), squared_error) == pytest.approx(loss, rel=1e-12)
        for g, e in zip(gradients(model), expected, strict=True):
            check_close(g, times * e, rtol=1e-10, atol=1e-13)


def test_threads_follow_the_model():
    model = mlp()
    parallel = ThreadedDataParallel(model)
    model.load_state_dict(mlp(seed=5).state_dict())
    model[0].weight.data = model[0].weight.data * 2  # another array
    model[2].bias.requires_grad = False
    parallel.backward(data(), squared_error)
    other = mlp(seed=5)
    other[0].weight.data *= 2
    check_close(model[0].weight.grad, alone(data(), other)[1][0], rtol=1e-10, atol=1e-13)
    assert model[2].bias.grad is None


def test_threads_draw_their_own_numbers_and_the_same_again():
    def run():
        nn.init.manual_seed(0)
        model = nn.Sequential(nn.Dropout(0.5, rng=np.random.default_rng(1)), nn.Linear(64, 1))
        seen = {}

        def loss_fn(output, target):
            return (output - target).mean()

        parallel = ThreadedDataParallel(model)
        for i, m in enumerate([model, *parallel.replicas]):
            m[0].register_forward_hook(lambda module, inputs, out, i=i: seen.__setitem__(i, out.data.copy()))
        parallel.backward((np.ones((8, 64), np.float32), np.zeros((8, 1), np.float32)), loss_fn)
        return seen

    first, again = run(), run()
    assert not np.array_equal(first[0], first[1])
    assert all(np.array_equal(first[i], again[i]) for i in (0, 1))


def test_batch_norm_keeps_the_first_parts_statistics():
    model = nn.Sequential(nn.BatchNorm1d(4)).to(np.float64)
    X, _ = data(20)
    parallel = ThreadedDataParallel(model)
    parallel.backward((X, X), squared_error)
    check_close(model[0].running_mean, 0.1 * X[:10].mean(axis=0), rtol=1e-10)
    model.eval()
    loss = parallel.backward((X, X), squared_error)
    assert loss == pytest.approx(squared_error(model(Tensor(X)), X).item(), rel=1e-12)


def test_threads_have_one_blas_thread_and_errors_come_through():
    seen, before = [], threadpool_info()

    def loss_fn(output, target):
        seen.append(max((p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"), default=1))
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("in a thread")
        return squared_error(output, target)

    with pytest.raises(RuntimeError, match="in a thread"):
        ThreadedDataParallel(mlp()).backward(data(), loss_fn)
    assert seen == [1, 1] and threadpool_info() == before
    with pytest.raises(ValueError, match="n_threads=0"):
        ThreadedDataParallel(mlp(), 0)


def test_an_error_waits_for_the_other_threads():
    ended = threading.Event()

    def loss_fn(output, target):
        if threading.current_thread() is threading.main_thread():
            raise RuntimeError("in the caller")
        time.sleep(0.1)
        ended.set()
        return squared_error(output, target)

    with pytest.raises(RuntimeError, match="in the caller"):
        ThreadedDataParallel(mlp()).backward(data(), loss_fn)
    assert ended.is_set()


def test_without_mpi_the_remedy_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(ImportError, match=r'pip install "mpi4py>=4,<5" "mpich>=4,<6"'):
        communicator()


def test_two_processes():
    mpiexec = shutil.which("mpiexec", path=str(Path(sys.executable).parent)) or shutil.which("mpiexec")
    if not (importlib.util.find_spec("mpi4py") and mpiexec):
        pytest.skip("pip install -e '.[distributed]' runs two processes under MPI")
    command = [mpiexec, "-n", "2", sys.executable, "-m", "utils.distributed"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    *ranks, difference = done.stdout.strip().splitlines()
    assert [line.split(":")[0] for line in ranks] == ["rank 0 of 2", "rank 1 of 2"]
    assert ranks[0].split(":", 1)[1] == ranks[1].split(":", 1)[1]
    assert float(difference.split()[-1]) < 1e-4


class Sequences(nn.Module):
    """Dropout within a recurrent layer and within attention, as a model of one output."""

    def __init__(self):
        self.lstm = nn.LSTM(4, 4, 2, dropout=0.5, batch_first=True)
        self.attention = nn.MultiheadAttention(4, 2, dropout=0.5, batch_first=True)
        self.own = CausalSelfAttention(GPTConfig(n_embd=4, n_head=2, dropout=0.5))

    def forward(self, x):
        x = self.own(self.lstm(x)[0])
        return self.attention(x, x, x)[0] + self.attention(x, x, x, need_weights=False)[0]


def test_replicas_draw_dropout_from_generators_of_their_own():
    def run(backward):
        nn.manual_seed(0)
        model = Sequences()
        backward(model)
        return generator(None, "dropout").bit_generator.state, [p.grad for p in model.parameters()]

    def threaded(model):
        model.zero_grad()
        ThreadedDataParallel(model).backward((X, X), squared_error)

    X = np.random.default_rng(0).normal(size=(8, 5, 4)).astype(np.float32)
    (state, first), (_, again) = run(threaded), run(threaded)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    alone, _ = run(lambda model: squared_error(model(Tensor(X[:4])), X[:4]).backward())
    assert state == alone  # the replica took nothing from the generator of all
