"""The masker, for log lines: no handler of ours writes a secret, whoever logs it."""

import logging

from opsmcp_tools.masking.masker import Masker

__all__ = ["MaskingFilter"]

_FORMATTER = logging.Formatter()


class MaskingFilter(logging.Filter):
    """Masks the message of a record, its traceback and its stack. Lets every record pass."""

    def __init__(self, masker: Masker) -> None:
        """Mask with `masker`."""
        super().__init__()
        self._masker = masker

    def filter(self, record: logging.LogRecord) -> bool:
        """Put the masked texts into the record."""
        record.msg, record.args = self._masker.text(record.getMessage()), None
        if record.exc_info and not record.exc_text:
            record.exc_text = _FORMATTER.formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = self._masker.text(record.exc_text)
        if record.stack_info:
            record.stack_info = self._masker.text(record.stack_info)
        return True
