"""`scripts/race --browser`: both implementations at once, with a verdict at the end."""

import asyncio
import socket
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

from playwright.async_api import BrowserContext, expect

from tests.lab.race.workload import TEAMS

RACE_SECONDS, END_MS = 8, 60_000


async def test_the_page_shows_both_sides_and_ends_with_a_verdict(
    context: BrowserContext, mongodb_uri: str, tmp_path: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    race = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "tests.lab.race.run", "--browser", "--port", str(port)),
        *("--seconds", str(RACE_SECONDS), "--servers", "2", "--mongodb-uri", mongodb_uri),
        *("--picture", str(tmp_path / "race.svg")),
        stdout=PIPE,
    )
    try:
        async with asyncio.timeout(END_MS / 1000):
            assert race.stdout is not None
            assert b"Open http://127.0.0.1" in await race.stdout.readline()
            page = await context.new_page()
            await page.goto(f"http://127.0.0.1:{port}/", wait_until="domcontentloaded")
            await expect(page.locator("#clock")).to_contain_text(" of ", timeout=END_MS)
            assert await page.locator("#ours-teams li").count() == len(TEAMS), "both begin together"
            await expect(page.locator("#verdict")).to_contain_text(
                "none with Team Joiner", timeout=END_MS
            )
            assert int(await page.locator("#ours-ever").inner_text()) == 0
            assert int(await page.locator("#classic-ever").inner_text()) > 0
            race.terminate()
            assert await race.wait() == 0
    finally:
        if race.returncode is None:
            race.kill()
            await race.wait()
