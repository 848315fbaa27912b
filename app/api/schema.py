"""The executable schema: types, the limits on documents, and the cache of validated documents."""

from functools import lru_cache

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

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
