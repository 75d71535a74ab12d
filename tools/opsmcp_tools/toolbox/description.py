"""What a tool's description says: what it does, what it changes, and which sibling to take instead.

The author's words first, from the operation and, where they only repeat its name, from its tasks
and steps. Then at most a few short sentences of ours. At most 60 words, deterministic, pure.
"""

import re
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

from opsmcp_pipelines.kinds.names import words_of
from opsmcp_pipelines.models import Operation, Pipeline, Step, Task
from opsmcp_tools.model.errors import UnusableOperation
from opsmcp_tools.model.tool import Hints, Tool
from opsmcp_tools.phrases import definition as words
from opsmcp_tools.phrases.phrase import Language, Said
from opsmcp_tools.safe_text.characters import clean_line
from opsmcp_tools.search.vocabulary import ideas, stem
from opsmcp_tools.toolbox.read_only.author_words import names_destruction, says_change

__all__ = [
    "MOST_WORDS",
    "describe",
    "differing_steps",
    "is_thin",
    "sibling_note",
    "siblings",
    "with_note",
    "without_effect",
]

MOST_WORDS = 60
_LONGEST = 400
_MOST_STEPS = 4
_MOST_VARIANTS = 4

_DELETING = frozenset({"delete", "clear", "kill"})
_INTERRUPTING = frozenset({"restart", "stop", "drain"})
_OBVIOUSLY_READING = frozenset({"get", "list", "check", "inspect", "search", "describe", "status"})
_SMALL_WORDS = frozenset({"a", "an", "the", "in", "on", "of", "for", "and", "to", "all"})
_EMPTY_WORDS = frozenset({"before", "after", "run", "script", "action", "step", "more"})
_OPPOSITES = (
    ("cordon", "uncordon"),
    ("start", "stop"),
    ("enable", "disable"),
    ("mount", "unmount"),
    ("pause", "resume"),
)


_SPEAKS_OF_EFFECT = re.compile(
    r"(?i)interrupt|downtime|outage|\bundo|undone|revers|restor|(?:brings?|comes?) (?:\w+ )?back\b"
    r"|\blos(?:es?|ing|t)\b|graceful|seamless|rolling|\bsafe|harmless|read.?only|only reads"
    r"|chang\w+ nothing|nothing (?:is|gets|will be) |no changes?\b|(?:not|n't) (?:change|touch)"
    r"|^\s*(?:chang|alter|modif)|destroy|irrecoverabl|permanent|one (?:by one|at a time)"
    r"|^\s*(?:修改|变更|更改|调整)|中断|撤销|恢复|还原|只读|不会|无损|滚动|不影响|平滑"
)
"""Where an author tells what becomes of things, a sentence of ours could say the opposite."""


def describe(
    operation: Operation, tasks: Sequence[Task], hints: Hints, language: Language, said: str = ""
) -> str:
    """What `operation` does and changes; `said` are an operator's words in place of ours.

    Raises:
        UnusableOperation: Nobody said what it does, or it does nothing.
    """
    if not isinstance(operation, Pipeline) and not operation.steps:
        raise UnusableOperation("it has no steps")
    if said:
        return _cut(clean_line(said, _LONGEST))
    own = clean_line(operation.desc, _LONGEST)
    if not own:
        raise UnusableOperation("no description")
    ours = [_steps(operation, tasks, language), _effect(operation, hints, language)]
    note = words.BETWEEN().to(language).join(text for text in ours if text)
    return with_note(own[:1].upper() + own[1:], note, language)


def with_note(text: str, note: str, language: Language) -> str:
    """`text` with `note` behind it, cut so that the note stays whole."""
    if not note:
        return _cut(text)
    kept = _cut(text, MOST_WORDS - len(note.split()))
    stop = "" if kept.endswith((".", "!", "?", "…", "。")) else words.STOP().to(language)
    return f"{kept}{stop}{words.BETWEEN().to(language)}{note}"


def without_effect(text: str, language: Language) -> str:
    """A description without our sentence on what it changes, where that is said in full."""
    effects = (words.READS, words.CHANGES, words.INTERRUPTS, words.DESTROYS, words.NOT_KNOWN)
    for effect in effects:
        text = text.replace(f"{words.BETWEEN().to(language)}{effect().to(language)}", "")
    return text


def _cut(text: str, most: int = MOST_WORDS) -> str:
    parts = text.split()
    return " ".join(parts[:most]) + ("…" if len(parts) > most else "")


def is_thin(operation: Operation) -> bool:
    """Whether its description says no more than its name."""
    content = {stem(word) for word in words_of(operation.desc)} - _SMALL_WORDS
    return content <= {stem(word) for word in words_of(operation.name)}


def _steps(operation: Operation, tasks: Sequence[Task], language: Language) -> str:
    """The steps of what is described by nothing but its name, where they say more."""
    if not is_thin(operation):
        return ""
    known = {stem(word) for word in words_of(f"{operation.name} {operation.desc}")}
    names = dict.fromkeys(" ".join(words_of(step.name)) for task in tasks for step in task.steps)
    telling = [name for name in names if _tells(name.split(), known)]
    shown = clean_line(", ".join(telling[:_MOST_STEPS]), 100)
    return words.STEPS(shown).to(language) if shown else ""


