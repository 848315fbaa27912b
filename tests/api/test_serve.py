"""`team-joiner serve` as an operator starts it: options and refusals."""

import json
import socket
from pathlib import Path

import pytest

from app.storage.client import Client as DriverClient
from tests.api.world import new_id
from tests.harness.commands import run_command


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://",
        "mongodb://sue:s3cr3t:s3cr3t@host",
        "mongodb://sue:x/s3cr3t@host/",
        "mongodb://sue:s3cr3t@host/?tls=true&tlsCAFile=/nowhere/ca.pem",
        f"mongodb://sue:s3cr3t@host/?tls=true&tlsCAFile={__file__}",
        "mongodb://sue:s3cr3t@host/?tls=true&tlsCertificateKeyFile=/nowhere/client.pem",
    ],
)
async def test_an_invalid_connection_string_is_refused_with_a_sentence(
    uri: str,
) -> None:
    ended = await run_command("serve", "--port", "0", "--mongodb-uri", uri)

    assert ended.status in {1, 2}
    assert "MONGODB_URI" in ended.output
    assert "s3cr3t" not in ended.output
    assert "Traceback" not in ended.output


async def test_a_port_in_use_is_refused_before_a_database_is_started(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "data"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        ended = await run_command("serve", "--port", port, "--data-dir", str(folder))

    assert ended.status == 1
    assert f"Can't listen on 127.0.0.1 port {port}" in ended.output
    assert "Traceback" not in ended.output
    assert not folder.exists()


@pytest.mark.parametrize("log_format", ["text", "json"])
async def test_a_database_that_breaks_the_rules_is_refused_and_json_names_no_user(
    mongodb_uri: str, client: DriverClient, empty_database: str, log_format: str
) -> None:
    teams = [{"_id": name, "name": name, "userIds": ["sue"], "version": 1} for name in ("t1", "t2")]
    await client[empty_database].teams.insert_many(teams)

    ended = await run_command(
        *("serve", "--port", "0", "--mongodb-uri", mongodb_uri, "--database", empty_database),
        LOG_FORMAT=log_format,
    )

    assert ended.status == 1
    assert "breaks the rules" in ended.output or log_format == "text"
    assert ("user 'sue' is on teams t1, t2" in ended.output) == (log_format == "text")
    assert "Traceback" not in ended.output
    if log_format == "json":
        lines = [json.loads(line) for line in ended.output.splitlines()]
        assert [line["level"] for line in lines].count("critical") == 1
        assert "sue" not in ended.output


async def test_the_schema_is_printed_or_written_to_a_file(tmp_path: Path) -> None:
    written = tmp_path / "schema.graphql"

    printed = await run_command("schema")
    await run_command("schema", "--output", str(written))
    subgraph = await run_command("schema", "--federation")

    assert subgraph.output.startswith(printed.output)
    assert 'extend type Team @key(fields: "id")' in subgraph.output
    assert printed.output == written.read_text(encoding="utf-8")
    assert "type Mutation" in printed.output


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_server_whose_application_does_not_start_has_failed(
    mongodb_uri: str, workers: str
) -> None:
    unusable = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
        "OTEL_BSP_MAX_QUEUE_SIZE": "-1",
        "MONGODB_URI": mongodb_uri,
        "MONGODB_DATABASE": new_id("test"),
    }

    ended = await run_command("serve", "--port", "0", "--workers", workers, **unusable)

    assert ended.status not in {0, None}
