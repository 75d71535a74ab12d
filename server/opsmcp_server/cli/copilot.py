"""`opsmcp copilot`: the chat in the terminal, or one question."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import anyio
import click

from opsmcp_server.cli.options import Shared, shared_options
from opsmcp_server.cli.session import run_with_services
from opsmcp_server.cli.start import (
    Failed,
    Unreachable,
    WrongUse,
    configure_logging,
    mask_logs,
    read_config,
)
from opsmcp_server.config.effective import Config
from opsmcp_server.config.environment import process_environment
from opsmcp_server.config.extras import lack_of
from opsmcp_server.protocol.services import Services

if TYPE_CHECKING:
    from opsmcp_server.copilot.chat.session import Plan, Session
    from opsmcp_server.copilot.servers.connection import Address
    from opsmcp_tools.phrases.phrase import Language

__all__ = ["command"]

_INTERRUPTED = 130
_LONGEST_INPUT_BYTES = 4 * 1024 * 1024
_LONGEST_CONTEXT = 48_000
_ENDPOINT = {
    "base": ("OPENAI_API_BASE", "-e"),
    "key": ("OPENAI_API_KEY", "-k"),
    "model": ("OPENAI_API_MODEL", "-m"),
}
"""What the model's endpoint is usually set by, and the flag that beats it."""

_LEVELS = ("debug", "trace")
"""What Ops' own chat takes behind `-v`; here, all is logged with it."""

_FAILURES = {kind.exit_code: kind for kind in (Failed, WrongUse, Unreachable)}


class _Copilot(click.Command):
    """Takes `-v debug` as Ops' own chat does, beside a `-v` alone."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Leave the level out."""
        pairs = zip(["", *args], args, strict=False)
        flags = ("-v", "--verbose")
        kept = [word for before, word in pairs if not (before in flags and word in _LEVELS)]
        levels = {f"--verbose={level}": "--verbose" for level in _LEVELS}
        return super().parse_args(ctx, [levels.get(word, word) for word in kept])


@click.command("copilot", cls=_Copilot)
@click.argument("question", nargs=-1)
@click.option(
    "-e",
    "--endpoint",
    metavar="URL",
    help="Address of an OpenAI-compatible API (OPENAI_API_BASE).",
)
@click.option("-k", "--key", metavar="KEY", help="Its key; OPENAI_API_KEY does not show in `ps`.")
@click.option("-m", "--model", metavar="NAME", help="The model (OPENAI_API_MODEL).")
@click.option("--history", type=int, metavar="N", help="Earlier questions that the model sees (5).")
@click.option("-s", "--silence", is_flag=True, help="Only the final answer.")
@click.option(
    "--confirm",
    type=click.Choice(["changes", "all"]),
    help="Ask before changes, as policy wants (the default), or before every call.",
)
@click.option(
    "--mcp",
    multiple=True,
    metavar="URL",
    help="Use the tools of this MCP server, not those in this process; may be repeated.",
)
@click.option(
    "--mcp-token",
    multiple=True,
    metavar="TOKEN",
    help="Bearer token for the --mcp of the same place: the first for the first.",
)
@shared_options
def command(
    shared: Shared,
    question: tuple[str, ...],
    endpoint: str | None,
    key: str | None,
    model: str | None,
    history: int | None,
    silence: bool,
    confirm: str | None,
    mcp: tuple[str, ...],
    mcp_token: tuple[str, ...],
) -> int:
    """Ask a model that uses the tools, once or in a chat.

    With a QUESTION: answers and exits; what comes through a pipe goes along. Without: a chat, until
    exit, q or Ctrl-D; /help lists what can be done in it.

    \b
      opsmcp copilot "what fills the disk of this host?"
      journalctl -u nginx | opsmcp copilot "why does it restart?"
      opsmcp copilot

    The model is set by OPENAI_API_KEY, OPENAI_API_MODEL and OPENAI_API_BASE, the Ops server by
    OPS_SERVER and OPS_TOKEN. A person is asked before anything is changed; where there is no
    terminal to ask on it is refused, with the command to run instead.

    Exit status: 0 the question was answered and the last operation succeeded, 1 not, 2 wrong use or
    configuration, 3 the endpoint, the source or a server cannot be reached, 130 after Ctrl-C.
    """  # noqa: D301 - click reads the control character
    _require_extra()
    shared = shared.with_flags(
        openai_base=endpoint,
        openai_key=key,
        openai_model=model,
        copilot_history=history,
        copilot_confirm=confirm,
        copilot_mcp=mcp,
    )
    config = read_config(shared)
    language = _language(config)
    if "tools.language" not in config.origins:
        # The tools speak as the chat does, unless somebody wants it otherwise.
        tools = config.tools.model_copy(update={"language": language})
        config = replace(config, tools=tools)
    if len(mcp_token) > len(config.copilot.mcp):
        raise click.UsageError("there is a --mcp-token more than there are servers (--mcp)")
    plan = _plan(config, mcp_token, silence=silence)
    asked = _read_question(" ".join(question).strip())
    if config.copilot.mcp:
        return _run_with_servers(shared, config, plan, asked, mcp_token)

    async def work(services: Services) -> int:
        from opsmcp_server.copilot.servers.connection import Address
        from opsmcp_server.protocol.handlers import build_server

        await services.calls.tools.current()
        address = Address(build_server(services), "opsmcp", trusted=True)
        return await _session(plan, config, [address], asked)

    return run_with_services(shared, work, starts_runs=True, config=config)


