"""The executable schema: types, the limits on documents, and the cache of validated documents."""

from contextlib import aclosing
from functools import lru_cache
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StreamResult
from strawberry.types import ExecutionContext
from strawberry.types.execution import PreExecutionError

from app.api.changes import CHANGE_TYPES
from app.api.context import Info
from app.api.documents import PreparedDocuments
from app.api.errors import present
from app.api.mutations import Mutation
from app.api.queries import Query
from app.api.shared_answers import SharingExecutor
from app.api.subscriptions import Subscription


class TeamJoinerSchema(strawberry.Schema):
    """A schema whose errors are coded and masked in one place, whatever the transport."""

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
def build_schema() -> TeamJoinerSchema:
    """The schema; it depends on nothing but the code, so it is built once."""
    return TeamJoinerSchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=CHANGE_TYPES,
        config=StrawberryConfig(info_class=Info),
        extensions=[PreparedDocuments],
        execution_context_class=SharingExecutor,
    )


def print_schema() -> str:
    """The schema's text as it stands in `schema.graphql`."""
    return build_schema().as_str() + "\n"
