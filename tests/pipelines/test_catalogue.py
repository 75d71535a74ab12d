"""The difference of two catalogues (pure)."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from opsmcp_pipelines.catalogue import Catalogue, Contents, Difference, Problem, diff
from opsmcp_pipelines.models import Cluster, Host, OperationKind, Pipeline, Task

_ONE = Pipeline("one", "ops-system", desc="show one")
_TWO = Pipeline("two", "ops-system")
_TASK = Task("one", "ops-system")
_CLUSTER = Cluster("here")
_HOST = Host("local", "ops-system", labels={"zone": "a"})
_ALL = Contents((_ONE, _TWO), (_TASK,), (_CLUSTER,), (_HOST,))


def _catalogue(contents: Contents) -> Catalogue:
    return Catalogue(1, contents, datetime(2026, 11, 23, tzinfo=UTC))


_CHANGES = [
    pytest.param(_ALL, Difference(), id="nothing"),
    pytest.param(replace(_ALL, pipelines=(_ONE,)), Difference(removed=(_TWO.key,)), id="removed"),
    pytest.param(
        replace(_ALL, tasks=(_TASK, Task("new", "ops-system"))),
        Difference(added=(Task("new", "ops-system").key,)),
        id="added",
    ),
    pytest.param(
        replace(_ALL, pipelines=(replace(_ONE, desc="x"), _TWO)),
        Difference(changed=(_ONE.key,)),
        id="changed",
    ),
    pytest.param(
        replace(_ALL, tasks=(replace(_TASK, namespace="other"),)),
        Difference(
            added=(replace(_TASK, namespace="other").key,),
            removed=(_TASK.key,),
        ),
        id="moved",
    ),
    pytest.param(replace(_ALL, pipelines=(_TWO, _ONE)), Difference(), id="order"),
    pytest.param(replace(_ALL, clusters=()), Difference(inventory=True), id="cluster-gone"),
    pytest.param(
        replace(_ALL, hosts=(replace(_HOST, reachable=True),)),
        Difference(inventory=True),
        id="host-changed",
    ),
    pytest.param(
        replace(_ALL, problems=(Problem("x", OperationKind.TASK, "broken"),)),
        Difference(),
        id="only-a-problem",
    ),
]


@pytest.mark.parametrize(("after", "expected"), _CHANGES)
def test_a_difference_names_what_changed(after: Contents, expected: Difference) -> None:
    found = diff(_catalogue(_ALL), _catalogue(after))
    assert found == expected
    assert bool(found) is bool(
        expected.added or expected.removed or expected.changed or expected.inventory
    )


def test_against_nothing_everything_is_added() -> None:
    found = diff(None, _catalogue(_ALL))
    assert found == Difference(added=(_ONE.key, _TWO.key, _TASK.key), inventory=True)


def test_nothing_against_nothing_is_no_difference() -> None:
    assert not diff(None, _catalogue(Contents()))


def test_equal_values_are_no_difference() -> None:
    again = replace(_ALL, hosts=(replace(_HOST, labels={"zone": "a"}),))
    assert not diff(_catalogue(_ALL), _catalogue(again))


def test_a_pipeline_and_a_task_of_one_name_are_two_operations() -> None:
    catalogue = _catalogue(_ALL)
    assert list(catalogue.operations) == [_ONE.key, _TWO.key, _TASK.key]
    assert catalogue.find_task(_TASK.key) is _TASK
    assert catalogue.find_task(_ONE.key) is None
    assert catalogue.find_task(Task("two", "ops-system").key) is None
    assert [str(key) for key in catalogue.operations][-1] == "task ops-system/one"
