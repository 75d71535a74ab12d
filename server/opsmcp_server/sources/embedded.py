"""The embedded engine as a source, from the settings `embedded.*`."""

from contextlib import AbstractAsyncContextManager

from opsmcp_pipelines.embedded.source import EmbeddedSettings, open_embedded_source
from opsmcp_pipelines.source import Source
from opsmcp_server.sources.registry import SourceContext

__all__ = ["open_source"]


def open_source(context: SourceContext) -> AbstractAsyncContextManager[Source]:
    """The engine over the bundled manifests and those of `embedded.manifests`."""
    config = context.config
    return open_embedded_source(
        EmbeddedSettings(
            manifests=config.embedded.manifests,
            environ=context.environ,
            bundled=config.embedded.bundled,
            step_seconds=config.embedded.step_seconds,
            masking=context.masking,
            digests=config.manifest_digests,
        )
    )
