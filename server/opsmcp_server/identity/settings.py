"""The gate that the settings describe."""

from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.load import Config
from opsmcp_server.identity.addresses import networks_of
from opsmcp_server.identity.gate import Gate, Limits
from opsmcp_server.identity.token_store import TokenStore

__all__ = ["gate_of", "is_guarded"]


def gate_of(config: Config) -> Gate:
    """The gate of a server with these settings.

    Raises:
        ConfigError: A file of tokens cannot be read.
    """
    limits = config.limits
    try:
        proxies = networks_of(config.server.trusted_proxies)
    except ValueError as error:
        raise ConfigError(f"server.trusted_proxies: {error}") from None
    return Gate(
        config.server.token.get_secret_value(),
        TokenStore(config.state.dir, config.auth.tokens_file),
        limits=Limits(
            requests_per_minute=limits.requests_per_minute,
            unauthenticated_per_minute=limits.unauthenticated_per_minute,
            streams_per_principal=limits.streams_per_principal,
        ),
        proxies=proxies,
    )


def is_guarded(config: Config) -> bool:
    """Whether whoever calls needs a token, by what there is now.

    Raises:
        ConfigError: A file of tokens cannot be read.
    """
    return gate_of(config).is_needed
