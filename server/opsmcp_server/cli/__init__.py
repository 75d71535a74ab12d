"""The command line: one module per command, imported when the command is used.

`opsmcp stdio` starts many times a day and `opsmcp --help` should be instant, so this module imports
nothing but click. A command's callback returns its exit status: 0 good, 1 the operation did not
succeed, 2 wrong use or configuration, 3 the source cannot be reached.
"""

import gc
import os
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from io import TextIOWrapper
from types import MappingProxyType
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["COMMANDS", "leave_closed_pipe", "leave_unwritten", "main", "root", "run"]

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "demo": "Show in half a screen what opsmcp does, without an Ops server.",
        "stdio": "Serve MCP on stdin and stdout, for a client on this machine.",
        "serve": "Serve MCP over HTTP: /mcp, /sse and health checks.",
        "tools": "List the tools as a client would; or show one.",
        "lint": "Show what would make the operations better tools, the worst first.",
        "call": "Call one tool and wait for its end.",
        "copilot": "Ask a model that uses the tools, once or in a chat.",
        "runs": "Show recent runs, or one.",
        "requests": "Show the calls that wait for approval, or one.",
        "approve": "Approve a call that waits for it.",
        "reject": "Reject a call that waits for approval.",
        "incidents": "Show what is wrong and what was done about it; or one.",
        "schedules": "Show the inspections, when they are due and what they found; or one.",
        "events": "Show what comes in from outside and what would be done; pause and resume that.",
        "notify": "Try a channel; show what was sent to channels, and what could not be.",
        "token": "Make, list, rotate and revoke personal tokens of `opsmcp serve`.",
        "audit": "Check the audit trail, find lines in it, and show the key that signs it.",
        "hosts": "List the hosts that operations can run on; or look at one.",
        "policy": "Show which rule decides on a call, and why. Starts nothing.",
        "approve-catalogue": "Show what changed since definitions were approved; approve them.",
        "trust": "Show what the opsmcp.yaml of a directory would bring; trust it.",
        "config": "Show the effective configuration and where it comes from.",
    }
)
"""Command to what it does, in the order of the help."""

_TOGETHER: Mapping[str, str] = MappingProxyType(
    {
        "approve": "decide",
        "reject": "decide",
        "incidents": "events.incidents",
        "schedules": "events.schedules",
    }
)
"""Commands in modules with others; each other one is a module of its own, and its `command`."""

_INTERRUPTED = 130


class _Commands(click.Group):
    """Loads a command's module when the command is used, not for a list of names."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; of one that is misspelt, an error with the nearest."""
        if cmd_name in COMMANDS:
            with _uncollected():
                return _load(cmd_name)
        if not ctx.resilient_parsing:
            ctx.fail(f"No such command {cmd_name!r}.{_meant(cmd_name)}")
        return None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Names from the table: click would import every command's module for its help."""
        from click.shell_completion import CompletionItem

        named = ((name, does) for name, does in COMMANDS.items() if name.startswith(incomplete))
        names = [CompletionItem(name, help=does) for name, does in named]
        return names + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, from the table instead of from their modules."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _load(name: str) -> click.Command:
    module = _TOGETHER.get(name, name.replace("-", "_"))
    loaded = import_module(f"opsmcp_server.cli.{module}")
    return getattr(loaded, name if name in _TOGETHER else "command")


def _meant(name: str) -> str:
    from difflib import get_close_matches

    near = " or ".join(get_close_matches(name, COMMANDS, 2))
    return f" Did you mean {near}?" if near else ""


@contextmanager
def _uncollected() -> Generator[None]:
    """Keep the garbage collector from what is imported: it is never garbage.

    Walking through it again and again takes a twentieth of the start.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@click.group(cls=_Commands, name="opsmcp")
@click.version_option(package_name="opsmcp", message="opsmcp %(version)s")
@click.option("-v", "--verbose", is_flag=True, help="Log more, on stderr; as after the command.")
@click.pass_context
def root(ctx: click.Context, verbose: bool) -> None:
    """Ops pipelines and tasks as typed MCP tools.

    Exit status: 0 good, 1 the operation did not succeed, 2 wrong use or configuration, 3 the source
    cannot be reached.
    """
    if ctx.invoked_subcommand != "stdio":
        _open_closed_output()
        _show_what_cannot_be_encoded()


def _open_closed_output() -> None:
    """Make writing to a standard output that is closed (`>&-`) fail as it does on a full disk.

    Otherwise the next file that is opened would get its number, and with it what is printed.
    """
    if sys.stdout is None:
        unwritable = os.open(os.devnull, os.O_RDONLY)
        os.dup2(unwritable, 1)
        sys.stdout = open(1, "w", encoding="utf-8")  # noqa: SIM115 - for as long as the process


def _show_what_cannot_be_encoded() -> None:
    """Let characters that a terminal's encoding does not have be shown as escapes, not end us."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def main() -> None:
    """The entry point of `opsmcp`."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status. An error is one line on stderr."""
    try:
        status = root.main(list(arguments), prog_name="opsmcp", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        _tell(f"opsmcp: {error.format_message()}{_hint(error)}")
        return error.exit_code
    except click.Abort:
        return _INTERRUPTED
    except BrokenPipeError:
        return leave_closed_pipe()
    except OSError as error:
        return leave_unwritten(error)
    return status if isinstance(status, int) else 0


def leave_closed_pipe() -> int:
    """Let what is still unwritten go nowhere: whoever read the output (`| head`) has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def leave_unwritten(error: OSError) -> int:
    """The same when the output cannot be written for another reason, which is said."""
    _tell(f"opsmcp: the output could not be written: {error.strerror or error}")
    return leave_closed_pipe()


def _tell(text: str) -> None:
    from opsmcp_server.cli.terminal import tell

    tell(text)


def _hint(error: click.ClickException) -> str:
    if not isinstance(error, click.UsageError) or error.ctx is None:
        return ""
    return f" (see {error.ctx.command_path} --help)"
