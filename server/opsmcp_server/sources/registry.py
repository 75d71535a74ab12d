"""Which sources there are, and which one the settings name; each is imported when it is opened.

To add one: a module beside this one with `open_source(context)`, a row in `_MODULES`, and the rule
in `source_name` by which settings name it. What a source is like it says itself (`Source.traits`).
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType

from opsmcp_pipelines.source import Source
from opsmcp_server.config.load import Config
from opsmcp_tools.masking.masker import Masker

__all__ = ["SourceContext", "open_source", "source_name"]

_MODULES: Mapping[str, str] = MappingProxyType(
    {
        "ops": "opsmcp_server.sources.ops",
        "embedded": "opsmcp_server.sources.embedded",
    }
)


@dataclass(frozen=True, slots=True)
class SourceContext:
    """What a source may be made of: the settings, the process environment, and a masker.

    `masking` gives a masker for the secrets of one run, beside those of the settings.
    """

    config: Config
    environ: Mapping[str, str]
    masking: Callable[[frozenset[str]], Masker]


def source_name(config: Config) -> str:
    """The name of the source that the settings choose."""
    return "ops" if config.ops.server else "embedded"


def open_source(context: SourceContext) -> AbstractAsyncContextManager[Source]:
    """The source that the settings choose, open for as long as the block lasts."""
    return import_module(_MODULES[source_name(context.config)]).open_source(context)
