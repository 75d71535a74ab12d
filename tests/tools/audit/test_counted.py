"""Equal things are told a few times, and then as a count."""

from math import inf

from opsmcp_tools.audit.counted import Counted, Told


def test_the_first_ones_are_told_and_the_others_counted_until_the_while_is_over() -> None:
    it = Counted[str](60.0, free=2)
    told = [it.take("a", second, lambda: "first").itself for second in (0.0, 1.0, 2.0, 3.0)]
    assert told == [True, True, False, False]
    assert it.take("b", 3.0, str) == Told("", itself=True)
    assert it.take("a", 60.0, lambda: "next") == Told("next", itself=True, besides=2)


def test_what_was_only_counted_is_left_once_its_while_is_over() -> None:
    it = Counted[float](60.0)
    for second in (0.0, 1.0, 50.0):
        it.take("a", second, lambda second=second: second)
    it.take("b", 59.0, float)
    assert list(it.left(59.0)) == []
    assert list(it.left(60.0)) == [(0.0, 2)]
    assert list(it.left(inf)) == []
    assert it.take("b", 60.0, float).itself


def test_it_forgets_the_oldest_key_of_many() -> None:
    it = Counted[str](60.0)
    for number in range(10_001):
        it.take(number, 0.0, str)
    assert it.take(0, 1.0, str).itself
    assert not it.take(10_000, 1.0, str).itself
