"""Every log line of the test run is searched for the secrets that tests plant.

Lines of this process are taken as the product's own handler writes them, with the masker that knows
shapes but no values: what a test planted as a value must not be logged at all. What processes of
their own write to stderr is handed over by whoever starts them.
"""

import logging
import re
from collections.abc import Mapping
from copy import copy
from typing import Any

from opsmcp_server.process.log_masking import MaskingFilter
from opsmcp_tools.masking.masker import Masker

__all__ = ["SEARCH", "LeakSearch"]

PLANTED = re.compile(
    r"planted-[\w+/=-]{4,}|cGxhbnRlZC1|hunter2|s3cr3t-value|sk-very-secret-key|key-of-the-endpoint"
)
OURS = ("opsmcp_server", "opsmcp_tools", "opsmcp_pipelines")


class LeakSearch(logging.Handler):
    """Keeps the lines in which a secret was found, and counts those that were searched."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        self._mask = MaskingFilter(Masker())
        self.searched = 0
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        own = copy(record)
        self._mask.filter(own)
        self.search(self.format(own))

    def search(self, text: str) -> None:
        """Look at what was logged by whatever way."""
        for line in text.splitlines():
            self.searched += 1
            if PLANTED.search(line):
                self.found.append(line[:300])

    def take(self, others: Mapping[str, Any]) -> None:
        """Add what another process of the same test run searched and found."""
        self.searched += others.get("searched", 0)
        self.found += others.get("found", ())

    def listen(self) -> None:
        """Hear all loggers; called again and again, because commands configure logging anew."""
        root = logging.getLogger()
        if self not in root.handlers:
            root.addHandler(self)
        for name in OURS:
            logging.getLogger(name).setLevel(logging.DEBUG)


SEARCH = LeakSearch()
"""The one of this test run."""
