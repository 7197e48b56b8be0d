r"""Data parallelism: every worker takes a part of the batch, and the parts' gradients are added up.

The mean loss of a batch is the mean of its parts' losses, weighted by their share of the samples, and so is its
gradient: $\bar W = \sum_r \frac{n_r}{n} \bar W_r$. Workers are processes that exchange messages (MPI) or threads of
one process, which NumPy's ufuncs and matrix products let run at once.

    mpiexec -n 2 python -m utils.distributed        trains a small network on two processes and compares with one

Notebook: 06-language-models/fine-tuning/06-distributed-training-basics.ipynb
"""

import copy
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from utils.nn import Module, init
from utils.tensor import Tensor

__all__ = [
    "ShardedLoader",
    "ThreadedDataParallel",
    "all_reduce_gradients",
    "broadcast_parameters",
    "communicator",
    "distributed_backward",
    "shard",
]


def communicator() -> Any:
    """All processes that `mpiexec` started, `mpi4py.MPI.COMM_WORLD`; ImportError says how to install it.

    Notebook: 06-language-models/fine-tuning/06-distributed-training-basics.ipynb
    """
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # RuntimeError: mpi4py is there, but no MPI library
        raise ImportError(
            'training over several processes needs MPI: pip install "mpi4py>=4,<5" "mpich>=4,<6", '
            f"then mpiexec -n 2 python ... ({error})"
        ) from None
    return MPI.COMM_WORLD


def shard(batch: Any, rank: int, size: int) -> tuple[Any, float]:
    """Part `rank` of `size` of a batch, and its share of the samples.

    A batch is one array (N, ...) or a tuple of them. The parts differ by at most one sample; they are empty, and
    their share is 0, where there are more workers than samples.

    Notebook: 06-language-models/fine-tuning/06-distributed-training-basics.ipynb
    """
    if not 0 <= rank < size:
        raise ValueError(f"rank={rank} of {size} workers: ranks run from 0 to {size - 1}")
    samples = len(batch[0] if isinstance(batch, tuple | list) else batch)
    if samples == 0:
        raise ValueError("the batch has no samples")
    start, end = samples * rank // size, samples * (rank + 1) // size
    part = tuple(x[start:end] for x in batch) if isinstance(batch, tuple | list) else batch[start:end]
    return part, (end - start) / samples


class ShardedLoader:
    """This process's part of every batch of `loader`, as pairs (part, share).

    Every process goes through the whole loader, which must give all of them the same batches: seed it alike.

    Notebook: 06-language-models/fine-tuning/06-distributed-training-basics.ipynb
    """

    def __init__(self, loader: Iterable, comm: Any):
        self.loader, self.comm = loader, comm

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[tuple[Any, float]]:
        rank, size = self.comm.Get_rank(), self.comm.Get_size()
        return (shard(batch, rank, size) for batch in self.loader)


def broadcast_parameters(model: Module, comm: Any, root: int = 0) -> None:
    """Give all processes the parameters and buffers of process `root`, in place.

    Notebook: 06-language-models/fine-tuning/06-distributed-training-basics.ipynb
    """
    for array in model.state_dict().values():
        buffer = np.ascontiguousarray(array)
        comm.Bcast(buffer, root=root)
        array[...] = buffer


def all_reduce_gradients(model: Module, comm: Any, share: float | None = None) -> None:
    """Replace every gradient by the sum over all processes of `share` times theirs; without a share, by the mean.

    All gradients travel in one message. One that a process lacks counts as zero; one that all lack stays None.

    Notebook: 06-language-models/fine-tuning/06-distributed-training-basics.ipynb
    """
    share = 1 / comm.Get_size() if share is None else share
    parameters = list(model.parameters())
    for dtype in sorted({p.dtype for p in parameters}, key=str):
        alike = [p for p in parameters if p.dtype == dtype]
        _unflatten(_summed(_flatten(alike, share), comm), alike)


