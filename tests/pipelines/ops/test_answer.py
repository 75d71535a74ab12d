"""Every kind of answer that an Ops server gives, told apart (pure)."""

import json

import pytest

from opsmcp_pipelines.errors import (
    NotFound,
    SourceError,
    SourceProtocolError,
    SourceRefused,
    SourceUnauthorized,
    SourceUnavailable,
)
from opsmcp_pipelines.ops.answer import Answer, NotReceived, RequestInfo, clean, read_answer
from tests.recorded_ops import load

_ASKED = RequestInfo("list the tasks", "the Ops server at http://ops.example")

_RECORDED = {
    "login-check-bad-token": SourceUnauthorized,
    "pipelines-get-missing": NotFound,
    "taskruns-get-missing": NotFound,
    "pipelineruns-post-empty-body": SourceRefused,
    "pipelineruns-post-2MB-variable": SourceRefused,
    "pipelineruns-post-4MB-variable": SourceRefused,
    "pipelineruns-post-number-variable": SourceRefused,
    "tasks-list-page-size-text": SourceRefused,
    "pipelines-list-page-size-text": SourceUnavailable,
    "pipelines-list-page-size-0": SourceUnavailable,
    "unknown-route": SourceProtocolError,
    "trailing-slash": SourceProtocolError,
    "kube-refused-pipelines-list": SourceUnavailable,
    "kube-refused-pipelines-get": NotReceived,
    "kube-refused-pipelineruns-post": NotReceived,
    "kube-silent-tasks-list": NotReceived,
    "kube-silent-pipelineruns-post": NotReceived,
}


def _recorded(name: str) -> Answer:
    found = load(name)
    text = json.dumps(found["body"]) if "body" in found else found["body_text"]
    return Answer(found["status"], found["headers"].get("content-type", ""), text.encode())


def _refusal(text: str) -> Answer:
    body = json.dumps({"code": -1, "message": text})
    return Answer(200, "application/json", body.encode())


@pytest.mark.parametrize(("name", "kind"), _RECORDED.items(), ids=_RECORDED)
def test_a_recorded_failure_becomes_the_error_that_says_what_to_do(
    name: str, kind: type[SourceError]
) -> None:
    with pytest.raises(SourceError) as caught:
        read_answer(_recorded(name), _ASKED)
    assert type(caught.value) is kind
    assert "could not list the tasks" in str(caught.value)
    assert "<" not in str(caught.value)


@pytest.mark.parametrize("name", ["pipelines-get-one", "hosts-list", "namespaces-list"])
def test_a_recorded_good_answer_gives_its_data(name: str) -> None:
    assert read_answer(_recorded(name), _ASKED) == load(name)["body"]["data"]


def test_a_good_answer_without_data_gives_none() -> None:
    assert read_answer(_recorded("login-check-good"), _ASKED) is None


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        pytest.param(Answer(200, "application/json", b" \n"), SourceUnavailable, id="blank"),
        pytest.param(Answer(502, "text/html", b"<html>"), SourceUnavailable, id="bad-gateway"),
        pytest.param(Answer(429, "", b""), SourceUnavailable, id="too-many"),
        pytest.param(Answer(403, "", b"no"), SourceUnauthorized, id="forbidden"),
        pytest.param(Answer(404, "text/plain", b"404"), SourceProtocolError, id="other-server"),
        pytest.param(Answer(200, "", b'{"code":0,"da'), SourceProtocolError, id="truncated"),
        pytest.param(Answer(200, "", b"\xff\xfe{"), SourceProtocolError, id="not-text"),
        pytest.param(Answer(200, "", b"[" * 100_000), SourceProtocolError, id="very-deep"),
        pytest.param(Answer(200, "", b"9" * 10_000), SourceProtocolError, id="very-long-number"),
        pytest.param(Answer(200, "", b"[1]"), SourceProtocolError, id="no-object"),
        pytest.param(Answer(200, "", b'{"data":1}'), SourceProtocolError, id="no-code"),
        pytest.param(Answer(200, "", b'{"code":false}'), SourceProtocolError, id="code-no-number"),
        pytest.param(Answer(200, "", b'{"code":-1}'), SourceRefused, id="no-reason"),
        pytest.param(_refusal("not authorized, invalid token"), SourceUnauthorized, id="token"),
    ],
)
def test_an_answer_of_any_other_kind_becomes_an_error(
    answer: Answer, kind: type[SourceError]
) -> None:
    with pytest.raises(SourceError) as caught:
        read_answer(answer, _ASKED)
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('Post "https://k:6443/x": dial tcp 10.0.0.1:6443: connect: refused', NotReceived),
        ('Get "https://k:6443/x": context deadline exceeded', NotReceived),
        ('Post "https://k:6443/x": context deadline exceeded', SourceUnavailable),
        ('Post "https://k:6443/x": EOF', SourceUnavailable),
        ("client rate limiter Wait returned an error: context deadline", SourceUnavailable),
        ("etcdserver: request timed out", SourceUnavailable),
        ("etcdserver: leader changed", SourceUnavailable),
        ("EOF", SourceRefused),
        ('admission webhook "x" denied the request', SourceRefused),
    ],
)
def test_troubles_of_the_kubernetes_api_are_told_apart(text: str, kind: type[SourceError]) -> None:
    with pytest.raises(SourceError) as caught:
        read_answer(_refusal(text), _ASKED)
    assert type(caught.value) is kind


def test_text_of_the_server_is_cleaned_and_cut() -> None:
    text = clean("a\x1b[31m\r\nb\u202e" + "c" * 1000)
    assert text.startswith("a [31m b c")
    assert len(text) == 300
    assert text.isprintable()


def test_half_a_surrogate_pair_does_not_get_any_further() -> None:
    data = read_answer(Answer(200, "", rb'{"code":0,"data":"a\ud83d \ud83d\ude00"}'), _ASKED)
    assert data == "a\ufffd \U0001f600"
