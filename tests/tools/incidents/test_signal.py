"""Signals: whatever a sender sends has bounds, says what was cut, and holds no secret."""

from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import pytest

from opsmcp_tools.masking.masker import Masker
from tests.tools.incidents.signals import NOW, make


def nested(depth: int) -> Any:
    return {"in": nested(depth - 1)} if depth else "core"


def test_a_signal_within_the_bounds_is_kept_as_it_is() -> None:
    signal = make(labels={"a": "é" * 2048}, data={"n": 1, "list": [None, {"x": "y"}]})
    assert signal.labels == {"a": "é" * 2048}
    assert signal.data == {"n": 1, "list": [None, {"x": "y"}]}
    assert signal.cut == ()


def test_what_is_over_the_bounds_is_cut_and_named() -> None:
    signal = make(
        kind="k" * 200,
        labels={f"l{number}": "v" for number in range(70)},
        annotations={"summary": "é" * 2049, "n" * 129: "v"},
        data={"first": 1, "big": "x" * 70_000, "after": 2},
    )
    assert len(signal.kind) == 128
    assert len(signal.labels) == 64
    assert signal.annotations == {"summary": "é" * 2048, "n" * 128: "v"}
    assert signal.data == {"first": 1}
    assert signal.cut == ("kind", "labels", "annotations.summary", "annotations", "data")


def test_a_character_is_never_cut_in_two() -> None:
    assert make(labels={"a": "x" + "é" * 2048}).labels["a"] == "x" + "é" * 2047


def test_data_that_is_nested_too_deeply_ends_at_the_bound() -> None:
    signal = make(data=nested(500))
    assert str(signal.data).count("in") == 33
    assert signal.cut == ("data",)


def test_many_cuts_are_not_all_named() -> None:
    signal = make(labels={f"l{number}": "v" * 5_000 for number in range(64)})
    assert len(signal.cut) == 16


def test_keys_and_delivery_ids_that_are_cut_stay_different() -> None:
    one, other = (make("d" * 600 + end, key="k" * 600 + end) for end in "ab")
    assert one.delivery_id != other.delivery_id
    assert one.key != other.key
    assert len(one.key) == len(one.delivery_id) == 512


def test_secrets_are_masked_everywhere_before_anything_is_cut() -> None:
    secret = "a-secret-of-ours-1234567890"
    text = "x" * (4 * 1024 - 10) + secret
    signal = make(
        f"id {secret}",
        mask=Masker([secret]).text,
        key=f"key {secret}",
        kind=f"kind {secret}",
        labels={"a": text, f"in {secret}": "b"},
        annotations={"a": secret},
        data={f"n {secret}": [{f"m {secret}": secret}]},
    )
    assert "a-secret" not in repr(signal)


@pytest.mark.parametrize("part", ["key", "kind", "labels", "annotations", "data"])
def test_one_secret_alone_is_found_wherever_it_is(part: str) -> None:
    secret = "a-secret-of-ours-1234567890"
    whole: dict[str, Any] = {
        "key": secret,
        "kind": secret,
        "labels": {"a": secret},
        "annotations": {secret: "a"},
        "data": {"a": [{"b": secret}]},
    }
    signal = make(mask=Masker([secret]).text, **{part: whole[part]})
    assert secret not in repr(signal)


def test_half_characters_and_nul_become_others() -> None:
    signal = make(labels={"a": "x\ud800y", "b": "x\0y"}, data={"\udfff": "\ud800"})
    assert signal.labels == {"a": "x?y", "b": "x\ufffdy"}
    assert signal.data == {"?": "?"}


@pytest.mark.parametrize(
    ("instance", "place"),
    [
        ("h1:9100", "h1"),
        ("h1", "h1"),
        ("10.0.0.1:80", "10.0.0.1"),
        ("[::1]:9100", "::1"),
        ("fe80::1", "fe80::1"),
        ("h1:port", "h1:port"),
        ("h1:٣", "h1:٣"),
    ],
)
def test_an_instance_is_a_place_without_its_port(instance: str, place: str) -> None:
    assert make(labels={"instance": instance}).places == {"instance": place}


def test_only_labels_that_name_places_and_say_something_are_places() -> None:
    labels = {"cluster": "c1", "host": "", "pod": "p", "job": "node", "namespace": "n", "node": "m"}
    places = make(labels=labels).places
    assert places == {"cluster": "c1", "pod": "p", "namespace": "n", "node": "m"}
    assert isinstance(places, MappingProxyType)


def test_times_are_in_utc_and_those_that_cannot_be_are_the_time_of_receipt() -> None:
    east = timezone(timedelta(hours=8))
    assert make(at=datetime(2026, 1, 1, 8, tzinfo=east)).at == datetime(2026, 1, 1, tzinfo=UTC)
    assert make(at=datetime(2026, 1, 1)).at == datetime(2026, 1, 1, tzinfo=UTC)  # noqa: DTZ001
    assert make(at=datetime(1, 1, 1, tzinfo=east)).at == NOW
