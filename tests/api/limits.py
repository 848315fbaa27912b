"""Requests for the tests of limits."""

import httpx

from tests.harness.client import Answer


async def refusal(http: httpx.AsyncClient, query: str, **variables: object) -> Answer:
    """The extensions of the first error of an answer without data."""
    response = await http.post("/graphql", json={"query": query, "variables": variables})
    answer = response.json()
    assert "data" not in answer, answer
    assert "Traceback" not in response.text
    found: Answer = answer["errors"][0]["extensions"]
    return found
