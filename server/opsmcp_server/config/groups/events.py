"""`events` of the settings: what comes in from outside, and where messages go."""

from typing import Annotated, Any

from pydantic import Field, InstanceOf

from opsmcp_server.config.channel import Channel
from opsmcp_server.config.schema import Group, Means, Names, whole
from opsmcp_server.config.sender import Sender

__all__ = ["Events"]


class EventLimits(Group):
    """What `events.limits` bounds."""

    signals_per_minute: Annotated[int, whole(1, 1_000_000)] = 2_000
    open_incidents: Annotated[int, whole(1, 1_000_000)] = 1_000
    runs_per_hour: Annotated[int, whole(1, 10_000)] = 20
    places_per_hour: Annotated[int, whole(1, 10_000)] = 10


class Events(Group):
    """What comes in from outside: see [events](events.md)."""

    senders: Annotated[dict[str, InstanceOf[Sender]], Means("a mapping of names to senders")] = (
        Field(default_factory=dict)
    )
    """The systems that signals come from, by the name in their address `/events/NAME`: each with
    its `type` and its `token` or `secret` ([senders](events.md#senders)). In the file only."""
    channels: Annotated[dict[str, InstanceOf[Channel]], Means("a mapping of names to channels")] = (
        Field(default_factory=dict)
    )
    """Where messages go, by the name that `notify` and `escalate` of responders use: each with its
    `type` and its address ([channels](notifications.md)). In the file only."""
    notify: Names = ()
    """The channels that are told of what is no incident: a request that a call became, a sender
    that is refused or silent, an inspection that did not begin
    ([notifications](notifications.md#what-is-no-incident))."""
    quiet: Annotated[tuple[Any, ...], Means("a list of quiet times")] = ()
    """Times in which signals are recorded and not acted on ([quiet
    times](incidents.md#quiet-times)). In the file only."""
    limits: Annotated[
        EventLimits,
        Means(
            "a mapping of signals_per_minute, open_incidents, runs_per_hour and places_per_hour to "
            "whole numbers"
        ),
    ] = Field(default_factory=EventLimits)
    """Bounds: `signals_per_minute` of one sender (2000), of which ten times as many may come at
    once, what is over being told to send again later; and of all responders together
    `open_incidents` (1000), `runs_per_hour` (20) and `places_per_hour` (10) that are changed. In
    the file only."""
