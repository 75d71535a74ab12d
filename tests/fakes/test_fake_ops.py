"""The fake Ops server gives the answers that were recorded of a real one."""

import json
import re
import ssl
import time
from typing import Any, cast

import httpx2
import pytest

from tests.fakes.ops_server import FakeOps
from tests.fakes.ops_state import OpsState
from tests.recorded_ops import load, names

_EXCHANGES = re.compile(
    r"(pipelines|tasks)-(get|list).*|hosts-.*|clusters-(get|list).*|namespaces-list|login-check-.*"
    r"|events-get-(?!nats-quiet).*|events-post-.*|healthz|unknown-route.*|wrong-method|trailing-slash|(pipelineruns|taskruns)-(get|list|post).*"
)
_RECORDED = [name for name in names() if _EXCHANGES.fullmatch(name)]
_DEFINITIONS = [
    name
    for name in _RECORDED
    if re.match(r"(pipelines|tasks|hosts|clusters)-", name) and "heartbeat" not in name
]


def _is_of_the_lists(name: str) -> bool:
    """Whether a recorded run is one of an operation that was there when the lists were recorded."""
    recording = load(name)
    held = OpsState.recorded().objects
    known = {item["metadata"]["name"] for kind in ("pipelines", "tasks") for item in held[kind]}
    return "created" in recording and _ref(recording) in known


def _ref(recording: dict[str, Any]) -> str:
    return next(iter(recording["request"]["body"].values()))


_STARTED = [name for name in names("run-") if _is_of_the_lists(name)]


def _content(request: dict[str, Any]) -> bytes | None:
    body = request.get("body")
    if body is None or isinstance(body, str):
        return body.encode() if body else None
    text = json.dumps(body)
    if found := re.search(r"x repeated (\d+) times", text):
        text = text.replace(found[0], "x" * int(found[1]))
    return text.encode()


async def _replay(ops: FakeOps, recording: dict[str, Any]) -> httpx2.Response:
    request = recording["request"]
    # In runs, who asked was not recorded.
    auth = request.get("auth", "Bearer example-token")
    headers = {"Authorization": _own_token(auth)} if auth else {}
    cookies = {"opstoken": ops.token} if recording["name"].endswith("cookie") else {}
    async with _http(ops, cookies=cookies) as http:
        return await http.request(
            request["method"], request["path"], content=_content(request), headers=headers
        )


def _http(ops: FakeOps, **options: Any) -> httpx2.AsyncClient:
    # Without certificate authorities, which take long to load.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx2.AsyncClient(base_url=ops.url, verify=context, **options)


def _own_token(auth: str) -> str:
    # The bed's own token, in base64.
    return auth.replace("YW55OnRlc3RiZWQtdG9rZW4=", "YW55OmV4YW1wbGUtdG9rZW4=")


def _media(content_type: str | None) -> str:
    return (content_type or "nothing").partition(";")[0]


def _shape(value: object) -> object:
    """Keys and types, down to where the data of the bed begins."""
    if not isinstance(value, dict):
        return type(value).__name__
    fields = cast("dict[str, object]", value)
    opaque = ("variables", "labels", "list")
    return {
        key: type(item).__name__ if key in opaque else _shape(item) for key, item in fields.items()
    }


@pytest.mark.parametrize("name", _RECORDED)
async def test_the_fake_answers_as_recorded(ops: FakeOps, name: str) -> None:
    recording = load(name)
    if "no-nats" not in name:
        ops.state.events.turn_on()
    if recording["request"]["path"].startswith("/api/v1/events/"):
        _publish_as_recorded(ops, recording)
    for ref in ("bed-echo", "bed-fail") if "runs-list" in name else ():
        await _start(ops, ref)
    answer = await _replay(ops, recording)
    assert answer.status_code == recording["status"]
    assert _media(answer.headers.get("content-type")) == _media(
        recording["headers"].get("content-type")
    )
    expected: Any = recording.get("body")
    if not isinstance(expected, dict):
        assert bool(answer.content) == bool(expected or recording.get("body_text"))
        return
    found = answer.json()
    expected = cast("dict[str, Any]", expected)
    assert found["code"] == expected["code"]
    assert found["message"] == expected["message"]
    assert _shape(found) == _shape(expected)


def _publish_as_recorded(ops: FakeOps, recording: dict[str, Any]) -> None:
    """The events of the answer, at their distance from the start that was asked for."""
    data: dict[str, Any] = recording["body"].get("data", {})
    entries: list[dict[str, Any]] = data.get("list") or []
    for entry in entries:
        ops.state.events.store(entry["subject"], entry["event"])
    start = int(time.time() - 60) * 1000
    timeout = re.compile("timeout=[0-9]+")
    path = re.sub("start_time=[0-9]+", f"start_time={start}", recording["request"]["path"])
    recording["request"]["path"] = timeout.sub("timeout=1", path)


async def _start(ops: FakeOps, ref: str) -> None:
    for kind, key in (("pipelineruns", "pipelineRef"), ("taskruns", "taskRef")):
        ops.state.create_run(kind, "ops-system", {key: ref}, 10)
    for _ in range(3):
        ops.advance()


@pytest.mark.parametrize("name", _DEFINITIONS)
async def test_the_fake_holds_the_recorded_objects(ops: FakeOps, name: str) -> None:
    recording = load(name)
    answer = await _replay(ops, recording)
    if "body" in recording:
        assert answer.json() == recording["body"]


@pytest.mark.parametrize("name", _STARTED)
async def test_a_run_is_created_as_recorded(ops: FakeOps, name: str) -> None:
    recording = load(name)
    found = (await _replay(ops, recording)).json()["data"]
    expected = recording["created"]["data"]
    assert found.pop("metadata").keys() == expected.pop("metadata").keys()
    assert found == expected


@pytest.mark.parametrize("name", ["run-pipeline-good-local", "run-task-failing-ssh"])
async def test_a_played_recording_shows_its_states_one_by_one(ops: FakeOps, name: str) -> None:
    recording = load(name)
    ops.play(_ref(recording), name)
    run = (await _replay(ops, recording)).json()["data"]["metadata"]["name"]
    path = f"{recording['request']['path']}/{run}"
    headers = {"Authorization": f"Bearer {ops.token}"}
    async with _http(ops, headers=headers) as http:
        answers = [(await http.get(path)).json() for _ in recording["states"]]
    assert [answer["data"]["status"] for answer in answers] == [
        state["response"]["data"]["status"] for state in recording["states"]
    ]
    recorded = recording["states"][0]["response"]["data"]
    assert _shape(answers[0]["data"]) == _shape(recorded)
