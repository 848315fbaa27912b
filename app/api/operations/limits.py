"""The limits per document, request and client, and the errors that report them."""

from dataclasses import dataclass

from app.api.codes import Code
from app.api.errors import CodedError


@dataclass(frozen=True)
class Limits:
    """The limits, from the settings of the same names."""

    max_document_length: int = 100_000
    max_tokens: int = 2_000
    max_depth: int = 15
    max_aliases: int = 30
    max_directives: int = 50
    max_root_fields: int = 20
    max_cost: int = 20_000
    max_batch_size: int = 0
    request_timeout_seconds: float = 5.0
    max_subscriptions_per_connection: int = 100
    max_connections_per_user: int = 100
    max_waiting_connections: int = 1_000
    max_operations_under_way_per_client: int = 50
    introspection: bool = True
    graphiql: bool = True
    compiled_execution: bool = True


DEFAULT_LIMITS = Limits()

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
