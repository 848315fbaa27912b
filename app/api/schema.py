"""The executable schema: types, the limits on documents, and the cache of validated documents."""

from collections.abc import Sequence
from contextlib import aclosing
from functools import lru_cache
from typing import Any

import strawberry
from graphql import GraphQLError
from graphql.validation.rules import overlapping_fields_can_be_merged
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StreamResult
from strawberry.types import ExecutionContext
from strawberry.types.execution import PreExecutionError

from app.api.changes import CHANGE_TYPES
from app.api.context import Info
from app.api.documents import Documents
from app.api.errors import present
from app.api.execution import GuardedExecution
from app.api.limits import DEFAULT_LIMITS, Limits
from app.api.mutations import Mutation
from app.api.queries import Query
from app.api.shared_answers import SharingExecutor
from app.api.subscriptions import Subscription

# What comparing fields of the same name may cost a document's validation. With graphql-core's own
# 500,000 a hostile document of 5 KB held the process up for 0.63 s; so it is 0.07 s.
MAX_MERGING_EFFORT = 50_000


class TeamJoinerSchema(strawberry.Schema):
    """A schema whose errors are coded and masked in one place, whatever the transport."""

    def __init__(self, limits: Limits, extensions: Sequence[type[SchemaExtension]]) -> None:
        super().__init__(
            query=Query,
            mutation=Mutation,
            subscription=Subscription,
            types=CHANGE_TYPES,
            config=StrawberryConfig(info_class=Info),
            extensions=[
                *extensions,
                lambda: GuardedExecution(self._documents, limits),
            ],
            execution_context_class=SharingExecutor,
        )
        self._documents = Documents(self._schema, limits)

    def process_errors(
        self,
        errors: list[GraphQLError],
        execution_context: ExecutionContext | None = None,  # noqa: ARG002 - the base's signature
    ) -> None:
        """Replaces the errors of an answer by what the client may see of them."""
        errors[:] = [present(error) for error in errors]

    async def stream(self, *args: Any, **kwargs: Any) -> StreamResult:  # noqa: ANN401
        """Strawberry's, which would end without an answer where a document can't be parsed."""
        return _answer_what_cannot_be_parsed(await super().stream(*args, **kwargs))


async def _answer_what_cannot_be_parsed(results: StreamResult) -> StreamResult:
    try:
        async with aclosing(results):
            async for result in results:
                yield result
    except GraphQLError as error:
        yield PreExecutionError(data=None, errors=[present(error)])


@lru_cache(maxsize=1)
def build_schema(
    limits: Limits = DEFAULT_LIMITS, extensions: tuple[type[SchemaExtension], ...] = ()
) -> TeamJoinerSchema:
    """The schema; it depends on nothing but the code and what is given, so it is built once.

    The `extensions` stand around everything else.
    """
    overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = MAX_MERGING_EFFORT
    return TeamJoinerSchema(limits, extensions)


def print_schema() -> str:
    """The schema's text as it stands in `schema.graphql`."""
    return build_schema().as_str() + "\n"