def _flatten(parameters: list[Tensor], share: float) -> NDArray:
    """All gradients in one vector, and behind them for each parameter whether it has one."""
    dtype = parameters[0].dtype
    parts = [np.zeros(p.size, dtype) if p.grad is None else p.grad.reshape(-1) * share for p in parameters]
    return np.concatenate([*parts, np.array([p.grad is not None for p in parameters], dtype)])


def _summed(flat: NDArray, comm: Any) -> NDArray:
    total = np.empty_like(flat)
    comm.Allreduce(flat, total)
    return total


def _unflatten(flat: NDArray, parameters: list[Tensor]) -> None:
    *parts, present = np.split(flat, np.cumsum([p.size for p in parameters]))
    for p, part, there in zip(parameters, parts, present, strict=True):
        p.grad = part.reshape(p.shape).copy() if there else None


def distributed_backward(model: Module, batch: Any, loss_fn: Callable, comm: Any) -> float:
    """Set the gradients of the whole batch on every process, and return its loss.

    `loss_fn(model(*inputs), target)`, a mean over samples, sees this process's part of `batch`, a tuple (inputs...,
    target). Like `backward`, it adds to gradients that are there. Batch norm takes the statistics of each part;
    `broadcast_parameters` makes its running ones equal again.

    Notebook: 06-language-models/fine-tuning/06-distributed-training-basics.ipynb
    """
    part, share = shard(batch, comm.Get_rank(), comm.Get_size())
    before = [(p, p.grad) for p in model.parameters()]
    model.zero_grad()
    loss = _backward(model, part, loss_fn, share)
    all_reduce_gradients(model, comm, share=1.0)
    for p, gradient in before:
        if gradient is not None:
            p.grad = gradient if p.grad is None else gradient + p.grad
    return float(_summed(np.array([loss]), comm)[0])


def _backward(model: Module, part: Any, loss_fn: Callable, share: float) -> float:
    """Add `share` times the gradients of a part, and return `share` times its loss."""
    if share == 0:
        return 0.0
    *inputs, target = part if isinstance(part, tuple | list) else (part, part)
    dtype = next((p.dtype for p in model.parameters()), np.dtype(np.float32))
    floats = [Tensor(x.astype(dtype, copy=False)) if _is_float_array(x) else x for x in inputs]
    loss = loss_fn(model(*floats), target)
    loss.backward(np.full_like(loss.data, share))
    return loss.item() * share


def _is_float_array(x: Any) -> bool:
    return not isinstance(x, Tensor) and hasattr(x, "dtype") and x.dtype.kind == "f"


class ThreadedDataParallel:
    """Backward passes over parts of a batch in `n_threads` threads at once, each with one BLAS thread.

        parallel = ThreadedDataParallel(model)
        optimizer.zero_grad(); loss = parallel.backward((X, y), loss_fn); optimizer.step()

    Elementwise work, which NumPy does in one thread, is shared too, so that this beats BLAS's own threads wherever
    such work counts. The first part goes through `model` itself, the others through replicas with the same arrays as
    parameters. Dropout draws other numbers for each part: those of the replicas come from `rng`, by default from the
    generator that `nn.init.manual_seed` seeds. Batch norm takes each part's statistics; the first part's count for
    the running ones. Make a new one when layers or parameters of the model are exchanged.

    Notebook: 06-language-models/fine-tuning/06-distributed-training-basics.ipynb
    """

    def __init__(self, model: Module, n_threads: int = 2, rng: np.random.Generator | int | None = None):
        if n_threads < 1:
            raise ValueError(f"n_threads={n_threads} must be at least 1")
        self.model = model
        self.generators = init.generator(rng).spawn(n_threads - 1)
        self.replicas = [_replica(model, generator) for generator in self.generators]
        self._twins = [_Twins(replica, model) for replica in self.replicas]
        self._blas = ThreadpoolController()
        self._pool = ThreadPoolExecutor(n_threads - 1) if self.replicas else None

    def backward(self, batch: Any, loss_fn: Callable, share: float = 1.0) -> float:
        """Add `share` times the gradients of the batch to those of the model, and return its loss.

        `batch` and `loss_fn` are as for `distributed_backward`; an error in any thread is raised here, when all have
        ended.
        """
        models = [self.model, *self.replicas]
        parts = [shard(batch, i, len(models)) for i in range(len(models))]
        for twins in self._twins:
            twins.follow()
        with self._blas.limit(limits=1, user_api="blas"):
            jobs = [
                self._pool.submit(copy_context().run, _backward, replica, part, loss_fn, share * fraction)
                for replica, (part, fraction) in zip(self.replicas, parts[1:], strict=True)
            ]
            try:
                losses = [_backward(self.model, parts[0][0], loss_fn, share * parts[0][1])]
            finally:
                wait(jobs)
        losses += [job.result() for job in jobs]  # or its error
        for twins in self._twins:
            twins.add_gradients()
        return sum(losses) / share


