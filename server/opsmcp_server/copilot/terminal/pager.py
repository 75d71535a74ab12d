"""Text that is longer than the screen, in the person's pager."""

import anyio.to_thread
import click

from opsmcp_server.copilot.terminal.ctrl_c import Interrupts

__all__ = ["page"]


async def page(text: str, interrupts: Interrupts) -> None:
    """Show clean text until the person has seen enough."""
    # Ctrl-C is the pager's as long as it is there.
    with interrupts.ignored():
        await anyio.to_thread.run_sync(click.echo_via_pager, text)
