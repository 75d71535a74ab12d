"""Equal things are told a few times, and then as a count."""

from opsmcp_tools.audit.counted import Counted, Told


def test_the_first_ones_are_told_and_the_others_counted_until_the_while_is_over() -> None:
    it = Counted(60.0, free=2)
    assert [it.take("a", second).itself for second in (0.0, 1.0, 2.0, 3.0)] == [
        True,
        True,
        False,
        False,
    ]
    assert it.take("b", 3.0) == Told(itself=True)
    assert it.take("a", 60.0) == Told(itself=True, besides=2)


def test_what_was_only_counted_is_left_once_its_while_is_over() -> None:
    it = Counted(60.0)
    for second in (0.0, 1.0, 50.0):
        it.take("a", second)
    it.take("b", 59.0)
    assert list(it.left(0.0)) == [("a", 2)]
    assert list(it.left(100.0)) == []


def test_it_forgets_the_oldest_key_of_many() -> None:
    it = Counted(60.0)
    for number in range(10_001):
        it.take(number, 0.0)
    assert it.take(0, 1.0).itself
    assert not it.take(10_000, 1.0).itself
