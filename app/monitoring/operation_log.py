"""One log line per operation: its name, and never its document, variables or viewer."""

import logging

from app.api.observation import EndedOperation

logger = logging.getLogger(__name__)


class OperationLog:
    """An `OperationObserver` that logs each operation."""

    def ended(self, operation: EndedOperation) -> None:
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
