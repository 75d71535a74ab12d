import pytest

from opsmcp_tools.runs.poll_interval import PollInterval

_LATENCY = 0.005


def _follow(interval: PollInterval, ends: float, begins: float = 0.0) -> tuple[float, int]:
    """How late the end of a run is seen, and how many looks it took."""
    age, looks, begun = 0.02, 1, False
    while age < ends:
        pending = age < begins
        interval.note_poll(age, changed=not pending and not begun, pending=pending)
        begun = not pending
        age += interval.pause_seconds(age) + _LATENCY
        looks += 1
    return age - ends, looks


@pytest.mark.parametrize("seconds", [0.1, 3.2, 3.6, 5.1, 8.1, 11.0])
def test_the_first_runs_of_an_operation_are_looked_at_often(seconds: float) -> None:
    late, looks = _follow(PollInterval(), seconds)
    assert late < 0.42
    assert looks <= 2.6 * seconds + 2


def test_a_first_run_is_hardly_looked_at_before_ops_can_have_ended_it() -> None:
    late, looks = _follow(PollInterval(), 3.1)
    assert late < 0.15
    assert looks <= 4


@pytest.mark.parametrize("seconds", [1.0, 2.0, 5.0, 9.0, 20.0, 60.0])
def test_looks_are_close_where_past_runs_ended(seconds: float) -> None:
    interval = PollInterval([seconds * 0.97, seconds, seconds * 1.04])
    late, looks = _follow(interval, seconds)
    assert late < 0.6
    assert looks <= max(4, 1.5 * seconds)


@pytest.mark.parametrize("ticks", range(2, 21))
def test_the_ticks_of_the_controller_are_known_after_the_first(ticks: int) -> None:
    late, looks = _follow(PollInterval(ticking=True), 3.1 * 1 + 3.0 * (ticks - 1), begins=3.1)
    assert late < 0.45
    assert looks <= 3 * ticks + 4


@pytest.mark.parametrize("seconds", [6.2, 12.2, 30.2, 60.2])
def test_a_known_pipeline_costs_less_than_one_look_a_second(seconds: float) -> None:
    _, looks = _follow(PollInterval([seconds] * 3, ticking=True), seconds, begins=3.2)
    assert looks <= seconds + 1


@pytest.mark.parametrize("spread", [1.0, 3.0, 20.0])
def test_looks_are_not_closer_than_what_was_saved_allows(spread: float) -> None:
    durations = [10.0, 10.0 * spread]
    for seconds in (9.0, 10.0, 10.0 * spread):
        _, looks = _follow(PollInterval(durations), seconds)
        assert looks <= 1.03 * seconds + 4


def test_a_tick_that_was_seen_late_is_looked_for_earlier_the_next_time() -> None:
    interval, ticks = PollInterval(ticking=True), (3.2, 6.2, 9.2)
    ages = [0.1, 4.0]
    while ages[-1] < ticks[-1]:
        before, age = ages[-2:]
        moved = any(before < tick <= age for tick in ticks)
        interval.note_poll(age, changed=moved, pending=age < ticks[0])
        ages.append(age + interval.pause_seconds(age))
    assert ages[-1] - ticks[-1] < 1.0


def test_a_run_that_takes_longer_than_ever_is_looked_at_less_and_less() -> None:
    interval = PollInterval([2.0])
    assert interval.pause_seconds(4) < 0.5 < 3 < interval.pause_seconds(200) < 5


def test_a_long_run_of_a_new_operation_is_looked_at_every_few_seconds() -> None:
    assert PollInterval().pause_seconds(900) == pytest.approx(4.75)


@pytest.mark.parametrize(("age", "pause"), [(0.0, 0.05), (1.0, 0.1), (100.0, 0.25)])
def test_where_looks_cost_nothing_they_stay_close(age: float, pause: float) -> None:
    interval = PollInterval(first_seconds=0.05, frugal=False)
    assert interval.pause_seconds(age, jitter=1.0) == pytest.approx(pause)
