import logging
from http import HTTPStatus

import pytest
from graphql import GraphQLError, GraphQLSyntaxError, parse

from app.api.codes import Code
from app.api.errors import (
    CodedError,
    coded_as_invalid,
    database_unavailable,
    invalid_input,
    present,
    refuse,
)
from app.domain.faults import DatabaseUnavailable, Fault, TooMuchContention
from app.domain.problems import InvalidInput

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


def test_an_unavailable_database_is_said_without_the_drivers_words() -> None:
    shown = present(raised_by_a_resolver(DatabaseUnavailable(SECRET)))

    assert code_of(shown) == "DATABASE_UNAVAILABLE"
    assert shown.message == database_unavailable().message
    assert SECRET not in str(shown.formatted)
    assert shown.path == ["team"]


def test_contention_is_said_with_what_to_do() -> None:
    shown = present(raised_by_a_resolver(TooMuchContention(SECRET)))

    assert code_of(shown) == "CONTENTION"
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


@pytest.mark.parametrize(
    "error",
    [
        GraphQLError("Not a number.", path=["teams"]),
        raised_by_a_resolver(DatabaseUnavailable("")),
        raised_by_a_resolver(KeyError("x")),
        invalid_input(InvalidInput("first", "must be 1")),
    ],
)
def test_presenting_twice_changes_nothing(error: GraphQLError) -> None:
    once = present(error)

    assert present(once) is once


def test_a_coded_error_keeps_its_code_and_facts_through_execution() -> None:
    coded = CodedError(Code.INVALID_INPUT, "first must be 1.", field="first")
    located = GraphQLError(coded.message, path=["teams"], original_error=coded)

    assert present(located).extensions == {"code": "INVALID_INPUT", "field": "first"}


@pytest.mark.parametrize(
    ("code", "status", "status_code"),
    [
        (Code.BAD_REQUEST, None, 400),
        (Code.BAD_REQUEST, HTTPStatus.METHOD_NOT_ALLOWED, 405),
        (Code.PAYLOAD_TOO_LARGE, None, 413),
    ],
)
def test_a_refused_request_is_answered_in_the_form_of_graphql(
    code: Code, status: HTTPStatus | None, status_code: int
) -> None:
    response = refuse(code, "No.", status=status)

    assert response.status_code == status_code
    assert bytes(response.body) == (
        b'{"errors":[{"message":"No.","extensions":{"code":"%b"}}]}' % code.encode()
    )
