"""The parts of `scripts/race` that decide its verdict."""

import shlex
from itertools import islice
from pathlib import Path
from xml.etree import ElementTree

import pytest

from app.storage.client import Client
from tests.lab.race.clients import ACCEPTED, ALREADY_ON_TEAM, Answer
from tests.lab.race.fight import Attempt, Fight, FoughtBout
from tests.lab.race.picture import draw
from tests.lab.race.report import doctor_steps, verdict
from tests.lab.race.run import BROKEN, HELD, NOT_RUN, judge
from tests.lab.race.steps import Step, StepLog, What
from tests.lab.race.victim import Victim, find_victim
from tests.lab.race.violations import Violations
from tests.lab.race.workload import Bout, Intention, arrange_lanes, bouts, name_users, server_of

BOUT = Bout(
    lane=0,
    number=0,
    user="sue",
    intentions=(Intention(0, "join", "sue", "Team A"), Intention(1, "add", "sue", "Team B")),
    leaver=None,
)
LOST = (Answer(ACCEPTED), Answer(ACCEPTED))
WON = (Answer(ACCEPTED), Answer(ALREADY_ON_TEAM, "Team A"))

# Of each server: what, on which team, from and to which microsecond, and what came of it.
Steps = list[list[tuple[What, str, int, int, str]]]

CLASSIC_STEPS: Steps = [
    [("check", "a", 100, 200, "on no team"), ("write", "a", 350, 500, "done")],
    [("check", "b", 150, 250, "on no team"), ("write", "b", 400, 600, "done")],
]
OUR_STEPS: Steps = [
    [("write", "a", 100, 300, "accepted")],
    [("write", "b", 150, 350, "refused by the index"), ("read", "b", 400, 500, "the reason")],
]


@pytest.fixture
def fight(client: Client, empty_database: str) -> Fight:
    return new_fight(client, empty_database)


def new_fight(client: Client, database: str) -> Fight:
    return Fight("A fight", Violations(client, database), seconds=1)


def after_bout(fight: Fight, answers: tuple[Answer, ...]) -> Fight:
    fight.team_names = {"a": "Team A", "b": "Team B"}
    fight.violations.ever_on_several_teams = {"sue"}
    attempts = tuple(
        Attempt(intention, answer, sent_ns=0, answered_ns=1_000_000)
        for intention, answer in zip(BOUT.intentions, answers, strict=True)
    )
    fight.remembered[BOUT.lane, BOUT.number] = FoughtBout(BOUT, attempts)
    return fight


def write_down(folder: Path, name: str, of_servers: Steps) -> list[Path]:
    paths = []
    for server, steps in enumerate(of_servers):
        path = folder / f"{name}-{server}"
        log = StepLog(path)
        for what, team, began, ended, found in steps:
            log.write(Step(what, "sue", team, began * 1_000, ended * 1_000, found))
        log.close()
        paths.append(path)
    return paths


def victim_of(
    client: Client,
    folder: Path,
    classic_steps: Steps = CLASSIC_STEPS,
) -> Victim | None:
    return find_victim(
        after_bout(new_fight(client, "unused"), LOST),
        write_down(folder, "classic", classic_steps),
        after_bout(new_fight(client, "unused"), WON),
        write_down(folder, "ours", OUR_STEPS),
    )


async def test_the_victim_is_described_with_both_interleavings(
    client: Client, tmp_path: Path
) -> None:
    victim = victim_of(client, tmp_path)

    assert victim is not None
    assert victim.user == "sue"
    assert [step.what for _, step in victim.classic.steps] == ["check", "check", "write", "write"]
    assert [one.server for one, _ in victim.classic.steps] == [0, 1, 0, 1]
    assert [step.what for _, step in victim.ours.steps] == ["write", "write", "read"]


async def test_each_client_of_the_story_keeps_its_side(client: Client, tmp_path: Path) -> None:
    john_first: Steps = [
        [("check", "a", 150, 250, "on no team"), ("write", "a", 400, 600, "done")],
        [("check", "b", 100, 200, "on no team"), ("write", "b", 350, 500, "done")],
    ]

    victim = victim_of(client, tmp_path, john_first)

    assert victim is not None
    assert [victim.classic.first.server, victim.classic.second.server] == [1, 0]
    assert [victim.ours.first.server, victim.ours.second.server] == [1, 0]


@pytest.mark.parametrize("what", ["check", "leave"])
async def test_a_third_partys_write_makes_no_clear_victim(
    client: Client, tmp_path: Path, what: What
) -> None:
    meddled: Steps = [CLASSIC_STEPS[0], [*CLASSIC_STEPS[1], (what, "a", 510, 520, "done")]]

    assert victim_of(client, tmp_path, meddled) is None


