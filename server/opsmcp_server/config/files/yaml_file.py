"""The settings file: YAML to settings, each with the line it stands on.

Knows the names of the settings, not what they mean. Goes through the node tree rather than plain
data, because an error has to name a line and YAML itself lets a key stand twice.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import yaml

from opsmcp_server.config.errors import ConfigError
from opsmcp_server.config.schema import RawSetting
from opsmcp_tools.arguments.nearest_names import suggest
from opsmcp_tools.safe_text.characters import quote

__all__ = ["read_yaml"]

_FREE = frozenset({"bind", "people"})
"""Groups in which every name is a setting."""

_STRUCTURED = frozenset({"events", "responders", "schedules"})
"""Groups whose settings have parts that errors are about."""

_WHOLE = frozenset({"responders", "schedules"})
"""Settings without a group."""

_MOST_LINES = 50_000
"""More than a file can have; aliases of aliases stand for more parts than anybody can count."""


def read_yaml(text: str, label: str, base: Path, names: Collection[str]) -> Iterator[RawSetting]:
    """The settings of a file; those left empty are not given.

    Args:
        text: What the file holds.
        label: What people call it, for origins.
        base: The directory that relative paths in it count from.
        names: Every setting; `bind` and `people` take any name besides.

    Raises:
        ConfigError: It is no YAML, or holds an unknown or a repeated key.
    """
    try:
        yield from _File(yaml.SafeLoader(text), label, base, names).settings()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"file {label}:{line}: this is not valid YAML") from error
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"file {label}: this is not valid YAML") from error
    except RecursionError as error:
        raise ConfigError(f"file {label}: it is nested too deeply") from error


@dataclass(frozen=True, slots=True)
class _File:
    """One file while it is walked: group by group, setting by setting."""

    loader: yaml.SafeLoader
    label: str
    base: Path
    names: Collection[str]

    def settings(self) -> Iterator[RawSetting]:
        root = self.loader.get_single_node()
        if root is None:
            return
        self._refuse_repeated(root, "", set())
        groups = {name.partition(".")[0] for name in self.names} | _FREE | _WHOLE
        for group, line, node in self._items(root, "the file"):
            if group in _WHOLE:
                yield from self._setting(group, group, line, node)
                continue
            if group in self.names:
                outer, _, inner = group.partition(".")
                meant = f"{quote(group)} is written as '{inner}' below '{outer}:'"
                raise ConfigError(f"file {self.label}:{line}: {meant}")
            if group not in groups:
                self._refuse(group, line, [*groups, *self.names])
            yield from self._group(group, node)

    def _group(self, group: str, node: yaml.Node) -> Iterator[RawSetting]:
        if self._value(node) is None:
            return
        for name, line, value_node in self._items(node, group):
            key = f"{group}.{name}"
            if group not in _FREE and key not in self.names:
                self._refuse(key, line, self.names)
            yield from self._setting(key, group, line, value_node)

    def _setting(self, key: str, group: str, line: int, node: yaml.Node) -> Iterator[RawSetting]:
        value = self._value(node)
        if value is not None:
            lines = dict(islice(_lines(node, ""), _MOST_LINES if group in _STRUCTURED else 0))
            yield RawSetting(key, value, f"file {self.label}:{line}", self.base, lines)

    def _items(self, node: yaml.Node, what: str) -> Iterator[tuple[str, int, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            line = node.start_mark.line + 1
            raise ConfigError(f"file {self.label}:{line}: {what} must be a mapping of names")
        for key_node, value_node in node.value:
            yield str(self._value(key_node)), key_node.start_mark.line + 1, value_node

    def _refuse_repeated(self, node: yaml.Node, place: str, looked_at: set[int]) -> None:
        """Refuse a key that stands twice in one mapping: YAML would take the last one silently.

        Done before anything is constructed, because that puts merged keys (`<<`) beside the others.
        """
        if id(node) in looked_at:
            return  # An alias, which may even lead back to itself.
        looked_at.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            for number, item in enumerate(node.value):
                self._refuse_repeated(item, f"{place}[{number}]", looked_at)
        elif isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key_node, value_node in node.value:
                key, line = str(self._value(key_node)), key_node.start_mark.line + 1
                if key in seen:
                    where = f" in {place}" if place else ""
                    raise ConfigError(
                        f"file {self.label}:{line}: {quote(key)} stands there twice{where}"
                    )
                seen.add(key)
                inner = f"{place}.{key}" if place else key
                self._refuse_repeated(value_node, inner, looked_at)

    def _value(self, node: yaml.Node) -> object:
        value: object = self.loader.construct_object(node, deep=True)  # pyright: ignore[reportUnknownMemberType]
        return value

    def _refuse(self, key: str, line: int, names: Collection[str]) -> None:
        hint = suggest(key, names)
        raise ConfigError(f"file {self.label}:{line}: there is no setting {quote(key)}{hint}")


def _lines(node: yaml.Node, place: str) -> Iterator[tuple[str, int]]:
    """The line of each part, by its place: `alertmanager.token`, `quiet[0].when`.

    Called for what was constructed, so nothing holds itself.
    """
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            inner = f"{place}.{key_node.value}" if place else str(key_node.value)
            yield inner, key_node.start_mark.line + 1
            yield from _lines(value_node, inner)
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            inner = f"{place}[{number}]"
            yield inner, item.start_mark.line + 1
            yield from _lines(item, inner)
