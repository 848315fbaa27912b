"""A line in the log for each operation.

It holds no personal data: the operation's name, never its document, variables or viewer.
"""

import logging

from app.api.observation import EndedOperation

logger = logging.getLogger(__name__)


class OperationLog:
    """An `OperationObserver` that writes a line for each operation."""

    def ended(self, operation: EndedOperation) -> None:
        """See `OperationObserver`."""
        name = operation.name
        logger.info(
            "%s: %s",
            f"{operation.kind} {name}" if name else operation.kind,
            operation.outcome,
            extra={
                "fields": {
                    "operation": name,
                    "kind": operation.kind,
                    "outcome": operation.outcome,
                    "duration_ms": round(operation.duration_seconds * 1000, 1),
                }
            },
        )
