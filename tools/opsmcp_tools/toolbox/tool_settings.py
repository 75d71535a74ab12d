"""Which operations become tools, and how: what the settings say of it, and how it is looked up."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Literal

from opsmcp_pipelines.models import COPILOT_LABEL, Operation, OperationKind
from opsmcp_tools.model.value_rules import NO_RULES, ValueRules
from opsmcp_tools.phrases.phrase import Language
from opsmcp_tools.toolbox.overrides import Override, Overrides, find_override

__all__ = ["Exposure", "Extent", "ToolSettings"]

Extent = Literal["labelled", "all", "none"]


@dataclass(frozen=True, slots=True)
class Exposure:
    """Which operations are considered: by kind and label, then by name pattern.

    A pattern is matched against `name` and `namespace/name`; `exclude` beats `include`. Without
    `output_scripts`, those are withheld in whose scripts a source pastes what a step printed.
    """

    pipelines: Extent = "labelled"
    tasks: Extent = "labelled"
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    output_scripts: bool = True

    def covers(self, operation: Operation) -> bool:
        """Whether an operation is considered at all."""
        return not self.refusal(operation)

    def refusal(self, operation: Operation) -> str:
        """Why an operation is not considered, as a clause; empty when it is."""
        key = operation.key
        if self._matches(self.exclude, key.namespace, key.name):
            return "expose.exclude leaves it out"
        if self._matches(self.include, key.namespace, key.name):
            return ""
        pipeline = key.kind is OperationKind.PIPELINE
        extent = self.pipelines if pipeline else self.tasks
        if extent == "all":
            return ""
        if extent == "none":
            return f"expose.{'pipelines' if pipeline else 'tasks'} leaves it out"
        labelled = operation.labels.get(COPILOT_LABEL) == "enabled"
        return "" if labelled else f"it has no label {COPILOT_LABEL}=enabled"

    @staticmethod
    def _matches(patterns: Iterable[str], namespace: str, name: str) -> bool:
        names = (name, f"{namespace}/{name}")
        return any(fnmatchcase(own, pattern) for pattern in patterns for own in names)


@dataclass(frozen=True, slots=True)
class ToolSettings:
    """How operations become tools.

    `bind` and `kinds` are by `variable` or `operation.variable`; `hints` by name pattern.
    `constants` are the names in `bind` whose values are no secrets.
    Inventories longer than `enum_limit` are not listed in schemas. `host_selectors` are the node
    selectors that callers may give for `host`; none by default, because they widen the target.
    """

    exposure: Exposure = Exposure()
    hints: Mapping[str, Mapping[str, bool]] = field(default_factory=lambda: MappingProxyType({}))
    bind: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    constants: frozenset[str] = frozenset()
    kinds: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    enum_limit: int = 64
    host_selectors: tuple[str, ...] = ()
    values: ValueRules = NO_RULES
    overrides: Overrides = field(default_factory=lambda: MappingProxyType({}))
    language: Language = "en"

    def override_of(self, operation: Operation) -> Override:
        """What is said of an operation, by its name alone or behind its namespace."""
        return find_override(
            self.overrides, (operation.name, f"{operation.namespace}/{operation.name}")
        )

    def hints_of(self, name: str, said: Override) -> Mapping[str, Mapping[str, bool]]:
        """What is said of what an operation changes, by name pattern.

        Args:
            name: What it is called.
            said: What is said of it as a whole; that comes last, because it is the nearest to it.
        """
        last = {name: {**self.hints.get(name, {}), **said.hints}} if said.hints else {}
        kept = {key: value for key, value in self.hints.items() if key not in last}
        return {**kept, **last}
