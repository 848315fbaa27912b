"""The limits that protect the service from its clients; what judges by them stands elsewhere."""

from dataclasses import dataclass
from typing import cast

from graphql import DocumentNode

from app.api.codes import Code
from app.api.errors import CodedError
from app.api.operations.dearest import Valuation, explain


@dataclass(frozen=True)
class Limits:
    """What a document, a request and a client may take. The settings of the same names fill it."""

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


DEFAULT_LIMITS = Limits()

# Beyond it JSON's readers round, and orjson writes nothing: fragments can make far more of it.
_MOST_TO_TELL = 2**53


def beyond(
    code: Code, what: str, limit: int, found: int | None = None, *, advice: str = "", **more: object
) -> CodedError:
    """The refusal of what is beyond a limit; `found` is None where nobody counted to the end."""
    facts: dict[str, object] = {"limit": limit, **more}
    if found is not None:
        facts["found"] = found = min(found, _MOST_TO_TELL)
    counted = f"more than {limit}" if found is None else str(found)
    sentences = f"The limit is {limit} {what}; this has {counted}. {advice}".rstrip()
    return CodedError(code, sentences, **facts)


def too_costly(
    document: DocumentNode,
    operation_name: str | None,
    valuation: Valuation,
    *,
    limit: int,
    found: int,
) -> CodedError:
    """The refusal of an operation for its cost; `dearest` says where that is."""
    advice, dearest = explain(document, operation_name, valuation, limit=limit, found=found)
    for path in dearest:
        path["cost"] = min(cast("int", path["cost"]), _MOST_TO_TELL)
    return beyond(
        Code.QUERY_TOO_COSTLY,
        "values at the most",
        limit,
        found,
        advice=advice,
        dearest=dearest,
        suggestion=advice,
    )