def _tells(step: Sequence[str], known: set[str]) -> bool:
    """Whether a step does something that is not known yet; looking is not worth a word."""
    roots = [stem(word) for word in step if word not in _EMPTY_WORDS]
    # One word alone, such as `s` or `main`, is a label rather than something done.
    if len(roots) < 2 or ideas().get(roots[0], "") in _OBVIOUSLY_READING:
        return False
    return bool(set(roots) - known)


def _effect(operation: Operation, hints: Hints, language: Language) -> str:
    """What is known of what it changes; nothing where the author speaks of that already."""
    if hints.contested:
        return words.CONTESTED(hints.contested).to(language)
    if hints.read_only:
        said = _verb(operation) in _OBVIOUSLY_READING or says_change(operation)
        return "" if said else words.READS().to(language)
    if _SPEAKS_OF_EFFECT.search(operation.desc):
        return ""
    if not hints.known:
        return words.NOT_KNOWN().to(language)
    change = _change(operation, hints)
    return change.to(language) if change else ""


def _change(operation: Operation, hints: Hints) -> Said | None:
    verb = _verb(operation)
    if not hints.destructive:
        plain = verb in ("create", "collect") or _opposites(operation.name)
        return None if plain else words.CHANGES()
    if verb in _DELETING:
        return words.DELETES()
    if verb in _INTERRUPTING:
        return words.INTERRUPTS()
    sure = operation.labels.get("opsmcp/destructive", "").lower() == "true"
    return words.DESTROYS() if sure or names_destruction(operation) else words.CHANGES()


def _verb(operation: Operation) -> str:
    named = words_of(operation.name)
    return ideas().get(stem(named[0]), "") if named else ""


def differing_steps(tools: Iterable[Tool], language: Language) -> Mapping[str, str]:
    """By name, for tools of one description: the steps that only this one of them has."""
    alike: dict[str, list[Tool]] = {}
    for tool in tools:
        alike.setdefault(tool.description, []).append(tool)
    return {
        tool.name: words.STEPS(content).to(language)
        for group in alike.values()
        if len(group) > 1
        for tool, content in _own_steps(group)
        if content
    }


def _own_steps(group: Iterable[Tool]) -> Iterator[tuple[Tool, str]]:
    """Each tool with the names of those steps that no other has; thousands may be alike."""
    names = [(tool, dict.fromkeys(step.name for step in _all_steps(tool))) for tool in group]
    owners = Counter(name for _, own in names for name in own)
    for tool, own in names:
        yield tool, _shown([name for name in own if owners[name] == 1])


def _shown(own: Sequence[str]) -> str:
    shown = [" ".join(words_of(name)) for name in own][:_MOST_STEPS]
    return clean_line(", ".join(name for name in shown if name), 100)


def _all_steps(tool: Tool) -> Iterable[Step]:
    return (step for task in tool.tasks for step in task.steps)


def _opposites(name: str) -> tuple[str, ...]:
    verb, dash, rest = name.partition("-")
    pairs = {**dict(_OPPOSITES), **{second: first for first, second in _OPPOSITES}}
    return (f"{pairs[verb]}{dash}{rest}",) if verb in pairs else ()


def siblings(tools: Iterable[Tool]) -> Mapping[str, tuple[str, ...]]:
    """Each tool to those whose name is its own with more behind it, sorted."""
    names = sorted(tool.name for tool in tools)
    known = frozenset(names)
    variants: dict[str, list[str]] = {}
    for name in names:
        plain = _plain_form(name, known)
        if plain:
            variants.setdefault(plain, []).append(name)
    return {plain: tuple(found) for plain, found in variants.items()}


def _plain_form(name: str, known: Container[str]) -> str:
    """The longest other known name that `name` begins with; empty when there is none."""
    head = name
    while "-" in head:
        head = head.rpartition("-")[0]
        # A single word is a verb or a subject that many share.
        if head in known and "-" in head:
            return head
    return ""


def sibling_note(
    tool: Tool,
    known: Mapping[str, Tool],
    variants: Mapping[str, tuple[str, ...]],
    language: Language,
) -> str:
    """Which other of the `known` tools to take instead of this one, or after it; else empty."""
    opposite = next((name for name in _opposites(tool.name) if name in known), "")
    if opposite:
        return words.UNDO(opposite).to(language)
    plain = _plain_form(tool.name, known)
    if plain and known[plain].hints.read_only == tool.hints.read_only:
        rest = tool.name.removeprefix(plain)
        said = words.TRY_FIRST if "force" in rest else words.PLAIN
        return said(plain).to(language)
    found = [
        name.removeprefix(tool.name)
        for name in variants.get(tool.name, ())
        if name in known and known[name].hints.read_only == tool.hints.read_only
    ]
    shown = ", ".join(found[:_MOST_VARIANTS]) + (", …" if len(found) > _MOST_VARIANTS else "")
    return words.VARIANTS(shown).to(language) if found else ""
