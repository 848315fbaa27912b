"""The laws that all mutations share; the file of each mutation holds what is its own."""

from typing import Any

import pytest

from tests.api.scene import REQUESTS, SCHEMA, Request, Scene
from tests.api.world import MALFORMED_IDS, MALFORMED_NAMES, NOBODYS_TEAM_ID, new_id
from tests.harness.client import ANONYMOUS, Answer, Client, ServerError

ONE_OF_EACH = tuple({request.mutation: request for request in REQUESTS}.values())
WITH_FIELDS = [(request, field) for request in ONE_OF_EACH for field in request.fields]
WITH_TEAMS = [pair for pair in WITH_FIELDS if pair[1] in {"teamId", "toTeamId", "fromTeamId"}]
WITH_VERSIONS = [(request, field) for request in REQUESTS for field in request.versions]
WITH_OPTIONAL_VERSIONS = [pair for pair in WITH_VERSIONS if pair[1] not in pair[0].given]

OUTSIDE_LIMITS: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(("teamId", "toTeamId", "fromTeamId", "userId", "requestId"), MALFORMED_IDS),
    **dict.fromkeys(("expectedVersion", "expectedToVersion", "expectedFromVersion"), (0, -1)),
    "userIds": ([], [f"user-{number}" for number in range(101)]),
    "name": MALFORMED_NAMES,
    "capacity": (0, -1, 10_001, 2**31 - 1),
}
# A request id is looked for where its change was made: on the same team, by any server.
OTHER_INPUT = {
    "name": "Other",
    "capacity": 3,
    "userId": "somebody-else",
    "userIds": ["somebody-else"],
    "atomic": True,
    **dict.fromkeys(("expectedVersion", "expectedToVersion", "expectedFromVersion"), 9),
}


@pytest.fixture
async def scene(api: Client) -> Scene:
    return await Scene.prepare(api)


def name_of(value: object) -> str | None:
    return str(value) if isinstance(value, Request) else None


every_request = pytest.mark.parametrize("request_", REQUESTS, ids=name_of)
every_mutation = pytest.mark.parametrize("request_", ONE_OF_EACH, ids=name_of)


def test_every_mutation_of_the_schema_is_asked() -> None:
    assert SCHEMA.mutation_type is not None

    assert {request.mutation for request in REQUESTS} == set(SCHEMA.mutation_type.fields)


@pytest.mark.parametrize(
    ("request_", "field"), [pair for pair in WITH_FIELDS if pair[1] != "atomic"], ids=name_of
)
async def test_a_value_outside_its_limits_is_refused_by_name(
    api: Client, request_: Request, field: str
) -> None:
    scene = Scene(api, {})
    values = OUTSIDE_LIMITS[field]

    outcomes = [await scene.send(request_, {field: value}, viewer="sue") for value in values]

    refusals = {
        str(value): (each["__typename"], each.get("field"))
        for value, each in zip(values, outcomes, strict=True)
    }
    assert refusals == dict.fromkeys(map(str, values), ("InvalidInput", field))


@pytest.mark.parametrize(("request_", "field"), WITH_FIELDS, ids=name_of)
async def test_an_operator_in_the_place_of_a_value_is_bad_user_input(
    api: Client, request_: Request, field: str
) -> None:
    for operator in ({"$ne": None}, ["$ne"]):
        value = [operator] if field == "userIds" else operator
        with pytest.raises(ServerError) as refusal:
            await api.mutate(request_.mutation, **request_.given | {field: value})

        assert refusal.value.code == "BAD_USER_INPUT"


@every_mutation
async def test_an_anonymous_viewer_is_refused_whatever_else_is_wrong(
    scene: Scene, request_: Request
) -> None:
    before = await scene.teams()
    field = request_.fields[0]

    right = await scene.send(request_, viewer=ANONYMOUS)
    wrong = await scene.send(request_, {field: OUTSIDE_LIMITS[field][0]}, viewer=ANONYMOUS)

    assert right["__typename"] == wrong["__typename"] == "NotAllowed"
    assert await scene.teams() == before


