import logging

import pytest
from graphql import GraphQLError, GraphQLSyntaxError, parse

from app.api.errors import (
    coded_as_invalid,
    present,
)
from app.domain.faults import Fault

SECRET = "E11000 duplicate key on 10.0.0.5:27017"


def raised_by_a_resolver(cause: Exception) -> GraphQLError:
    return GraphQLError(str(cause), path=["team"], original_error=cause)


def code_of(error: GraphQLError) -> object:
    assert error.extensions is not None
    return error.extensions["code"]


def test_a_syntax_error_says_what_is_wrong() -> None:
    with pytest.raises(GraphQLSyntaxError) as syntax:
        parse("{")

    shown = present(syntax.value)

    assert code_of(shown) == "GRAPHQL_PARSE_FAILED"
    assert shown.message == syntax.value.message
    assert shown.locations == syntax.value.locations


def test_an_error_of_validation_keeps_its_code() -> None:
    found = coded_as_invalid(GraphQLError("No such field.", nodes=parse("{ nope }")))

    shown = present(found)

    assert code_of(shown) == "GRAPHQL_VALIDATION_FAILED"
    assert shown.message == "No such field."


def test_an_error_that_points_into_the_document_only_is_the_clients() -> None:
    shown = present(
        GraphQLError("Bad value.", nodes=parse("{ nope }"), original_error=ValueError("5"))
    )

    assert code_of(shown) == "BAD_USER_INPUT"
    assert shown.message == "Bad value."


def test_an_argument_that_could_not_be_converted_is_bad_input() -> None:
    found = GraphQLError("Not a number.", nodes=parse("{ teams }"))

    shown = present(GraphQLError(found.message, path=["teams"], original_error=found))

    assert code_of(shown) == "BAD_USER_INPUT"
    assert shown.message == "Not a number."


def test_a_value_of_the_answer_that_could_not_be_converted_is_masked() -> None:
    found = GraphQLError(f"String cannot represent value: {SECRET}")

    shown = present(
        GraphQLError(found.message, nodes=parse("{ team }"), path=["team"], original_error=found)
    )

    assert code_of(shown) == "INTERNAL_SERVER_ERROR"
    assert SECRET not in str(shown.formatted)


@pytest.mark.parametrize("cause", [KeyError(SECRET), Fault(SECRET), RuntimeError(SECRET)])
def test_other_errors_are_masked_and_logged_under_the_clients_request_id(
    cause: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        shown = present(raised_by_a_resolver(cause))

    assert shown.extensions is not None
    assert code_of(shown) == "INTERNAL_SERVER_ERROR"
    assert SECRET not in str(shown.formatted)
    assert shown.extensions["requestId"] in caplog.text
    assert SECRET in caplog.text
