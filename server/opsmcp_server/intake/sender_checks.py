"""Senders of the settings, checked before a server takes anything in from them."""

from opsmcp_server.config.effective import Config
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.issuers import is_loopback_host
from opsmcp_server.config.sender import Sender

__all__ = ["check_senders"]


def check_senders(config: Config) -> None:
    """Refuse senders of signals that cannot be received as the settings say.

    Raises:
        ConfigError: One has no secret although other machines reach this one, so that anybody could
            raise an alarm; or what reads it cannot be made.
    """
    senders = config.events.senders.values()
    _check_polled(config, [one for one in senders if one.is_read and one.nats is None])
    if senders:
        from opsmcp_server.intake.receiver import reader_for

        for sender in senders:
            _check_secret(config, sender)
            reader_for(sender)


def _check_polled(config: Config, polled: list[Sender]) -> None:
    """Of what is read from an Ops server there can be one, as there is one such server."""
    if len(polled) > 1:
        raise ConfigError(
            f"events.senders.{polled[1].name} is a second one of the type ops, and there is one "
            f"Ops server: name all `subjects` in the first one ({polled[1].where['']})"
        )
    if polled and not config.ops.server:
        raise ConfigError(
            f"events.senders.{polled[0].name} has the type ops, and there is no Ops server whose "
            f"events could be read: set ops.server, or `nats` ({polled[0].where['']})"
        )


def _check_secret(config: Config, sender: Sender) -> None:
    host = config.server.host
    if not sender.is_read and not sender.has_secret and not is_loopback_host(host):
        raise ConfigError(
            f"events.senders.{sender.name} has no token and no secret, and server.host "
            f"{host!r} is reached from other machines: give it one, or listen on 127.0.0.1 "
            f"({sender.where['']})"
        )
