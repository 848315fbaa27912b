"""Documents that requests reference by hash: registered ones, and automatic persisted queries.

Registered documents are read once, at start-up. Automatic persisted queries are kept per process:
behind a load balancer a client sends the text once to each.
"""

import json
import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from app.api.bounded_cache import BoundedCache
from app.api.codes import Code
from app.api.errors import CodedError, Refused

# Of all automatic persisted queries together.
MAX_REMEMBERED_CHARACTERS: Final = 5_000_000

_HASH: Final = re.compile(r"[0-9a-f]{64}")


class ManifestError(Exception):
    """The registered documents can't be read; the message says which and why."""


class PersistedDocuments:
    """Resolves the document of a request.

    *Limits*: at most `max_remembered` automatic persisted queries with 5,000,000 characters are
    kept. Beyond that the client that holds most loses its least recently used one.
    """

    def __init__(
        self,
        registered: Mapping[str, str] | None = None,
        *,
        only_registered: bool = False,
        max_remembered: int = 0,
    ) -> None:
        self._registered = registered or {}
        self._texts = frozenset(self._registered.values())
        self.only_registered = only_registered
        self._remembers = max_remembered > 0 and not only_registered
        self._remembered: BoundedCache[str, str] = BoundedCache(
            max_entries=max_remembered, max_weight=MAX_REMEMBERED_CHARACTERS
        )

    @property
    def registered_texts(self) -> frozenset[str]:
        """The texts of the registered documents."""
        return self._texts

    def find(self, parameters: Mapping[str, object], client: str) -> str | None:
        """The text to execute; None if the request has none. The `client` owns what it persists.

        *Raises*: `Refused` for malformed parameters, `CodedError` for an unknown or untrusted
        document.
        """
        query = parameters.get("query")
        if not isinstance(query, str | None):
            raise Refused(Code.BAD_REQUEST, "`query` must be a string or null, if given.")
        text = self._by_id(parameters, query) or self._by_hash(parameters, query, client) or query
        if self.only_registered and text and text not in self._texts:
            raise CodedError(
                Code.DOCUMENT_NOT_TRUSTED, "This server executes registered documents only."
            )
        return text

    def _by_id(self, parameters: Mapping[str, object], query: str | None) -> str | None:
        """The document that `documentId` references, or `id` if there is no `query`."""
        document_id = parameters.get("documentId")
        if document_id is None and query is None:
            document_id = parameters.get("id")
        if document_id is None:
            return None
        if not isinstance(document_id, str) or query is not None:
            raise Refused(Code.BAD_REQUEST, "Give either `query` or `documentId`, a string.")
        text = self._registered.get(document_id.removeprefix("sha256:"))
        if text is None:
            raise CodedError(Code.DOCUMENT_NOT_FOUND, "No document is registered under this id.")
        return text

    def _by_hash(
        self, parameters: Mapping[str, object], query: str | None, client: str
    ) -> str | None:
        """The document that `extensions.persistedQuery` references; a `query` is persisted."""
        extensions = parameters.get("extensions")
        asked = extensions.get("persistedQuery") if isinstance(extensions, dict) else None
        if asked is None:
            return None
        match asked:
            case {"version": 1, "sha256Hash": str(given)} if _HASH.fullmatch(given):
                pass
            case _:
                raise Refused(
                    Code.BAD_REQUEST, "`persistedQuery` must have version 1 and a sha256Hash."
                )
        if given in self._registered and query in {None, self._registered[given]}:
            return self._registered[given]
        if not self._remembers:
            # Apollo's client recognises this message, and sends full documents from then on.
            raise CodedError(Code.PERSISTED_QUERY_NOT_SUPPORTED, "PersistedQueryNotSupported")
        if query is None:
            text = self._remembered.get(given)
            if text is None:
                raise CodedError(Code.PERSISTED_QUERY_NOT_FOUND, "PersistedQueryNotFound")
            return text
        if hash_of(query) != given:
            raise Refused(Code.BAD_REQUEST, "The sha256Hash is not the hash of the query.")
        self._remembered.put(given, query, weight=len(query), owner=client)
        return query


def hash_of(text: str) -> str:
    """The SHA-256 of a document's text, in hexadecimal digits."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def read_manifest(path: Path) -> dict[str, str]:
    """The registered documents by id. *Raises*: `ManifestError`.

    A folder has a document per .graphql or .gql file, whose id is its hash. A file is JSON:
    `{hash: document}`, as written by GraphQL Code Generator and Relay, or Apollo's operation
    manifest. Ids that are hashes are verified.
    """
    try:
        found = dict(_read_folder(path) if path.is_dir() else _read_file(path))
    except (OSError, ValueError) as error:
        raise ManifestError(f"The trusted documents in {path} can't be read: {error}.") from error
    for document_id, text in found.items():
        if _HASH.fullmatch(document_id) and hash_of(text) != document_id:
            raise ManifestError(f"In {path} the id {document_id} is not its document's hash.")
    if not found:
        raise ManifestError(f"There are no documents in {path}.")
    return found


def _read_folder(path: Path) -> Iterator[tuple[str, str]]:
    for file in sorted(path.rglob("*")):
        if file.suffix in {".graphql", ".gql"}:
            text = file.read_text(encoding="utf-8")
            yield hash_of(text), text


def _read_file(path: Path) -> Iterator[tuple[str, str]]:
    match json.loads(path.read_text(encoding="utf-8")):
        case {"format": "apollo-persisted-query-manifest", "version": 1, "operations": [*entries]}:
            for entry in entries:
                match entry:
                    case {"id": str(document_id), "body": str(text)}:
                        yield document_id, text
                    case _:
                        raise ValueError("an operation has no id or no body")
        case dict() as entries if all(isinstance(text, str) for text in entries.values()):
            yield from entries.items()
        case _:
            raise ValueError("it is neither {hash: document} nor Apollo's manifest")
