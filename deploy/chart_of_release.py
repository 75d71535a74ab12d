"""Writes where the released image is into the chart's values, before the chart is packaged.

python -m deploy.chart_of_release --registry HOST/OWNER --digest sha256:...
"""

import argparse
import re
from pathlib import Path

__all__ = ["main", "with_image"]

VALUES = Path(__file__).parent / "chart" / "opsmcp" / "values.yaml"


def with_image(values: str, registry: str, digest: str) -> str:
    """The text of values.yaml with the image's registry and digest.

    Raises:
        ValueError: The digest is none, or the text has no place for them.
    """
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        raise ValueError(f"no digest: {digest!r}")
    for name, value in (("registry", registry), ("digest", digest)):
        values, count = re.subn(
            rf'^  {name}: ""$', f'  {name}: "{value}"', values, flags=re.MULTILINE
        )
        if count != 1:
            raise ValueError(f"values.yaml has {count} places for {name}")
    return values


def main() -> None:
    """Rewrite values.yaml."""
    parser = argparse.ArgumentParser(prog="python -m deploy.chart_of_release")
    parser.add_argument("--registry", required=True)
    parser.add_argument("--digest", required=True)
    given = parser.parse_args()
    text = VALUES.read_text("utf-8")
    VALUES.write_text(with_image(text, given.registry, given.digest), "utf-8")


if __name__ == "__main__":
    main()
