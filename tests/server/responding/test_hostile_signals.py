"""What senders write is data on every way in: nothing of it becomes code, an option or a call."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anyio
import httpx2

from opsmcp_tools.incidents.incident import State
from tests.server.responding.ground import Working, World, make_world, served
from tests.tools.corpus import HOSTILE_EVERYWHERE, HOSTILE_WORDS

_RESPONDERS = """\
  - {name: auto-labels, senders: [am], when: 'kind == "Label"', key: key, mode: auto, run: clear-it,
     arguments: {name: labels.thing}, verify: {resolved: true}, limits: {cooldown: 0s}}
  - {name: auto-annotations, senders: [am], key: key, mode: auto, run: clear-it,
     arguments: {name: annotations.thing}, verify: {resolved: true}, limits: {cooldown: 0s}}
  - {name: auto-attributes, senders: [cloud], key: key, mode: auto, run: clear-it,
     arguments: {name: labels.thing}, verify: {resolved: true}, limits: {cooldown: 0s}}
  - {name: auto-data, senders: [any], key: key, mode: auto, run: clear-it,
     arguments: {name: data.thing}, verify: {resolved: true}, limits: {cooldown: 0s},
     confirm: {run: get-usage, arguments: {name: data.thing}, expect: 'true'}}
"""
_SENDERS = """\
    am: {type: alertmanager, token: {env: AM_TOKEN}}
    cloud: {type: cloudevents, token: {env: AM_TOKEN}}
    any: {type: json, token: {env: AM_TOKEN}, map: {key: body.key, data: body}}
"""
_TOKEN = "am-token-of-the-tests-0123456789"

_MARKING = (
    "h1;touch PWNED",
    "$(touch PWNED)",
    "`touch PWNED`",
    "${PWNED}",
    "h1\ntouch PWNED",
    "-rf",
    "--help",
    "'; touch PWNED; '",
    '"; touch PWNED; "',
    "h1 && touch PWNED",
    "| touch PWNED",
    "x" * 5000,
    "а1",
    "h1\u200b",
    "\x1b[31mh1",
    "../../etc/passwd",
    "{{7*7}}",
    "*",
    "",
)


def _alert(kind: str, key: str, part: str, value: object) -> dict[str, Any]:
    labels: dict[str, object] = {"alertname": kind, "instance": "h1"}
    alert: dict[str, Any] = {"status": "firing", "labels": labels, "fingerprint": key}
    alert.setdefault(part, {})["thing"] = value
    return {"version": "4", "alerts": [alert]}


def _event(key: str, value: object) -> dict[str, Any]:
    event = {"specversion": "1.0", "id": key, "source": "s", "type": "t", "subject": key}
    return {**event, "thing": value}


WAYS: Mapping[str, Callable[[str, object], dict[str, Any]]] = {
    "am label": lambda key, value: _alert("Label", key, "labels", value),
    "am annotation": lambda key, value: _alert("Annotation", key, "annotations", value),
    "cloud attribute": _event,
    "any data": lambda key, value: {"key": key, "thing": value},
}
"""Sender and part of a signal to the body that has a value there."""


def payloads(world: World) -> list[object]:
    """Those of every corpus, each that would run something with a file to leave its mark on."""
    marking = [text.replace("PWNED", str(world.marker)) for text in _MARKING]
    words = (*HOSTILE_WORDS.values(), *HOSTILE_EVERYWHERE.values())
    touch = f"touch {world.marker}"
    marked = (value.replace("id", touch) if isinstance(value, str) else value for value in words)
    return [*marking, *(value for value in marked if not isinstance(value, bytes))]


async def sent(http: httpx2.AsyncClient, way: str, key: str, value: object) -> int:
    """What a sender of that way is answered."""
    sender = way.partition(" ")[0]
    kind = "application/cloudevents+json" if sender == "cloud" else "application/json"
    headers = {"Authorization": f"Bearer {_TOKEN}", "Content-Type": kind}
    body = json.dumps(WAYS[way](key, value))
    return (await http.post(f"/events/{sender}", content=body, headers=headers)).status_code


def make_hostile_world(root: Path) -> World:
    """Every way in, each with a responder that would act alone."""
    world = make_world(root, _RESPONDERS, "  limits: {runs_per_hour: 1000}\n")
    path = root / ".config" / "opsmcp" / "opsmcp.yaml"
    text = path.read_text("utf-8")
    own = "    am: {type: alertmanager, token: {env: AM_TOKEN}}\n"
    assert own in text
    path.write_text(text.replace(own, _SENDERS), "utf-8")
    return world


async def test_no_value_of_a_signal_becomes_code_an_option_or_another_operation(
    tmp_path: Path,
) -> None:
    world, ways = make_hostile_world(tmp_path), tuple(WAYS)
    async with served(world, {}) as (work, run), httpx2.AsyncClient(base_url=run.url) as http:
        dealt = [(ways[number % len(ways)], v) for number, v in enumerate(payloads(world))]
        answers = [
            await sent(http, way, f"k{number}", value) for number, (way, value) in enumerate(dealt)
        ]
        for way in ways:  # what is sent like this does run, when it is a word
            assert await sent(http, way, f"good {way}", "good") == 202
        accepted = answers.count(202)
        found = await _decided(work, accepted + len(ways))
    assert len(dealt) >= 72 and set(answers) == {202, 400} and accepted >= len(dealt) - 5
    assert not world.marker.exists()
    hostile = [one for one in found if not one.key.startswith("good")]
    assert len(hostile) == accepted
    assert {one.state for one in hostile} == {State.HANDED_OVER}, [
        (one.signal.labels, one.why) for one in hostile if one.state is not State.HANDED_OVER
    ]
    assert world.runs == ["good"] * len(ways)


async def _decided(work: Working, count: int) -> Any:
    """All incidents, once so many have come to something."""
    settled = (State.HANDED_OVER, State.VERIFYING, State.CLOSED)
    with anyio.fail_after(120):
        while True:
            found = [one for one in await work.incidents() if one.state in settled]
            if len(found) == count:
                return found
            await anyio.sleep(0.1)
