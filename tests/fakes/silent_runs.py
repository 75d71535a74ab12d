"""Runs of which Ops leaves something out without a word, with what is true of each.

In the shapes of a real server and its controller: `taskrunNodeStatus`, `pipelineRunStatus` as
controllers/taskrun_controller.go, pipelinerun_controller.go and pkg/kube/connect.go write them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.fakes.ops_state import Json, make_host, make_pipeline, make_task, step_status

GOOD, BAD = "Successed", "Failed"
_WAITING = 'container "{}" in pod "ops-task-2026-11-23-09-28-17-7126" is waiting to start'
_TWO = (make_host("db-1", "192.0.2.1", role="db"), make_host("db-2", "192.0.2.2", role="db"))
_ONE_ADDRESS = tuple(make_host(name, "192.0.2.9", role="db") for name in ("db-1", "db-2"))
_WEB = (make_host("web-1", "192.0.2.5"),)


@dataclass(frozen=True)
class SilentRun:
    """What is run and on what, the status at its end, and what is true of it."""

    operation: Json
    status: Json
    verdict: str
    reason: str
    tasks: tuple[Json, ...] = ()
    hosts: tuple[Json, ...] = _WEB
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    before: tuple[Json, ...] = ()


def _node(*steps: tuple[str, str] | tuple[str, str, str]) -> Json:
    """A node as Ops writes it: its status is that of its last step."""
    shown = [step_status(name, status, "".join(output)) for name, status, *output in steps]
    return {"taskRunStep": shown, "runStatus": steps[-1][1], "startTime": "2026-11-23T09:00:03Z"}


def _task(nodes: Mapping[str, Json], status: str = GOOD, at: str = "09:00:00") -> Json:
    time = {"runStatus": status, "startTime": f"2026-11-23T{at}Z"}
    return {"taskrunNodeStatus": dict(nodes), **time} if nodes else time


def _pipeline(*entries: tuple[str, str, Json]) -> Json:
    shown = [{"name": n, "taskRef": ref, "taskRunStatus": status} for n, ref, status in entries]
    time = {"runStatus": GOOD, "startTime": "2026-11-23T09:00:03Z"}
    return {"pipelineRunStatus": shown, **time} if shown else time


def _going(*entries: tuple[str, str, Json]) -> Json:
    return {**_pipeline(*entries), "runStatus": "Running"}


def _steps(*names: str, **changed: Mapping[str, str]) -> list[Json]:
    return [{"name": name, "content": f"echo {name}", **changed.get(name, {})} for name in names]


def _refs(*refs: tuple[str, str]) -> Sequence[Json]:
    return [({"name": name} if name else {}) | {"taskRef": ref} for name, ref in refs]


_ABC = make_task("abc", steps=_steps("a", "b", "c"))
_ON_DBS = make_task("dbs", steps=_steps("a", "b"), host="role=db")
_IN_POD = make_task("pods", steps=_steps("a", "b", "c"), host="anymaster")
_IMAGE = make_task("image", steps=_steps("a", "b", "c"), runtimeImage="busybox")
_LAST_MAY_FAIL = make_task("last", steps=_steps("a", "b", b={"allowfailure": "true"}))
_TWINS = make_pipeline("twins", tasks=_refs(("a", "abc"), ("a", "abc")))
_ALL_THREE = _node(("a", GOOD), ("b", GOOD), ("c", GOOD))
_BOTH = _node(("a", GOOD), ("b", GOOD))


def _conditional(when: str, step: str = "b") -> Json:
    return make_task("when", steps=_steps("a", "b", "c", **{step: {"when": when}}))


UNREADABLE = {
    when: SilentRun(
        _conditional(when),
        _task({"web-1": _node(("a", GOOD))}),
        "failed",
        "step 'b' was never started: Ops cannot read its condition (on web-1)",
    )
    for when in ("${n} >= 3", "${n} <= 3", "${n} =~ x", "${a} == x && ${b} == y", "yes")
}

SILENT = {
    **{f"a condition that Ops cannot read: {when}": run for when, run in UNREADABLE.items()},
    "a last step with such a condition": SilentRun(
        _conditional("${n} >= 3", "c"),
        _task({"web-1": _BOTH}),
        "failed",
        "step 'c' was never started: Ops cannot read its condition",
    ),
    "a condition that cannot be read with the value that was given": SilentRun(
        _conditional("${n} > 3", "c"),
        _task({"web-1": _BOTH}),
        "failed",
        "step 'c' was never started: Ops cannot read its condition",
        variables={"n": "many"},
    ),
    "a condition that is false with the value that was given": SilentRun(
        _conditional("${n} > 3", "c"),
        _task({"web-1": _BOTH}),
        "succeeded",
        "",
        variables={"n": "1"},
    ),
    "a condition that only the run decides": SilentRun(
        _conditional("${status} == Failed", "c"), _task({"web-1": _BOTH}), "succeeded", ""
    ),
    "steps after a condition that only the run decides": SilentRun(
        _conditional("${output} > 3"),
        _task({"web-1": _node(("a", GOOD))}),
        "failed",
        "step 'b' was never started: Ops cannot read its condition",
    ),
    "steps after a condition that only the run decides, and can be read": SilentRun(
        _conditional("${output} > 3"),
        _task({"web-1": _node(("a", GOOD, "7"))}),
        "failed",
        "step 'c' was never started: Ops stops a task silently at a condition that it cannot read",
    ),
    "a last condition on an output that is no number": SilentRun(
        _conditional("${output} > 90", "c"),
        _task({"web-1": _node(("a", GOOD), ("b", GOOD, "95%\n"))}),
        "failed",
        "step 'c' was never started: Ops cannot read its condition",
    ),
    "a last condition on an output that is a number": SilentRun(
        _conditional("${output} > 90", "c"),
        _task({"web-1": _node(("a", GOOD), ("b", GOOD, "75\n"))}),
        "succeeded",
        "",
    ),
    "a last condition on a value that nobody gave": SilentRun(
        _conditional("${n} > 3", "c"),
        _task({"web-1": _BOTH}),
        "failed",
        "step 'c' was never started: Ops cannot read its condition",
    ),
    "a last condition on a value that a pipeline keeps from its task": SilentRun(
        make_pipeline("keeps", tasks=_refs(("one", "when"))),
        _pipeline(("one", "when", _task({"web-1": _BOTH}))),
        "succeeded",
        "",
        (_conditional("${mode} == fast", "c"),),
        variables={"mode": "fast"},
    ),
    "a conditional step after an allowance that is no boolean": SilentRun(
        make_task("a", steps=_steps("a", "b", a={"allowfailure": "yes"}, b={"when": "${x} != y"})),
        _task({"web-1": _node(("a", GOOD))}),
        "failed",
        "step 'b' was never started: Ops stops a task silently at an `allowfailure`",
    ),
    "a step after an allowance that is no boolean, if its condition held": SilentRun(
        make_task(
            "a", steps=_steps("a", "b", a={"allowfailure": "yes"}, b={"when": "${status} == x"})
        ),
        _task({"web-1": _node(("a", GOOD))}),
        "unknown",
        "step 'b' has no report: Ops stops a task silently at an `allowfailure`",
    ),
    "an allowance that is no boolean": SilentRun(
        make_task("a", steps=_steps("a", "b", "c", b={"allowfailure": "yes please >= 1"})),
        _task({"web-1": _node(("a", GOOD), ("b", GOOD))}),
        "failed",
        "step 'c' was never started: Ops stops a task silently at an `allowfailure`",
    ),
    "a pod that was removed in its second step": SilentRun(
        _IN_POD,
        _task({"master1": _BOTH}),
        "unknown",
        "step 'c' has no report: its pod was removed, or the task stopped before it (on master1)",
    ),
    "a pod that was removed in its only step": SilentRun(
        make_task("pod", steps=_steps("a"), host="anymaster"),
        _task({}),
        "unknown",
        "no node reported anything: none was fit, or its pod was removed",
    ),
    "a pod that failed, whose later steps never ran": SilentRun(
        _IMAGE,
        _task(
            {"n1": _node(("a", GOOD), ("b", BAD, "no space"), ("c", BAD, _WAITING.format("c")))},
            BAD,
        ),
        "failed",
        "step 'b' failed on n1",
    ),
    "a pod that failed and shows a step of which nothing came": SilentRun(
        _IMAGE,
        _task({"n1": _node(("a", GOOD), ("b", BAD), ("c", "Running"))}),
        "failed",
        "step 'b' failed on n1",
    ),
    "a pod that never began": SilentRun(
        _IN_POD,
        _task({"n1": _node(("a", BAD, _WAITING.format("a")), ("b", BAD), ("c", BAD))}, BAD),
        "failed",
        "step 'a' never started: its container was still waiting to start (on n1)",
    ),
    "a pod that ended with a step that may fail": SilentRun(
        make_task("p", steps=_steps("a", "b", "c", a={"allowfailure": "true"}), host="anymaster"),
        _task({"n1": _node(("a", BAD), ("b", "Running"), ("c", BAD, _WAITING.format("c")))}, BAD),
        "failed",
        "step 'b' never started: a step before it failed, and in a pod that ends the task (on n1)",
    ),
    "a selected host that refused the login": SilentRun(
        _ON_DBS,
        _task({"db-1": _BOTH}),
        "failed",
        "task 'dbs': 1 of 2 hosts got nothing: db-2",
        hosts=_TWO,
    ),
    "no selected host at all": SilentRun(
        _ON_DBS, _task({}), "nothing_ran", "2 of 2 hosts got nothing: db-1, db-2", hosts=_TWO
    ),
    "a selector that matches no host": SilentRun(
        _ON_DBS, _task({}), "nothing_ran", "no host of the inventory matches 'role=db'"
    ),
    "two hosts of one address, of which one failed": SilentRun(
        _ON_DBS,
        _task({"db-1": _node(("a", BAD), ("a", GOOD), ("b", GOOD))}),
        "failed",
        "step 'a' failed on db-1 or db-2; task 'dbs': what db-2 did is reported under db-1",
        hosts=_ONE_ADDRESS,
    ),
    "two hosts of one address, both good": SilentRun(
        _ON_DBS,
        _task({"db-1": _node(("a", GOOD), ("b", GOOD), ("a", GOOD), ("b", GOOD))}),
        "succeeded",
        "what db-2 did is reported under db-1",
        hosts=_ONE_ADDRESS,
    ),
    "two hosts of one address, of which one got nothing": SilentRun(
        _ON_DBS,
        _task({"db-1": _BOTH}),
        "failed",
        "1 of 2 hosts got nothing: db-2 or db-1",
        hosts=_ONE_ADDRESS,
    ),
    "a host that Ops knows by the name of another one": SilentRun(
        _ABC,
        _task({"gate": _ALL_THREE}),
        "succeeded",
        "what web-1 did is reported under gate",
        hosts=(make_host("gate", "192.0.2.5"), *_WEB),
    ),
    "a step that the task did not have when it was listed": SilentRun(
        _ABC,
        _task({"web-1": _node(("a", GOOD), ("b", GOOD), ("c", GOOD), ("d", GOOD))}),
        "succeeded",
        "task 'abc' had other steps than when it was listed: 'd'",
    ),
    "steps in another order than that of the definition": SilentRun(
        _ABC, _task({"web-1": _node(("b", GOOD), ("a", GOOD), ("c", GOOD))}), "succeeded", ""
    ),
    "another step in the place of one that is missing": SilentRun(
        _ABC,
        _task({"web-1": _node(("a", GOOD), ("x", GOOD), ("c", GOOD))}),
        "unknown",
        "step 'b' has no report",
    ),
    "tasks without a name": SilentRun(
        make_pipeline("nameless", tasks=_refs(("", "abc"), ("", "abc"))),
        _pipeline(),
        "unknown",
        "it has no name, and Ops reports nothing of such a task",
        (_ABC,),
    ),
    "a task without a name before one that failed": SilentRun(
        make_pipeline("nameless", tasks=_refs(("", "abc"), ("two", "abc"))),
        _pipeline(("two", "abc", _task({"web-1": _node(("a", BAD))}, BAD))),
        "failed",
        "task 'two': step 'a' failed on web-1",
        (_ABC,),
    ),
    "two tasks of one name, of which one failed": SilentRun(
        _TWINS,
        _pipeline(("a", "abc", _task({"web-1": _node(("a", BAD))}, BAD, at="09:00:12"))),
        "failed",
        "step 'a' failed on web-1",
        (_ABC,),
    ),
    "a task whose only step failed as it may, before one that Ops did not start": SilentRun(
        make_pipeline("stops", tasks=_refs(("one", "may"), ("two", "abc"))),
        _pipeline(("one", "may", _task({"web-1": _node(("a", BAD))}, BAD))),
        "failed",
        "task 'two': not started",
        (make_task("may", steps=_steps("a", a={"allowfailure": "true"})), _ABC),
    ),
    "two tasks of one name": SilentRun(
        _TWINS,
        _pipeline(("a", "abc", _task({"web-1": _ALL_THREE}, at="09:00:12"))),
        "unknown",
        "Ops writes the report of a later task of the same name over its own",
        (_ABC,),
    ),
    "two tasks of one name, the report of the first seen in time": SilentRun(
        _TWINS,
        _pipeline(("a", "abc", _task({"web-1": _ALL_THREE}, at="09:00:12"))),
        "succeeded",
        "",
        (_ABC,),
        before=(
            _going(("a", "abc", _task({}, "Running"))),
            _going(("a", "abc", _task({"web-1": _ALL_THREE}))),
            _going(("a", "abc", _task({}, "Running", at="09:00:12"))),
        ),
    ),
    "two tasks of one name, of which the first did nothing": SilentRun(
        _TWINS,
        _pipeline(("a", "abc", _task({"web-1": _ALL_THREE}, at="09:00:12"))),
        "failed",
        "task 'a': nothing was done on web-1",
        (_ABC,),
        before=(_going(("a", "abc", _task({}))),),
    ),
    "two tasks of one name with different `taskRef`s": SilentRun(
        make_pipeline("twins", tasks=_refs(("a", "abc"), ("a", "last"))),
        _pipeline(
            ("a", "abc", _task({"web-1": _ALL_THREE})), ("a", "last", _task({"web-1": _BOTH}))
        ),
        "succeeded",
        "",
        (_ABC, _LAST_MAY_FAIL),
    ),
    "a controller that was killed in the first task": SilentRun(
        make_pipeline("again", tasks=_refs(("a", "abc"))),
        _pipeline(("a", "abc", _task({"web-1": _ALL_THREE}, at="09:00:09"))),
        "succeeded",
        "what ran may have run twice",
        (_ABC,),
    ),
    "a controller that was killed, and found nothing to run in its second try": SilentRun(
        make_pipeline("again", tasks=_refs(("a", "abc"))),
        _pipeline(("a", "abc", _task({}, at="09:00:09"))),
        "unknown",
        "what ran may have run twice",
        (_ABC,),
    ),
    "a report of which a part cannot be read": SilentRun(
        _ABC,
        {**_task({}), "taskrunNodeStatus": ["web-1"]},
        "unknown",
        "its state is not known: what was reported of it has no end, or cannot be read",
    ),
    "a report whose names of steps cannot be read": SilentRun(
        _ABC,
        _task({"web-1": {**_ALL_THREE, "taskRunStep": [{"stepName": 1, "stepStatus": GOOD}]}}),
        "unknown",
        "step 'a' has no report, though a later step has, or one that the task did not have",
    ),
    "a last step that is another than the one that was listed": SilentRun(
        _ABC,
        _task({"web-1": _node(("a", GOOD), ("b", GOOD), ("x", GOOD))}),
        "unknown",
        "step 'c' has no report, though a later step has, or one that the task did not have",
    ),
    "a task without a name between two of one name, of which one failed": SilentRun(
        make_pipeline("nameless", tasks=_refs(("a", "abc"), ("", "abc"), ("a", "abc"))),
        _pipeline(("a", "abc", _task({"web-1": _node(("a", BAD))}, BAD, at="09:00:12"))),
        "failed",
        "step 'a' failed on web-1",
        (_ABC,),
    ),
    "another cluster that calls a run failed and tells nothing else of it": SilentRun(
        make_pipeline("far", tasks=_refs(("one", "abc"))),
        {"runStatus": BAD, "startTime": "2026-11-23T09:00:03Z"},
        "failed",
        "task 'one': nothing was reported of it: whether it ran is not known",
        (_ABC,),
        variables={"cluster": "far"},
    ),
    "a last step that may fail and did": SilentRun(
        _LAST_MAY_FAIL, _task({"web-1": _node(("a", GOOD), ("b", BAD))}, BAD), "succeeded", ""
    ),
    "a task that Ops did not start after that": SilentRun(
        make_pipeline("stops", tasks=_refs(("one", "last"), ("two", "abc"))),
        _pipeline(("one", "last", _task({"web-1": _node(("a", GOOD), ("b", BAD))}, BAD))),
        "failed",
        "task 'two': not started",
        (_LAST_MAY_FAIL, _ABC),
    ),
    "a child run that was deleted": SilentRun(
        make_pipeline("orphan", tasks=_refs(("one", "abc"), ("two", "abc"))),
        _pipeline(
            ("one", "abc", _task({}, "Running")), ("two", "abc", _task({"web-1": _ALL_THREE}))
        ),
        "unknown",
        "task 'one': it never reported its end",
        (_ABC,),
    ),
    "a child run that was deleted before it had a report": SilentRun(
        make_pipeline("orphan", tasks=_refs(("one", "abc"), ("two", "abc"))),
        _pipeline(("two", "abc", _task({"web-1": _ALL_THREE}))),
        "unknown",
        "task 'one': nothing was reported of it: whether it ran is not known",
        (_ABC,),
    ),
    "a container image on a host that is no node": SilentRun(
        _IMAGE, _task({}), "nothing_ran", "'web-1' is a host; no node of that name reported"
    ),
    "a pod with an image that was removed from the node that was named": SilentRun(
        make_task("image", steps=_steps("a"), runtimeImage="busybox", host="worker-1"),
        _task({}),
        "unknown",
        "nothing was reported by 'worker-1': there is no such host or node, or its pod was removed",
    ),
    "a pod with an image on what can be no node": SilentRun(
        make_task("image", steps=_steps("a"), runtimeImage="busybox", host="role=db"),
        _task({}),
        "nothing_ran",
        "nothing was reported by 'role=db'",
    ),
    "steps of one name, of which one may fail": SilentRun(
        make_task("same", steps=[*_steps("a"), *_steps("b", "b", b={"allowfailure": "true"})]),
        _task({"web-1": _node(("a", GOOD), ("b", BAD), ("b", GOOD))}),
        "succeeded",
        "",
    ),
    "steps of one name, of which one may not fail": SilentRun(
        make_task("same", steps=[*_steps("a", a={"allowfailure": "1"}), *_steps("b", "a")]),
        _task({"web-1": _node(("a", GOOD), ("b", GOOD), ("a", BAD))}, BAD),
        "failed",
        "step 'a' failed on web-1",
    ),
    "another host than the one that was asked for": SilentRun(
        _ABC,
        _task({"db-9": _ALL_THREE}),
        "failed",
        "nothing was done on web-1; it ran on db-9, not asked for",
    ),
    "a host that no selector matches": SilentRun(
        _ON_DBS,
        _task({"db-1": _BOTH, "db-2": _BOTH, "db-9": _BOTH}),
        "unknown",
        "it ran on db-9, not asked for",
        hosts=_TWO,
    ),
    "an earlier task that chose the host": SilentRun(
        make_pipeline("moves", tasks=_refs(("one", "abc"), ("two", "abc"))),
        _pipeline(
            (
                "one",
                "abc",
                _task({"web-1": _node(("a", GOOD), ("b", GOOD), ("c", GOOD, "host:x"))}),
            ),
            ("two", "abc", _task({"x": _ALL_THREE})),
        ),
        "succeeded",
        "task 'two' ran on x: an output before it said so",
        (_ABC,),
    ),
    "a step between others": SilentRun(
        _ABC,
        _task({"web-1": _node(("a", GOOD), ("c", GOOD))}),
        "unknown",
        "step 'b' has no report, though a later step has",
    ),
}
