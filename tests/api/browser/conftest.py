"""One Chromium for all tests of the page, with a context of its own for each."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, async_playwright, expect

from tests.api.world import new_id
from tests.conftest import find_chromium
from tests.harness.servers import Server, running_servers
from tests.harness.tokens import AUDIENCE, ISSUER, SECRET

ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
WAIT_MS = 15_000
REGISTERED = "query Me { viewer { id } }"


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium. Without one the tests are skipped, or fail if `REQUIRE_BROWSER` is set."""
    path = find_chromium()
    if path is None and not os.environ.get("REQUIRE_BROWSER"):
        pytest.skip("There is no Chromium.")
    async with async_playwright() as playwright:
        yield await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)


@pytest.fixture
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A browser without memory that reaches no CDN."""
    async with await browser.new_context() as context:
        context.set_default_timeout(WAIT_MS)
        expect.set_options(timeout=WAIT_MS)  # these have a deadline of their own
        await context.route("https://**", lambda route: route.abort())
        yield context


@pytest.fixture(scope="session")
async def strict(
    mongodb_uri: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Server]:
    """A server that wants tokens, answers registered documents alone and hides its schema."""
    folder: Path = tmp_path_factory.mktemp("documents")
    (folder / "me.graphql").write_text(REGISTERED)
    settings = {
        "JWT_SECRET": SECRET,
        "JWT_ISSUER": ISSUER,
        "JWT_AUDIENCE": AUDIENCE,
        "INTROSPECTION": "off",
        "TRUSTED_DOCUMENTS": str(folder),
        "ONLY_TRUSTED_DOCUMENTS": "on",
    }
    async with running_servers(1, mongodb_uri, new_id("strict"), **settings) as (server,):
        yield server
