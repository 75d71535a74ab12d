"""Which sources there are, and which one the settings name; each is imported when it is opened.

To add one: a module beside this one with `open_source(context)`, and a row in `_SOURCES`. What a
source is like it says itself (`Source.traits`).
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import NamedTuple

from opsmcp_pipelines.source import Source
from opsmcp_pipelines.source_request import Observe, unobserved
from opsmcp_server.config.effective import Config
from opsmcp_tools.masking.masker import Masker

__all__ = ["SourceContext", "open_source", "source_name", "why_not_embedded"]

_EMBEDDED = "embedded"


class _Row(NamedTuple):
    module: str
    setting: str = ""
    """What chooses it, when it has a value; the first row that has one counts."""


_SOURCES: Mapping[str, _Row] = MappingProxyType(
    {
        "ops": _Row("opsmcp_server.sources.ops", "ops.server"),
        _EMBEDDED: _Row("opsmcp_server.sources.embedded"),
    }
)


@dataclass(frozen=True, slots=True)
class SourceContext:
    """What a source may be made of: the settings, the process environment, and a masker.

    `masking` gives a masker for the secrets of one run, beside those of the settings; `observe` is
    told of each request that a source sends over the network. `serves_many` is for the server of
    many people, whose runs follow one another.
    """

    config: Config
    environ: Mapping[str, str]
    masking: Callable[[frozenset[str]], Masker]
    observe: Observe = unobserved
    serves_many: bool = False


def source_name(config: Config) -> str:
    """The name of the source that the settings choose."""
    chosen = (name for name, row in _SOURCES.items() if row.setting and config.has(row.setting))
    return next(chosen, _EMBEDDED)


def why_not_embedded(config: Config) -> str:
    """Which setting chooses another source than the embedded engine, and where it came from."""
    setting = _SOURCES[source_name(config)].setting
    return f"{setting} is set ({config.origins.get(setting)})" if setting else ""


def open_source(context: SourceContext) -> AbstractAsyncContextManager[Source]:
    """The source that the settings choose, open for as long as the block lasts."""
    return import_module(_SOURCES[source_name(context.config)].module).open_source(context)
