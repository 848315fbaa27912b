"""The command `team-joiner doctor`, from damaged data to a running server."""

import csv
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId

from app.storage.client import Client
from app.storage.documents import stored_team_id
from tests.harness.client import Client as ApiClient
from tests.harness.doctor import broken_rules, run_doctor, stored_form, stored_teams
from tests.harness.recording import ChangeLogReader
from tests.harness.servers import Server, running_servers

REPAIR = ("--repair", "--keep", "first-joined")


async def test_without_options_it_reports_and_changes_nothing(
    mongodb_uri: str, client: Client, damaged: str
) -> None:
    before = await stored_form(client, damaged), await stored_teams(client, damaged)

    ended = await run_doctor(mongodb_uri, damaged)

    assert ended.status == 1
    assert "Examined 22 documents" in ended.output
    assert "Users on several teams: 2" in ended.output
    assert "team-joiner doctor --repair --keep first-joined" in ended.output
    assert (await stored_form(client, damaged), await stored_teams(client, damaged)) == before
    assert await client[damaged].list_collection_names() == ["teams"]


async def test_a_repaired_database_has_no_damage_and_can_be_served(
    mongodb_uri: str, client: Client, damaged: str
) -> None:
    server = Server(mongodb_uri, damaged)
    with pytest.raises(RuntimeError, match="team-joiner doctor"):
        await server.start()

    repaired = await run_doctor(mongodb_uri, damaged, *REPAIR)
    again = await run_doctor(mongodb_uri, damaged)

    assert (repaired.status, again.status) == (0, 0), repaired.output + repaired.errors
    assert await broken_rules(client, damaged) == []
    async with running_servers(2, mongodb_uri, damaged) as (first, second):
        async with ApiClient(first.url) as one, ApiClient(second.url) as other:
            found = await one.execute('{ team(id: "6") { version memberCount } }')
            joined = await one.mutate("joinTeam", viewer="new", teamId="6")
            refused = await other.mutate("joinTeam", viewer="sue", teamId="6")
        assert found == {"team": {"version": 1, "memberCount": 1}}
        assert joined["team"]["version"] == 2
        assert refused["__typename"] == "AlreadyOnTeam"
        log = ChangeLogReader(client, damaged)
        await log.wait_until_complete()
    assert await log.faults() == []
    (first_version, _), *later = await log.told("6")  # the first is older than the log, or foreign
    assert (first_version, later) == (1, [(2, "UserJoinedTeam")])


async def test_an_undo_restores_every_document_byte_for_byte(
    mongodb_uri: str, client: Client, damaged: str
) -> None:
    before = await stored_teams(client, damaged)
    await run_doctor(mongodb_uri, damaged, *REPAIR)
    server = Server(mongodb_uri, damaged)
    await server.start()
    await server.stop()
    repaired = await stored_teams(client, damaged)

    undone = await run_doctor(mongodb_uri, damaged, "--undo")
    again = await run_doctor(mongodb_uri, damaged, "--undo")

    assert undone.status == 0, undone.output + undone.errors
    assert repaired != before
    assert await stored_teams(client, damaged) == before
    assert "one_team_per_user" not in await client[damaged].teams.index_information()
    assert "The unique index on userIds is dropped." in undone.output
    assert "nothing to undo" in again.output


async def test_indexes_and_validator_can_be_restored_by_hand(
    mongodb_uri: str, client: Client, damaged: str
) -> None:
    before = await stored_form(client, damaged)
    await run_doctor(mongodb_uri, damaged, *REPAIR)
    await run_doctor(mongodb_uri, damaged, "--undo")

    # The commands of app/doctor/README.md.
    database = client[damaged]
    entry = await database.team_repairs.find_one({"kind": "collection"}, sort=[("_id", 1)])
    assert entry is not None
    await database.command("dropIndexes", "teams", index="*")
    options = {"validator": {}, "validationLevel": "strict", "validationAction": "error"}
    await database.command("collMod", "teams", **options | entry["before"]["options"])
    indexes = [index for index in entry["before"]["indexes"] if index["name"] != "_id_"]
    await database.command("createIndexes", "teams", indexes=indexes)

    assert await stored_form(client, damaged) == before


