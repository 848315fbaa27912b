"""Warnings about requests, each logged once."""

import logging

MAX_WARNINGS = 100
MAX_QUOTED_LENGTH = 200


class LogOnce:
    """Logs each warning once. *Limits*: `MAX_WARNINGS`; the last says that no more follow."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._written: set[tuple[str, ...]] = set()

    def warn(self, message: str, *quoted: str) -> None:
        """Log the message with its arguments, unless it has been logged before."""
        warning = (message, *(each[:MAX_QUOTED_LENGTH] for each in quoted))
        if warning not in self._written and len(self._written) < MAX_WARNINGS:
            self._written.add(warning)
            self._logger.warning(*warning)
            if len(self._written) == MAX_WARNINGS:
                self._logger.warning("No more warnings of this kind follow until the restart.")
