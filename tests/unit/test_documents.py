"""Documents that take long to validate do not block the event loop."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from graphql import DocumentNode, GraphQLError, validate

from app.api.errors import CodedError
from app.api.operations import documents as module
from app.api.operations.documents import Documents
from tests.harness.schema import LIMITS, SCHEMA

COSTLY = [
    "{ viewer { " + "team { id } " * 450 + "} }",
    "{ viewer { team { " + "members(first: 1) { totalCount } " * 200 + "} } }",
    "{ viewer { " + "idteam" * 1_500 + " id" * 1_900 + " } }",
]


@pytest.mark.parametrize("text", COSTLY)
async def test_the_event_loop_turns_while_a_costly_document_is_validated(text: str) -> None:
    documents = Documents(SCHEMA._schema, LIMITS)

    preparing = asyncio.create_task(documents.prepare(text, "sue"))
    turns = 0
    while not preparing.done():
        await asyncio.sleep(0)
        turns += 1

    assert turns > 1  # on the event loop it would be one
    preparing.result()


def refused(number: int) -> str:
    """A document that is refused after it has been validated."""
    return f"query Refused{number} {{ viewer {{ " + "nothing " * 50 + "} }"


@pytest.fixture
def validated(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that have been validated, in their order."""
    texts = list[str]()

    def noting(schema: Any, document: DocumentNode, *args: Any, **kwargs: Any) -> Any:
        assert document.loc
        texts.append(document.loc.source.body)
        return validate(schema, document, *args, **kwargs)

    monkeypatch.setattr(module, "validate", noting)
    return texts


@pytest.fixture
def documents() -> Documents:
    return Documents(SCHEMA._schema, LIMITS)


async def test_a_refused_document_is_not_validated_again(
    documents: Documents, validated: list[str]
) -> None:
    for text in (refused(0), "{ nothing }"):
        answers = await asyncio.gather(*(documents.prepare(text, "sue") for _ in range(3)))
        again = await documents.prepare(text, "john")
        assert again.errors == answers[0].errors != ()

    assert validated == [refused(0), "{ nothing }"]


async def test_a_client_that_sends_many_documents_keeps_no_other_waiting(
    documents: Documents, validated: list[str]
) -> None:
    many = [asyncio.create_task(documents.prepare(refused(n), "many")) for n in range(10)]
    await asyncio.sleep(0)

    await documents.prepare(refused(10), "other")

    assert refused(10) in validated[:3]
    await asyncio.gather(*many)
    assert len(validated) == 11


async def test_documents_that_wait_in_vain_are_refused(
    documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 3)
    asked = [documents.prepare(refused(n), f"client {n}") for n in range(5)]

    answers = await asyncio.gather(*asked, return_exceptions=True)

    assert [isinstance(answer, CodedError) for answer in answers] == [False] * 3 + [True] * 2
    assert [answer.code for answer in answers[3:] if isinstance(answer, CodedError)] == [
        "TOO_MANY_OPERATIONS"
    ] * 2
    late = Documents(SCHEMA._schema, replace(LIMITS, request_timeout_seconds=0.0))
    with pytest.raises(GraphQLError, match="later"):
        await late.prepare(refused(0), "sue")
