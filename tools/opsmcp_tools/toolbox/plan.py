"""Plan: what a call would do, before anything is done, with one hash over all of it.

Pure; nothing is created. Secrets are hidden and not part of the hash, which would give them away to
whoever guesses. Everything is bounded where it is shown; the hash covers what was cut, too.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from opsmcp_pipelines.catalogue import Contents
from opsmcp_pipelines.kinds.names import CLUSTER, HOST, is_secret_name
from opsmcp_pipelines.many_hosts import Brakes
from opsmcp_pipelines.models import Operation, Pipeline, Step, Task, TaskRef, Transfer
from opsmcp_pipelines.shell.references import find_references
from opsmcp_tools.arguments.check import CheckedCall
from opsmcp_tools.arguments.cluster_host import runs_elsewhere
from opsmcp_tools.model.run_record import MASK
from opsmcp_tools.model.tool import FREE_SCRIPT, JsonObject, Tool
from opsmcp_tools.phrases import consent as words
from opsmcp_tools.policy.decision import Decision, Effect
from opsmcp_tools.policy.targets import Target, find_target
from opsmcp_tools.safe_text.characters import clean_line
from opsmcp_tools.safe_text.cleaning import clean, fence
from opsmcp_tools.toolbox.plan_text import (
    LONGEST_SCRIPT,
    cut,
    held_in_words,
    plan_head,
    plan_scripts,
)

__all__ = ["Plan", "build_plan", "hazards", "places_in_words"]

OPEN, CLOSE = "«", "»"
"""What stands around a value in a rendered script."""

_TO_COME = "‹from task {}›"
"""What stands in the place of a result of an earlier task, which nobody knows yet."""

_EACH_HOST = "‹the name of each host›"

_ALL_SCRIPTS = 60_000
"""Characters of all texts of authors in the data."""

_MOST_STEPS = 60
_MOST_HOSTS = 50
_MOST_HASH_DIGITS = 32
_OF_AUTHORS = ("only_if", "may_fail_if", "script", "more")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a call would do. `hash` changes when anything of it does.

    `head` is what opsmcp says of it, `scripts` what the authors wrote, with values in their places.
    """

    data: JsonObject
    head: str
    scripts: str
    hash: str

    def text(self, mark: str) -> str:
        """All of it for people and models, the authors' part fenced by `mark`."""
        return f"{self.head}\n{fence(self.scripts, mark, 'scripts')}"

    def for_programs(self, text: str, mark: str) -> JsonObject:
        """The data behind that text, which begins with it, the scripts fenced in it, too."""
        tasks = [
            {**task, "steps": [_with_fence(step, mark) for step in task["steps"]]}
            for task in self.data["tasks"]
        ]
        return {"summary": text, **self.data, "tasks": tasks}


def _with_fence(step: JsonObject, mark: str) -> JsonObject:
    return {**step, "script": fence(step["script"], mark, "script")} if step["script"] else step


@dataclass(frozen=True, slots=True)
class _Part:
    """One task in its place: where it runs, and what stands there for its variables."""

    ref: TaskRef
    task: Task
    target: Target
    values: Mapping[str, str]


