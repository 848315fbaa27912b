"""`team_as_of` on a real database, against a model, and over what a log may lack."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from bson import ObjectId

from app.domain.ids import TeamId, Version
from app.domain.problems import InvalidInput
from app.domain.snapshots import UNKNOWN, TeamSnapshot, VersionUnknown
from app.service import team_as_of as module
from app.service.team_as_of import team_as_of
from app.storage.changes.log import MongoChangeLog
from app.storage.client import Client, team_changes_of, teams_of
from app.storage.teams.directory import MongoTeamDirectory

BEGAN_AT = datetime(2026, 5, 4, tzinfo=UTC)
GAP, FOREIGN = {"kind": "HistoryGap"}, {"kind": "ForeignChange"}
CREATED = {"kind": "TeamCreated", "name": "Red"}


def joined(user: str) -> dict[str, Any]:
    return {"kind": "UserJoinedTeam", "userId": user}


def left(user: str) -> dict[str, Any]:
    return {"kind": "UserLeftTeam", "userId": user}


def time_of(version: int) -> datetime:
    return BEGAN_AT + timedelta(seconds=version)


class Past:
    """A team and its entries in the log, written as a test wants them."""

    def __init__(self, client: Client, database: str) -> None:
        self.log = MongoChangeLog(client, database)
        self._directory = MongoTeamDirectory(client, database, default_capacity=10)
        self._teams, self._changes = teams_of(client, database), team_changes_of(client, database)
        self._id = ObjectId()

    async def store(self, *members: str, version: int, entries: list[dict[str, Any]]) -> None:
        """The team as it is now, and its log; an entry without a version has that of its place."""
        await self._teams.insert_one(
            {
                "_id": self._id,
                "name": "Now",
                "userIds": list(members),
                "version": version,
                "capacity": 7,
                "updatedAt": time_of(version),
            }
        )
        for place, entry in enumerate(entries, 1):
            await self.record(place, entry)

    async def record(self, place: int, entry: dict[str, Any]) -> None:
        entry.setdefault("version", place)
        entry.setdefault("at", time_of(entry["version"]))
        await self._changes.insert_one({"teamId": str(self._id), "position": place, **entry})

    async def ask(self, version: int | None = None, *, at: datetime | None = None) -> Any:
        asked = None if version is None else Version(version)
        return await team_as_of(
            self.log, self._directory, team_id=TeamId(str(self._id)), version=asked, at=at
        )

    async def at_version(self, version: int) -> TeamSnapshot:
        found = await self.ask(version)
        assert isinstance(found, TeamSnapshot)
        return found

    async def members(self, *versions: int) -> list[Any]:
        found = [(await self.at_version(each)).state.user_ids for each in versions]
        return [users if users is UNKNOWN else sorted(users) for users in found]


@pytest.fixture
async def past(client: Client, database: str) -> Past:
    return Past(client, database)


@pytest.mark.parametrize("seed", range(4))
async def test_every_version_is_what_a_model_says(
    past: Past, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READ_SIZE", 7)
    random = Random(seed)
    states: list[tuple[str, int | None, list[str]]] = [("Red", None, [])]
    entries: list[dict[str, Any]] = [dict(CREATED)]
    for version in range(2, 60):
        name, capacity, users = states[-1]
        user, kind = f"user-{random.randrange(6)}", random.choice(["move"] * 6 + ["name", "size"])
        match kind:
            case "move" if user in users:
                users = [each for each in users if each != user]
                entries.append(left(user))
            case "move":
                users = sorted([*users, user])
                entries.append(joined(user))
            case "name":
                name = f"Name {version}"
                entry: dict[str, Any] = {"kind": "TeamRenamed", "name": name}
                if random.random() < 0.5:
                    capacity = random.choice([None, version])
                    entry["capacity"] = capacity
                entries.append(entry)
            case _:
                capacity = random.choice([None, version])
                entries.append({"kind": "CapacityChanged", "capacity": capacity})
        states.append((name, capacity, users))
    last = {"kind": "TeamRenamed", "name": "Now", "capacity": 7}
    states.append(("Now", 7, states[-1][2]))
    await past.store(*states[-1][2], version=60, entries=[*entries, last])

    for version, (name, capacity, users) in enumerate(states, 1):
        found = await past.at_version(version)
        assert isinstance(found.state.user_ids, set)
        told = (found.state.name, found.state.capacity, sorted(found.state.user_ids))
        assert told == (name, capacity, users), version
        assert found.since == time_of(version)
        assert found.until == (time_of(version + 1) if version < 60 else None)


@pytest.mark.parametrize(
    "hidden", [{**FOREIGN}, {**GAP, "fromVersion": 3}, {"version": 3, "kind": "X"}, None]
)
async def test_versions_on_both_sides_of_a_hidden_change_are_known(
    past: Past, hidden: dict[str, Any] | None
) -> None:
    entries = [dict(CREATED), joined("ann"), hidden, joined("bob"), joined("eve")]
    stored = [each | {"version": n} for n, each in enumerate(entries, 1) if each is not None]
    await past.store("ann", "bob", "eve", "mia", version=5, entries=stored)

    # Before it, the walk from the creation tells; after it, the one from the present state.
    assert await past.members(1, 2, 3, 4, 5) == [
        [],
        ["ann"],
        ["ann", "mia"],
        ["ann", "bob", "mia"],
        ["ann", "bob", "eve", "mia"],
    ]
    before, at, after = [await past.at_version(version) for version in (2, 3, 4)]
    is_foreign = hidden is not None and hidden["kind"] != "HistoryGap"
    assert (before.until is UNKNOWN, at.since is UNKNOWN) == (not is_foreign, not is_foreign)
    assert (before.state.name, after.state.name) == ("Red", "Now")


async def test_between_two_hidden_changes_only_newer_values_are_known(past: Past) -> None:
    entries = [CREATED, FOREIGN, joined("bob"), {"kind": "TeamRenamed", "name": "Blue"}]
    entries += [joined("eve"), FOREIGN]
    await past.store("eve", version=6, entries=[dict(entry) for entry in entries])

    assert await past.members(1, 2, 3, 5, 6) == [[], UNKNOWN, UNKNOWN, UNKNOWN, ["eve"]]
    states = [(await past.at_version(version)).state for version in (3, 5)]
    assert [(state.name, state.capacity) for state in states] == [
        (UNKNOWN, UNKNOWN),
        ("Blue", UNKNOWN),
    ]


async def test_a_version_inside_a_gap_is_unknown_and_its_ends_are_known(past: Past) -> None:
    entries: list[dict[str, Any]] = [
        dict(CREATED),
        {**GAP, "fromVersion": 2, "version": 4},
        {**joined("b"), "version": 5},
    ]
    await past.store("a", "b", version=5, entries=entries)

    inside, end = await past.at_version(3), await past.at_version(4)

    assert (inside.state.name, inside.state.capacity, inside.state.user_ids) == (UNKNOWN,) * 3
    assert (inside.since, inside.until) == (UNKNOWN, UNKNOWN)
    assert (end.state.user_ids, end.since, end.until) == ({"a"}, UNKNOWN, time_of(5))


async def test_a_former_name_is_unknown_across_a_missing_change(past: Past) -> None:
    blue, green = ({"kind": "TeamRenamed", "name": name, "capacity": 3} for name in "bg")
    entries = [CREATED, joined("a"), blue, joined("b"), joined("c"), joined("d"), green]
    stored = [{**each, "version": n} for n, each in enumerate(entries, 1) if each is not blue]
    await past.store("a", "b", "c", "d", version=7, entries=stored)

    state = (await past.at_version(5)).state

    assert (state.name, state.capacity) == (UNKNOWN, UNKNOWN)
    assert state.user_ids == {"a", "b", "c"}


async def test_a_log_that_contradicts_the_team_tells_no_members(past: Past) -> None:
    await past.store(version=4, entries=[dict(CREATED), joined("a"), joined("a"), joined("b")])

    assert await past.members(3, 4) == [UNKNOWN, []]


async def test_the_present_version_is_known_before_it_is_recorded(past: Past) -> None:
    await past.store("a", "b", version=3, entries=[dict(CREATED), joined("a")])

    recorded, present = await past.at_version(2), await past.at_version(3)

    assert (recorded.state.user_ids, recorded.until) == ({"a"}, time_of(3))
    assert (present.state.user_ids, present.since, present.until) == (
        {"a", "b"},
        time_of(3),
        None,
    )


async def test_a_team_whose_version_was_set_back_is_told_by_the_log_alone(past: Past) -> None:
    await past.store("mia", version=2, entries=[dict(CREATED), joined("a"), joined("b")])

    assert await past.members(2, 3) == [["a"], ["a", "b"]]


async def test_a_walk_beyond_the_limit_is_not_begun(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_CHANGES", 2)
    users = [f"user-{number}" for number in range(2, 8)]
    await past.store(*users, version=7, entries=[dict(CREATED), *map(joined, users)])

    known = [users is not UNKNOWN for users in await past.members(1, 2, 3, 4, 5, 6, 7)]

    assert known == [True, True, False, False, True, True, True]
    assert (await past.at_version(3)).state.name == "Red"


@pytest.mark.parametrize("version", [0, -1, 4, 2**31 - 1])
async def test_a_version_that_was_not_reached_is_refused(past: Past, version: int) -> None:
    await past.store("a", version=2, entries=[dict(CREATED), joined("a")])

    found = await past.ask(version)

    assert isinstance(found, InvalidInput)
    assert found.field == "version"


@pytest.mark.parametrize(
    ("second", "version"), [(0, None), (1, 1), (1.5, 1), (2, 2), (4, 2), (5, 5), (9, 5)]
)
async def test_a_time_finds_its_version_with_clocks_that_differ(
    past: Past, second: float, version: int | None
) -> None:
    # Another server's clock is late: versions 3 and 4 were made at 8 by it, and 5 at 5 here.
    late = [{**joined(user), "at": time_of(8)} for user in ("b", "c")]
    await past.store(
        "a", "b", "c", "d", version=5, entries=[dict(CREATED), joined("a"), *late, joined("d")]
    )

    found = await past.ask(at=time_of(0) + timedelta(seconds=second))

    assert (found and found.version) == version


async def test_a_time_within_a_gap_has_no_known_version(past: Past) -> None:
    gap = {**GAP, "fromVersion": 2, "version": 3, "at": time_of(9)}
    await past.store(version=4, entries=[dict(CREATED), gap, {**joined("a"), "version": 4}])

    assert isinstance(await past.ask(at=time_of(3)), VersionUnknown)
    assert (await past.ask(at=time_of(4))).version == 4


async def test_a_time_before_the_log_begins_has_no_known_version(past: Past) -> None:
    await past.store("a", "b", version=3, entries=[{**joined("b"), "version": 3}])

    assert isinstance(await past.ask(at=time_of(2)), VersionUnknown)
    assert (await past.ask(at=time_of(3))).version == 3


@pytest.mark.parametrize("version", [2, 3])
async def test_a_change_that_is_recorded_meanwhile_does_not_disturb(
    past: Past, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await past.store("sue", version=version, entries=[dict(CREATED)])
    last_change_by = past.log.last_change_by

    async def recorded_meanwhile(team_id: TeamId, at: datetime) -> Any:
        await past.record(2, joined("sue"))
        return await last_change_by(team_id, at)

    monkeypatch.setattr(past.log, "last_change_by", recorded_meanwhile)

    found = await past.ask(at=time_of(2))

    assert found.version == 2
