"""`openai` and `copilot` of the settings: the model, and the chat."""

from typing import Annotated, Literal

from pydantic import Field

from opsmcp_server.config.schema import (
    NO_SECRET,
    Address,
    Group,
    Means,
    Secret,
    seconds_within,
    whole,
)

__all__ = ["Copilot", "OpenAI"]


class OpenAI(Group):
    """An OpenAI-compatible model, for `opsmcp copilot`, `result.summary` and [agents](agent.md)."""

    base: Address = ""
    """Address of the API, for example `https://api.openai.com/v1`, which is meant when it is empty
    and there is a key. Without a path, `/v1` is added."""
    model: Annotated[str, Field(max_length=200), Means("the name of a model")] = ""
    """Name of the model."""
    key: Secret = NO_SECRET
    """Key of the API. A secret."""


class Copilot(Group):
    """The chat, `opsmcp copilot`."""

    mcp: Annotated[tuple[Address, ...], Means("a list of http:// or https:// addresses")] = ()
    """MCP servers to talk to, for example `http://127.0.0.1:8765/mcp`. Empty: opsmcp's own tools,
    in the process."""
    token: Secret = NO_SECRET
    """Bearer token for the first of `copilot.mcp`. A secret."""
    trust: Annotated[tuple[Address, ...], Means("a list of http:// or https:// addresses")] = ()
    """Those of `copilot.mcp` (written as there) that are an opsmcp of yours: the chat leaves it to
    them to ask before a change, and what they say of their tools does not count as text of
    strangers."""
    history: Annotated[int, whole(0, 1000)] = 5
    """Number of earlier questions, with all that belongs to them, that the model is sent again."""
    confirm: Annotated[Literal["changes", "all"], Means("changes or all")] = "changes"
    """What a person is asked about: what policy wants confirmed, or every call."""
    rounds: Annotated[int, whole(1, 200)] = 16
    """How often the model may be asked for one question. A model that needs more goes in
    circles."""
    tokens: Annotated[int, whole(1000, 100_000_000)] = 400_000
    """Number of tokens, estimated from the length of the text, that one question may cost."""
    seconds: Annotated[float, seconds_within(1, 86400)] = 1800.0
    """How long one question may take, runs included; the time in which a person is asked does not
    count."""
    tool_calling: Annotated[Literal["auto", "native", "json"], Means("auto, native or json")] = (
        "auto"
    )
    """How the model calls tools: `native` through the API, `json` by answering with a JSON object,
    `auto` natively until the endpoint says that it cannot."""
    language: Annotated[Literal["auto", "en", "zh"], Means("auto, en or zh")] = "auto"
    """Language of the chat's own words; `auto` follows the locale."""
