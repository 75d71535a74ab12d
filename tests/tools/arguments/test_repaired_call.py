"""A corrected call is offered when there is no doubt, and only then."""

from typing import Any

import pytest

from opsmcp_tools.arguments.check import check_arguments
from opsmcp_tools.model.errors import InvalidArguments
from opsmcp_tools.model.tool import Principal
from tests.tools.corpus import TOOL

ME = Principal("me")


def corrected(given: dict[str, Any]) -> Any:
    with pytest.raises(InvalidArguments) as caught:
        check_arguments(TOOL, given, ME)
    return caught.value.corrected


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"host": "WEB_1"}, {"host": "web-1"}),
        ({"cluster": " East "}, {"cluster": "east"}),
        ({"mood": "very-loud"}, {"mood": "very loud"}),
        ({"Key_Word": "error"}, {"keyword": "error"}),
        ({"force": "Yes", "port": 80}, {"force": "true", "port": "80"}),
        ({"pod": "Web-0 "}, {"pod": "web-0"}),
        ({"ip": "10.0.0.7\n"}, {"ip": "10.0.0.7"}),
        ({"arguments": {"host": "web-1", "port": 80}}, {"host": "web-1", "port": "80"}),
        ({"params": {"Host": "WEB-1"}}, {"host": "web-1"}),
        ({"hosts": "web-1"}, {"host": "web-1"}),
        ({"hosts": ["web-1"]}, {"host": "web-1"}),
        ({"input": '{"host": "web-1"}'}, {"host": "web-1"}),
        ({"Pod": "Web_0"}, {"pod": "web-0"}),
        ({"pod_name": "web-0"}, {"pod": "web-0"}),
        ({"podNames": "web-0"}, {"pod": "web-0"}),
        ({"cluster": "EAST", "hostName": "Web_1"}, {"cluster": "east", "host": "web-1"}),
    ],
    ids=str,
)
def test_what_can_only_have_been_meant_is_offered(given: dict[str, Any], meant: dict[str, str]):
    assert corrected(given) == meant


@pytest.mark.parametrize(
    "given",
    [
        {"host": "web-3"},
        {"host": "WEB_1", "ip": "nowhere"},
        {"hostt": "web-1"},
        {"keyword": "a", "key-word": "b"},
        {"pod": "a b"},
        {"keyword": ["a", "b"]},
        {"keyword": "$(id)"},
        {"hosts": ["web-1", "web-2"]},
        {"hosts": "web-1", "host_name": "web-2"},
        {"arguments": {"host": "nowhere"}},
        {"arguments": {"host": "web-1"}, "port": 80},
        {"arguments": "host=web-1"},
        {"hosts": [["web-1"]]},
        {"arguments": "[" * 9_000},
        {"arguments": {"arguments": {"host": "web-1"}}},
    ],
    ids=str,
)
def test_a_guess_is_no_correction(given: dict[str, Any]):
    assert corrected(given) is None


def test_the_message_holds_the_corrected_call():
    with pytest.raises(InvalidArguments, match=r'accepted would be: \{"host": "web-1"\}'):
        check_arguments(TOOL, {"host": "Web-1"}, ME)


def test_a_wrapping_of_the_arguments_is_named_as_such():
    with pytest.raises(InvalidArguments, match="it holds the arguments; give them themselves"):
        check_arguments(TOOL, {"arguments": {"host": "web-1"}}, ME)


def test_a_value_under_a_name_that_can_only_mean_one_is_checked_as_that_one():
    with pytest.raises(InvalidArguments) as caught:
        check_arguments(TOOL, {"Ports": "many", "args": 1}, ME)
    assert [problem.argument for problem in caught.value.problems] == ["Ports", "args", "port"]
    assert "'many' was given" in caught.value.problems[-1].message
