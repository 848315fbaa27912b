"""The full GraphiQL: the pinned files are npm's, and it runs under the page's policy."""

import asyncio
import json
import shutil
import tarfile
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.async_api import BrowserContext, Page, Route, expect

from app.api.http.graphiql import CDN_FILES
from tests.api.world import create_team_with
from tests.harness.client import Client
from tests.harness.servers import Server
from tests.harness.waiting import eventually

FETCH_SECONDS = 60
KEPT = "Boolean(localStorage['team-joiner:graphiql:tabState']?.includes('sue'))"
MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript"}


@pytest.fixture(scope="session")
async def cdn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Each pinned file by its address, out of npm's packages, which the CDN serves as they are."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("There is no npm to fetch GraphiQL with.")
    folder: Path = tmp_path_factory.mktemp("npm")
    packages = {urlsplit(url).path.split("/")[1] for url, _ in CDN_FILES}
    command = [npm, "pack", "--silent", *sorted(packages)]
    process = await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=DEVNULL)
    try:
        async with asyncio.timeout(FETCH_SECONDS):
            status = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if status != 0:
        pytest.skip("npm can't fetch GraphiQL.")
    return {url: _packed(folder, url) for url, _ in CDN_FILES}


def _packed(folder: Path, url: str) -> bytes:
    package, _, path = urlsplit(url).path[1:].partition("/")
    with tarfile.open(folder / f"{package.replace('@', '-')}.tgz") as archive:
        file = archive.extractfile(f"package/{path}")
        assert file is not None
        return file.read()


@pytest.fixture
async def page(context: BrowserContext, cdn: dict[str, bytes]) -> AsyncIterator[Page]:
    """A page that reaches the CDN; what its console or policy complains of fails the test."""

    async def answer(route: Route) -> None:
        media_type = MEDIA_TYPES[Path(route.request.url).suffix]
        headers = {"Access-Control-Allow-Origin": "*", "Content-Type": media_type}
        await route.fulfill(body=cdn[route.request.url], headers=headers)

    await context.route("https://unpkg.com/**", answer)
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    yield page
    assert complaints == []


async def test_a_feed_runs_in_the_full_graphiql_until_it_is_stopped(
    page: Page, servers: list[Server], api: Client
) -> None:
    team = await create_team_with(api)
    await page.goto(f"{servers[0].url}/graphql")
    run = page.locator(".graphiql-execute-button")
    response = page.locator(".graphiql-response")

    await run.click()
    await expect(response).to_contain_text("CreateTeamSuccess")
    await page.select_option("#example", "Feed: the changes of all teams")
    async with page.expect_request(lambda r: "allTeamChanges" in (r.post_data or "")) as request:
        await run.click()
    await (await request.value).response()
    await api.mutate("updateTeam", teamId=team["id"], expectedVersion=1, name="Renamed")
    await expect(response).to_contain_text("TeamRenamed")
    async with page.expect_event("requestfailed"):
        await run.click()


async def test_the_full_graphiql_keeps_tabs_and_loads_links_without_running_them(
    page: Page, servers: list[Server]
) -> None:
    sent: list[str] = []
    page.on("request", lambda r: sent.append(r.post_data or "") if r.method == "POST" else None)
    link = urlencode({"query": "query Linked($a: ID) { __typename }", "variables": '{"a": "b"}'})

    await page.goto(f"{servers[0].url}/graphql#{link}")
    await expect(page.locator(".graphiql-query-editor")).to_contain_text("Linked")
    await expect(page.locator("#note")).to_contain_text("has not been run")
    await expect(page.get_by_text("Variables", exact=True)).to_be_visible()
    await expect(page.get_by_text("Headers", exact=True)).to_have_count(0)  # it would store tokens
    await page.select_option("#example", "Feed: the team of a user")
    await expect(page.locator(".graphiql-query-editor")).to_contain_text("UserTeam")
    await expect(page.locator(".graphiql-tab")).to_have_count(2)
    await eventually(lambda: page.evaluate(KEPT))
    await page.reload()

    await expect(page.locator(".graphiql-query-editor")).to_contain_text("UserTeam")
    await expect(page.locator(".graphiql-tab")).to_have_count(2)
    async with page.expect_request(lambda r: "userTeam" in (r.post_data or "")) as request:
        await page.click(".graphiql-execute-button")
    asked = json.loads((await request.value).post_data or "")
    assert asked["variables"] == {"userId": "sue"}
    assert not any("Linked" in each for each in sent)


async def test_without_the_cdn_the_explorer_says_why_it_is_there(
    context: BrowserContext, servers: list[Server]
) -> None:
    page = await context.new_page()

    await page.goto(f"{servers[0].url}/graphql")

    await expect(page.locator("#explorer")).to_be_visible()
    await expect(page.locator("#note")).to_contain_text("could not be loaded from its CDN")