def _require_extra() -> None:
    if lack := lack_of("copilot"):
        raise WrongUse(f"the chat {lack}")


def _plan(config: Config, tokens: Sequence[str], *, silence: bool) -> "Plan":
    """What the session is to be.

    Raises:
        WrongUse: No model can be asked with these settings.
    """
    from opsmcp_server.copilot.base.errors import CopilotError
    from opsmcp_server.copilot.base.words import Words
    from opsmcp_server.copilot.chat.session import Plan
    from opsmcp_server.copilot.llm.client import EndpointSettings

    words = Words(_language(config))
    model = config.openai
    names = {f"{name}_name": _set_by(config, name) for name in _ENDPOINT}
    endpoint = EndpointSettings(model.base, model.key.get_secret_value(), model.model, names)
    try:
        endpoint = endpoint.checked(words)
    except CopilotError as error:
        raise WrongUse(str(error)) from error
    return Plan(
        endpoint=endpoint,
        settings=config.copilot,
        most_tools=config.tools.limit,
        words=words,
        silence=silence,
        secrets=[*config.secret_values(), *tokens],
        options=config.options,
    )


def _language(config: Config) -> "Language":
    from opsmcp_server.copilot.base.words import language_of

    chosen = config.copilot.language
    return language_of(process_environment()) if chosen == "auto" else chosen


def _set_by(config: Config, name: str) -> str:
    """What to change for another `base`, `key` or `model`: where it comes from, else the usual."""
    variable, flag = _ENDPOINT[name]
    where, _, place = config.origins.get(f"openai.{name}", "").partition(" ")
    if where == "environment":
        variable = place
    elif where == "file":
        variable = f"openai.{name} in {place}"
    return f"{variable} ({flag})"


def _run_with_servers(
    shared: Shared,
    config: Config,
    plan: "Plan",
    asked: "_OpenQuestion | None",
    tokens: Sequence[str],
) -> int:
    configure_logging(verbose=shared.verbose)
    mask_logs(config)
    outcome = anyio.run(_contained, plan, config, _addresses(config, tokens), asked)
    if isinstance(outcome, click.ClickException):
        raise outcome
    return outcome


def _addresses(config: Config, tokens: Sequence[str]) -> "list[Address]":
    from opsmcp_server.copilot.servers.connection import Address

    first = config.copilot.token.get_secret_value()
    passed = [*tokens, *[""] * len(config.copilot.mcp)]
    passed[0] = passed[0] or first
    pairs = zip(config.copilot.mcp, passed, strict=False)
    return [
        Address(url, url.partition("://")[2], token, trusted=url in config.copilot.trust)
        for url, token in pairs
    ]


async def _contained(
    plan: "Plan", config: Config, addresses: "list[Address]", asked: "_OpenQuestion | None"
) -> int | click.ClickException:
    try:
        return await _session(plan, config, addresses, asked)
    except click.ClickException as error:
        return error


async def _session(
    plan: "Plan", config: Config, addresses: "list[Address]", asked: "_OpenQuestion | None"
) -> int:
    from opsmcp_server.copilot.base.errors import CopilotError
    from opsmcp_server.copilot.chat.session import open_session

    failure: CopilotError | None = None
    status = 0
    try:
        async with open_session(plan, addresses) as session:
            # Errors must not leave through the task groups of the session: they would wrap them.
            try:
                status = await _talk(session, config, asked)
            except CopilotError as error:
                failure = error
    except CopilotError as error:
        failure = error
    if failure is not None:
        raise _FAILURES[failure.status](str(failure)) from failure
    return status


async def _talk(session: "Session", config: Config, asked: "_OpenQuestion | None") -> int:
    if asked is None:
        from opsmcp_server.copilot.chat.loop import chat

        return await chat(session, config.state.dir / "copilot-history")
    status = await session.ask_once(asked.question, asked.context)
    return _INTERRUPTED if status is None else status


@dataclass(frozen=True, slots=True)
class _OpenQuestion:
    """A question, and what came through a pipe along with it."""

    question: str
    context: str = ""


def _read_question(passed: str) -> _OpenQuestion | None:
    """What is asked, once; None for a chat.

    Raises:
        click.UsageError: There is nothing to ask, and no terminal to chat on.
    """
    if sys.stdin.isatty():
        return _OpenQuestion(passed) if passed else None
    piped = _read_input()
    if not (passed or piped.strip()):
        raise click.UsageError("there is no question: give one, or start it on a terminal")
    return _OpenQuestion(passed, piped) if passed else _OpenQuestion(piped)


def _read_input() -> str:
    """What comes through the pipe; of much, both ends."""
    from opsmcp_tools.safe_text.cleaning import clean, head_and_tail

    kept = b""
    while part := sys.stdin.buffer.read(65536):
        kept = (kept + part)[-_LONGEST_INPUT_BYTES:]
    return head_and_tail(clean(kept.decode("utf-8", "replace")), _LONGEST_CONTEXT)