async def test_a_check_after_the_rivals_write_makes_no_clear_victim(
    client: Client, tmp_path: Path
) -> None:
    late: Steps = [
        CLASSIC_STEPS[0],
        [("check", "b", 550, 600, "on no team"), ("write", "b", 650, 700, "done")],
    ]

    assert victim_of(client, tmp_path, late) is None


async def test_the_picture_tells_what_was_recorded_in_order(client: Client, tmp_path: Path) -> None:
    victim = victim_of(client, tmp_path)
    assert victim is not None

    picture = ElementTree.fromstring(draw(victim, seed=1))

    texts = [element for element in picture.iter() if element.tag.endswith("}text")]
    stamps = [text.text for text in texts if text.get("class") == "time"]
    assert stamps[:8] == [f"0.{n:02} ms" for n in (0, 5, 10, 15, 25, 30, 40, 50)]
    rows = {text.text: float(text.get("y") or 0) for text in texts}
    assert rows["write: push Sue onto Team A"] < rows["write: push Sue onto Team B"]
    for words in ("Sue joins Team A", "John adds Sue to Team B", "Sue is on two teams"):
        assert words in rows
    for words in ("refused by the index", ALREADY_ON_TEAM, "Sue is on Team A"):
        assert words in rows


@pytest.mark.parametrize(
    ("classic", "ours", "said"),
    [
        (
            114,
            0,
            "114 of 200 users were on two teams with the classic code, none with Team Joiner.",
        ),
        (1, 0, "1 of 200 users was on two teams with the classic code, none with Team Joiner."),
        (0, 2, "None of 200 users was on two teams with the classic code, 2 with Team Joiner."),
    ],
)
async def test_the_verdict_is_one_sentence(
    client: Client, classic: int, ours: int, said: str
) -> None:
    fights = []
    for title, count in (("classic code", classic), ("Team Joiner", ours)):
        fight = Fight(title, Violations(client, "unused"), seconds=1)
        fight.violations.ever_on_several_teams = set(name_users(count))
        fights.append(fight)

    assert verdict(fights[0], fights[1], 200) == said


@pytest.mark.parametrize(
    ("data_dir", "uri", "pasted"),
    [
        (Path("my race"), None, "--data-dir my race"),
        (None, "mongodb://a/?replicaSet=rs&w=1", "--mongodb-uri mongodb://a/?replicaSet=rs&w=1"),
        (None, "mongodb://sue:secret@a", "--mongodb-uri $MONGODB_URI"),
    ],
)
def test_the_doctor_s_command_can_be_pasted(
    data_dir: Path | None, uri: str | None, pasted: str
) -> None:
    *_, command = doctor_steps("left over", data_dir, uri)
    words = shlex.split(command)

    assert len(words) == 5
    assert " ".join(words) == f"scripts/doctor {pasted} --database left over"


async def test_violations_are_seen_and_those_that_have_passed_are_remembered(
    client: Client, empty_database: str
) -> None:
    teams = client[empty_database]["teams"]
    await teams.insert_many(
        [
            {"_id": 1, "userIds": ["sue", "ann", "bob", "bob"]},
            {"_id": 2, "userIds": ["sue", "cho"]},
            {"_id": 3, "userIds": []},
        ]
    )
    violations = Violations(client, empty_database)

    await violations.look()
    await teams.update_one({"_id": 1}, {"$set": {"userIds": ["ann"]}})
    await violations.look()

    assert violations.on_several_teams == set()
    assert violations.ever_on_several_teams == {"sue"}
    assert violations.ever_twice_in_a_team == {"bob"}
    assert violations.count == 2


async def test_the_race_fails_when_ours_breaks_the_rule(fight: Fight) -> None:
    fight.accepted = 1
    assert judge(fight) == HELD

    fight.violations.ever_on_several_teams.add("sue")

    assert judge(fight) == BROKEN


async def test_a_race_in_which_ours_accepts_nothing_is_no_proof(fight: Fight) -> None:
    assert judge(fight) == NOT_RUN


def test_the_same_seed_gives_the_same_workload_and_another_seed_another() -> None:
    users = name_users(50)
    first, again, other = (list(islice(bouts(n, 3, (6, 7), users), 100)) for n in (1, 1, 2))

    assert first == again
    assert first != other
    assert {bout.user for bout in first} <= set(users)


@pytest.mark.parametrize("clients", [1, 2, 3, 24, 25])
def test_every_client_plays_and_those_of_a_pair_are_at_different_servers(clients: int) -> None:
    lanes = arrange_lanes(clients)

    assert [client for lane in lanes for client in lane] == list(range(clients))
    for first, *others in lanes:
        assert all(server_of(first, 3) != server_of(other, 3) for other in others)
