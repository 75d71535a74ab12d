"""What a line says of arguments: masked, bounded, and provable by who has the key."""

import json

from opsmcp_tools.audit.details import arguments_mac, bounded, shown_arguments
from opsmcp_tools.masking.masker import Masker


def test_of_arguments_that_were_not_accepted_only_known_names_keep_their_values() -> None:
    given = {"host": "web-1", "password": "hunter2", "hunter2secret": 3, "note": "is planted-key"}
    shown = shown_arguments(given, Masker(["planted-key", "hunter2secret"]), {"host", "note"})
    assert shown == {"host": "web-1", "password": "***", "***": "***", "note": "is ***"}


def test_arguments_take_at_most_8_kib_and_their_beginnings_stay() -> None:
    shown = bounded({"script": "x" * 20_000, "host": "web-1"})
    assert len(json.dumps(shown)) <= 8 * 1024
    assert shown["host"] == "web-1"
    assert shown["script"].endswith("x…")


def test_arguments_of_many_names_are_left_out() -> None:
    assert bounded({f"name-{number}": "x" for number in range(2_000)}) == {"...": "too many"}


def test_the_mac_is_equal_for_equal_arguments_and_needs_the_key() -> None:
    first = arguments_mac(b"key", {"a": "1", "b": "2"})
    assert first == arguments_mac(b"key", {"b": "2", "a": "1"})
    assert first != arguments_mac(b"key", {"a": "1", "b": "3"})
    assert first != arguments_mac(b"other", {"a": "1", "b": "2"})
