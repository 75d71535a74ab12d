"""Schedules as the settings make them."""

from typing import Any

from opsmcp_tools.incidents.moments import Moments
from opsmcp_tools.incidents.schedule import Rule, Schedule

__all__ = ["schedule"]


def schedule(cron: str = "0 * * * *", **more: Any) -> Schedule:
    """One that looks at the disk of a host every hour."""
    fields: dict[str, Any] = {
        "name": "disk",
        "moments": Moments(cron, "UTC"),
        "run": "get-usage",
        "arguments": {"host": "h1"},
        "rule": Rule(key="disk"),
    }
    return Schedule(**{**fields, **more})
