"""The extras of the package: whether what one brings is there, and what is said if it is not."""

from collections.abc import Mapping
from importlib.util import find_spec
from types import MappingProxyType

__all__ = ["has_extra", "lack_of"]

_PACKAGES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "apprise": ("apprise",),
        "console": ("jinja2",),
        "copilot": ("openai", "prompt_toolkit"),
        "events": ("cel_expr_python", "cronsim"),
        "metrics": ("prometheus_client",),
        "nats": ("nats",),
        "otel": ("opentelemetry.exporter.otlp.proto.http",),
    }
)
"""What is imported of each extra of `pyproject.toml`."""


def has_extra(extra: str) -> bool:
    """Whether what an extra brings can be imported."""
    return all(map(_is_there, _PACKAGES[extra]))


def lack_of(extra: str) -> str:
    """What is needed where an extra is not installed, to follow what needs it; empty if it is."""
    if has_extra(extra):
        return ""
    return f"needs more packages, for example by pip install 'opsmcp[{extra}]'"


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # of a part of its name
        return False