async def test_an_undo_without_repaired_documents_drops_no_index(
    mongodb_uri: str, client: Client, empty_database: str
) -> None:
    teams = client[empty_database]["teams"]
    await teams.create_index("name", unique=True)
    await run_doctor(mongodb_uri, empty_database, "--repair")

    undone = await run_doctor(mongodb_uri, empty_database, "--undo")

    assert "nothing to undo" in undone.output
    assert "one_team_per_user" in await teams.index_information()


async def test_an_undo_keeps_documents_changed_since_the_repair(
    mongodb_uri: str, client: Client, damaged: str
) -> None:
    await run_doctor(mongodb_uri, damaged, *REPAIR)
    await client[damaged].teams.update_one({"name": "Blue"}, {"$set": {"color": "red"}})
    blue = await client[damaged].teams.find_one({"name": "Blue"})

    undone = await run_doctor(mongodb_uri, damaged, "--undo", "--json")

    assert blue is not None
    assert undone.status == 1
    assert undone.report["keptIds"] == [str(blue["_id"])]
    assert await client[damaged].teams.find_one({"_id": blue["_id"]}) == blue


async def test_a_repair_after_an_undo_reuses_no_version(
    mongodb_uri: str, client: Client, damaged: str
) -> None:
    log = ChangeLogReader(client, damaged)
    for _ in range(2):
        await run_doctor(mongodb_uri, damaged, *REPAIR)
        async with running_servers(1, mongodb_uri, damaged):
            await log.wait_until_complete()
        last = await run_doctor(mongodb_uri, damaged, "--undo")
        assert last.status == 0

    repaired = await run_doctor(mongodb_uri, damaged, *REPAIR)

    assert repaired.status == 0
    blue = await client[damaged].teams.find_one({"name": "Blue"})
    assert blue is not None
    assert blue["version"] == 3
    assert await log.faults() == []


async def test_the_repair_matches_the_report(
    mongodb_uri: str, client: Client, damaged: str
) -> None:
    dry = await run_doctor(mongodb_uri, damaged, "--json")
    wet = await run_doctor(mongodb_uri, damaged, *REPAIR, "--json")

    cases = [case for found in dry.report["findings"] for case in found["cases"]]
    assert len(cases) > 15
    for case in cases:
        assert await becomes(client, damaged, case["becomes"]["id"]) == case["becomes"]
    (conflict,) = (c for c in dry.report["usersOnSeveralTeams"] if c["user"] == "sue")
    sues = await client[damaged].teams.find({"userIds": "sue"}).to_list(None)
    assert [str(team["_id"]) for team in sues] == [conflict["stays"]]
    assert dry.report["broken"] == wet.report["repaired"] == 20
    assert wet.report["after"]["well"] is True


async def becomes(client: Client, database: str, team_id: Any) -> dict[str, Any]:
    """The stored team in the form of the report's `becomes`."""
    team = await client[database].teams.find_one({"_id": stored_team_id(team_id)})
    assert team is not None
    created_at = team.get("createdAt")
    return {
        "id": str(team["_id"]),
        "name": team["name"],
        "version": team["version"],
        "capacity": team.get("capacity"),
        "memberCount": len(team["userIds"]),
        "createdAt": created_at.isoformat() if created_at else None,
    }


async def test_repair_and_undo_are_refused_while_a_server_is_running(
    mongodb_uri: str, client: Client, database: str
) -> None:
    async with running_servers(1, mongodb_uri, database):
        await client[database].teams.update_one({}, {"$set": {"name": ""}})
        refusals = [
            await run_doctor(mongodb_uri, database, order) for order in ("--repair", "--undo")
        ]
        looked = await run_doctor(mongodb_uri, database)
    after = await run_doctor(mongodb_uri, database, "--repair")

    assert [ended.status for ended in refusals] == [2, 2]
    assert "A server or another doctor is running" in refusals[0].errors
    assert looked.status == 0
    assert after.status == 0


