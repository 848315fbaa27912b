"""The built-in explorer: requests, answers, and the state that a reload keeps."""

import json
import re
from urllib.parse import urlencode

from graphql import GraphQLObjectType, GraphQLSchema, build_schema, parse, validate
from playwright.async_api import BrowserContext, Page, Request, expect

from app.api.schema.schema import print_schema
from tests.api.browser.conftest import REGISTERED
from tests.api.world import create_team_with, new_id
from tests.harness.client import Client
from tests.harness.servers import Server
from tests.harness.tokens import SECRET, Provider

HOSTILE = "<img src=x onerror=alert(1)>"


async def opened(context: BrowserContext, server: Server, link: str = "") -> Page:
    """The explorer, shown by a new page."""
    page = await context.new_page()
    await page.goto(f"{server.url}/graphql#explorer{link}")
    await expect(page.locator("#explorer")).to_be_visible()
    return page


def linking(query: str, **variables: object) -> str:
    return "&" + urlencode({"query": query, "variables": json.dumps(variables)})


async def test_a_feed_shows_changes_made_in_another_tab_until_it_is_stopped(
    context: BrowserContext, servers: list[Server], api: Client
) -> None:
    team = await create_team_with(api)
    listening, acting = await opened(context, servers[0]), await opened(context, servers[1])

    await listening.select_option("#example", "Feed: the changes of a team")
    await listening.fill("#variables", json.dumps({"teamId": team["id"], "afterVersion": 1}))
    await listening.click("#run")
    await acting.select_option("#example", "Rename a team at an expected version")
    change = {"teamId": team["id"], "expectedVersion": 1, "name": HOSTILE}
    await acting.fill("#variables", json.dumps({"input": change}))
    await acting.click("#run")

    await expect(acting.locator("#status")).to_have_class("good")
    answers = listening.locator("#answer pre")
    await expect(answers).to_have_count(1)
    await expect(answers).to_contain_text(f'"name": "{HOSTILE}"')
    assert await listening.locator("img").count() == 0

    async with listening.expect_event("requestfailed"):
        await listening.click("#stop")
    await expect(listening.locator("#status")).to_have_text("Stopped · 1 received")


async def test_a_refusal_is_not_green_and_the_viewer_can_be_chosen(
    context: BrowserContext, servers: list[Server], api: Client
) -> None:
    sue = new_id()
    team = await create_team_with(api, sue)
    page = await opened(context, servers[0])

    await page.select_option("#example", "Join a team as myself")
    await page.fill("#variables", json.dumps({"input": {"teamId": team["id"]}}))
    await page.select_option("#user", "other")
    await page.fill("#name", sue)
    await page.click("#run")
    await expect(page.locator("#status")).to_contain_text("Refused: AlreadyOnTeam")
    await expect(page.locator("#status")).to_have_class("bad")

    await page.select_option("#user", "")
    await page.click("#run")
    await expect(page.locator("#status")).to_contain_text("Refused: NotAllowed")


async def test_one_of_several_operations_runs_and_a_reload_keeps_what_was_typed(
    context: BrowserContext, servers: list[Server]
) -> None:
    document = "query One { one: __typename } query Two { two: __typename }"
    page = await opened(context, servers[0])

    await page.fill("#query", document)
    await page.fill("#variables", '{"a": 1')
    await page.reload()
    await expect(page.locator("#query")).to_have_value(document)
    await expect(page.locator("#variables")).to_have_value('{"a": 1')
    await page.click("#run")
    await expect(page.locator("#mistake")).to_contain_text("This is not JSON")
    await page.click("#reset")
    await expect(page.locator("#query")).to_have_value(re.compile("^mutation CreateTeam"))
    await page.fill("#query", document)

    await page.fill("#variables", "")
    await page.select_option("#operation", "Two")
    await page.press("#query", "Control+Enter")
    await expect(page.locator("#answer")).to_contain_text('"two"')


async def test_an_operation_in_a_link_is_loaded_and_not_run(
    context: BrowserContext, servers: list[Server]
) -> None:
    sent: list[Request] = []
    context.on("request", lambda r: sent.append(r) if r.method == "POST" else None)

    page = await opened(context, servers[0], linking(f"# {HOSTILE}\n{{ __typename }}", a=1))

    await expect(page.locator("#query")).to_have_value(f"# {HOSTILE}\n{{ __typename }}")
    await expect(page.locator("#variables")).to_have_value('{"a": 1}')
    await expect(page.locator("#note")).to_contain_text("has not been run")
    assert (sent, await page.locator("img").count()) == ([], 0)
    await page.fill("#query", "{ mine: __typename }")
    await page.reload()
    await expect(page.locator("#query")).to_have_value("{ mine: __typename }")


