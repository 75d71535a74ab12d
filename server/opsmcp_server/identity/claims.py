"""Who the claims of a checked token speak of: name and groups. Pure.

One claim is the name, and there is no chain to fall back on: people may set some claims to the
address of somebody else. Where that claim is no good, the name is the issuer's word and the
subject, which nobody chooses.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, cast

from opsmcp_server.config.issuers import Issuer
from opsmcp_server.identity.refusal import Reason, Refused
from opsmcp_tools.model.tool import Principal

__all__ = ["principal_of", "scopes_of"]

logger = logging.getLogger(__name__)

Claims = Mapping[str, Any]

_LONGEST_NAME = 128
_MOST_GROUPS = 1_000
_LONGEST_GROUP = 256


def _name_of(issuer: Issuer, claims: Claims) -> str:
    """The name that people and rules see."""
    value, prefix = _at(claims, issuer.name_claim), issuer.name_prefix
    verified = issuer.name_claim != "email" or claims.get("email_verified") is True
    good = isinstance(value, str) and verified and _is_plain(value, _LONGEST_NAME)
    # Without a prefix only addresses: other names belong to tokens, users and responders.
    if good and (prefix or _is_address(cast("str", value))):
        return f"{prefix}{value}"
    return f"{issuer.id}:{claims['sub']}"


def principal_of(issuer: Issuer, claims: Claims, *, needs_groups: bool) -> Principal:
    """Who it is.

    Raises:
        Refused: Rules need the groups, and not all of them are known.
    """
    name, number = _name_of(issuer, claims), f"{issuer.issuer} {claims['sub']}"
    if needs_groups and (missing := _missing_groups(issuer, claims)):
        who = Principal(name, id=number)
        raise Refused(Reason.GROUPS_MISSING, f"{issuer.id}: {missing}", who=who)
    return Principal(name, _groups_of(issuer, claims), number)


def _missing_groups(issuer: Issuer, claims: Claims) -> str:
    """Why the token does not say of all groups whether somebody is in them; empty: it does."""
    found = _at(claims, issuer.groups_claim)
    if found is None and _is_elsewhere(issuer, claims):
        return "more groups than a token holds"
    if isinstance(found, list) and len(cast("list[object]", found)) > _MOST_GROUPS:
        return f"more than {_MOST_GROUPS} groups"
    return ""


def _groups_of(issuer: Issuer, claims: Claims) -> tuple[str, ...]:
    """The groups; those that are no good are left out."""
    found = _at(claims, issuer.groups_claim)
    if found is None and _is_elsewhere(issuer, claims):
        logger.warning("a token of %s has more groups than it holds; none count", issuer.id)
    texts = [found] if isinstance(found, str) else found
    if not isinstance(texts, list):
        return ()
    every = cast("list[object]", texts)
    good = [text for text in every[:_MOST_GROUPS] if _is_group(text)]
    if len(good) < len(every):
        logger.warning("%d groups of a token of %s are left out", len(every) - len(good), issuer.id)
    return tuple(f"{issuer.groups_prefix}{text}" for text in good)


def scopes_of(issuer: Issuer, claims: Claims) -> list[str]:
    """What the token is good for, in our words."""
    given = [claims[key] for key in ("scope", "scp") if key in claims]
    if not given:
        return list(issuer.default_scopes)
    theirs = {text for value in given for text in _texts(value)}
    theirs |= {text.rpartition("/")[2] for text in theirs}
    return [ours for ours, name in issuer.scopes.items() if _names(name) & theirs]


def _names(scope: str) -> set[str]:
    return {scope, scope.rpartition("/")[2]}


def _texts(value: object) -> Sequence[str]:
    if isinstance(value, str):
        return value.split()
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [item for item in items if isinstance(item, str)]


def _at(claims: Claims, path: str) -> object:
    """What stands at a dotted path; a claim whose own name has dots goes first."""
    if path in claims:
        return claims[path]
    found: object = claims
    for part in path.split("."):
        if not isinstance(found, dict):
            return None
        found = cast("dict[str, object]", found).get(part)
    return found


def _is_elsewhere(issuer: Issuer, claims: Claims) -> bool:
    """Whether there are groups that the token only points to: `_claim_names`, or `hasgroups`."""
    names: object = claims.get("_claim_names")
    named = isinstance(names, dict) and issuer.groups_claim.partition(".")[0] in names
    return named or (issuer.groups_claim == "groups" and bool(claims.get("hasgroups")))


def _is_group(text: object) -> bool:
    return isinstance(text, str) and 0 < len(text) <= _LONGEST_GROUP and text.isprintable()


def _is_address(text: str) -> bool:
    return "@" in text and ":" not in text


def _is_plain(text: str, longest: int) -> bool:
    """Printable ASCII without blanks: nothing that looks like something else."""
    return 0 < len(text) <= longest and text.isascii() and text.isprintable() and " " not in text
