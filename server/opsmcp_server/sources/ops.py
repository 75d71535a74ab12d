"""The Ops server as a source, from the settings `ops.*`."""

from contextlib import AbstractAsyncContextManager

from opsmcp_pipelines.ops.source import OpsSettings, open_ops_source
from opsmcp_pipelines.source import Source
from opsmcp_server.sources.registry import SourceContext

__all__ = ["open_source"]


def open_source(context: SourceContext) -> AbstractAsyncContextManager[Source]:
    """The Ops server at `ops.server`."""
    settings = context.config.ops
    return open_ops_source(
        OpsSettings(
            server=settings.server,
            token=settings.token.get_secret_value(),
            namespaces=settings.namespaces,
            connect_seconds=settings.connect_seconds,
            read_seconds=settings.read_seconds,
            hears_runs=settings.run_events,
        ),
        context.observe,
    )
