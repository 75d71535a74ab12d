"""A plan in words: what opsmcp says of it, and what its authors wrote. Bounded; pure."""

from collections.abc import Sequence

from opsmcp_pipelines.many_hosts import Brakes
from opsmcp_tools.model.tool import JsonObject
from opsmcp_tools.phrases.phrase import Language
from opsmcp_tools.policy.targets import Target, brakes_in_words
from opsmcp_tools.safe_text.characters import clean_line

__all__ = ["LONGEST_SCRIPT", "cut", "held_in_words", "plan_head", "plan_scripts"]

LONGEST_SCRIPT = 20_000
"""Characters of one text of an author in the data."""

_LEAST_SHOWN_SCRIPT = 600
_ALL_SHOWN_SCRIPTS = 5_000
"""Characters of one script in the text where there are many, and of all of them together."""

_MOST_CHARS = 6_000

_CUT = (
    "The scripts are cut in this text. `opsmcp call --plan --json` in a terminal has them whole, "
    f"up to {LONGEST_SCRIPT:,} characters each."
)


def plan_head(data: JsonObject, targets: Sequence[Target], *, is_whole: bool) -> str:
    """What opsmcp says of a plan.

    Args:
        data: The plan.
        targets: Where its tasks run, in their order.
        is_whole: Whether the authors' part is all there.
    """
    decision, hosts = data["decision"], _hosts_in_words(data["hosts"], targets)
    head = [
        f"Plan of {data['operation']} on {data['source']}. Nothing was started.",
        f"Policy: {decision['effect']} ({decision['rule']}: {decision['reason']}).",
        f"Where: {hosts}" + (f" in cluster {data['cluster']}" if data["cluster"] else ""),
    ]
    held = held_in_words(data["brakes"], targets, "en")
    head += [f"Over the hosts: {'; '.join(held)}"] if held else []
    head += [f"Careful: {hazard}" for hazard in data["hazards"]]
    named = ", ".join(f"{name}={clean_line(v, 200)}" for name, v in data["variables"].items())
    head += [f"Plan hash: {data['plan_hash']}", f"Variables: {named or 'none'}"]
    head += [] if is_whole else [_CUT]
    return cut("\n".join(head), _MOST_CHARS)


def held_in_words(
    brakes: JsonObject | None, targets: Sequence[Target], language: Language
) -> list[str]:
    """How a call goes on over several hosts, as the data of a plan has it."""
    most = max((target.count or 0 for target in targets), default=0)
    said = brakes_in_words(Brakes(**brakes), most) if brakes else ()
    return [one.to(language) for one in said]


def _hosts_in_words(hosts: int | None, targets: Sequence[Target]) -> str:
    if hosts is None:
        return "a number of hosts that cannot be known here"
    chosen = [target for target in targets if target.chosen]
    least = "at least " if len(chosen) > len(set(chosen)) else ""
    return f"{least}{hosts} {'host' if hosts == 1 else 'hosts'}"


def plan_scripts(data: JsonObject, targets: Sequence[Target]) -> tuple[str, bool]:
    """The authors' part as text, and whether that is all of it."""
    scripts = [step["script"].strip() for task in data["tasks"] for step in task["steps"]]
    most = max(_LEAST_SHOWN_SCRIPT, _ALL_SHOWN_SCRIPTS // max(1, len(scripts)))
    body = "\n".join(
        line
        for number, (task, target) in enumerate(zip(data["tasks"], targets, strict=True), 1)
        for line in _task_lines(number, task, target, most)
    )
    is_whole = len(body) <= _MOST_CHARS and all(len(script) <= most for script in scripts)
    return cut(body, _MOST_CHARS), is_whole


def _task_lines(number: int, task: JsonObject, target: Target, most: int) -> list[str]:
    always = ", also after a failure" if task["runs_always"] else ""
    lines = [f"{number}. {clean_line(task['name'], 100)} on {target}{always}{_more(task)}"]
    for step in task["steps"]:
        lines.append(f"   step {clean_line(step['name'], 100)}{_conditions(step)}")
        script = cut(step["script"].strip(), most)
        lines += [f"     | {line}" for line in script.splitlines()]
    if task["steps_left_out"]:
        lines.append(f"   [{task['steps_left_out']} steps more]")
    return lines


def _conditions(step: JsonObject) -> str:
    said = [
        f"only if {clean_line(step['only_if'], 200)}" if step["only_if"] else "",
        f"may fail if {clean_line(step['may_fail_if'], 200)}" if step["may_fail_if"] else "",
        _file_in_words(step["file"]) if step["file"] else "",
    ]
    conditions = ", ".join(word for word in said if word)
    return (f" ({conditions})" if conditions else "") + _more(step)


def _file_in_words(file: JsonObject) -> str:
    said = {name: clean_line(text, 200) for name, text in file.items()}
    return f"transfers files, {said['direction']}: local {said['local']}, remote {said['remote']}"


def _more(part: JsonObject) -> str:
    """What Ops is told beside: a container image, mounts, the files of a transfer."""
    return f", with {clean_line(part['more'], 400)}" if part["more"] else ""


def cut(text: str, most: int) -> str:
    """The text, cut to so many characters, which is said."""
    if len(text) <= most:
        return text
    return f"{text[:most]}\n[{len(text) - most} characters more]"