async def test_the_operator_can_choose_the_team_of_each_user(
    mongodb_uri: str, client: Client, empty_database: str, tmp_path: Path
) -> None:
    teams = [{"_id": ObjectId(), "name": name, "userIds": ["sue", "zoe"]} for name in "AB"]
    await client[empty_database].teams.insert_many(teams)
    questions, b = tmp_path / "questions.csv", str(teams[1]["_id"])

    asked = await run_doctor(mongodb_uri, empty_database, "--questions", str(questions))
    twice = await run_doctor(mongodb_uri, empty_database, "--questions", str(questions))
    lines = list(csv.reader(questions.read_text(encoding="utf-8").splitlines()))
    with_answers = ("--repair", "--keep", "ask-file", str(questions))
    unanswered = await run_doctor(mongodb_uri, empty_database, *with_answers)
    still = await client[empty_database].teams.count_documents({"version": {"$exists": True}})
    questions.write_text(f"user,team\nsue,{b}\nzoe,{b}\nnobody,{b}\n", encoding="utf-8")
    answered = await run_doctor(mongodb_uri, empty_database, *with_answers)

    assert (asked.status, twice.status, unanswered.status) == (1, 2, 1)
    assert [line[0] for line in lines] == ["user", "sue", "zoe"]
    assert "without a valid answer in the file: 2." in unanswered.output
    assert still == 0
    assert answered.status == 0, answered.output + answered.errors
    stays = await client[empty_database].teams.find({}).sort("name", 1).to_list(None)
    assert [team["userIds"] for team in stays] == [[], ["sue", "zoe"]]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--repair",), "--keep first-joined"),
        (("--repair", "--undo"), "Choose one"),
        (("--repair", "--log"), "Choose one"),
        (("--keep", "ask-file"), "FILE"),
        (("--keep", "ask-file", "/nowhere/at-all.csv"), "can't be read"),
        (("--keep", "coin"), "coin"),
        (("--mongodb-uri", "localhost"), "--mongodb-uri"),
        (("--nonsense",), "--nonsense"),
    ],
)
async def test_invalid_options_are_rejected_with_a_message(
    mongodb_uri: str, client: Client, damaged: str, arguments: tuple[str, ...], named: str
) -> None:
    before = await stored_teams(client, damaged)

    ended = await run_doctor(mongodb_uri, damaged, *arguments)

    assert ended.status == 2
    assert named in " ".join(ended.errors.split())
    assert "Traceback" not in ended.errors
    assert await stored_teams(client, damaged) == before


async def test_an_unreachable_database_is_reported(empty_database: str) -> None:
    nobody = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100"

    ended = await run_doctor(nobody, empty_database)

    assert ended.status == 2
    assert "can't be reached" in ended.errors
    assert "Traceback" not in ended.errors


async def test_a_database_without_teams_has_no_damage(
    mongodb_uri: str, empty_database: str
) -> None:
    ended = await run_doctor(mongodb_uri, empty_database)

    assert ended.status == 0
    assert "Examined 0 documents" in ended.output


async def test_it_works_on_the_embedded_database(tmp_path: Path) -> None:
    missing = await run_doctor("", "teams", "--data-dir", str(tmp_path / "none"))
    server = Server("", "teams", DATA_DIR=str(tmp_path))
    await server.start()
    in_use = await run_doctor("", "teams", "--data-dir", str(tmp_path))
    await server.stop()

    well = await run_doctor("", "teams", "--data-dir", str(tmp_path))

    assert (missing.status, in_use.status, well.status) == (2, 2, 0)
    assert "There is no data folder" in missing.errors
    assert not (tmp_path / "none").exists()
    assert "in use" in in_use.errors
