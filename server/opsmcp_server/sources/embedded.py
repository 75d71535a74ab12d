"""The embedded engine as a source, from the settings `embedded.*`."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from opsmcp_pipelines.embedded.source import EmbeddedSettings, open_embedded_source
from opsmcp_pipelines.many_hosts import Brakes
from opsmcp_pipelines.source import Source
from opsmcp_pipelines.ssh.named_hosts import HostSettings
from opsmcp_server.config.groups.sources import Hosts
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
            files=config.files.dir,
            hosts=_hosts(config.hosts, context.environ),
            keeps_connections=context.serves_many,
            brakes=Brakes(config.hosts.at_once, config.hosts.canary, config.hosts.stop_after),
        )
    )


def _hosts(given: Hosts, environ: Mapping[str, str]) -> HostSettings | None:
    """Where hosts are named; None where they are not."""
    if given.ssh_config == "none":
        return HostSettings(given.files) if given.files else None
    if given.ssh_config != "auto":
        return HostSettings(given.files, Path(given.ssh_config), usual=False)
    from opsmcp_pipelines.ssh.ssh_config import account_home

    own = account_home()
    home = Path(environ.get("HOME") or own or "/")
    config = home / ".ssh" / "config"
    # ssh asks the account, and not HOME: of another directory it has to be told.
    return HostSettings(given.files, config, usual=home == own or not config.exists())
