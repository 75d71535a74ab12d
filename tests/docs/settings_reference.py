"""The reference of settings in docs/configuration.md, made from the docstrings of the settings.

`python -m tests.docs.settings_reference` writes it; a test compares.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from opsmcp_server.config import effective as config
from opsmcp_server.config import groups
from opsmcp_server.config.effective import setting_names
from opsmcp_server.config.environment import FILE_ONLY, OLDER_NAMES, environment_name

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "configuration.md"
START, END = "<!-- settings: generated -->\n", "<!-- end of settings -->\n"


def _words(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _field_docstrings(kind: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, after in zip(kind.body, kind.body[1:], strict=False):
        if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
            continue
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            yield field.target.id, _words(str(after.value.value))


def _documented() -> dict[str, tuple[str, dict[str, str]]]:
    """Class to its docstring and its fields' docstrings."""
    folder = Path(groups.__path__[0])
    trees = [ast.parse(path.read_text("utf-8")) for path in sorted(folder.glob("*.py"))]
    kinds = [node for tree in trees for node in tree.body if isinstance(node, ast.ClassDef)]
    return {
        kind.name: (_words(ast.get_docstring(kind) or ""), dict(_field_docstrings(kind)))
        for kind in kinds
    }


def _older_names(setting: str) -> list[str]:
    """The one that wins comes first."""
    return [name for name, found in reversed(OLDER_NAMES) if found == setting]


def _default(setting: str) -> str:
    group, _, name = setting.partition(".")
    value = getattr(getattr(config.Config(), group), name)
    text = config._for_people(value)
    return "" if text == "(none)" else f"`{text}`"


def _row(setting: str, meaning: str) -> str:
    names = [environment_name(setting), *_older_names(setting)]
    environment = "file only" if setting in FILE_ONLY else ", ".join(f"`{name}`" for name in names)
    return f"| `{setting}` | {environment} | {_default(setting)} | {meaning} |\n"


def reference() -> str:
    """The generated block, with its markers."""
    documented, parts = _documented(), [START]
    for group, of_group in config.groups().items():
        kind = of_group.__name__
        if kind not in documented:
            continue
        title, meanings = documented[kind]
        parts.append(f"\n### {group}\n\n{title}\n\n")
        parts.append("| setting | environment | default | meaning |\n|---|---|---|---|\n")
        own = [name for name in setting_names() if name.startswith(f"{group}.")]
        parts += [_row(name, meanings.get(name.partition(".")[2], "")) for name in own]
    return "".join([*parts, "\n", END])


def write() -> None:
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(START)
    PAGE.write_text(before + reference() + rest.split(END)[1], encoding="utf-8")


if __name__ == "__main__":
    write()
