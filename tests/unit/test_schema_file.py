from pathlib import Path

from app.api.schema.schema import print_schema

SCHEMA_FILE = Path(__file__).parents[2] / "schema.graphql"


def test_the_schema_file_is_current() -> None:
    written = SCHEMA_FILE.read_text(encoding="utf-8")

    assert written == print_schema(), "schema.graphql is stale: run scripts/export-schema."