def build_plan(
    tool: Tool,
    call: CheckedCall,
    decision: Decision,
    contents: Contents,
    *,
    source: str,
    who: str,
    brakes: Brakes | None = None,
) -> Plan:
    """The plan of a checked call.

    Args:
        tool: What is called.
        call: With what.
        decision: What policy says of it.
        contents: What exists at the source.
        source: The source's label.
        who: The name of the principal.
        brakes: How the source goes on from host to host, where it says so.
    """
    parts = _parts(tool, call, contents)
    whole: JsonObject = {
        "operation": tool.name,
        "kind": str(tool.operation.key.kind),
        "namespace": tool.operation.namespace,
        "source": source,
        "principal": who,
        "definition": tool.definition,
        "read_only": tool.hints.read_only,
        "decision": _decision(decision),
        "cluster": call.variables.get(CLUSTER, ""),
        "hosts": _number_of_hosts([part.target for part in parts]),
        "brakes": _brakes(tool, parts, brakes),
        "variables": _shown_variables(tool, call),
        "tasks": [_task(part) for part in parts],
        "hazards": hazards(tool),
    }
    digest = _hash(whole)
    # How hosts are now is no part of what was planned: a heartbeat must not undo a person's yes.
    cautions = list(dict.fromkeys(said for part in parts for said in part.target.cautions))
    data = {
        **whole,
        "tasks": _bounded(whole["tasks"]),
        "hazards": [*whole["hazards"], *cautions],
        "plan_hash": digest,
    }
    targets = [part.target for part in parts]
    scripts, is_whole = plan_scripts(data, targets)
    return Plan(data, plan_head(data, targets, is_whole=is_whole), scripts, digest)


def places_in_words(
    tool: Tool, call: CheckedCall, contents: Contents, brakes: Brakes | None = None
) -> str:
    """Where a call would take effect, cluster and machines; and how it goes on over several."""
    cluster = call.variables.get(CLUSTER, "")
    parts = _parts(tool, call, contents)
    targets = [part.target for part in parts]
    named = [words.CLUSTER(cluster).to(tool.language)] if cluster else []
    where = [target.in_words(tool.language) for target in targets]
    held = held_in_words(_brakes(tool, parts, brakes), targets, tool.language)
    return "; ".join(dict.fromkeys([*named, *where, *held]))


def _brakes(tool: Tool, parts: Sequence[_Part], brakes: Brakes | None) -> JsonObject | None:
    """Those that a call has: of what only reads the number at a time is nobody's concern."""
    if brakes is None or tool.hints.read_only or _most_hosts(parts) < 2:
        return None
    return asdict(brakes)


def _most_hosts(parts: Sequence[_Part]) -> int:
    return max((part.target.count or 0 for part in parts), default=0)


def _parts(tool: Tool, call: CheckedCall, contents: Contents) -> tuple[_Part, ...]:
    operation = tool.operation
    alone = (TaskRef(operation.name, operation.name),)
    refs = operation.tasks if isinstance(operation, Pipeline) else alone
    host = call.variables.get(HOST, "")
    elsewhere = runs_elsewhere(call.variables, contents.clusters)
    parts, results = list[_Part](), dict[str, str]()
    for ref, task in zip(refs, tool.tasks, strict=False):
        target = find_target(task, host, contents, elsewhere=elsewhere)
        fixed = {one.name for one in (*operation.variables, *task.variables) if one.value}
        to_come = {name: text for name, text in results.items() if name not in fixed}
        own = _own_host(operation, task, target)
        parts.append(_Part(ref, task, target, {**_values(task, call), **own, **to_come}))
        results |= dict.fromkeys(ref.results, _TO_COME.format(clean_line(ref.name, 100)))
    return tuple(parts)


def _own_host(operation: Operation, task: Task, target: Target) -> Mapping[str, str]:
    """What stands for `host` where several may be named: on each of them its own name."""
    offered = any(one.groups for one in (*operation.variables, *task.variables) if one.name == HOST)
    if not offered or not target.hosts:
        return {}
    return {HOST: f"{OPEN}{target.hosts[0]}{CLOSE}" if len(target.hosts) == 1 else _EACH_HOST}


def _values(task: Task, call: CheckedCall) -> Mapping[str, str]:
    own = {
        item.name: item.value or call.variables.get(item.name, "") or item.default or ""
        for item in task.variables
    }
    values = {**call.variables, **own}
    return {name: f"{OPEN}{_hidden(name, text, call)}{CLOSE}" for name, text in values.items()}


def _hidden(name: str, value: str, call: CheckedCall) -> str:
    secret = value in call.secrets or is_secret_name(name)
    return MASK if value and secret else value


