"""A trail that cannot be read, told with the setting that says where it is."""

from opsmcp_server.cli.start import Failed
from opsmcp_server.config.effective import Config

__all__ = ["unreadable"]


def unreadable(config: Config, error: OSError) -> Failed:
    """What a command says that wanted to read the trail of these settings."""
    why = (error.strerror or type(error).__name__).lower()
    setting = "audit.dir" if config.audit.dir else "state.dir"
    origin = config.origins.get(setting, "default")
    return Failed(f"{config.audit_dir} cannot be read: {why} ({setting}: {origin})")
