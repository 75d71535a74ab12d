"""A variable -> what a caller may give for it: what exists, what the author allows, which bounds.

Pure. `schema` says of it what JSON Schema can say, `arguments` checks it in any case.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from opsmcp_pipelines.kinds.go_regex import Pattern, matches, parse_pattern
from opsmcp_pipelines.kinds.kind import Kind, Separator, VariableKind
from opsmcp_pipelines.kinds.names import HOST, words_of
from opsmcp_pipelines.kinds.table import LABEL_NAME, canonical
from opsmcp_pipelines.models import Variable
from opsmcp_tools.arguments.choices import NODE_SELECTORS, Inventory
from opsmcp_tools.model.errors import UnusableOperation
from opsmcp_tools.model.tool import Input
from opsmcp_tools.safe_text.characters import has_hidden, quote
from opsmcp_tools.toolbox.input_words import own_bounds
from opsmcp_tools.toolbox.schema import OTHER_BOUNDS, property_schema

__all__ = ["build_input"]

_MOST_CHOICES = 500

_LABEL_WORDS = frozenset({"namespace", "ns", "svc", "service", "svcname", "servicename"})
_BOUNDS: Mapping[str, tuple[int, int]] = {
    "pid": (1, 4_194_304),
    "port": (1, 65535),
    "percent": (0, 100),
    "replicas": (0, 10_000),
    "topk": (1, 100_000),
    "limit": (1, 100_000),
    "lines": (1, 100_000),
    "tail": (1, 100_000),
}
_NO_GROUPS: Mapping[str, tuple[str, ...]] = {}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A variable, what its values are, what exists, and the author's regex."""

    variable: Variable
    kind: VariableKind
    inventory: Inventory
    pattern: Pattern

    def input(self, default: str | None) -> Input:
        """The plain input, with this default."""
        kind = self.kind
        return Input(
            self.variable.name,
            kind.kind,
            schema={},
            required=self.variable.required and not default,
            default=default,
            separator=kind.separator,
            guessed=kind.guessed,
            also=kind.also,
            without=kind.without,
        )

    def allowed(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Of what exists, what the author allows and the place takes."""
        enums, also = self.variable.enums, self.kind.also
        if enums:
            names = tuple(name for name in names if name in enums)
        if self.pattern.whole:
            names = tuple(name for name in names if matches(self.pattern.whole, name))
        return tuple(name for name in names if canonical(also, name)) if also else names


def build_input(
    variable: Variable,
    kind: VariableKind,
    inventory: Inventory,
    enum_limit: int = 64,
    *,
    starts: bool = True,
) -> Input:
    """What a caller may give for `variable`.

    Args:
        variable: What the author wrote.
        kind: What its values are.
        inventory: What exists.
        enum_limit: How many choices a schema lists.
        starts: Whether a text begins an argument of a program somewhere.

    Raises:
        UnusableOperation: What is declared makes no sense, so the operation is withheld.
    """
    wanted = _Wanted(variable, kind, inventory, _pattern_of(variable))
    item = replace(_BUILDERS.get(kind.kind, _plain)(wanted), starts=starts)
    if variable.required and item.kind is Kind.CLUSTER and not item.allowed:
        raise UnusableOperation("it needs a cluster and there is none that fits")
    schema = property_schema(item, variable, inventory, wanted.pattern, enum_limit)
    return replace(item, schema=schema)


def _pattern_of(variable: Variable) -> Pattern:
    if not variable.regex:
        return Pattern("", "")
    pattern = parse_pattern(variable.regex)
    if pattern is None:
        raise UnusableOperation(
            f"the regex of variable {variable.name!r} cannot be used: {quote(variable.regex)} is "
            "not RE2, as Go has it"
        )
    return pattern


def _plain(wanted: _Wanted) -> Input:
    """What the kind says, and the choices and the regex of the author beside it."""
    choices = tuple(dict.fromkeys(value for value in wanted.variable.enums if value))
    item = wanted.input(wanted.variable.default)
    return replace(item, allowed=choices, pattern=wanted.pattern.whole)


def _cluster(wanted: _Wanted) -> Input:
    variable, inventory = wanted.variable, wanted.inventory
    names = wanted.allowed(inventory.cluster_names)
    # Ops runs what names an unknown cluster locally and says nothing.
    default = variable.default if variable.default in names else None
    if default is None and variable.required and inventory.default_cluster in names:
        default = inventory.default_cluster
    own = inventory.default_cluster or ""
    return replace(wanted.input(default), allowed=names, left_out=own)


def _host(wanted: _Wanted) -> Input:
    variable, inventory = wanted.variable, wanted.inventory
    if variable.name.lower() != HOST:
        # Some machine, which the inventory need not hold.
        return _plain(wanted)
    own = [name for name in (*variable.enums, variable.default) if name in NODE_SELECTORS]
    selectors = (*inventory.selectors, *(name for name in own if name))
    hosts = wanted.allowed(inventory.host_names)
    groups = inventory.host_groups if variable.groups else _NO_GROUPS
    named = dict.fromkeys((*hosts, *sorted(selectors), *sorted(groups)))
    allowed = tuple(named) if inventory.host_names else ()
    default = variable.default or inventory.only_host
    if default not in allowed and default not in selectors:
        default = None
    item = replace(wanted.input(default), allowed=allowed)
    if groups:
        # Only for callers: where it runs, each host finds itself in it.
        item = replace(item, groups=groups, separator=Separator.COMMA)
    far = _host_elsewhere(wanted) if inventory.are_sent_to else None
    return replace(item, elsewhere=far)


def _host_elsewhere(wanted: _Wanted) -> Input:
    """The host of a call that names another cluster: only that cluster knows which exist."""
    # A default that is a host of the own cluster is none there.
    variable = wanted.variable
    item = wanted.input(_selector(variable.default))
    needed = item.required or variable.default != item.default
    return replace(item, required=needed, allowed=variable.enums, pattern=wanted.pattern.whole)


def _selector(name: str | None) -> str | None:
    return name if name in NODE_SELECTORS else None


def _choice(wanted: _Wanted) -> Input:
    variable = wanted.variable
    choices = tuple(dict.fromkeys(value for value in variable.enums if value))
    if not choices or len(choices) > _MOST_CHOICES:
        raise UnusableOperation(f"variable {variable.name!r} has no usable list of choices")
    if any(_is_bad_choice(value) for value in choices):
        raise UnusableOperation(f"a choice of variable {variable.name!r} cannot be used")
    return replace(_plain(wanted), pattern="")


def _is_bad_choice(value: str) -> bool:
    return canonical(Kind.CHOICE, value) is None or has_hidden(value) or "${" in value


def _matching(wanted: _Wanted) -> Input:
    if not wanted.pattern.whole:
        raise UnusableOperation(f"variable {wanted.variable.name!r} has no regex to match")
    return _plain(wanted)


def _name(wanted: _Wanted) -> Input:
    named = words_of(wanted.variable.name)
    label = LABEL_NAME if named and named[-1] in _LABEL_WORDS else ""
    return replace(_plain(wanted), pattern=wanted.pattern.whole or label)


def _count(wanted: _Wanted) -> Input:
    variable = wanted.variable
    named = words_of(variable.name) or ("",)
    low, high = own_bounds(variable) or _BOUNDS.get(named[-1], OTHER_BOUNDS)
    default = variable.default or ""
    known = canonical(Kind.COUNT, default.removeprefix("-")) is not None
    own = int(default) if known else low
    return replace(_plain(wanted), minimum=min(low, own), maximum=max(high, own))


_BUILDERS: Mapping[Kind, Callable[[_Wanted], Input]] = {
    Kind.CLUSTER: _cluster,
    Kind.HOST: _host,
    Kind.CHOICE: _choice,
    Kind.PATTERN: _matching,
    Kind.KUBERNETES_NAME: _name,
    Kind.COUNT: _count,
}
