"""The spans of a server that was used: whose they are, what they belong to, what is not in them."""

from collections.abc import Sequence

import pytest

from tests.fakes.collector import Span
from tests.server.telemetry.conftest import Seen
from tests.server.telemetry.watched import HOSTILE, PARENT, SECRET, TOKEN, TRACE

_SERVER, _CLIENT = 2, 3
_ERROR = 2


@pytest.fixture
def spans(seen: Seen) -> Sequence[Span]:
    return seen.spans


def _named(spans: Sequence[Span], name: str) -> list[Span]:
    return [span for span in spans if span.name == name]


def test_the_span_of_a_call_goes_on_from_the_parent_that_the_client_named(
    spans: Sequence[Span],
) -> None:
    (call,) = (span for span in _named(spans, "tools/call show-good") if span.trace == TRACE)
    assert (call.parent, call.kind, call.service) == (PARENT, _SERVER, "opsmcp")
    http = {span.id: span for span in _named(spans, "POST /mcp")}
    assert [http[link].name for link in call.links] == ["POST /mcp"]
    told = call.attributes
    assert told["mcp.method.name"] == "tools/call"
    assert told["gen_ai.tool.name"] == "show-good"
    assert told["mcp.protocol.version"] == "2026-07-28"
    assert told["network.transport"] == "tcp"
    assert told["client.address"] == "127.0.0.1"
    assert told["enduser.id"] == "token:token"


def test_the_run_and_what_the_source_was_asked_belong_to_the_call(spans: Sequence[Span]) -> None:
    (call,) = (span for span in _named(spans, "tools/call show-good") if span.trace == TRACE)
    below = [span for span in spans if span.parent == call.id]
    (run,) = (span for span in below if span.name == "run show-good")
    assert run.attributes["opsmcp.verdict"] == "succeeded"
    assert run.attributes["opsmcp.run"].startswith("r-")
    asked = [span for span in below if span.kind == _CLIENT]
    assert {"GET", "POST"} == {span.name for span in asked}
    assert {span.attributes["http.response.status_code"] for span in asked} == {200}


def test_a_run_that_fails_is_an_error_and_so_is_its_call(spans: Sequence[Span]) -> None:
    runs, calls = _named(spans, "run show-bad"), _named(spans, "tools/call show-bad")
    assert [run.status for run in runs] == [_ERROR, _ERROR]
    assert [call.attributes["error.type"] for call in calls] == ["tool_error", "tool_error"]


def test_a_list_has_its_span_although_its_page_is_made_before(spans: Sequence[Span]) -> None:
    assert len(_named(spans, "tools/list")) == 3


def test_what_is_asked_on_nobodys_behalf_is_in_no_trace(spans: Sequence[Span]) -> None:
    known = {span.id for span in spans} | {PARENT}
    assert [span.name for span in spans if span.kind == _CLIENT and span.parent not in known] == []


def test_nothing_that_was_said_to_it_is_in_a_span(spans: Sequence[Span]) -> None:
    assert len(_named(spans, "tools/call other")) == 2
    for span in spans:
        for said in (SECRET, TOKEN, "evil", HOSTILE.encode().hex(), "hello", "no space left"):
            assert said not in span.whole, span.name


def test_refused_requests_have_the_span_of_http_alone(spans: Sequence[Span]) -> None:
    codes = {span.attributes.get("http.response.status_code") for span in spans}
    assert 401 in codes
    assert all("http.route" not in span.attributes for span in _named(spans, "_OTHER"))
    assert _named(spans, "_OTHER")