@pytest.mark.parametrize(("request_", "field"), WITH_TEAMS, ids=name_of)
async def test_a_team_that_is_unknown_or_deleted_is_not_found(
    scene: Scene, request_: Request, field: str
) -> None:
    deleted = (await scene.api.create_team())["id"]
    await scene.api.mutate("deleteTeam", teamId=deleted, expectedVersion=1)
    before = await scene.teams()

    for team_id in (NOBODYS_TEAM_ID, "nonsense", "0" * 128, deleted):
        outcome = await scene.send(request_, {field: team_id})

        assert outcome["__typename"] == "TeamNotFound", team_id
    assert await scene.teams() == before


@pytest.mark.parametrize(("request_", "field"), WITH_VERSIONS, ids=name_of)
async def test_another_version_is_a_conflict_that_shows_the_team(
    scene: Scene, request_: Request, field: str
) -> None:
    before = await scene.teams()
    team = await scene.team(request_.versions[field])

    for version in (1, 3, 2**31 - 1):
        outcome = await scene.send(request_, {field: version})

        assert outcome["__typename"] == "VersionConflict"
        assert (outcome["expectedVersion"], outcome["actualVersion"]) == (version, 2)
        assert outcome["team"] == team
    assert await scene.teams() == before


@pytest.mark.parametrize("version", [2, None])
@pytest.mark.parametrize(("request_", "field"), WITH_OPTIONAL_VERSIONS, ids=name_of)
async def test_the_present_version_is_accepted_and_so_is_null(
    scene: Scene, request_: Request, field: str, version: int | None
) -> None:
    outcome = await scene.send(request_, {field: version})

    assert outcome["__typename"].endswith("Success")
    team = await scene.team(request_.versions[field])
    assert team is not None
    assert team["version"] == 3


@every_request
async def test_a_repeated_request_changes_nothing_and_gets_the_same_answer(
    scene: Scene, other_api: Client, request_: Request
) -> None:
    request_id = new_id("request")
    first = await scene.send(request_, {"requestId": request_id})
    after = await scene.teams()

    here = await scene.send(request_, {"requestId": request_id})
    there = await scene.send(request_, {"requestId": request_id}, through=other_api)

    assert first["replayed"] is False
    # Of many users, a replay shows who was added.
    for outcome in first.get("outcomes", {"edges": ()})["edges"]:
        outcome |= {"version": None, "problem": None}
    assert here == there == {**first, "replayed": True}
    assert await scene.teams() == after


@pytest.mark.parametrize(
    ("request_", "changed"),
    [
        *(
            (each, {field: OTHER_INPUT[field]})
            for each in REQUESTS
            for field in each.fields
            if field in OTHER_INPUT
        ),
        *((each, {"capacity": None}) for each in REQUESTS if "capacity" in each.fields),
    ],
    ids=name_of,
)
async def test_a_request_id_with_other_input_is_refused(
    scene: Scene, other_api: Client, request_: Request, changed: Answer
) -> None:
    request_id = new_id("request")
    await scene.send(request_, {"requestId": request_id})
    after = await scene.teams()

    outcome = await scene.send(request_, {"requestId": request_id, **changed}, through=other_api)

    assert (outcome["__typename"], outcome.get("field")) == ("InvalidInput", "requestId")
    assert await scene.teams() == after


# A team does not remember the id of its creation: another mutation finds it in the change log.
@pytest.mark.parametrize("request_", ONE_OF_EACH[1:], ids=name_of)
async def test_a_request_id_of_another_mutation_is_refused(
    scene: Scene, other_api: Client, request_: Request
) -> None:
    request_id = new_id("request")
    first = await scene.send(request_, {"requestId": request_id})
    team = first.get("team") or first["toTeam"]
    given: Answer = {"teamId": team["id"], "expectedVersion": team["version"]}
    other = Request("updateTeam", {**given, "name": "Other"}, request_.viewer)
    if request_.mutation == "updateTeam":
        other = Request("deleteTeam", given)

    outcome = await scene.send(other, {"requestId": request_id}, through=other_api)

    assert (outcome["__typename"], outcome.get("field")) == ("InvalidInput", "requestId")


@every_mutation
async def test_a_refused_request_does_not_use_its_id_up(scene: Scene, request_: Request) -> None:
    request_id = new_id("request")
    field = next(iter(request_.versions), "capacity")

    refused = await scene.send(request_, {"requestId": request_id, field: 10_001})
    outcome = await scene.send(request_, {"requestId": request_id})

    assert refused["__typename"] in {"VersionConflict", "InvalidInput"}
    assert outcome["__typename"].endswith("Success")
    assert outcome["replayed"] is False
