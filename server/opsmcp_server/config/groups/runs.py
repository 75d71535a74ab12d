"""`run` and `result` of the settings: how runs are waited for, and what is told of them."""

from typing import Annotated, Literal

from pydantic import Field

from opsmcp_server.config.schema import Group, Means, Patterns, number, seconds_within, whole

__all__ = ["Result", "Run"]


class Run(Group):
    """How runs are waited for."""

    wait_seconds: Annotated[float, seconds_within(0, 3600)] = 45.0
    """How long a tool call waits for the end of its run before it answers with a handle. Below the
    60 seconds after which common clients give up. 0: always a handle. `get_run` waits no longer,
    but up to a second in any case."""
    task_seconds: Annotated[float, seconds_within(0, 3600)] = 0.5
    """How long the call of a client that knows tasks waits for the end of its run before it answers
    with a task. Long enough for quick operations to answer at once. 0: always a task."""
    on_cancel: Annotated[Literal["keep", "cancel"], Means("keep or cancel")] = "keep"
    """What becomes of a run when its client cancels the call: `keep` ends the waiting only,
    `cancel` stops the run where its source can. Clients also cancel when they lose patience, and
    half a change may be worse than a whole one. A connection that ends never stops a run;
    `cancel_run` and `tasks/cancel` always do."""
    deadline_seconds: Annotated[float, seconds_within(1, 604800)] = 1800.0
    """How long a run is followed. After that its verdict is `stuck`; the embedded engine stops
    it."""
    deadlines: Annotated[
        dict[str, Annotated[float, seconds_within(1, 604800)]],
        Means("a mapping of name patterns to numbers of seconds from 1 to 604800"),
    ] = Field(default_factory=dict)
    """Name pattern of tools to a deadline of their own in seconds, for example
    `{backup-*: 14400}`. The first that fits counts. In the file only."""
    repeat_seconds: Annotated[float, seconds_within(0, 86400)] = 60.0
    """How long after the end of a run that changes something the same call is answered with that
    run. Clients repeat calls whose answer they lost. 0: only while it is in flight."""
    requests_per_second: Annotated[float, number(1, 1000)] = 20.0
    """How often the Ops server may be asked how runs stand, all runs together."""
    limit: Annotated[int, whole(1, 100000)] = 500
    """How many runs may be in flight in all. Ops itself works at 50 of each kind at a time."""
    limit_per_principal: Annotated[int, whole(1, 100000)] = 100
    """How many runs of one user may be in flight."""
    queue: Annotated[int, whole(0, 100000)] = 200
    """How many calls may wait, 20 seconds at most, for others to end. Beyond it calls are refused
    at once."""


class Result(Group):
    """What the text of a run's result holds."""

    tokens: Annotated[int, whole(300, 100_000)] = 1_500
    """About how many tokens the text of a result may have, estimated. What does not fit is
    condensed, and that is said: results stay in a model's context for good. `get_run` takes another
    number for one answer."""
    structured: Annotated[Literal["on-request", "always"], Means("on-request or always")] = (
        "on-request"
    )
    """When the result of a run holds structured content beside its text: when the call asks for it
    (`_meta: {"opsmcp/structured": true}`, or `get_run` with `detail: steps`), or always. Some
    clients, Claude Code and Codex among them, show their model only the structured content of a
    result that has one. With `always` the tools have an output schema, which costs tokens."""
    summary: Annotated[Literal["plain", "llm"], Means("plain or llm")] = "plain"
    """Who writes the text: `plain` is opsmcp alone; `llm` sends the masked text to the model of
    `openai` and answers with its words under the same verdict line."""
    llm_tools: Patterns = ()
    """Name patterns of tools whose results are summarised by the model although `result.summary` is
    `plain`."""
    llm_seconds: Annotated[float, seconds_within(0.1, 120)] = 10.0
    """How long the model may take. After that the plain text is the answer. With
    `run.wait_seconds` it stays below the 60 seconds after which common clients give up."""