async def test_run_and_answer_are_on_a_phones_screen_together(
    context: BrowserContext, servers: list[Server]
) -> None:
    page = await context.new_page()
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.goto(f"{servers[0].url}/graphql")  # a phone is not sent the full GraphiQL

    await page.click("#run")

    await expect(page.locator("#status")).to_have_class("good")
    for selector in ("#run", "#answer", "#status"):
        await expect(page.locator(selector)).to_be_in_viewport(ratio=1)
    assert await page.evaluate("document.documentElement.scrollWidth") == 390


def roots_of(schema: GraphQLSchema) -> list[GraphQLObjectType]:
    """The types of queries, mutations and subscriptions."""
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    return [root for root in roots if root]


async def test_the_schema_shows_every_type_value_and_field(
    context: BrowserContext, servers: list[Server]
) -> None:
    schema = build_schema(print_schema())
    page = await opened(context, servers[0])

    await page.click("#schema summary")
    await expect(page.locator("#schema dl").first).to_be_visible()
    shown = await page.locator("#schema").text_content() or ""

    roots = roots_of(schema)
    wanted = {name for name, type_ in schema.type_map.items() if type_ not in roots}
    wanted = {name for name in wanted if not name.startswith("__")}
    wanted |= {name for root in roots for name in root.fields} | {"NAME_DESC", "CREATED_AT_ASC"}
    assert {name for name in wanted if name not in shown} == set()


async def test_the_examples_are_valid_and_show_every_mutation_and_feed(
    context: BrowserContext, servers: list[Server]
) -> None:
    schema = build_schema(print_schema())
    page = await opened(context, servers[0])

    examples = "import('/graphql/examples.js').then(({EXAMPLES}) => EXAMPLES.map((e) => e.query))"
    documents = await page.evaluate(examples)

    assert [validate(schema, parse(document)) for document in documents] == [[]] * len(documents)
    fields = {name for root in roots_of(schema)[1:] for name in root.fields} | {"history"}
    assert {field for field in fields if not any(f"{field}(" in d for d in documents)} == set()


async def test_a_token_is_asked_for_where_tokens_count_and_is_never_stored(
    context: BrowserContext, strict: Server
) -> None:
    token = Provider(SECRET, "HS256").token("sue")
    page = await opened(context, strict)

    await expect(page.locator("#headers")).to_be_hidden()
    for limit in ("registered documents alone", "introspection is off"):
        await expect(page.locator("#note")).to_contain_text(limit)
    await page.fill("#token", token)
    await page.fill("#query", REGISTERED)
    await page.fill("#variables", "")
    await page.click("#run")
    await expect(page.locator("#answer")).to_contain_text('"id": "sue"')

    kept = await page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert "viewer" in kept
    assert token not in kept
    await page.reload()
    await expect(page.locator("#token")).to_have_value("")
    await page.click("#run")
    await expect(page.locator("#answer")).to_contain_text('"viewer": null')


SCAN = "(text) => import('/graphql/documents.js').then(({operationsIn}) => text.map(operationsIn))"
DOCUMENTS = {
    "{ a }": ["query "],
    "query { a }": ["query "],
    "query query { query } fragment on_ on T { subscription { a } }": ["query query"],
    '# mutation X { a }\nsubscription S($a: I = {b: "}"}) @d(a: [1]) { a }': ["subscription S"],
    'query A { a(b: """ } \\""" query Z { """) } mutation B { b }': ["query A", "mutation B"],
    "query A { a": [],
}

# Sends a subscription whose answer is these chunks; gives back the results.
RECEIVE = """async (chunks) => {
  const {execute} = await import('/graphql/requests.js');
  const body = new ReadableStream({start(c) {
    for (const chunk of chunks) c.enqueue(new TextEncoder().encode(chunk));
    c.close();
  }});
  window.fetch = async () => new Response(body, {headers: {'Content-Type': 'text/event-stream'}});
  const results = [];
  for await (const {result} of execute({query: 'subscription { a }'}, {})) results.push(result);
  return results;
}"""
EVENTS = ':\n\nevent: next\ndata: {"data": 1}\n\nevent: next\ndata: {"data":\ndata: 2}\n\n'
COMPLETE = "event: complete\ndata:\n\n"


async def test_documents_and_event_streams_are_read_whatever_their_form(
    context: BrowserContext, servers: list[Server]
) -> None:
    page = await opened(context, servers[0])

    found = await page.evaluate(SCAN, list(DOCUMENTS))
    received = [
        await page.evaluate(RECEIVE, list((EVENTS + COMPLETE).replace("\n", line_end)))
        for line_end in ("\n", "\r\n", "\r")
    ]
    *before, last = await page.evaluate(RECEIVE, [EVENTS])

    operations = [[f"{each['type']} {each['name']}" for each in one] for one in found]
    assert operations == list(DOCUMENTS.values())
    assert received == [[{"data": 1}, {"data": 2}]] * 3
    assert before == received[0]
    assert "ended before the operation was complete" in last["errors"][0]["message"]
