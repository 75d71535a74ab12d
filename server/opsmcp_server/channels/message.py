"""A message: what is told of incidents, in words that no channel takes for anything else.

What came from outside is data: cleaned, masked, bounded, one line each, and without what chats make
a link of. What else means something in a channel is escaped where that channel is known.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from opsmcp_server.responding.incident_data import incident_details, incident_entry
from opsmcp_tools.approval_requests.request import Request
from opsmcp_tools.incidents.incident import Entry, Incident, Outcome
from opsmcp_tools.incidents.outbox import Batch, Letter, Notice, Topic
from opsmcp_tools.masking.masker import Masker
from opsmcp_tools.model.tool import JsonObject
from opsmcp_tools.phrases import message as words
from opsmcp_tools.phrases.phrase import Language, Phrase, say
from opsmcp_tools.policy.shown_arguments import show_arguments
from opsmcp_tools.safe_text.characters import clean_line

__all__ = ["Message", "Part", "Writer", "inert", "lines_of"]

_MOST_TITLE = 120
_MOST_LINE = 300
_MOST_NEWS = 5
_MOST_ARGUMENTS = 12

_SCHEME = re.compile(r"(?<=[A-Za-z0-9+.-])://")
_LINKED = re.compile(r"(?i)\b(www)\.|\b(mailto|tel|sms|skype|file|slack|lark|dingtalk|weixin):")

_TITLES: dict[Topic, Phrase] = {
    Topic.REQUEST: words.REQUEST,
    Topic.ESCALATED: words.ESCALATED,
    Topic.NOT_REPAIRED: words.NOT_REPAIRED,
    Topic.HANDED_OVER: words.HANDED_OVER,
    Topic.DECIDED: words.DECIDED,
    Topic.STARTING: words.STARTING,
    Topic.HELD: words.HELD,
    Topic.WORSE: words.WORSE,
    Topic.REFUSED: words.REFUSED,
    Topic.SILENT: words.SILENT,
    Topic.MISSED: words.MISSED,
}
_ENDS: dict[Outcome, Phrase] = {
    Outcome.RECOVERED: words.RECOVERED,
    Outcome.RESOLVED: words.RESOLVED,
    Outcome.UNCONFIRMED: words.UNCONFIRMED,
    Outcome.RAN: words.RAN,
}


@dataclass(frozen=True, slots=True)
class Part:
    """What is told of one incident; `link` is its page, or that of its request."""

    title: str
    lines: tuple[str, ...]
    link: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """What goes to a channel. Lines have no end of line in them.

    `id` is the same when the same is sent again, `kind` and `data` are for programs. `more` says
    how many incidents are not in `parts`; `open_page` is what a link is called.
    """

    id: str
    title: str
    parts: tuple[Part, ...]
    more: str = ""
    open_page: str = words.OPEN_PAGE.en
    kind: str = ""
    data: JsonObject | None = None

    @property
    def is_summary(self) -> bool:
        """Whether it has several parts, so that the title of each is needed."""
        return len(self.parts) > 1

    def text_of(self, part: Part) -> tuple[str, ...]:
        """The lines of a part, with its title where that is needed."""
        return (part.title, *part.lines) if self.is_summary else part.lines


def inert(text: str) -> str:
    """The text without what chats and mail programs make a link of."""
    safe = _SCHEME.sub("[:]//", text)
    return _LINKED.sub(lambda found: f"{found[1]}[.]" if found[1] else f"{found[2]}[:]", safe)


def lines_of(message: Message) -> Iterator[str]:
    """All of it but the title, as lines of plain text; the last of a part is its link."""
    for part in message.parts:
        yield from message.text_of(part)
        if part.link:
            yield part.link
        if message.is_summary:
            yield ""
    if message.more:
        yield message.more


class Writer:
    """Writes messages in one language."""

    def __init__(self, masker: Masker, language: Language, pages: str = "") -> None:
        """Mask with `masker`; `pages` is the address under which pages are, empty for none."""
        self._masker = masker
        self._language: Language = language
        self._pages = pages

    def message(self, batch: Batch, requests: dict[str, Request]) -> Message:
        """What is told of a batch; `requests` are those that it waits for, by handle."""
        alone = len(batch.letters) == 1 and not batch.more
        if alone:
            parts = (self._whole(batch.letters[0], requests),)
            title = parts[0].title
        else:
            parts = tuple(map(self._brief, batch.letters))
            title = words.SUMMARY(len(batch.letters) + batch.more).to(self._language)
        more = words.MORE(batch.more).to(self._language) if batch.more else ""
        return Message(
            id=batch.id,
            title=title,
            parts=parts,
            more=more,
            open_page=words.OPEN_PAGE().to(self._language),
            kind=_kind_of(batch.letters[0]) if alone else "incident.summary",
            data=self._data(batch, parts, alone=alone),
        )

    def test(self, channel: str, handle: str) -> Message:
        """A message that says that nothing is wrong."""
        line = words.TEST_LINE(channel).to(self._language)
        title = words.TEST_TITLE().to(self._language)
        return Message(handle, title, (Part(title, (line,)),), kind="test", data={"text": line})

    def _data(self, batch: Batch, parts: Sequence[Part], *, alone: bool) -> JsonObject:
        found = [
            {**_data_of(letter, whole=alone), "link": part.link}
            for letter, part in zip(batch.letters, parts, strict=True)
        ]
        return self._masker.value(found[0] if alone else _summary(found, batch.more))

    def _line(self, text: str, limit: int = _MOST_LINE) -> str:
        return clean_line(inert(self._masker.text(text)), limit)

    # Parts

    def _title(self, letter: Letter | Notice) -> str:
        if isinstance(letter, Notice):
            what = _TITLES[letter.topic](letter.about)
            return self._line(what.to(self._language), _MOST_TITLE)
        incident = letter.incident
        phrase = _TITLES.get(letter.topic)
        if phrase is None:
            phrase = _ENDS.get(incident.outcome or Outcome.RESOLVED, words.RESOLVED)
        signal = incident.signal
        what = f"{signal.kind or incident.key} ({incident.responder}, {incident.id})"
        return self._line(phrase(what).to(self._language), _MOST_TITLE)

    def _brief(self, letter: Letter | Notice) -> Part:
        if isinstance(letter, Notice):
            line = self._line(letter.said, 200)
            return Part(self._title(letter), (line,), self._link(letter))
        _, entry = letter.news[-1]
        lines = (self._line(self._where(letter.incident), 160), self._line(entry.why, 200))
        return Part(self._title(letter), tuple(filter(None, lines)), self._link(letter))

    def _whole(self, letter: Letter | Notice, requests: dict[str, Request]) -> Part:
        request = requests.get(letter.request)
        if isinstance(letter, Letter):
            lines = [*self._signal(letter.incident), *self._news(letter)]
        elif request is None:
            lines = [letter.said]
        else:
            lines = [words.ASKED_BY(request.requester.name).to(self._language)]
        if request is not None:
            lines += self._asked(request)
        lines = [self._line(line) for line in lines if line]
        return Part(self._title(letter), tuple(lines), self._link(letter))

    def _signal(self, incident: Incident) -> Iterator[str]:
        signal = incident.signal
        what = words.WHAT(incident.severity, signal.sender, incident.count, incident.key)
        yield what.to(self._language)
        yield self._where(incident)
        for name in ("summary", "description", "message"):
            if name in signal.annotations:
                yield signal.annotations[name]
                return

    def _where(self, incident: Incident) -> str:
        places = incident.signal.places
        if not places:
            return ""
        shown = ", ".join(f"{label} {name}" for label, name in places.items())
        return words.WHERE(shown).to(self._language)

    def _news(self, letter: Letter) -> Iterator[str]:
        last: Sequence[tuple[Topic, Entry]] = letter.news[-_MOST_NEWS:]
        for _, entry in last:
            at = entry.at.astimezone().isoformat(sep=" ", timespec="seconds")
            yield f"{at} {entry.after}: {entry.why}"

    def _asked(self, request: Request) -> Iterator[str]:
        shown = show_arguments(request.arguments, self._language)[:_MOST_ARGUMENTS]
        call = ", ".join((request.tool, *map(str.strip, shown)))
        yield say(words.CALL(call), self._language)
        yield say(words.WHY(request.reason), self._language)
        until = request.expires_at.astimezone().isoformat(sep=" ", timespec="seconds")
        approvers = request.approvers
        who = words.WHO(approvers.count, ", ".join(approvers.groups), until)
        yield say(who, self._language)
        yield say(words.OR_TERMINAL(f"opsmcp approve {request.id}"), self._language)

    def _link(self, letter: Letter | Notice) -> str:
        if not self._pages:
            return ""
        if letter.request:
            return f"{self._pages}/requests/{letter.request}"
        if isinstance(letter, Letter):
            return f"{self._pages}/incidents/{letter.incident.id}"
        return ""


def _kind_of(letter: Letter | Notice) -> str:
    of = "incident" if isinstance(letter, Letter) else "notice"
    return f"{of}.{letter.topic}"


def _data_of(letter: Letter | Notice, *, whole: bool) -> JsonObject:
    if isinstance(letter, Notice):
        return {"about": letter.about, "at": letter.at.isoformat(), "said": letter.said}
    return incident_details(letter.incident) if whole else incident_entry(letter.incident)


def _summary(found: Sequence[JsonObject], more: int) -> JsonObject:
    notices = [one for one in found if "about" in one]
    incidents = [one for one in found if "about" not in one]
    return {"incidents": incidents, "notices": notices, "more": more}
