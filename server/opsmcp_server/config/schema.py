"""The settings: one frozen group per concern, each with its unit, its limits and its reason.

Only data. Where a value comes from (command line, environment, file) is `config`'s affair. Each
field carries a `Means`: the words with which a bad value is refused, so that no message is a
library's. `docs/configuration.md` is generated from the docstrings here; a test compares them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    InstanceOf,
    SecretStr,
)
from pydantic_core.core_schema import (
    CoreSchema,
    no_info_after_validator_function,
    no_info_before_validator_function,
)

from opsmcp_pipelines.kinds.kind import Kind, parse_kind
from opsmcp_server.config.channel import Channel
from opsmcp_server.config.sender import Sender
from opsmcp_tools.policy.rules import Rule

__all__ = [
    "APPROVER_COUNT",
    "Consent",
    "Copilot",
    "Discovery",
    "Embedded",
    "Events",
    "Expose",
    "Flag",
    "Group",
    "RawSetting",
    "LEAST_KEY_LENGTH",
    "HintName",
    "LeadsTo",
    "MOST_APPROVERS",
    "Means",
    "OpenAI",
    "Ops",
    "Override",
    "Policy",
    "REQUEST_DURATION",
    "Requests",
    "Result",
    "Run",
    "Server",
    "State",
    "Tools",
    "Values",
    "whole",
    "VariableOverride",
    "read_duration",
    "split_address",
]


@dataclass(frozen=True, slots=True)
class RawSetting:
    """A value that somebody gave: for which setting, where, and what relative paths count from.

    `lines` has the line of each part of a setting that has parts with meanings of their own, such
    as `alertmanager.token` of `events.senders`.
    """

    key: str
    value: object
    origin: str
    base: Path
    lines: Mapping[str, int] = field(default_factory=dict[str, int], repr=False)

    def at(self, part: str) -> str:
        """Where a part of it stands, or the nearest one around it; as `origin`."""
        while part and part not in self.lines:
            part = part[: max(part.rfind("."), part.rfind("["), 0)]
        return f"{self.origin.rpartition(':')[0]}:{self.lines[part]}" if part else self.origin


@dataclass(frozen=True, slots=True)
class Means:
    """What a good value is, to follow the words "must be"."""

    text: str


@dataclass(frozen=True, slots=True)
class LeadsTo:
    """What a path has to lead to, and the words that may stand in its place.

    A setting that is a path and has none of these leads anywhere.
    """

    is_there: Callable[[Path], bool] | None = None
    missing: str = ""
    """What is said of a path at which it is not there, to follow the word "is"."""
    words: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Within(Means):
    """A number from `least` to `most`, as `text` says."""

    least: float
    most: float

    def __get_pydantic_core_schema__(
        self, source: type[float], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        checked = no_info_after_validator_function(self._check, handler(source))
        return no_info_before_validator_function(_no_flag, checked)

    def _check(self, value: float) -> float:
        if not self.least <= value <= self.most:
            raise ValueError("out of bounds")
        return value


def _no_flag(value: object) -> object:
    # YAML's `yes` and `on` would otherwise count as the number 1.
    if isinstance(value, bool):
        raise ValueError("not a number")
    return value


def _seconds(least: float, most: float) -> _Within:
    return _number(least, most, "a number of seconds")


def whole(least: int, most: int) -> _Within:
    """What makes a setting a whole number from `least` to `most`."""
    return _number(least, most, "a whole number")


def _number(least: float, most: float, what: str = "a number") -> _Within:
    return _Within(f"{what} from {least} to {most}", least, most)


def _web_address(value: str) -> str:
    """An address without a trailing slash; empty stays empty."""
    if not value:
        return ""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValueError("not a web address")
    if parts.query or parts.fragment or any(char.isspace() for char in value):
        raise ValueError("not a web address")
    _ = parts.port  # raises for one that is out of range
    return value.rstrip("/")


def _origin(value: str) -> str:
    """What a browser sends: extensions have schemes of their own, but a path stands in none."""
    parts = urlsplit(value)
    whole = parts.scheme and parts.hostname and "*" not in value and "@" not in value
    if not whole or value != f"{parts.scheme}://{parts.netloc}".lower():
        raise ValueError("not an origin")
    return value


def _public_url(value: str) -> str:
    """A web address without a final slash that can stand between quotes in a header."""
    quotable = value.isascii() and value.isprintable() and not set(value) & set('"\\')
    if not quotable or _web_address(value) != value:
        raise ValueError("not an address")
    return value


def split_address(value: str) -> tuple[str, int]:
    """Host and port of an address to listen on; IPv6 addresses stand in brackets.

    Raises:
        ValueError: It is none.
    """
    parts = urlsplit(f"//{value}")
    if not parts.hostname or parts.port is None or parts.netloc != value or "@" in value:
        raise ValueError("not an address to listen on")
    return parts.hostname, parts.port


def _listen_address(value: str) -> str:
    if value:
        split_address(value)
    return value


def _printable(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not all("!" <= char <= "~" for char in text):
        raise ValueError("not one printable word")
    return value


def _long(value: SecretStr) -> SecretStr:
    if 0 < len(value.get_secret_value()) < LEAST_KEY_LENGTH:
        raise ValueError("too short")
    return value


def read_duration(text: object) -> float:
    """How many seconds a text such as `30m` or `2h` means.

    Raises:
        ValueError: It is none, shorter than a minute or longer than a week.
    """
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not _UNITS["m"] <= seconds <= 7 * _UNITS["d"]:
        raise ValueError("no such duration")
    return float(seconds)


def _duration(value: str) -> str:
    read_duration(value)
    return value


HintName = Literal["read_only", "destructive", "idempotent"]
"""The hints that the settings may give."""

LEAST_KEY_LENGTH = 32
"""How many characters a key has at least."""

MOST_APPROVERS = 20
APPROVER_COUNT = f"a whole number from 1 to {MOST_APPROVERS}"
REQUEST_DURATION = "a duration from 1m to 7d, such as 15m or 2h"
_DURATION = re.compile(r"([1-9][0-9]{0,5})([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

_NO_SECRET = SecretStr("")
_Address = Annotated[
    str,
    AfterValidator(_web_address),
    Means("an http:// or https:// address without a user name, query or fragment"),
]
_Secret = Annotated[
    SecretStr,
    AfterValidator(_printable),
    Means("one word of printable ASCII characters (its value is not shown)"),
]
_Names = Annotated[tuple[str, ...], Means("a list of names")]
_Patterns = Annotated[tuple[str, ...], Means("a list of name patterns such as `get-*`")]
Flag = Annotated[bool, Means("true or false")]
_DIRECTORY = LeadsTo(Path.is_dir, "not a directory")
_Phases = Annotated[float, _seconds(0.1, 600)]
_Shown = Annotated[Literal["labelled", "all", "none"], Means("labelled, all or none")]


class Group(BaseModel):
    """Settings whose names begin with the same word and a point."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True
    )


