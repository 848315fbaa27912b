"""The client reads every value that another program can write; cancellation of its calls."""

import asyncio
import struct

import bson
import pytest
from bson.raw_bson import RawBSONDocument

from app.domain.ids import TeamId
from app.domain.pages import TeamOptions
from app.storage.client import Client, close, connect_for_repair, teams_of
from app.storage.teams.directory import MongoTeamDirectory
from tests.harness.driver import connect_for_streams

NO_TEAM = TeamId("0123456789abcdef01234567")
FARTHEST_DATE = 8_640_000_000_000_000


def _field(type_code: int, payload: bytes) -> RawBSONDocument:
    body = bytes([type_code]) + b"odd\0" + payload
    return RawBSONDocument(struct.pack("<i", len(body) + 5) + body + b"\0")


def _text(text: bytes) -> bytes:
    return struct.pack("<i", len(text) + 1) + text + b"\0"


ODD_FIELDS = {
    "a far date": _field(9, struct.pack("<q", FARTHEST_DATE)),
    "a date before the year 1": _field(9, struct.pack("<q", -FARTHEST_DATE)),
    "no UTF-8": _field(2, _text(b"\xff\xfe")),
    "half a surrogate pair": _field(2, _text(b"\xed\xa0\x80")),
    "a symbol that is no UTF-8": _field(14, _text(b"\xff")),
    "code that is no UTF-8": _field(13, _text(b"\xff")),
    "a DBRef of a number": _field(3, bson.encode({"$ref": 5})),
    "a DBRef with fields": _field(3, bson.encode({"$ref": "a", "$id": 1, "self": 2})),
}


@pytest.mark.parametrize("odd", ODD_FIELDS.values(), ids=ODD_FIELDS)
async def test_every_client_reads_what_another_program_wrote(
    odd: RawBSONDocument, mongodb_uri: str, client: Client, database: str
) -> None:
    await client[database]["teams"].insert_one(
        {"name": "Red", "userIds": [], "version": 1, "lastChange": odd}
    )

    for connect in (connect_for_streams, connect_for_repair):
        other = connect(mongodb_uri)
        assert "odd" in (await teams_of(other, database).find_one({}) or {})["lastChange"]
        await close(other)
    assert "odd" in (await teams_of(client, database).find_one({}) or {})["lastChange"]


async def test_a_read_cancelled_at_any_step_is_cancelled(client: Client, database: str) -> None:
    directory = MongoTeamDirectory(client, database, default_capacity=1_000)

    for steps in range(60):
        reading = asyncio.create_task(
            directory.find_teams([NO_TEAM], TeamOptions(with_member_count=True))
        )
        for _ in range(steps):
            await asyncio.sleep(0)
        if reading.cancel():
            with pytest.raises(asyncio.CancelledError):
                await reading
