"""`opsmcp events send`: one event, proved as its sender would, to the server that runs."""

from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import uuid4

import click
import httpx2

from opsmcp_server.cli.events.examples import content_type_of, example_of
from opsmcp_server.cli.options import Shared, shared_options
from opsmcp_server.cli.start import (
    Failed,
    Unreachable,
    WrongUse,
    configure_logging,
    read_config,
)
from opsmcp_server.config.effective import Config
from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.sender import Sender
from opsmcp_server.intake.proof import proof_for
from opsmcp_server.intake.reading import mapping
from opsmcp_server.intake.recorded import body_in, sender_named
from opsmcp_server.transports.origins import in_url
from opsmcp_tools.safe_text.characters import clean_line

__all__ = ["send_command"]

_SECONDS = 15.0


@click.command("send")
@click.argument("sender")
@click.argument("file", required=False, type=click.Path(path_type=Path), metavar="[FILE]")
@click.option("--to", "address", metavar="URL", help="Address of the server; that of server.*.")
@click.option("--resolved", is_flag=True, help="Without FILE: that it is over again.")
@shared_options
def send_command(
    shared: Shared, sender: str, file: Path | None, address: str | None, resolved: bool
) -> int:
    """Send a test event to the server that runs, as SENDER would.

    FILE holds the body (`-`: standard input); without one it is an example of what such a sender
    says, called OpsmcpTest. It is a signal like any other: whatever is done about such signals is
    done about this one.
    """
    configure_logging(verbose=shared.verbose)
    config = read_config(shared, senders=True)
    try:
        found = sender_named(sender, config)
        if found.is_read:
            raise WrongUse(
                f"opsmcp reads the events of {sender} by itself, and takes none that are sent: "
                "post one to the Ops server, at /api/v1/namespaces/NAMESPACE/events/NAME"
            )
        if file is not None and resolved:
            raise WrongUse("--resolved is for the example; FILE says for itself what it is")
        body = _body(found, file, resolved=resolved)
    except ConfigError as error:
        raise WrongUse(str(error)) from error
    return _send(found, body, _address(config, address))


def _body(sender: Sender, file: Path | None, *, resolved: bool) -> bytes:
    if file is None:
        example = example_of(sender, datetime.now(UTC), resolved=resolved)
        if example is None:
            raise WrongUse(
                f"a sender of the type {sender.type} says what it likes"
                f"{' (or nothing resolves it)' if resolved else ''}: give a FILE with a body of it"
            )
        return example
    return body_in(file, sender)


def _address(config: Config, given: str | None) -> str:
    if given is not None:
        if not given.startswith(("http://", "https://")):
            raise WrongUse("--to must be an address such as http://127.0.0.1:8765")
        return given.rstrip("/")
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to call, not listen
    host = everywhere.get(config.server.host, config.server.host)
    return f"http://{in_url(host)}:{config.server.port}"


def _send(sender: Sender, body: bytes, address: str) -> int:
    url = f"{address}/events/{sender.name}"
    proof = proof_for(sender, body, datetime.now(UTC).timestamp(), f"msg_{uuid4().hex}")
    headers = {"Content-Type": content_type_of(sender), **proof}
    try:
        answer = httpx2.post(url, content=body, headers=headers, timeout=_SECONDS)
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        raise Unreachable(
            f"{url} cannot be reached: start `opsmcp serve` with the same settings, or name its "
            f"address with --to ({type(error).__name__})"
        ) from None
    return _tell(answer, sender, url)


def _tell(answer: httpx2.Response, sender: Sender, url: str) -> int:
    if answer.status_code == HTTPStatus.ACCEPTED:
        counts = _json(answer)
        click.echo(
            f"Accepted by {url}: {counts.get('new', 0)} new, {counts.get('known', 0)} known, "
            f"{counts.get('left_out', 0)} left out."
        )
        return 0
    said = clean_line(str(_json(answer).get("error", "")), 300)
    why = said or _WHY.get(answer.status_code, "that is no answer of opsmcp serve")
    raise Failed(f"{url} answers {answer.status_code}: {why.format(name=sender.name)}")


_WHY: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: "it does not take the proof. It has another secret for {name}, or no "
    "such sender: was it started with these settings?",
    HTTPStatus.NOT_FOUND: "it has no senders: was it started with these settings?",
    HTTPStatus.SERVICE_UNAVAILABLE: "not now. `opsmcp events senders` and its log say why",
    HTTPStatus.MISDIRECTED_REQUEST: "a sender without a secret calls it by its own address only",
}


def _json(answer: httpx2.Response) -> dict[str, Any]:
    try:
        found: Any = answer.json()
    except ValueError:
        return {}
    return mapping(found)
