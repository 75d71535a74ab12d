"""How many kinds of trouble can be recognised in a condensed log, over logs of many formats.

The logs are made, each with its truth (`tests/tools/condense/formats.py`), the same every time.
Beside it stands what a plain beginning and end of the same length have.
"""

from itertools import product

from benchmarks.measure import Row
from opsmcp_tools.condense.choose import condense
from tests.tools.condense.formats import FORMATS, Kind, made_log

_SEEDS = (1, 2, 3)
_LEAST_SHARE, _MANY = 95.0, 10


def run() -> list[Row]:
    kinds, missed, plainly_missed = 0, list[Kind](), 0
    for name, seed in product(FORMATS, _SEEDS):
        log = made_log(name, seed=seed)
        shown = condense(log.text)
        kinds += len(log.trouble)
        missed += log.missed(shown)
        plainly_missed += len(log.missed(_both_ends(log.text, len(shown))))
    often = sum(kind.count >= _MANY for kind in missed)
    plain = (
        f"a plain beginning and end of the same length: {100 - 100 * plainly_missed / kinds:.0f} %"
    )
    size = f"{kinds - len(missed)} of {kinds} kinds in {len(FORMATS) * len(_SEEDS)} logs"
    return [
        Row(
            "kinds of trouble that can be recognised",
            100 - 100 * len(missed) / kinds,
            _LEAST_SHARE,
            "%",
            f"{size}; {plain}",
            least=True,
        ),
        Row(f"kinds of trouble with {_MANY} lines or more that are lost", often, 0, "kinds"),
    ]


def _both_ends(text: str, length: int) -> str:
    return f"{text[: length // 2]}\n{text[-length // 2 :]}"