def _shown_variables(tool: Tool, call: CheckedCall) -> JsonObject:
    hidden = {item.name for item in tool.bound if item.secret}
    return {
        name: MASK if value and name in hidden else _hidden(name, value, call)
        for name, value in sorted(call.variables.items())
    }


def _task(part: _Part) -> JsonObject:
    return {
        "name": part.ref.name,
        "task": part.task.name,
        "runs_always": part.ref.run_always,
        "host": part.target.named,
        "hosts": part.target.count,
        "host_names": list(part.target.hosts),
        "steps": [_step(step, part.values) for step in part.task.steps],
        "more": _rendered(part.task.more, part.values),
    }


def _step(step: Step, values: Mapping[str, str]) -> JsonObject:
    return {
        "name": step.name,
        "only_if": _rendered(step.when, values),
        "may_fail_if": _rendered(step.allow_failure, values),
        "timeout_seconds": step.timeout_seconds,
        "transfers_files": step.transfer is not None,
        "file": _file(step.transfer, values) if step.transfer else None,
        "script": _rendered(step.content, values),
        "more": _rendered(step.more, values),
    }


def _file(transfer: Transfer, values: Mapping[str, str]) -> JsonObject:
    return {
        "direction": transfer.direction,
        "local": _rendered(transfer.local_file, values),
        "remote": _rendered(transfer.remote_file, values),
    }


def _rendered(text: str, values: Mapping[str, str]) -> str:
    """The text with what stands there for every known variable. Done once, unlike Ops."""
    shown, done = "", 0
    for found in find_references(text, values):
        shown += text[done : found.start] + values[found.name]
        done = found.end
    return shown + text[done:]


def hazards(tool: Tool) -> list[str]:
    """What is to be feared of an operation, as far as that can be seen in its scripts."""
    return [
        f"The argument {note!r} is a script, or names what is run." if name == FREE_SCRIPT else note
        for name, note in sorted(tool.notes.items())
    ]


def _decision(decision: Decision) -> JsonObject:
    said = {
        "effect": str(decision.effect),
        "rule": decision.rule,
        "reason": decision.reason,
    }
    if decision.effect is not Effect.APPROVE:
        return said
    approvers = decision.approvers
    return {**said, "approvers": {"from": list(approvers.groups), "count": approvers.count}}


def _number_of_hosts(targets: Iterable[Target]) -> int | None:
    """How many machines there are in all, each counted once; None if that cannot be known here."""
    different = dict.fromkeys(targets)
    if any(target.count is None for target in different):
        return None
    named = {host for target in different for host in target.hosts}
    return len(named) + sum(target.count or 0 for target in different if not target.hosts)


def _hash(whole: JsonObject) -> str:
    text = json.dumps(whole, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_MOST_HASH_DIGITS]


def _bounded(tasks: list[JsonObject]) -> list[JsonObject]:
    left, bounded, room = _MOST_STEPS, list[JsonObject](), _Room(_ALL_SCRIPTS)
    for task in tasks:
        steps = [_bounded_step(step, room) for step in task["steps"][: max(0, left)]]
        left -= len(steps)
        kept = {**task, "steps": steps, "host_names": task["host_names"][:_MOST_HOSTS]}
        kept["more"] = room.take(task["more"])
        bounded.append(kept | {"steps_left_out": len(task["steps"]) - len(steps)})
    return bounded


@dataclass(slots=True)
class _Room:
    """How many characters the authors' texts may still take."""

    left: int

    def take(self, text: str) -> str:
        """The text, cleaned and cut to what there is room for."""
        cleaned = clean(text)
        shown = cut(cleaned, min(LONGEST_SCRIPT, self.left))
        self.left -= min(len(cleaned), LONGEST_SCRIPT, self.left)
        return shown


def _bounded_step(step: JsonObject, room: _Room) -> JsonObject:
    return {**step, **{key: room.take(step[key]) for key in _OF_AUTHORS}}
