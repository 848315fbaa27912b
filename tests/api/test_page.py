"""The page for browsers: its files, and what they may do."""

import re

from tests.harness.http import http_client
from tests.harness.servers import Server


async def test_the_page_runs_only_its_own_scripts_and_pinned_ones(
    servers: list[Server],
) -> None:
    async with http_client(base_url=servers[0].url) as http:
        page = await http.get("/graphql", headers={"Accept": "text/html"})
        paths = re.findall(r'(?:src|href)="(graphql/[^"]+)"', page.text)
        files = [await http.get(f"/{path}") for path in paths]
        imported = re.findall(r'from "\./([^"]+)"', files[-1].text)
        files += [await http.get(f"/graphql/{name}") for name in imported]
        missing = await http.get("/graphql/page.html")

    assert [file.status_code for file in files] == [200] * len(files)
    assert {file.headers["Content-Type"].partition(";")[0] for file in files} == {
        "text/css",
        "text/javascript",
    }
    assert missing.status_code == 404
    for response in (page, *files):
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        policy = dict(
            directive.strip().partition(" ")[::2]
            for directive in response.headers["Content-Security-Policy"].split(";")
        )
        assert (policy["default-src"], policy["frame-ancestors"]) == ("'none'", "'none'")
        own, *pinned = policy["script-src"].split()
        assert own == "'self'"
        assert all(re.fullmatch(r"https://unpkg\.com/[^*]+\.js", source) for source in pinned)
    scripts = re.findall(r"<script [^>]*>", page.text)
    assert all(" src=" in script or "application/json" in script for script in scripts)
