"""The executor of all operations: compiled where possible, else graphql-core's."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationType,
    default_field_resolver,
    default_type_resolver,
)
from graphql.pyutils import Path
from strawberry.execution import optimized_is_awaitable as is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from app.api.execution.documents import CompiledDocument, compiled_form
from app.api.execution.fields import Run, execute_fields, execute_fields_serially


class CompilingExecutor(StrawberryGraphQLCoreExecutionContext):
    """Executes an operation as its document was compiled, with graphql-core's results.

    Before the first resolver runs it is decided which of the two executes the operation.
    """

    compiled: CompiledDocument | None = None
    around_root_field: Callable[[str, Callable[[], Any]], Any] | None = None
    """Called with the name of each root field and a function that executes it."""

    @classmethod
    def build(
        cls,
        schema: GraphQLSchema,
        document: DocumentNode,
        root_value: Any = None,
        context_value: Any = None,
        raw_variable_values: dict[str, Any] | None = None,
        operation_name: str | None = None,
        *more: Any,
        **given: Any,
    ) -> list[GraphQLError] | Any:
        """The executor of an operation, or the errors that prevent its execution.

        Graphql-core prepares the document for each; that is left out if it is compiled and all
        variables have valid values.
        """
        compiled, variables = compiled_form(document), raw_variable_values or {}
        operation = compiled.operations.get(operation_name) if compiled else None
        values = operation.coerce(variables) if operation else None
        if compiled is None or operation is None or values is None or more or given:
            given.setdefault("is_awaitable", is_awaitable)
            asked = root_value, context_value, variables, operation_name
            executor = super().build(schema, document, *asked, *more, **given)
        else:
            executor = cls(
                schema,
                compiled.fragment_definitions,
                compiled.fragments,
                root_value,
                context_value,
                operation.node,
                values,
                default_field_resolver,
                default_type_resolver,
                default_field_resolver,
                is_awaitable=is_awaitable,
            )
        if isinstance(executor, cls):
            executor.compiled = compiled
        return executor

    def execute_operation(self, serially: bool | None = None) -> Any:
        """The result, or an awaitable of it."""
        fields = self._compiled_fields()
        if fields is None:
            return super().execute_operation(serially)
        if (around := self.around_root_field) and self.compiled:
            fields = [
                (key, _run_around(around, self.compiled.root_names[run], run))
                for key, run in fields
            ]
        if serially is None:
            serially = self.operation.operation is OperationType.MUTATION
        try:
            if serially:
                data = execute_fields_serially(self, self.root_value, fields)
            else:
                data = execute_fields(self, self.root_value, None, fields)
        except GraphQLError as error:
            self.collected_errors.add(error, None)
            return self.build_response(None)
        return self.build_response(data) if isinstance(data, dict) else self._respond(data)

    def execute_field(self, parent: Any, source: Any, details: Any, path: Path, *more: Any) -> Any:
        """Graphql-core's, for the root fields of an operation that is not compiled."""
        run = partial(super().execute_field, parent, source, details, path, *more)
        around = self.around_root_field
        return run() if around is None or path.prev else around(details[0].node.name.value, run)

    def _compiled_fields(self) -> Any:
        has_middleware = self.middleware_manager and self.middleware_manager.middlewares
        if self.compiled is None or has_middleware or self.abort_signal or self.hooks:
            return None
        return self.compiled.fields(self)

    async def _respond(self, data: Awaitable[dict[str, Any]]) -> Any:
        try:
            return self.build_response(await data)
        except GraphQLError as error:
            self.collected_errors.add(error, None)
            return self.build_response(None)


def _run_around(around: Callable[[str, Callable[[], Any]], Any], name: str, run: Run) -> Run:
    return lambda *given: around(name, partial(run, *given))
