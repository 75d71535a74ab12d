"""Rates, by the clock that a test gives."""

import pytest

from opsmcp_server.calls.rate_limit import RateLimit


def test_a_third_at_once_and_then_so_many_a_minute() -> None:
    limit = RateLimit(30)
    assert [limit.take("a", 0.0) for _ in range(10)] == [0.0] * 10
    assert limit.take("a", 0.0) == pytest.approx(2.0)
    assert limit.take("b", 0.0) == 0.0
    assert limit.take("a", 2.0) == 0.0
    assert limit.take("a", 2.0) > 0
    assert sum(limit.take("a", 2.0 + second / 10) == 0.0 for second in range(1, 602)) == 30


def test_a_limit_of_0_is_none() -> None:
    limit = RateLimit(0)
    assert not any(limit.take("a", 0.0) for _ in range(1000))


def test_only_so_many_are_kept_and_the_longest_unused_goes_first() -> None:
    limit = RateLimit(3)
    for number in range(10_001):
        limit.take(str(number), 0.0)
    assert len(limit._buckets) == 10_000
    assert limit.take("1", 0.0) > 0
    assert limit.take("0", 0.0) == 0.0


def test_what_comes_in_one_piece_counts_whole_and_is_waited_for_afterwards() -> None:
    limit = RateLimit(60, burst=10)
    limit.spend("a", 0.0, 15)
    assert limit.wait_seconds("a", 0.0) == pytest.approx(6.0)
    assert limit.wait_seconds("a", 5.0) == pytest.approx(1.0)
    assert limit.take("a", 6.0) == 0.0
    assert limit.wait_seconds("a", 1_000.0) == 0.0
    assert [limit.take("a", 1_000.0) for _ in range(10)] == [0.0] * 10
    assert limit.take("a", 1_000.0) > 0
