"""Whose words the arguments of a call are: the person's, or what somebody else wrote. Pure.

Output of tools, text from a pipe and what other servers say of their tools may carry instructions,
in any wording, so it is not enough to look for a value in them: once such text was read, a value
counts as foreign unless the person said it, or it is what the tool takes when nothing is said.
"""

import re
from collections.abc import Mapping

from opsmcp_server.copilot.base.outcome import object_of
from opsmcp_server.copilot.calls.call import as_text
from opsmcp_tools.policy.shown_arguments import leaves

__all__ = ["Origins"]

_REMEMBERED_CHARACTERS = 1024 * 1024


class Origins:
    """What the person said, and whether anything was read that others wrote."""

    def __init__(self, *, strangers: bool = False) -> None:
        """Begin with nothing said and nothing read.

        Args:
            strangers: Whether the model is offered tools of other servers, whose descriptions it
                reads before anything else, and again each time.
        """
        self._strangers = strangers
        self._said: list[str] = []
        self._has_read = strangers

    def forget(self) -> None:
        """Begin anew, as the model does."""
        self.__init__(strangers=self._strangers)

    def person_said(self, text: str) -> None:
        """Remember the person's own words; the oldest are forgotten first."""
        self._said.append(text.casefold())
        while sum(map(len, self._said)) > _REMEMBERED_CHARACTERS and len(self._said) > 1:
            self._said.pop(0)

    def person_gave(self, arguments: Mapping[str, object]) -> None:
        """Remember arguments that the person typed."""
        for _, value in leaves(arguments):
            self.person_said(as_text(value))

    def was_read(self) -> None:
        """Something that others wrote came into the conversation."""
        self._has_read = True

    def foreign(
        self, arguments: Mapping[str, object], properties: Mapping[str, object]
    ) -> tuple[str, ...]:
        """The arguments whose values may come from what was read, not from the person.

        Args:
            arguments: What the model gave.
            properties: The schema of each argument, for its default.
        """
        if not self._has_read:
            return ()
        return tuple(
            name
            for name, value in leaves(arguments)
            if value not in ("", None)
            and not self._is_default(value, properties.get(name))
            and not self._said_it(as_text(value))
        )

    def _said_it(self, value: str) -> bool:
        # A whole word: who says web-12 has not said web-1, at the end of a sentence they have.
        word = re.compile(
            rf"(?<![a-z0-9_-])(?<![a-z0-9][.:/@]){re.escape(value.casefold())}"
            r"(?![a-z0-9_-]|[.:/@][a-z0-9])"
        )
        return any(word.search(said) for said in self._said)

    def _is_default(self, value: object, schema: object) -> bool:
        default = object_of(schema).get("default")
        return default is not None and as_text(default) == as_text(value)