def _replica(model: Module, rng: np.random.Generator) -> Module:
    """A copy with parameters of its own that hold the model's arrays, and generators of its own."""
    shared: dict[int, Any] = {id(p.data): p.data for p in model.parameters()}
    shared |= {id(p.grad): None for p in model.parameters() if p.grad is not None}
    replica = copy.deepcopy(model, shared)
    for module in replica.modules():
        for name, value in vars(module).items():
            if name == "rng" or isinstance(value, np.random.Generator):
                setattr(module, name, rng)
    return replica


class _Twins:
    """What a replica and its model share and exchange, found once: walking through the modules takes its time."""

    def __init__(self, replica: Module, model: Module):
        self.parameters = list(zip(replica.parameters(), model.parameters(), strict=True))
        self.modules = list(zip(replica.modules(), model.modules(), strict=True))

    def follow(self) -> None:
        """Take over what training may have exchanged since: arrays, switches, running statistics."""
        for mine, its in self.parameters:
            mine.data, mine.requires_grad, mine.grad = its.data, its.requires_grad, None
        for mine, its in self.modules:
            if mine.training != its.training:
                mine.training = its.training
            for array, new in zip(mine.buffers(recurse=False), its.buffers(recurse=False), strict=True):
                array[...] = new

    def add_gradients(self) -> None:
        for mine, its in self.parameters:
            if mine.grad is not None:
                its.grad = mine.grad if its.grad is None else np.add(its.grad, mine.grad, out=its.grad)
                mine.grad = None


def _demo(comm: Any, steps: int = 100) -> None:
    from utils.data_loaders import make_spirals
    from utils.nn import Linear, Sequential, Tanh

    def squared_error(output: Tensor, target: NDArray) -> Tensor:
        return ((output - target) ** 2).mean()

    def train(seed: int, backward: Callable, prepare: Callable) -> tuple[Module, float]:
        init.manual_seed(seed)
        model = Sequential(Linear(2, 32), Tanh(), Linear(32, 2))
        prepare(model)
        for _ in range(steps):
            model.zero_grad()
            loss = backward(model)
            for p in model.parameters():
                p.data -= 0.5 * p.grad
        return model, loss

    X, y = make_spirals(301, rng=0)
    batch = X.astype(np.float32), np.eye(2, dtype=np.float32)[y]
    rank, size = comm.Get_rank(), comm.Get_size()
    model, loss = train(
        rank,  # every process begins elsewhere, until the broadcast
        lambda model: distributed_backward(model, batch, squared_error, comm),
        lambda model: broadcast_parameters(model, comm),
    )
    flat = np.concatenate([p.data.ravel() for p in model.parameters()]).astype(np.float64)
    lines = comm.gather(
        f"rank {rank} of {size}: loss {loss:.6f}, checksum {flat @ np.cos(np.arange(flat.size)):.9f}"
    )
    if rank == 0:
        alone, _ = train(0, lambda model: _backward(model, batch, squared_error, 1.0), lambda model: None)
        expected = np.concatenate([p.data.ravel() for p in alone.parameters()])
        print("\n".join(lines))
        print(f"largest difference from one process after {steps} steps: {np.abs(flat - expected).max():.1e}")


if __name__ == "__main__":
    try:
        _demo(communicator())
    except ImportError as missing:
        raise SystemExit(str(missing)) from None
