"""Whether a model will choose an operation rightly: by its description, its name and its hints."""

from collections.abc import Iterator

from opsmcp_pipelines.models import Operation
from opsmcp_tools.model.tool import Hints, JsonObject
from opsmcp_tools.safe_text.characters import clean_line
from opsmcp_tools.toolbox.description import is_thin
from opsmcp_tools.toolbox.hints import LABELS, infer_hints, label_fault, weigh_tasks
from opsmcp_tools.toolbox.lint.finding import Finding, Severity
from opsmcp_tools.toolbox.lint.subject import Subject
from opsmcp_tools.toolbox.naming import MAX_NAME_LENGTH
from opsmcp_tools.toolbox.overrides import TO_DO
from opsmcp_tools.toolbox.read_only.author_words import CHINESE, names_destruction, says_change

__all__ = ["lint_description", "lint_hint", "lint_name", "lint_siblings"]

_FEWEST_WORDS = 3
_TODO = f"{TO_DO}: what it does, on what, and when"


def lint_description(subject: Subject) -> Iterator[Finding]:
    """Whether its description is there, and tells more than its name."""
    operation = subject.operation
    help_: JsonObject = {"description": _TODO}
    if not clean_line(operation.desc, 400):
        yield Finding("missing-description", Severity.ERROR, "it has no desc", override=help_)
    elif is_thin(operation):
        message = f"its desc {clean_line(operation.desc, 60)!r} says no more than its name"
        yield Finding("vague-description", Severity.WARNING, message, override=help_)
    elif _count_words(operation.desc) < _FEWEST_WORDS:
        message = f"its desc {clean_line(operation.desc, 60)!r} is too short to choose by"
        yield Finding("vague-description", Severity.WARNING, message, override=help_)


def _count_words(text: str) -> float:
    """How many words there are; Chinese has no blanks between them, and most are two signs."""
    signs = CHINESE.findall(text)
    return len(CHINESE.sub(" ", text).split()) + len(signs) / 2


def lint_siblings(subject: Subject) -> Iterator[Finding]:
    """Whether its description is its own."""
    if subject.alike:
        others = ", ".join(subject.alike[:3])
        message = f"its desc is also that of {others}; say when to take which"
        yield Finding(
            "ambiguous-siblings", Severity.WARNING, message, override={"description": _TODO}
        )


def lint_name(subject: Subject) -> Iterator[Finding]:
    """Whether its name is kept whole."""
    name = subject.operation.name
    if len(name) > MAX_NAME_LENGTH:
        message = f"its name is longer than {MAX_NAME_LENGTH} characters and is shortened"
        yield Finding("long-name", Severity.NOTE, message)


def lint_hint(subject: Subject) -> Iterator[Finding]:
    """Whether it is known what it changes, and words, labels and steps agree."""
    operation = subject.operation
    fault = label_fault(operation.labels)
    if fault:
        yield Finding("bad-label", Severity.ERROR, fault, label=_first_label(operation))
    by_author = infer_hints(operation, subject.tasks, {})
    said = subject.settings.hints_of(operation.name, subject.said)
    hints = infer_hints(operation, subject.tasks, said)
    if not hints.known:
        if any(task.steps for task in subject.tasks):
            yield _nothing_said(subject)
    elif hints.contested:
        message = (
            f"it is labelled read-only and runs {hints.contested}: a person is asked before it"
            " runs. Correct one of them; tools.hints in the settings can vouch for it"
        )
        yield Finding("bad-label", Severity.WARNING, message, label="opsmcp/read-only")
    elif hints == by_author and not (subject.said.hints or fault):
        yield from _words_and_labels(operation, hints)


def _words_and_labels(operation: Operation, hints: Hints) -> Iterator[Finding]:
    """Where the author's words and labels do not go together, or only words tell of harm."""
    label = _first_label(operation)
    if hints.read_only and says_change(operation):
        message = (
            "its words say that something is changed, and a label that it only reads, which holds:"
            " nobody is asked before it runs. Correct one of them"
        )
        yield Finding("bad-label", Severity.WARNING, message, label=label)
    word = "" if label else names_destruction(operation)
    if word:
        message = f"the word {word!r} sounds destructive; label it opsmcp/destructive or read-only"
        yield Finding("no-hint", Severity.NOTE, message, override={"hints": {"destructive": True}})


def _first_label(operation: Operation) -> str:
    return next((label for label in LABELS if label in operation.labels), "")


def _nothing_said(subject: Subject) -> Finding:
    """What an operation lacks that is neither known to read nor said to change."""
    unknown = weigh_tasks(subject.tasks).unknown
    why = f"{unknown} is not known to read only" if unknown else "its words do not say it reads"
    message = (
        f"nothing says whether it changes something: {why}. "
        'Label it opsmcp/read-only: "true" if it changes nothing; else "false"'
    )
    if "opsmcp/destructive" not in subject.operation.labels:
        message += ', with opsmcp/destructive: "false" if it can do no harm'
    return Finding(
        "no-hint",
        Severity.WARNING,
        message,
        override={"hints": {"read_only": False}},
        label="opsmcp/read-only",
    )
