"""Modules that hold modules."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from utils.nn.module import Module


class Sequential(Module):
    """One module after another: `Sequential(Linear(784, 64), ReLU(), Linear(64, 10))`.

    A dict of modules gives them names. Indices and slices work, `model[-1] = Linear(64, 5)` and `del model[-1]` too.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """

    def __init__(self, *modules: Module | Mapping[str, Module]):
        named = modules[0] if len(modules) == 1 and isinstance(modules[0], Mapping) else _numbered(modules)
        _set_all(self, named)

    def forward(self, x: Any) -> Any:
        for module in self:
            x = module(x)
        return x

    def append(self, module: Module) -> "Sequential":
        _set_all(self, {str(len(self)): module})
        return self

    def __iter__(self) -> Iterator[Module]:
        return iter(_held(self).values())

    def __len__(self) -> int:
        return len(_held(self))

    def __getitem__(self, index: int | slice) -> Module:
        if isinstance(index, slice):
            return type(self)(dict(list(_held(self).items())[index]))
        return list(self)[_checked(self, index)]

    def __setitem__(self, index: int, module: Module) -> None:
        _set_all(self, {list(_held(self))[_checked(self, index)]: module})

    def __delitem__(self, index: int | slice) -> None:
        _delete(self, index)


class ModuleList(Module):
    """A list whose modules are found; it has no forward of its own.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """

    def __init__(self, modules: Iterable[Module] = ()):
        self.extend(modules)

    def append(self, module: Module) -> "ModuleList":
        return self.extend([module])

    def extend(self, modules: Iterable[Module]) -> "ModuleList":
        _set_all(self, _numbered(modules, start=len(self)))
        return self

    def __iter__(self) -> Iterator[Module]:
        return iter(_held(self).values())

    def __len__(self) -> int:
        return len(_held(self))

    def __getitem__(self, index: int | slice) -> Any:
        return (
            ModuleList(list(self)[index]) if isinstance(index, slice) else list(self)[_checked(self, index)]
        )

    def __setitem__(self, index: int, module: Module) -> None:
        _set_all(self, {str(_checked(self, index) % len(self)): module})

    def __delitem__(self, index: int | slice) -> None:
        _delete(self, index)


class ModuleDict(Module):
    """A dict whose modules are found; it has no forward of its own.

    Notebook: 02-mlp/backpropagation/04-autograd-engine.ipynb
    """

    def __init__(self, modules: Mapping[str, Module] | None = None):
        _set_all(self, modules or {})

    def __setitem__(self, name: str, module: Module) -> None:
        _set_all(self, {name: module})

    def __getitem__(self, name: str) -> Module:
        return _held(self)[name]

    def __contains__(self, name: str) -> bool:
        return name in _held(self)

    def __iter__(self) -> Iterator[str]:
        return iter(_held(self))

    def __len__(self) -> int:
        return len(_held(self))

    def keys(self) -> Iterable[str]:
        return _held(self).keys()

    def values(self) -> Iterable[Module]:
        return _held(self).values()

    def items(self) -> Iterable[tuple[str, Module]]:
        return _held(self).items()


def _held(container: Module) -> dict[str, Module]:
    """With repeats, unlike `named_children`: a module may run twice."""
    return {name: value for name, value in vars(container).items() if isinstance(value, Module)}


def _numbered(modules: Iterable[Module], start: int = 0) -> dict[str, Module]:
    return {str(i): module for i, module in enumerate(modules, start)}


def _set_all(container: Module, modules: Mapping[str, Module]) -> None:
    for name, module in modules.items():
        if not isinstance(module, Module):
            raise TypeError(
                f"{type(container).__name__} holds modules but got {module!r}: {_hint(container, module)}"
            )
        if "." in name or hasattr(type(container), name):
            raise KeyError(
                f"a module cannot be called {name!r} in {type(container).__name__}: choose another name"
            )
        setattr(container, name, module)


def _hint(container: Module, wrong: Any) -> str:
    if isinstance(wrong, type) and issubclass(wrong, Module):
        return f"create it, {wrong.__name__}()"
    if isinstance(wrong, Iterable) and not isinstance(wrong, str):
        sequential = isinstance(container, Sequential)
        return f"unpack it, {type(container).__name__}(*layers)" if sequential else "hold it in a ModuleList"
    return "wrap a function in a Module"


def _delete(container: Module, index: int | slice) -> None:
    """Without those modules; the others are numbered anew, as in PyTorch."""
    held = _held(container)
    places = range(len(held))[index] if isinstance(index, slice) else [_checked(container, index) % len(held)]
    kept = [module for i, module in enumerate(held.values()) if i not in places]
    for name in held:
        delattr(container, name)
    _set_all(container, _numbered(kept))


def _checked(container: Module, index: int) -> int:
    if not -len(container) <= index < len(container):
        raise IndexError(f"index {index} in {type(container).__name__} of {len(container)} modules")
    return index
