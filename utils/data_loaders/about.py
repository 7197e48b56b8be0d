"""The first four fields of every data set, from the registry."""

from typing import Any

from utils.data_loaders.registry import lookup


def real(name: str) -> dict[str, Any]:
    """Fields of the data set itself."""
    record = lookup(name)
    return {"name": record.title, "is_stand_in": False, "source": record.source, "licence": record.licence}


def stood_in(name: str) -> dict[str, Any]:
    """Fields of its stand-in."""
    record = lookup(name)
    return {
        "name": f"{record.stand_in_name} (stand-in for {record.title})",
        "is_stand_in": True,
        "source": record.stand_in_source,
        "licence": record.stand_in_licence,
    }
