"""Data whose shape nobody vouches for."""

from typing import Any, cast

__all__ = ["mapping_of"]


def mapping_of(value: object) -> dict[Any, Any]:
    """The mapping that it is; an empty one for anything else."""
    return cast("dict[Any, Any]", value) if isinstance(value, dict) else {}
