"""Counters per client, with a limit."""

from app.api.codes import Code
from app.api.errors import CodedError
from app.api.operations.limits import beyond


class Counts:
    """A counter per client. *Limits*: `limit` for each; counters at zero take no memory."""

    def __init__(self, limit: int, code: Code, what: str, *, advice: str = "") -> None:
        self._limit = limit
        self._code = code
        self._what = what
        self._advice = advice
        self._counts: dict[str, int] = {}

    def refusal(self, client: str) -> CodedError | None:
        """The error if the client has reached the limit; else None."""
        found = self._counts.get(client, 0) + 1
        if found <= self._limit:
            return None
        return beyond(self._code, self._what, self._limit, found, advice=self._advice)

    def enter(self, client: str) -> None:
        """Count one more, until `leave`."""
        self._counts[client] = self._counts.get(client, 0) + 1

    def leave(self, client: str) -> None:
        """Count one less."""
        self._counts[client] -= 1
        if not self._counts[client]:
            del self._counts[client]
