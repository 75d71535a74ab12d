"""`agent` of a responder: what a model may do that looks for the cause, or a refusal.

Whether there is a model to ask is looked at by what asks it; which operations a pattern means is
known with the catalogue.
"""

import re
from typing import cast

from opsmcp_server.config.expression_fields import ExpressionFields
from opsmcp_tools.incidents.responder import Agent
from opsmcp_tools.safe_text.characters import quote

__all__ = ["read_agent"]

_KEYS = ("tools", "auto", "reads", "changes", "minutes", "tokens", "places")
_PATTERN = re.compile(r"[a-z0-9*?][a-z0-9.*?-]{0,252}")
_MOST_PATTERNS = 100


def read_agent(fields: ExpressionFields) -> Agent:
    """What `agent` of a responder says.

    Raises:
        ConfigError: It cannot be used.
    """
    inside, standard = fields.inner("agent").known(_KEYS), Agent(())
    found = Agent(
        tools=_patterns(inside, "tools"),
        auto=_patterns(inside, "auto"),
        reads=inside.whole("reads", standard.reads, 0, 200),
        changes=inside.whole("changes", standard.changes, 0, 10),
        seconds=60.0 * inside.whole("minutes", round(standard.seconds / 60), 1, 240),
        tokens=inside.whole("tokens", standard.tokens, 1_000, 10_000_000),
        anywhere=inside.word("places", ("signal", "any"), "signal") == "any",
    )
    if not found.tools:
        raise inside.refuse("tools", "is missing: name patterns of the operations it may call")
    if found.auto and not found.changes:
        raise inside.refuse("auto", "does nothing with changes: 0; leave one of them out")
    return found


def _patterns(inside: ExpressionFields, key: str) -> tuple[str, ...]:
    raw = inside.given.get(key)
    if raw is None:
        return ()
    items = cast("list[object]", raw) if isinstance(raw, list) else [raw]
    if len(items) > _MOST_PATTERNS:
        raise inside.refuse(key, f"has more than {_MOST_PATTERNS} patterns")
    for one in items:
        if not isinstance(one, str) or not _PATTERN.fullmatch(one):
            said = "is no name pattern of an operation, such as drain-node or get-*"
            raise inside.refuse(key, f"has {quote(one)}, which {said}")
    return tuple(cast("list[str]", items))
