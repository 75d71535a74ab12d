"""`schedules` of the settings file: plain data to inspections, or a refusal.

What depends on the operations is checked when they are known.
"""

from collections.abc import Mapping

from opsmcp_server.config.expression_fields import ExpressionFields, read_each
from opsmcp_server.config.schema import RawSetting
from opsmcp_tools.incidents.expression import Failed, Text, outcome_variables
from opsmcp_tools.incidents.moments import BadMoments, Moments
from opsmcp_tools.incidents.schedule import Rule, Schedule
from opsmcp_tools.incidents.signal import Severity

__all__ = ["read_schedules"]

_MOST = 200
_KEYS = ("name", "cron", "zone", "run", "arguments", "catch_up", "signal")
_CATCH_UP = ("one", "none")
_LABELS = "labels"


def read_schedules(item: RawSetting) -> tuple[Schedule, ...]:
    """The schedules, in order.

    Raises:
        ConfigError: One of them cannot be used.
    """
    return read_each(item, lambda fields: _schedule(fields.known(_KEYS)), _MOST)


def _schedule(fields: ExpressionFields) -> Schedule:
    name = fields.name("name")
    if not fields.has("run"):
        raise fields.refuse("run", "is missing: the operation that looks")
    arguments = _arguments(fields)
    return Schedule(
        name=name,
        moments=_moments(fields),
        run=fields.text("run"),
        arguments=arguments,
        rule=_rule(fields, name, arguments),
        catches_up=fields.word("catch_up", _CATCH_UP, "one") == "one",
        where=fields.origin,
    )


def _moments(fields: ExpressionFields) -> Moments:
    for key, example in (("cron", "30 9 * * 1-5"), ("zone", "UTC or Europe/Berlin")):
        if not fields.has(key):
            raise fields.refuse(key, f"is missing; for example {example}")
    cron, zone = fields.text("cron"), fields.text("zone")
    try:
        Moments("0 0 * * *", zone)
    except BadMoments as error:
        raise fields.refuse("zone", f"cannot be used: {error}") from error
    try:
        return Moments(cron, zone)
    except BadMoments as error:
        raise fields.refuse("cron", f"cannot be used: {error}") from error


def _arguments(fields: ExpressionFields) -> dict[str, str]:
    """The arguments. There is no signal that they could be made of, so they are known now."""
    texts = fields.arguments("arguments", {})
    return {name: _known(fields.inner("arguments"), name, text, {}) for name, text in texts.items()}


def _known(fields: ExpressionFields, key: str, text: Text, values: Mapping[str, str]) -> str:
    try:
        return text.of(values)
    except Failed as error:
        raise fields.refuse(key, f"has no value: {error}") from error


def _rule(fields: ExpressionFields, name: str, arguments: Mapping[str, str]) -> Rule:
    if not fields.has("signal"):
        return Rule(key=name)
    inside = fields.inner("signal").known(("when", "key", "severity", _LABELS))
    severity = inside.word("severity", tuple(Severity), Severity.WARNING)
    return Rule(
        key=_key(inside, arguments) or name,
        severity=Severity(severity),
        when=inside.source("when") if inside.has("when") else "",
        labels=_labels(inside),
    )


def _key(inside: ExpressionFields, arguments: Mapping[str, str]) -> str:
    """The key. It is the same whatever the run says, or nothing would ever be resolved."""
    values = {f"arguments.{name}": value for name, value in arguments.items()}
    known = {
        name: kind for name, kind in outcome_variables((), arguments).items() if name in values
    }
    text = inside.expression("key", known)
    return _known(inside, "key", text, values) if text else ""


def _labels(inside: ExpressionFields) -> dict[str, str]:
    """Labels as they are written: what the operation tells is known with the catalogue."""
    if not inside.has(_LABELS):
        return {}
    labels = inside.inner(_LABELS)
    return {name: labels.source(name) for name in labels.given}
