"""An external writer to the collections: any BSON type in any field.

Its users and teams are never those of the clients beside it, so what they do must not suffer.
"""

import random
import struct
from collections import Counter
from datetime import UTC, datetime
from typing import Any, Final

import bson
from bson import Binary, Code, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.datetime_ms import DatetimeMS
from bson.raw_bson import RawBSONDocument
from pymongo.errors import DocumentTooLarge, OperationFailure, WriteError

from app.domain.changes import ChangeKind
from app.storage.client import Client as MongoClient
from app.storage.client import team_changes_of, teams_of

FIELDS: Final = (
    *("name", "userIds", "version", "capacity", "createdAt", "updatedAt", "deletedAt"),
    *("creation", "lastChange", "requests"),
)
_CHANGE_FIELDS: Final = (
    *("kind", "_id", "position", "version", "teamId", "at", "actorId", "userId", "requestId"),
    *("name", "previousName", "capacity", "input", "fromTeamId", "toTeamId", "$set", "a.b"),
)
_MOST_TEAMS: Final = 60
_DEEPEST: Final = 3

# Written in the place of what Python's BSON can't spell, and replaced in the bytes.
_NO_UTF8, _BAD_BYTES = b"~no-utf8~", b"\xff\xfe\xc3(\x80\xed\xa0\x80\xc0"
_UNDEFINED, _SYMBOL, _DB_POINTER = b"\x06", b"\x0e", b"\x0c"


