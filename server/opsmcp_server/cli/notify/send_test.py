"""`opsmcp notify test`: one message that says that nothing is wrong, and what the channel says."""

import secrets

import anyio
import click

from opsmcp_server.channels.delivery import Deliverer
from opsmcp_server.channels.message import Writer
from opsmcp_server.cli.options import Shared, shared_options
from opsmcp_server.cli.start import Failed, WrongUse, configure_logging, mask_logs, read_config
from opsmcp_server.config.channel import Channel
from opsmcp_server.config.effective import Config
from opsmcp_tools.arguments.nearest_names import suggest
from opsmcp_tools.incidents.outbox import Delivered, Delivery
from opsmcp_tools.masking.masker import Masker
from opsmcp_tools.model.run_record import SystemClock
from opsmcp_tools.safe_text.characters import quote

__all__ = ["test_command"]


@click.command("test")
@click.argument("channel")
@shared_options
def test_command(shared: Shared, channel: str) -> int:
    """Send a test message to CHANNEL now, past the outbox and its limits.

    It needs no server that runs. What the channel answers is told; exit status 1 if it does not
    take it.
    """
    configure_logging(verbose=shared.verbose)
    config = read_config(shared, channels=True)
    mask_logs(config)
    found = _channel(config, channel)
    delivery = anyio.run(_deliver, config, found)
    if isinstance(delivery, Delivered):
        click.echo(f"{found.name} ({found.type}) has it.")
        return 0
    raise Failed(f"{found.name} ({found.type}) does not have it: {delivery.why}")


def _channel(config: Config, name: str) -> Channel:
    channels = config.events.channels
    if name not in channels:
        there = f"there are: {', '.join(channels)}" if channels else "events.channels has none"
        hint = suggest(name, channels) or f"; {there}"
        raise WrongUse(f"there is no channel {quote(name)}{hint}")
    return channels[name]


async def _deliver(config: Config, channel: Channel) -> Delivery:
    masker = Masker(config.secret_values())
    message = Writer(masker, channel.language or config.tools.language).test(
        channel.name, secrets.token_hex(16)
    )
    deliverer = Deliverer(masker, SystemClock())
    try:
        return await deliverer.deliver(channel, message)
    finally:
        await deliverer.close()
