"""The limits per document, request and client, and the errors that report them."""

from dataclasses import dataclass

from app.api.codes import Code
from app.api.errors import CodedError


@dataclass(frozen=True)
class Limits:
    """The limits, from the settings of the same names, which have the defaults."""

    max_document_length: int
    max_tokens: int
    max_depth: int
    max_aliases: int
    max_directives: int
    max_root_fields: int
    max_cost: int
    max_batch_size: int
    request_timeout_seconds: float
    max_subscriptions_per_connection: int
    max_connections_per_user: int
    max_waiting_connections: int
    max_operations_under_way_per_client: int
    introspection: bool
    graphiql: bool
    compiled_execution: bool


# JSON numbers beyond it are rounded by readers, and refused by orjson.
MAX_EXACT_INTEGER = 2**53


def beyond(
    code: Code, what: str, limit: int, found: int | None = None, *, advice: str = "", **more: object
) -> CodedError:
    """The error for an exceeded limit; `found` is None if the count stopped at the limit."""
    facts: dict[str, object] = {"limit": limit, **more}
    if found is not None:
        facts["found"] = found = min(found, MAX_EXACT_INTEGER)
    counted = f"more than {limit}" if found is None else str(found)
    message = f"The limit is {limit} {what}; this has {counted}. {advice}".rstrip()
    return CodedError(code, message, **facts)