class Ops(Group):
    """The Ops server that operations come from."""

    server: _Address = ""
    """Address of the Ops server, for example `https://ops.example.com`. Empty: the embedded engine
    runs the operations."""
    token: _Secret = _NO_SECRET
    """Bearer token for the Ops server. Empty: none is sent. A secret: keep it in the environment
    rather than in a file."""
    namespace: Annotated[tuple[str, ...], Field(min_length=1), Means("a list of namespaces")] = (
        "ops-system",
    )
    """Namespaces whose pipelines, tasks and hosts are used. With several, a tool's name begins with
    its namespace."""
    connect_seconds: _Phases = 5.0
    """How long opening a connection may take. A server that is there answers far sooner."""
    read_seconds: _Phases = 20.0
    """How long one answer may take. Ops falls silent for a minute when Kubernetes does; waiting for
    that would hold up everything behind it."""
    run_events: Flag = True
    """Whether the events of the Ops server are listened to while a pipeline run is followed, so
    that its end is seen at once ([events](events.md#the-end-of-a-pipeline-run)). They only say when
    to look."""

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The setting `namespace`, by what it holds."""
        return self.namespace


class Embedded(Group):
    """The embedded engine, used when `ops.server` is empty."""

    manifests: Annotated[
        tuple[Path, ...], _DIRECTORY, Means("a list of directories that exist")
    ] = ()
    """Directories of Ops manifests (YAML) to run beside the bundled ones; read again when files
    change. A relative one counts from the working directory, or from the file that names it."""
    bundled: Flag = True
    """Whether the operations that ship with opsmcp are there."""
    step_seconds: Annotated[float, _seconds(1, 86400)] = 600.0
    """How long one step may run when its author set no `timeoutSeconds`. Then it is killed with
    everything it started."""


class Hosts(Group):
    """The hosts that the embedded engine reaches through your own `ssh`."""

    files: Annotated[
        tuple[Path, ...],
        # An inventory of Ansible may be a directory.
        LeadsTo(Path.exists, "no file or directory"),
        Means("a list of files that exist"),
    ] = ()
    """Files of Ops Hosts (YAML), and inventories of Ansible (any other file, or a directory), read
    again when they change; a later one replaces hosts of an earlier one. A relative one counts from
    the working directory, or from the file that names it. Not from the `opsmcp.yaml` of a
    directory."""
    ssh_config: Annotated[
        str,
        Field(max_length=4096),
        LeadsTo(words=frozenset({"none", "auto"})),
        Means("none, auto or a file"),
    ] = "none"
    """Where further names come from: the `Host` lines of a configuration of ssh, without patterns.
    `auto`: that of `~/.ssh/config`. A file: ssh is told to use it. `none`: no names."""
    at_once: Annotated[int, whole(1, 64)] = 16
    """On how many hosts one run works at a time. Of those behind one jump host, and of those with
    one address and port, it is 8: sshd refuses logins beyond its `MaxStartups`."""
    canary: Annotated[int, whole(0, 500)] = 1
    """How many hosts go first where a run changes something on several. The others begin when it
    succeeded on all of those. 0: none goes first."""
    stop_after: Annotated[int, whole(0, 500)] = 1
    """After so many hosts on which it did not succeed, a run that changes something begins on no
    more; those that are left are named as skipped. 0: it never stops."""


class Files(Group):
    """The files that steps of the embedded engine move."""

    dir: Annotated[Path | None, _DIRECTORY, Means("a directory that exists")] = None
    """The one directory that files are sent from, by a name below it, and fetched into, below the
    names of the run and of the host. A relative one counts from the working directory, or from the
    file that names it. Without it, operations that move files are withheld."""


class Discovery(Group):
    """How often the source is read."""

    interval_seconds: Annotated[float, _seconds(1, 86400)] = 30.0
    """Time between two reads of the catalogue, varied by a tenth so that several servers do not
    read at the same moment. A read that finds nothing new costs little."""


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
    include: _Patterns = ()
    """Name patterns of operations that become tools also without the label."""
    exclude: _Patterns = ()
    """Name patterns of operations that never become tools. Wins over everything else."""
    output_scripts: Flag = True
    """Whether an operation becomes a tool where an Ops server pastes what a step printed into a
    script and that could become code. Ops does so by itself, and nothing can check it."""


class VariableOverride(Group):
    """What `tools.overrides` says of one variable."""

    kind: KindName | None = None
    description: str = Field("", max_length=500)
    examples: tuple[str, ...] = ()
    bound: _Secret | None = None


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
    pinned: _Patterns = ()
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
    host_selectors: _Names = ()
    """Node selectors of Ops (`anymaster`, `all`, ...) that a caller may give in place of a host.
    None by default: a selector can mean every machine at once."""


class Run(Group):
    """How runs are waited for."""

    wait_seconds: Annotated[float, _seconds(0, 3600)] = 45.0
    """How long a tool call waits for the end of its run before it answers with a handle. Below the
    60 seconds after which common clients give up. 0: always a handle. `get_run` waits no longer,
    but up to a second in any case."""
    task_seconds: Annotated[float, _seconds(0, 3600)] = 0.5
    """How long the call of a client that knows tasks waits for the end of its run before it answers
    with a task. Long enough for quick operations to answer at once. 0: always a task."""
    on_cancel: Annotated[Literal["keep", "cancel"], Means("keep or cancel")] = "keep"
    """What becomes of a run when its client cancels the call: `keep` ends the waiting only,
    `cancel` stops the run where its source can. Clients also cancel when they lose patience, and
    half a change may be worse than a whole one. A connection that ends never stops a run;
    `cancel_run` and `tasks/cancel` always do."""
    deadline_seconds: Annotated[float, _seconds(1, 604800)] = 1800.0
    """How long a run is followed. After that its verdict is `stuck`; the embedded engine stops
    it."""
    deadlines: Annotated[
        dict[str, Annotated[float, _seconds(1, 604800)]],
        Means("a mapping of name patterns to numbers of seconds from 1 to 604800"),
    ] = Field(default_factory=dict)
    """Name pattern of tools to a deadline of their own in seconds, for example
    `{backup-*: 14400}`. The first that fits counts. In the file only."""
    repeat_seconds: Annotated[float, _seconds(0, 86400)] = 60.0
    """How long after the end of a run that changes something the same call is answered with that
    run. Clients repeat calls whose answer they lost. 0: only while it is in flight."""
    requests_per_second: Annotated[float, _number(1, 1000)] = 20.0
    """How often the Ops server may be asked how runs stand, all runs together."""
    limit: Annotated[int, whole(1, 100000)] = 500
    """How many runs may be in flight in all. Ops itself works at 50 of each kind at a time."""
    limit_per_principal: Annotated[int, whole(1, 100000)] = 100
    """How many runs of one user may be in flight."""
    queue: Annotated[int, whole(0, 100000)] = 200
    """How many calls may wait, 20 seconds at most, for others to end. Beyond it calls are refused
    at once."""


class Server(Group):
    """`opsmcp serve`."""

    host: Annotated[str, Field(min_length=1, max_length=253), Means("an address or host name")] = (
        "127.0.0.1"
    )
    """Address to listen on. Anything but the loopback needs tokens."""
    port: Annotated[int, _number(0, 65535, "a port")] = 8765
    """Port to listen on. 0: any free one."""
    token: _Secret = _NO_SECRET
    """Bearer token that all clients may share; everybody who has it is one principal, `token`. Once
    there is this one or a personal token, one is needed on every route of MCP. A secret."""
    public_url: Annotated[
        str,
        AfterValidator(_public_url),
        Means("an address such as https://ops.example.com, without /mcp and without a final slash"),
    ] = ""
    """The address that clients use, without `/mcp`; it may have a path. Tokens of `auth.oidc` are
    meant for it and `/mcp`. Its host is accepted like those of `server.allowed_hosts`."""
    trusted_proxies: _Names = ()
    """Networks of proxies, such as `10.0.0.0/8`, whose `X-Forwarded-For` is believed: limits for
    addresses count the last address in it that is none of these."""
    allowed_hosts: _Names = ()
    """Host headers to accept besides the address listened on, as `name` or `name:port`; needed
    behind a proxy, and for every name by which a server that listens on `0.0.0.0` or `::` is
    called. Others are refused, so that no web page can rebind its name to this server."""
    allowed_origins: Annotated[
        tuple[Annotated[str, AfterValidator(_origin)], ...],
        Means("a list of origins such as https://ops.example.com, without a path"),
    ] = ()
    """Origins of web pages that may call this server and read its answers, just as browsers send
    them. None by default: an Origin of this machine or of `server.host` passes the check, on any
    port, but its pages are not given what is answered."""
    metrics_address: Annotated[
        str, AfterValidator(_listen_address), Means("an address such as 127.0.0.1:9464")
    ] = ""
    """Where `/metrics`, `/healthz` and `/readyz` are served on a listener of their own, as
    `HOST:PORT`; nowhere when empty. Nobody needs a token there, so it belongs on a network that
    only Prometheus and the kubelet reach. See [observability](observability.md)."""
    shutdown_seconds: Annotated[float, _seconds(0, 600)] = 5.0
    """How long running calls may take to end after the server was asked to stop."""


class Auth(Group):
    """Who gets into `opsmcp serve`."""

    oidc: Annotated[tuple[Any, ...], Means("a list of issuers")] = ()
    """The OpenID Connect issuers whose tokens are accepted, each a mapping of the keys that
    [identity](identity.md#openid-connect) has. In the file only."""
    tokens_file: Annotated[Path | None, Means("a file of tokens")] = None
    """A file of personal tokens (their hashes) beside those of `opsmcp token create`, in the same
    form; it is read only, and read again when it changes. See [identity](identity.md)."""


class Limits(Group):
    """How much one principal, or one address, may ask of `opsmcp serve`. 0: no limit."""

    requests_per_minute: Annotated[int, whole(0, 1_000_000)] = 600
    """Requests of one principal in a minute, a third of them at once. Beyond that 429."""
    calls_per_minute: Annotated[int, whole(0, 1_000_000)] = 120
    """Calls of tools by one principal in a minute, a third of them at once. Beyond that a call is
    answered with an error that says when to try again, which models understand."""
    unauthenticated_per_minute: Annotated[int, whole(0, 1_000_000)] = 60
    """Refused requests of one address (of IPv6 a /64) in a minute. Beyond that 429, before any
    token is looked at, unless a good one came from there within 10 minutes."""
    streams_per_principal: Annotated[int, whole(0, 100_000)] = 64
    """Streams that one principal has open at once. One more gets 429."""


class State(Group):
    """What is kept between starts."""

    dir: Annotated[Path, Means("a directory")] = Path("~/.local/state/opsmcp")
    """Directory of the journal and, for the embedded engine, of runs and their output. Below
    `$XDG_STATE_HOME` when that is set."""
    keep_days: Annotated[float, _number(0.01, 3650)] = 14.0
    """How many days runs stay in the journal, with verdict, arguments and output, counted from the
    oldest of the newest 1,000: those always stay. An idempotency key is good for as long. Ops
    itself forgets runs within the hour."""
    keep_megabytes: Annotated[int, whole(10, 1_000_000)] = 1024
    """How large the journal may become, in MiB. Beyond it the oldest runs go first."""
    key: Annotated[
        SecretStr,
        AfterValidator(_printable),
        AfterValidator(_long),
        Means(
            f"one word of at least {LEAST_KEY_LENGTH} printable ASCII characters (its value is not"
            " shown)"
        ),
    ] = _NO_SECRET
    """Key that seals the ids of tasks and the state of questions. Empty: a random one, kept in the
    file `key` of `state.dir`. Replicas that do not share that directory need the same key. A
    secret."""


class Values(Group):
    """What values of arguments may be, beyond what a variable means."""

    url_schemes: Annotated[
        tuple[str, ...], Field(min_length=1), Means("a list of schemes such as https")
    ] = ("http", "https")
    """Schemes that a URL may have."""
    url_hosts: _Names = ()
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
    wait_seconds: Annotated[float, _seconds(1, 3600)] = 300.0
    """How long a person may take to answer. After that the question is void."""


class Requests(Group):
    """Calls that wait for somebody else's approval, because a rule of policy says `approve`."""

    approvers: _Names = ()
    """Groups of `policy.groups` whose members may approve, where a rule names none of its own.
    Whoever made the call never counts."""
    count: Annotated[int, whole(1, MOST_APPROVERS)] = 1
    """How many different members have to approve, where a rule does not say. One rejection ends
    it."""
    expires: Annotated[str, AfterValidator(_duration), Means(REQUEST_DURATION)] = "15m"
    """How long a request waits for its approval, where a rule does not say. No answer is no."""
    terminal: Flag = True
    """Whether `opsmcp approve` and `opsmcp reject` decide. Off for machines where models have the
    shells of those who approve; then the page is the only way."""

    @property
    def expires_seconds(self) -> float:
        """The setting `expires`, in seconds."""
        return read_duration(self.expires)


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
    llm_tools: _Patterns = ()
    """Name patterns of tools whose results are summarised by the model although `result.summary` is
    `plain`."""
    llm_seconds: Annotated[float, _seconds(0.1, 120)] = 10.0
    """How long the model may take. After that the plain text is the answer. With
    `run.wait_seconds` it stays below the 60 seconds after which common clients give up."""


class OpenAI(Group):
    """An OpenAI-compatible model, for `opsmcp copilot`, `result.summary` and [agents](agent.md)."""

    base: _Address = ""
    """Address of the API, for example `https://api.openai.com/v1`, which is meant when it is empty
    and there is a key. Without a path, `/v1` is added."""
    model: Annotated[str, Field(max_length=200), Means("the name of a model")] = ""
    """Name of the model."""
    key: _Secret = _NO_SECRET
    """Key of the API. A secret."""


class Copilot(Group):
    """The chat, `opsmcp copilot`."""

    mcp: Annotated[tuple[_Address, ...], Means("a list of http:// or https:// addresses")] = ()
    """MCP servers to talk to, for example `http://127.0.0.1:8765/mcp`. Empty: opsmcp's own tools,
    in the process."""
    token: _Secret = _NO_SECRET
    """Bearer token for the first of `copilot.mcp`. A secret."""
    trust: Annotated[tuple[_Address, ...], Means("a list of http:// or https:// addresses")] = ()
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
    seconds: Annotated[float, _seconds(1, 86400)] = 1800.0
    """How long one question may take, runs included; the time in which a person is asked does not
    count."""
    tool_calling: Annotated[Literal["auto", "native", "json"], Means("auto, native or json")] = (
        "auto"
    )
    """How the model calls tools: `native` through the API, `json` by answering with a JSON object,
    `auto` natively until the endpoint says that it cannot."""
    language: Annotated[Literal["auto", "en", "zh"], Means("auto, en or zh")] = "auto"
    """Language of the chat's own words; `auto` follows the locale."""
