"""The gate that the settings describe."""

from opsmcp_server.calls.observed import Observers
from opsmcp_server.config.effective import Config
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.identity.gate import AuthAudit, Gate
from opsmcp_server.identity.jwt_check import JwtCheck
from opsmcp_server.identity.metadata import Metadata
from opsmcp_server.identity.token_store import TokenStore

__all__ = ["gate_of"]


def gate_of(
    config: Config, observers: Observers | None = None, audit: AuthAudit | None = None
) -> Gate:
    """The gate of a server with these settings; it tells `observers` and `audit` who gets in.

    Raises:
        ConfigError: A file of tokens cannot be read, an issuer needs `server.public_url`, or its
            `ca_file` holds no certificates.
    """
    metadata = Metadata(config.server.public_url, config.auth.oidc)
    return Gate(
        config.server.token.get_secret_value(),
        TokenStore(config.state.dir, config.auth.tokens_file),
        jwts=_jwts(config, metadata.resource),
        metadata=metadata,
        limits=config.limits,
        observers=observers,
        audit=audit,
    )


def _jwts(config: Config, resource: str) -> JwtCheck | None:
    issuers = config.auth.oidc
    if not issuers:
        return None
    if not resource and any(one.advertise or not one.audiences for one in issuers):
        raise ConfigError(
            "auth.oidc needs server.public_url, the address that clients use (without /mcp): they "
            "log in for it, and tokens are meant for it; an issuer without it has advertise: false "
            "and audiences"
        )
    needs_groups = any(rule.group for rule in config.policy.rules)
    return JwtCheck(issuers, resource, needs_groups=needs_groups)
