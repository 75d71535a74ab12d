"""Asks Alertmanager whether an alert is still there, before something is changed because of it.

A delivery says how it was; since then somebody may have silenced it, or it is over and the word of
that was lost. Only one that is there and active counts.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import urlencode

import anyio
import httpx2

from opsmcp_server.config.sender import Sender
from opsmcp_server.process.certificates import trusted_certificates
from opsmcp_tools.incidents.signal import Signal
from opsmcp_tools.model.errors import ToolUnavailable

__all__ = ["AlertState", "state_at"]

_SECONDS = 10.0
_MOST_BYTES = 8 * 1024 * 1024
_PATH = "/api/v2/alerts"
_ALL_STATES = {"active": "true", "silenced": "true", "inhibited": "true", "unprocessed": "true"}


class AlertState(StrEnum):
    """How an alert stands."""

    ACTIVE = "active"
    SUPPRESSED = "suppressed"
    """It is silenced or inhibited."""
    GONE = "gone"


async def state_at(sender: Sender, signal: Signal) -> AlertState:
    """How the alert of a signal stands at its sender, by its fingerprint.

    Raises:
        ToolUnavailable: It cannot be asked now, or its answer is none.
    """
    query = [*_ALL_STATES.items(), *_filters(signal)]
    try:
        with anyio.fail_after(_SECONDS):
            answer = await _get(f"{sender.api}{_PATH}?{urlencode(query)}")
    except (httpx2.HTTPError, TimeoutError, ValueError, RecursionError) as error:
        why = f"{sender.name} cannot be asked whether it still is so: {type(error).__name__}"
        raise ToolUnavailable(why) from error
    return _state(answer, signal.key)


def _filters(signal: Signal) -> Iterator[tuple[str, str]]:
    """What keeps the answer small; which alert is meant, its fingerprint says."""
    name = signal.labels.get("alertname", "")
    if name:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        yield "filter", f'alertname="{quoted}"'


async def _get(url: str) -> list[Any]:
    """The list of an answer, bounded. Redirects are not followed."""
    body, trusted = b"", await trusted_certificates()
    async with (
        httpx2.AsyncClient(verify=trusted, timeout=_SECONDS, follow_redirects=False) as http,
        http.stream("GET", url) as answer,
    ):
        if answer.status_code != HTTPStatus.OK:
            raise ValueError(f"{answer.status_code}")
        async for part in answer.aiter_bytes():
            body += part
            if len(body) > _MOST_BYTES:
                raise ValueError("too long")
    found: object = json.loads(body)
    if not isinstance(found, list):
        raise ValueError("no list")
    return cast("list[Any]", found)


def _state(alerts: Iterable[Any], key: str) -> AlertState:
    known = (cast("Mapping[str, Any]", one) for one in alerts if isinstance(one, dict))
    alert = next((one for one in known if one.get("fingerprint") == key), None)
    if alert is None:
        return AlertState.GONE
    # What says neither is not known to be active.
    status: object = alert.get("status")
    said = cast("Mapping[str, Any]", status).get("state") if isinstance(status, dict) else None
    return AlertState.ACTIVE if said == "active" else AlertState.SUPPRESSED
