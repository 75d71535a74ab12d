"""`opsmcp copilot`: the chat in the terminal, or one question."""

import sys
from collections.abc import Sequence
from importlib.util import find_spec
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
    read_config,
)
from opsmcp_server.config import Config, process_environment
from opsmcp_server.services import Services

if TYPE_CHECKING:
    from opsmcp_server.copilot.connections import Address
    from opsmcp_server.copilot.session import Plan, Session

__all__ = ["command"]

_INTERRUPTED = 130
_LONGEST_INPUT_BYTES = 4 * 1024 * 1024
_LONGEST_CONTEXT = 48_000
_NEEDED = ("openai", "prompt_toolkit")
_FAILURES = {kind.exit_code: kind for kind in (Failed, WrongUse, Unreachable)}


@click.command("copilot")
@click.argument("question", nargs=-1)
@click.option("-e", "--endpoint", metavar="URL", help="Address of an OpenAI-compatible API.")
@click.option("-k", "--key", metavar="KEY", help="Its key; OPENAI_API_KEY keeps it from `ps`.")
@click.option("-m", "--model", metavar="NAME", help="The model.")
@click.option("--history", type=int, metavar="N", help="Earlier questions that the model sees (5).")
@click.option("-s", "--silence", is_flag=True, help="Only the final answer.")
@click.option(
    "--confirm",
    type=click.Choice(["changes", "all"]),
    help="Ask before changes (as policy wants), or before every call.",
)
@click.option(
    "--mcp",
    multiple=True,
    metavar="URL",
    help="Talk to this MCP server, not to tools in this process; may be repeated.",
)
@click.option(
    "--mcp-token",
    multiple=True,
    metavar="TOKEN",
    help="Bearer token for the --mcp of the same place.",
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

    With a QUESTION: answers and exits; what comes through a pipe goes along. Exit status 0 means
    that the question was answered and the last operation succeeded.
    """
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
    plan = _plan(config, mcp_token, silence=silence)
    asked = " ".join(question).strip()
    if config.copilot.mcp:
        return _run_with_servers(shared, config, plan, asked, mcp_token)

    async def work(services: Services) -> int:
        from opsmcp_server.copilot.connections import Address
        from opsmcp_server.handlers import build_server

        await services.current_toolbox()
        address = Address(build_server(services), "opsmcp")
        return await _session(plan, config, [address], asked)

    return run_with_services(shared, work)


def _require_extra() -> None:
    if any(find_spec(name) is None for name in _NEEDED):
        raise WrongUse("the chat needs more packages: pip install 'opsmcp[copilot]'")


def _plan(config: Config, tokens: Sequence[str], *, silence: bool) -> "Plan":
    """What the session is to be.

    Raises:
        WrongUse: No model can be asked with these settings.
    """
    from opsmcp_server.copilot.conversation import Limits
    from opsmcp_server.copilot.endpoint import EndpointSettings
    from opsmcp_server.copilot.errors import CopilotError
    from opsmcp_server.copilot.session import Plan
    from opsmcp_server.copilot.words import Words, language_of

    chosen = config.copilot.language
    words = Words(language_of(process_environment()) if chosen == "auto" else chosen)
    model = config.openai
    endpoint = EndpointSettings(model.base, model.key.get_secret_value(), model.model)
    try:
        endpoint = endpoint.checked(words)
    except CopilotError as error:
        raise WrongUse(str(error)) from error
    limits = config.copilot
    return Plan(
        endpoint=endpoint,
        limits=Limits(
            rounds=limits.rounds,
            tokens=limits.tokens,
            seconds=limits.seconds,
            history=limits.history,
            tools=config.tools.limit,
        ),
        words=words,
        tool_calling=limits.tool_calling,
        confirm_all=limits.confirm == "all",
        silence=silence,
        secrets=[*_secrets(config), *tokens],
    )


def _secrets(config: Config) -> list[str]:
    """Every secret that the settings hold, so that no transcript shows it."""
    known = (config.openai.key, config.ops.token, config.server.token, config.copilot.token)
    values = [*(secret.get_secret_value() for secret in known), *config.bound_values().values()]
    return [value for value in values if value]


def _run_with_servers(
    shared: Shared, config: Config, plan: "Plan", asked: str, tokens: Sequence[str]
) -> int:
    configure_logging(verbose=shared.verbose)
    outcome = anyio.run(_contained, plan, config, _addresses(config, tokens), asked)
    if isinstance(outcome, click.ClickException):
        raise outcome
    return outcome


def _addresses(config: Config, tokens: Sequence[str]) -> "list[Address]":
    from opsmcp_server.copilot.connections import Address

    first = config.copilot.token.get_secret_value()
    given = [*tokens, *[""] * len(config.copilot.mcp)]
    given[0] = given[0] or first
    pairs = zip(config.copilot.mcp, given, strict=False)
    return [Address(url, url.partition("://")[2], token) for url, token in pairs]


async def _contained(
    plan: "Plan", config: Config, addresses: "list[Address]", asked: str
) -> int | click.ClickException:
    try:
        return await _session(plan, config, addresses, asked)
    except click.ClickException as error:
        return error


async def _session(plan: "Plan", config: Config, addresses: "list[Address]", asked: str) -> int:
    from opsmcp_server.copilot.errors import CopilotError
    from opsmcp_server.copilot.session import open_session

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


async def _talk(session: "Session", config: Config, asked: str) -> int:
    context = "" if sys.stdin.isatty() else await _read_input()
    if not asked and sys.stdin.isatty():
        from opsmcp_server.copilot.chat import chat

        return await chat(session, config.state.dir / "copilot-history")
    question, context = (asked, context) if asked else (context, "")
    if not question.strip():
        raise click.UsageError("there is no question: give one, or start it on a terminal")
    status = await session.guard(lambda: session.conversation.ask(question, context))
    return _INTERRUPTED if status is None else status


async def _read_input() -> str:
    """What comes through the pipe; of much, both ends."""
    from opsmcp_tools.text import clean, head_and_tail

    # A thread that Ctrl-C leaves behind: reading a pipe cannot be broken off.
    data = await anyio.to_thread.run_sync(_read_bytes, abandon_on_cancel=True)
    return head_and_tail(clean(data.decode("utf-8", "replace")), _LONGEST_CONTEXT)


def _read_bytes() -> bytes:
    """The last bytes of stdin, in bounded memory."""
    kept = b""
    while part := sys.stdin.buffer.read(65536):
        kept = (kept + part)[-_LONGEST_INPUT_BYTES:]
    return kept
