"""A corrected call is offered when there is no doubt, and only then."""

from typing import Any

import pytest

from opsmcp_tools.arguments import check_arguments
from opsmcp_tools.errors import InvalidArguments
from opsmcp_tools.tool import Principal
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
        {"keyword": ["a"]},
        {"keyword": "$(id)"},
    ],
    ids=str,
)
def test_a_guess_is_no_correction(given: dict[str, Any]):
    assert corrected(given) is None


def test_the_message_holds_the_corrected_call():
    with pytest.raises(InvalidArguments, match=r'accepted would be: \{"host": "web-1"\}'):
        check_arguments(TOOL, {"host": "Web-1"}, ME)
