"""`policy`, `consent` and `requests` of the settings: what may be done, and who agrees to it."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, InstanceOf

from opsmcp_server.config.schema import (
    MOST_APPROVERS,
    REQUEST_DURATION,
    Flag,
    Group,
    Means,
    Names,
    duration,
    read_duration,
    seconds_within,
    whole,
)
from opsmcp_tools.policy.rules import Rule

__all__ = ["Consent", "Policy", "Requests"]


class Policy(Group):
    """What may be done."""

    read_only: Flag = False
    """Whether only read-only operations are listed and callable. Beats every rule."""
    rules: Annotated[tuple[InstanceOf[Rule], ...], Means("a list of rules")] = ()
    """Who may run what, where and when; the first rule that fits decides. See
    [security](security.md#policy). In the file only."""
    groups: Annotated[
        dict[str, tuple[str, ...]], Means("a mapping of group names to lists of name patterns")
    ] = Field(default_factory=dict)
    """Groups of principals for the rules: a group's name to patterns of its members' names. In the
    file only."""
    pin: Flag = False
    """Whether an operation is withheld until somebody approved its definition, and again when it
    changed since. `opsmcp approve-catalogue` shows what changed and approves."""


class Consent(Group):
    """How a person agrees to an operation that changes something."""

    unavailable: Annotated[Literal["deny", "trust-client"], Means("deny or trust-client")] = "deny"
    """What happens when a client cannot ask its user: `deny` refuses the call, `trust-client`
    relies on the client's own confirmation of tool calls."""
    wait_seconds: Annotated[float, seconds_within(1, 3600)] = 300.0
    """How long a person may take to answer. After that the question is void."""


class Requests(Group):
    """Calls that wait for somebody else's approval, because a rule of policy says `approve`."""

    approvers: Names = ()
    """Groups of `policy.groups` whose members may approve, where a rule names none of its own.
    Whoever made the call never counts."""
    count: Annotated[int, whole(1, MOST_APPROVERS)] = 1
    """How many different members have to approve, where a rule does not say. One rejection ends
    it."""
    expires: Annotated[str, AfterValidator(duration), Means(REQUEST_DURATION)] = "15m"
    """How long a request waits for its approval, where a rule does not say. No answer is no."""
    terminal: Flag = True
    """Whether `opsmcp approve` and `opsmcp reject` decide. Off for machines where models have the
    shells of those who approve; then the page is the only way."""

    @property
    def expires_seconds(self) -> float:
        """The setting `expires`, in seconds."""
        return read_duration(self.expires)