class ForeignWriter:
    """Draws writes, and carries them out on the teams that it was given and those that it makes."""

    def __init__(self, mongodb: MongoClient, database: str, seed: int) -> None:
        self._teams = teams_of(mongodb, database)
        self._changes = team_changes_of(mongodb, database)
        self._chance = random.Random(seed)
        self._ids: list[Any] = []
        self.lowered: list[str] = []
        """Teams of which nothing but the version is written."""
        self.done = Counter[str]()

    def give(self, *team_ids: str) -> None:
        """Lets it write anything to these teams."""
        self._ids += map(ObjectId, team_ids)

    def some_team(self) -> str:
        """The id, as a client could spell it, of a team that it writes to."""
        return str(self._chance.choice(self._ids))[:200]

    async def write(self) -> None:
        """One write; the database may refuse it."""
        kinds = {
            self._set_fields: 8,
            self._set_last_change: 6,
            self._set_version: 3,
            self._insert: 4,
            self._replace: 2,
            self._remove: 1,
            self._log_something: 1,
        }
        (write,) = self._chance.choices(list(kinds), list(kinds.values()))
        try:
            await write()
            self.done[write.__name__.strip("_")] += 1
        except (OperationFailure, WriteError, DocumentTooLarge, bson.errors.BSONError):
            self.done["refused"] += 1

    async def _set_fields(self) -> None:
        fields = self._chance.sample(FIELDS, self._chance.choice((1, 1, 2, 4)))
        await self._update({"$set": self._document(fields)})

    async def _set_last_change(self) -> None:
        """Valid except for a few fields: each field has to be checked."""
        odd = self._chance.sample(_CHANGE_FIELDS, self._chance.choice((0, 1, 1, 2, 5)))
        kind = self._chance.choice(list(ChangeKind))
        ours = {"kind": kind, "at": datetime.now(UTC), "userId": "their-user", "name": "Theirs"}
        kept = {key: value for key, value in ours.items() if key not in odd}
        change = _raw(bson.encode(kept)[4:-1] + self._document(odd).raw[4:-1])
        await self._update({"$set": {"lastChange": change}, "$inc": {"version": 1}})

    async def _set_version(self) -> None:
        version = self._chance.choice((0, 1, 2, 3, -1, 2**31 - 1, 2**31, 2**40, 2**63 - 1))
        team_id = ObjectId(self._chance.choice(self.lowered))
        await self._teams.update_one({"_id": team_id}, {"$set": {"version": Int64(version)}})

    async def _insert(self) -> None:
        if len(self._ids) >= _MOST_TEAMS:
            return await self._remove()
        stored_id = self._chance.choice((ObjectId(), self._value(), self._value()))
        await self._teams.insert_one(self._team(stored_id), bypass_document_validation=True)
        self._ids.append(stored_id)
        return None

    async def _replace(self) -> None:
        stored_id = self._chance.choice(self._ids)
        await self._teams.replace_one(
            {"_id": {"$eq": stored_id}}, self._team(stored_id), bypass_document_validation=True
        )

    async def _remove(self) -> None:
        place = self._chance.randrange(len(self._ids))
        await self._teams.delete_one({"_id": {"$eq": self._ids[place]}})
        if len(self._ids) > _MOST_TEAMS // 2:
            del self._ids[place]

    async def _log_something(self) -> None:
        """An entry of the log as a newer release may write it, and far from our positions."""
        change = self._document(["at", "kind", "userId", "name"])
        position = -self._chance.randrange(2**40)
        ours = {
            "_id": ObjectId(),
            "teamId": f"their-{position}",
            "version": 1,
            "position": position,
        }
        entry = _raw(bson.encode(ours)[4:-1] + change.raw[4:-1])
        await self._changes.insert_one(entry, bypass_document_validation=True)

    async def _update(self, update: dict[str, Any]) -> None:
        await self._teams.update_one(
            {"_id": {"$eq": self._chance.choice(self._ids)}},
            update,
            bypass_document_validation=self._chance.random() < 0.8,
        )

    def _team(self, stored_id: object) -> Any:
        """A valid team except for a few fields, or an arbitrary document."""
        ours = {
            "_id": stored_id,
            "name": "Theirs",
            "userIds": [],
            "version": Int64(1),
            "createdAt": datetime.now(UTC),
        }
        kept = {key: ours[key] for key in ours if key == "_id" or self._chance.random() < 0.7}
        wanted = [key for key in FIELDS if key not in kept and self._chance.random() < 0.5]
        return _raw(bson.encode(kept)[4:-1] + self._document(wanted).raw[4:-1])

    def _document(self, keys: list[str]) -> RawBSONDocument:
        """Each field with a value of any type, also those that the driver can't write."""
        return _raw(b"".join(map(self._element, keys)))

    def _element(self, key: str) -> bytes:
        name = key.encode() + b"\0"
        text = struct.pack("<i", 4) + b"abc\0"
        match self._chance.randrange(25):
            case 0:
                return _UNDEFINED + name
            case 1:
                return _SYMBOL + name + text
            case 2:
                return _DB_POINTER + name + text + ObjectId().binary
        return bson.encode({key: self._value()})[4:-1].replace(_NO_UTF8, _BAD_BYTES)

    def _value(self, depth: int = 0) -> Any:
        chance = self._chance
        return chance.choice(
            (
                lambda: None,
                lambda: chance.random() < 0.5,
                lambda: chance.choice((0, -1, 7, 2**31 - 1, 2**31, 2**53, 2**63 - 1, -(2**63))),
                lambda: chance.choice((0.0, 1.5, 1e300, float("nan"), float("inf"))),
                lambda: Decimal128(chance.choice(("NaN", "1E+6000", "2.5", "-Infinity"))),
                lambda: chance.choice(("", "a", "\0", "$x", "é" * 300, "x" * 3_000, "y" * 200_000)),
                lambda: chance.choice((_NO_UTF8.decode(), "\ufffd", "\ue000", "0" * 24)),
                lambda: Binary(
                    chance.randbytes(chance.choice((0, 16, 500))), chance.choice((0, 4, 128))
                ),
                ObjectId,
                lambda: DatetimeMS(
                    chance.choice(
                        (0, 8_640_000_000_000_000, -(2**63), 2**63 - 1, -62_135_596_800_001)
                    )
                ),
                lambda: Regex(chance.choice(("a", "(", "^.*$")), "i"),
                lambda: Code("f()"),
                lambda: Code("f()", {"a": 1}),
                lambda: Timestamp(chance.randrange(2**32), chance.randrange(2**32)),
                MinKey,
                MaxKey,
                lambda: DBRef("teams", ObjectId()),
                lambda: self._nested(depth),
                lambda: self._nested(depth),
                lambda: self._nested(depth),
            )
        )()

    def _nested(self, depth: int) -> Any:
        values = [self._value(depth + 1) for _ in range(self._chance.randrange(4))]
        if depth >= _DEEPEST:
            return {}
        if self._chance.random() < 0.5:
            return values
        keys = self._chance.sample(("a", "$foo", "kind", "_id", "id", "actorId", ""), len(values))
        return dict(zip(keys, values, strict=True))


def _raw(elements: bytes) -> RawBSONDocument:
    return RawBSONDocument(struct.pack("<i", len(elements) + 5) + elements + b"\0")
