"""What keeps a responder from acting: pauses, quiet times, limits, breakers and loops."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from opsmcp_tools.incidents.brakes import (
    Obstacles,
    Pause,
    Repair,
    may_have_caused,
    obstacle_to_start,
    open_breakers,
    what_holds,
)
from opsmcp_tools.incidents.expression import SIGNAL, Condition
from opsmcp_tools.incidents.machine import DAY, HOLDS, HandOver, Held
from opsmcp_tools.incidents.responder import Bounds, Breaker, Limits, Quiet
from opsmcp_tools.phrases import incident as words
from opsmcp_tools.policy.rules import Window
from tests.tools.incidents.incidents import REPAIRS, incident, responder
from tests.tools.incidents.signals import NOW

FREE = responder(limits=Limits(cooldown_seconds=0, per_key=100))


def repair(minutes_ago: float, number: int = 1, **more: Any) -> Repair:
    at = NOW - timedelta(minutes=minutes_ago)
    fields: dict[str, Any] = {
        "incident": f"i-{number}",
        "attempt": 1,
        "responder": "repairs",
        "key": "k1",
        "places": ("host:h1",),
        "chain": (f"i-{number}",),
        "began_at": at,
        "ended_at": at,
        "helped": True,
    }
    return Repair(**{**fields, **more})


def there(*repairs: Repair, **more: Any) -> Obstacles:
    fields: dict[str, Any] = {"repairs": repairs, "pauses": {}, **more}
    return Obstacles(**fields)


def held(obstacles: Obstacles, one: Any = FREE, **more: Any) -> Any:
    return what_holds(incident(**more), one, obstacles, NOW)


def why(found: Any) -> str:
    return found.why.to("en")


def test_nothing_holds_what_was_never_done() -> None:
    assert held(there(), REPAIRS) is None


@pytest.mark.parametrize("name", ["*", "repairs"])
def test_a_pause_holds_and_a_resume_does_not(name: str) -> None:
    paused = there(pauses={name: Pause(name, "anna", NOW)})
    resumed = there(pauses={name: Pause(name, "anna", NOW, paused=False)})
    assert "paused by anna" in why(held(paused))
    assert held(resumed) is None


def test_a_quiet_time_holds_what_fits_it_while_it_lasts() -> None:
    quiet = Quiet("freeze", Condition('severity == "warning"', SIGNAL), Window(frozenset({0})))
    other = Quiet("other", Condition('severity == "critical"', SIGNAL))
    broken = Quiet("broken", Condition('labels.nope == "x"', SIGNAL))
    assert NOW.weekday() == 0
    assert why(held(there(quiet=(other, broken, quiet)))) == "quiet time freeze"
    tomorrow = NOW + timedelta(days=1)
    assert what_holds(incident(), FREE, there(quiet=(quiet,)), tomorrow) is None


def test_the_cooldown_counts_from_the_end_of_the_last_run_for_the_key() -> None:
    one = responder(limits=Limits(cooldown_seconds=600, per_key=100))
    found = held(there(repair(30, ended_at=NOW - timedelta(minutes=4))), one)
    assert isinstance(found, Held) and found.seconds == 360
    assert held(there(repair(11)), one) is None
    assert held(there(repair(4, key="other")), one) is None
    assert held(there(repair(4, incident="i-own")), one) is None


def test_a_key_may_be_changed_only_so_often() -> None:
    one = responder(limits=Limits(cooldown_seconds=0, per_key=2, per_key_seconds=3600))
    found = held(there(repair(50, 1), repair(20, 2)), one)
    assert isinstance(found, Held) and found.seconds == 600
    assert held(there(repair(70, 1), repair(20, 2)), one) is None


def test_all_together_may_start_only_so_many_runs_an_hour() -> None:
    obstacles = there(
        *(repair(30, n, key=f"k{n}") for n in range(3)), bounds=Bounds(runs_per_hour=3)
    )
    found = held(obstacles)
    assert isinstance(found, Held) and found.seconds == 1800
    said = obstacle_to_start(incident(), FREE, ("host:x",), obstacles, NOW)
    assert said is not None and "3 runs an hour" in said.to("en")


def test_the_breaker_opens_after_runs_that_did_not_help_and_closes_again() -> None:
    one = responder(
        limits=Limits(cooldown_seconds=0, per_key=100),
        breaker=Breaker(after=2, within_seconds=3600, for_seconds=1800),
    )
    bad = [repair(20, 1, helped=False), repair(10, 2, helped=False)]
    found = held(there(*bad), one)
    assert isinstance(found, Held) and found.seconds == 1200
    assert open_breakers([one], there(*bad, repair(5, 3, helped=False, key="k2")), NOW) == 1
    assert open_breakers([], there(*bad), NOW) == open_breakers([one], there(bad[0]), NOW) == 0
    assert held(there(bad[0]), one) is None
    assert held(there(repair(90, 1, helped=False), bad[1]), one) is None
    assert held(there(repair(50, 1, helped=False), repair(40, 2, helped=False)), one) is None


def test_whatever_may_hold_an_incident_has_a_word_of_its_own() -> None:
    phrases = {one for name, one in vars(words).items() if name.startswith("BY_")}
    assert phrases - HOLDS.keys() == {words.BY_PLACES}  # that one only keeps a run from starting
    assert len({*HOLDS.values()}) == len(HOLDS)
    assert Held(words.BY_LOOP("i-1", "i-2"), 1.0).reason == "loop"


def test_resuming_closes_the_breaker() -> None:
    one = responder(limits=Limits(0, 100), breaker=Breaker(after=1))
    resumed = {"repairs": Pause("repairs", "anna", NOW - timedelta(minutes=1), paused=False)}
    assert held(there(repair(5, helped=False), pauses=resumed), one) is None


def test_the_breaker_of_a_place_counts_all_responders() -> None:
    bad = [repair(9, n, responder=f"r{n}", key=f"k{n}", helped=False) for n in range(3)]
    said = obstacle_to_start(incident(), FREE, ("host:h1",), there(*bad), NOW)
    assert said is not None and "breaker is open" in said.to("en")
    assert obstacle_to_start(incident(), FREE, ("host:h2",), there(*bad), NOW) is None


@pytest.mark.parametrize(
    ("places", "taken"),
    [
        (("host:h1",), True),
        (("host:",), True),
        (("host:h2",), False),
        (("namespace:h1",), False),
        ((), False),
    ],
)
def test_one_change_at_a_time_on_one_place(places: tuple[str, ...], taken: bool) -> None:
    running = there(repair(1, ended_at=None, helped=None))
    said = obstacle_to_start(incident(), FREE, places, running, NOW)
    assert (said is not None) is taken
    own = there(repair(1, incident="i-own", ended_at=None))
    assert obstacle_to_start(incident(), FREE, places, own, NOW) is None


def test_only_so_many_places_are_changed_in_an_hour() -> None:
    bounds = Bounds(places_per_hour=2)
    done = [repair(9, n, places=(f"host:h{n}",)) for n in range(2)]
    new = obstacle_to_start(incident(), FREE, ("host:h9",), there(*done, bounds=bounds), NOW)
    same = obstacle_to_start(incident(), FREE, ("host:h1",), there(*done, bounds=bounds), NOW)
    assert new is not None and "2 places an hour" in new.to("en")
    assert same is None


def test_what_its_own_run_may_have_caused_is_held_and_a_long_chain_handed_over() -> None:
    repairs = (repair(9, 1), repair(5, 2, responder="other", chain=("i-1", "i-2")))
    found = held(there(*repairs), chain=("i-1", "i-2"))
    assert isinstance(found, Held) and found.seconds == DAY
    assert held(there(*repairs), chain=("i-2",)) is None
    assert isinstance(held(there(), chain=("a", "b", "c", "d")), HandOver)


@pytest.mark.parametrize(
    ("minutes", "places", "caused"),
    [
        (1, ("host:h1",), True),
        (59, ("host:h1",), True),
        (61, ("host:h1",), False),
        (-1, ("host:h1",), False),
        (1, ("host:h2",), False),
        (1, (), False),
    ],
)
def test_a_run_may_have_caused_what_is_said_of_its_places_for_a_while(
    minutes: float, places: tuple[str, ...], caused: bool
) -> None:
    at: datetime = NOW + timedelta(minutes=minutes)
    found = may_have_caused([repair(0)], places, {"repairs": 3600}, at)
    assert (found is not None) is caused


def test_a_run_that_goes_on_may_cause_anything_at_its_places() -> None:
    assert may_have_caused([repair(500, ended_at=None)], ("host:h1",), {}, NOW) is not None
