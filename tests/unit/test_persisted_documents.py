import json
from pathlib import Path

import pytest

from app.api.operations.persisted_documents import (
    ManifestError,
    PersistedDocuments,
    hash_of,
    read_manifest,
)

TEXT = "{ __typename }"
OTHER = "query Other { viewer { id } }"


def test_a_manifest_may_map_hashes_to_documents(tmp_path: Path) -> None:
    path = tmp_path / "persisted-documents.json"
    path.write_text(json.dumps({hash_of(TEXT): TEXT, "my-id": OTHER}))

    assert read_manifest(path) == {hash_of(TEXT): TEXT, "my-id": OTHER}


def test_a_manifest_may_be_apollos(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    operation = {"id": hash_of(OTHER), "body": OTHER, "name": "Other", "type": "query"}
    path.write_text(
        json.dumps(
            {"format": "apollo-persisted-query-manifest", "version": 1, "operations": [operation]}
        )
    )

    assert read_manifest(path) == {hash_of(OTHER): OTHER}


def test_a_folder_of_documents_is_a_manifest(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "a.graphql").write_text(TEXT)
    (tmp_path / "inner" / "b.gql").write_text(OTHER)
    (tmp_path / "README.md").write_text("not a document")

    assert read_manifest(tmp_path) == {hash_of(TEXT): TEXT, hash_of(OTHER): OTHER}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"a": 5}',
        '"text"',
        json.dumps({hash_of(TEXT): OTHER}),
        '{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": "a"}]}',
        '{"format": "apollo-persisted-query-manifest", "version": 2, "operations": []}',
    ],
)
def test_an_invalid_manifest_is_refused_with_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(text)

    with pytest.raises(ManifestError, match=r"\.$"):
        read_manifest(path)


def test_a_folder_without_documents_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError):
        read_manifest(tmp_path)


def test_a_registered_document_may_come_with_its_own_hash() -> None:
    documents = PersistedDocuments({hash_of(TEXT): TEXT}, only_registered=True)
    asked = {"persistedQuery": {"version": 1, "sha256Hash": hash_of(TEXT)}}

    assert documents.find({"query": TEXT, "extensions": asked}, "sue") == TEXT
