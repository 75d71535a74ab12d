"""Where Ops runs a task, and which hosts must be in its report."""

from dataclasses import replace

import pytest

from opsmcp_pipelines.models import Host, Task
from opsmcp_pipelines.verdict.placement import Placement, Runner, find_placement

_DB1 = Host("db-1", "ns", "192.0.2.1", "db-1-hn", True, {"role": "db", "zone": "a"})
_DB2 = Host("db-2", "ns", "192.0.2.2", "db-2-hn", False, {"role": "db", "zone": ""})
_NEW = Host("new", "ns", "192.0.2.3")
_HOSTS = (_DB1, _DB2, _NEW)
_TASK = Task("t", "ns")


def _place(task: Task = _TASK, host: str = "", *, elsewhere: bool = False) -> Placement:
    return find_placement(task, host, _HOSTS, elsewhere=elsewhere)


@pytest.mark.parametrize(
    ("task", "host", "names", "exact", "runner"),
    [
        (_TASK, "", (), False, Runner.EITHER),
        (_TASK, "anymaster", (), False, Runner.EITHER),
        (_TASK, "all", (), False, Runner.POD),
        (_TASK, "db-1", ("db-1",), True, Runner.HOST),
        (_TASK, "db-2-hn", ("db-2",), True, Runner.HOST),
        (_TASK, "worker-1", ("worker-1",), True, Runner.EITHER),
        (replace(_TASK, host="db-1"), "db-2", ("db-1",), True, Runner.HOST),
        (replace(_TASK, host="role=db"), "db-2", ("db-1", "db-2"), True, Runner.HOST),
        (replace(_TASK, host="role=db, zone=a"), "", ("db-1",), True, Runner.HOST),
        (replace(_TASK, host="zone="), "", ("db-2",), True, Runner.HOST),
        (replace(_TASK, host="role=web"), "", (), True, Runner.HOST),
        (_TASK, "role=db", ("role=db",), True, Runner.EITHER),
        (replace(_TASK, host="${x}"), "", (), False, Runner.EITHER),
        (replace(_TASK, in_pod=True), "db-1", ("db-1",), True, Runner.POD),
        (replace(_TASK, in_pod=True), "", (), False, Runner.POD),
    ],
)
def test_a_task_runs_where_ops_would_run_it(
    task: Task, host: str, names: tuple[str, ...], exact: bool, runner: Runner
) -> None:
    found = _place(task, host)
    assert (found.names, found.exact, found.runner) == (names, exact, runner)


def test_the_hosts_of_another_cluster_are_not_known_here() -> None:
    selected = _place(replace(_TASK, host="role=db"), elsewhere=True)
    assert (selected.names, selected.exact) == ((), False)
    assert _place(host="db-1", elsewhere=True).runner is Runner.EITHER


def test_a_name_that_nobody_has_may_be_that_of_a_host_that_was_never_heard_of() -> None:
    assert _place(host="new-hn").shown_as == {"new-hn": ("new",)}


def test_hosts_of_one_address_may_be_reported_under_each_others_names() -> None:
    twin = replace(_DB1, name="db-9", labels={})
    found = find_placement(replace(_TASK, host="role=db"), "", (*_HOSTS, twin), elsewhere=False)
    assert found.shown_as == {"db-1": ("db-9",)}
    assert found.shared == ()


def test_another_port_is_another_connection() -> None:
    twin = replace(_DB1, name="db-9", port=2222)
    found = find_placement(replace(_TASK, host="role=db"), "", (*_HOSTS, twin), elsewhere=False)
    assert (found.shown_as, found.shared) == ({}, ())


def test_of_many_hosts_of_one_address_a_few_names_are_kept() -> None:
    hosts = tuple(replace(_DB1, name=f"db-{n}") for n in range(1000))
    found = find_placement(replace(_TASK, host="role=db"), "", hosts, elsewhere=False)
    assert {len(names) for names in found.shown_as.values()} == {50}


@pytest.mark.parametrize("address", ["", "127.0.0.1"])
def test_hosts_that_are_the_controller_itself_share_nothing(address: str) -> None:
    hosts = tuple(replace(host, address=address) for host in _HOSTS)
    found = find_placement(replace(_TASK, host="role=db"), "", hosts, elsewhere=False)
    assert (found.shown_as, found.shared) == ({}, ())
    assert found.doubtful == ("db-2",)
