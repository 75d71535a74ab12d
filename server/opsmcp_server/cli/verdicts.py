"""How a verdict looks in a terminal, and what it means to a shell."""

from opsmcp_pipelines.run import Verdict

__all__ = ["verdict_status", "verdict_style"]


def verdict_style(verdict: Verdict) -> str:
    """The rich style of a verdict."""
    if verdict is Verdict.RUNNING:
        return "bold cyan"
    return "bold green" if verdict.good else "bold red"


def verdict_status(verdict: Verdict) -> int:
    """The exit status: 0 only for a run that ended and did its work."""
    return 0 if verdict is Verdict.SUCCEEDED else 1
