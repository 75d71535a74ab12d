"""`expose`, `tools` and `values` of the settings: what becomes a tool, and how that looks."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from opsmcp_pipelines.kinds.kind import Kind, parse_kind
from opsmcp_server.config.schema import Flag, Group, Means, Names, Patterns, Secret, whole

__all__ = ["Expose", "HintName", "Override", "Tools", "Values", "VariableOverride"]

HintName = Literal["read_only", "destructive", "idempotent"]
"""The hints that the settings may give."""

_Shown = Annotated[Literal["labelled", "all", "none"], Means("labelled, all or none")]


def _kind_name(text: str) -> str:
    if parse_kind(text) is None:
        raise ValueError("no kind")
    return text


KindName = Annotated[str, AfterValidator(_kind_name)]
"""The name of a kind of values, or of a list of them."""


class Expose(Group):
    """Which operations become tools."""

    pipelines: _Shown = "labelled"
    """Which pipelines: those with the label `ops/copilot=enabled`, all, or none."""
    tasks: _Shown = "labelled"
    """Which tasks, likewise."""
    include: Patterns = ()
    """Name patterns of operations that become tools also without the label."""
    exclude: Patterns = ()
    """Name patterns of operations that never become tools. Wins over everything else."""
    output_scripts: Flag = True
    """Whether an operation becomes a tool where an Ops server pastes what a step printed into a
    script and that could become code. Ops does so by itself, and nothing can check it."""


class VariableOverride(Group):
    """What `tools.overrides` says of one variable."""

    kind: KindName | None = None
    description: str = Field("", max_length=500)
    examples: tuple[str, ...] = ()
    bound: Secret | None = None


class Override(Group):
    """What `tools.overrides` says of the operations of one pattern."""

    title: str = Field("", max_length=100)
    description: str = Field("", max_length=1000)
    hints: dict[HintName, bool] = Field(default_factory=dict[HintName, bool])
    variables: dict[str, VariableOverride] = Field(default_factory=dict[str, VariableOverride])


class Tools(Group):
    """How operations look as tools."""

    limit: Annotated[int, whole(1, 10000)] = 40
    """Number of tools up to which clients are given the whole list. Of more, the pinned and the
    most used are listed, because a model chooses worse among many, and `search_operations` and
    `run_operation` reach the others. The built-in tools do not count."""
    pinned: Patterns = ()
    """Name patterns of tools that are listed in any case."""
    page_size: Annotated[int, whole(0, 10000)] = 0
    """Number of tools on one page of the list. 0: one page for all, because several clients read
    only the first."""
    language: Annotated[Literal["en", "zh"], Means("en or zh")] = "en"
    """Language of opsmcp's own words in descriptions, errors about arguments, results and questions
    to a person: `en` or `zh` (Chinese). What authors and programs wrote stays as they wrote it."""
    enum_limit: Annotated[int, whole(1, 1000)] = 64
    """Number of clusters, hosts or choices up to which a schema lists them all. Above it, a wrong
    name is answered with the nearest real ones."""
    hints: Annotated[
        dict[str, dict[HintName, bool]],
        Means("a mapping of name patterns to read_only, destructive, idempotent: true or false"),
    ] = Field(default_factory=dict)
    """Name pattern to hints that replace those inferred from the words of an operation, for example
    `restart-*: {destructive: true}`. In the file only."""
    kinds: Annotated[
        dict[str, KindName],
        Means(
            f"a mapping of variables to one of: {', '.join(Kind)}; or to a list of one, such as"
            " list.host.comma"
        ),
    ] = Field(default_factory=dict)
    """What the values of a variable are where its name does not tell: `variable` or
    `operation.variable` to a kind, for example `message: text` or `racks: list.host.comma`
    ([kinds](tools.md#kinds)). In the file only."""
    overrides: Annotated[
        dict[str, Override],
        Means(
            "a mapping of name patterns to title, description, hints and variables"
            " (each with kind, description, examples, bound)"
        ),
    ] = Field(default_factory=dict)
    """Name pattern to words, hints and variables that replace an author's, for example
    `restart-*: {description: Restarts it at once, variables: {pod: {examples: [web-0]}}}`. A
    variable takes `kind`, `description`, `examples` and `bound`. What matches nothing is warned of.
    In the file only."""
    host_selectors: Names = ()
    """Node selectors of Ops (`anymaster`, `all`, ...) that a caller may give in place of a host.
    None by default: a selector can mean every machine at once."""


class Values(Group):
    """What values of arguments may be, beyond what a variable means."""

    url_schemes: Annotated[
        tuple[str, ...], Field(min_length=1), Means("a list of schemes such as https")
    ] = ("http", "https")
    """Schemes that a URL may have."""
    url_hosts: Names = ()
    """Patterns of hosts that a URL may name, such as `*.example.com`. Empty: every host. One that
    is written out may be named also if it is local."""
    local_urls: Annotated[Literal["auto", "allow", "deny"], Means("auto, allow or deny")] = "auto"
    """Whether a URL may point at the machine that asks for it. `auto`: at its loopback on the
    embedded engine, because people check what runs on their own machine; nowhere on an Ops server.
    `allow` opens link-local and metadata addresses too, which hand out credentials in a cloud; no
    other value may be one of the latter without it (`ip`, `server`)."""
    path_roots: Annotated[tuple[str, ...], Means("a list of absolute paths")] = ()
    """Folders below which a path must be. Empty: anywhere. Links in them are not looked at. A
    script may run a file that a path below them names (`bash "${path}"`), so name none that others
    can write."""
