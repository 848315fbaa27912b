"""Subscribers that send the same operation share the answers to a change."""

import asyncio
from typing import Any, cast

import pytest
from graphql import parse

from app.api.schema import shared_answers
from app.api.schema.context import Context, Services
from app.api.schema.shared_answers import SharedAnswers
from app.domain.ids import UserId
from app.domain.viewers import Viewer
from app.service.permissions import Permissions
from tests.harness.schema import SCHEMA
from tests.harness.waiting import eventually
from tests.unit.feeds.conftest import world
from tests.unit.feeds.world import World

__all__ = ["world"]

CHANGES = 5
PLAIN = 'subscription ($v: Int) { teamChanges(teamId: "red", afterVersion: $v) { version } }'
IN_FRAGMENTS = """
subscription ($v: Int, $more: Boolean! = false) { ...Root }
fragment Root on Subscription { teamChanges(teamId: "red", afterVersion: $v) { ...Change } }
fragment Change on TeamChange { version ... on TeamRenamed { name @include(if: $more) } }
"""


# `$v` in the arguments of a root field only selects the change; all other variables count.
VARIABLES = [
    ("{ f(v: $v) { version } }", set()),
    ("{ ... { ... on Subscription { f(v: $v) { version } } } }", set()),
    ("{ ...R } fragment R on Subscription { f(v: $v) { version } }", set()),
    ("{ f @include(if: $more) { version } }", {"more"}),
    ("{ ... @include(if: $more) { f(v: $v) { version } } }", {"more"}),
    ("{ ...R @skip(if: $more) } fragment R on Subscription { f(v: $v) { a } }", {"more"}),
    ("{ f(v: $v) { team { history(first: $more) { a } } } }", {"more"}),
    ("{ f(v: $v) { ... on TeamRenamed { a(b: $v) } } }", {"v"}),
    (
        "{ f { ...C } } fragment C on TeamChange { team { ...T } } "
        "fragment T on Team { history(first: $more) { a } }",
        {"more"},
    ),
    ("{ f { ...C } } fragment C on TeamChange { a(b: { c: [$more] }) }", {"more"}),
]


class Subscribers:
    """Subscribers of one team that has five changes."""

    def __init__(self, world: World) -> None:
        for _ in range(CHANGES):
            world.log.record(name="Red")
        self._services = Services(
            store=cast("Any", None),
            directory=world.directory,
            log=world.log,
            hub=world.hub,
            permissions=Permissions(world.directory, everyone_may_create_teams=False),
            default_capacity=3,
            is_prepared=lambda: True,
        )

        self.shared = self._services.shared_answers

    async def replay(self, query: str, **variables: object) -> list[Any]:
        """The changes after its version, as one subscriber receives them."""
        context = Context(self._services, Viewer(UserId("sue"), is_admin=False))
        feed = cast(
            "Any",
            await SCHEMA.subscribe(query, variable_values=variables, context_value=context),
        )
        shown = []
        async with asyncio.timeout(10):
            for _ in range(CHANGES - cast("int", variables["v"])):
                result = await anext(feed)
                assert not result.errors
                shown.append(result.data["teamChanges"])
        await feed.aclose()
        return shown


@pytest.fixture
def subscribers(world: World) -> Subscribers:
    return Subscribers(world)


@pytest.mark.parametrize(("selection", "names"), VARIABLES)
def test_an_answer_depends_on_the_variables_below_the_root(selection: str, names: set[str]) -> None:
    operation, *fragments = parse(f"subscription ($v: Int, $more: Int) {selection}").definitions

    found = SharedAnswers().variables_below(
        cast("Any", operation), {each.name.value: each for each in cast("Any", fragments)}
    )

    assert found == names


@pytest.mark.parametrize("query", [PLAIN, IN_FRAGMENTS])
async def test_subscribers_that_resume_at_different_versions_share_answers(
    query: str, subscribers: Subscribers
) -> None:
    shown = await asyncio.gather(
        *(subscribers.replay(query, v=number % CHANGES) for number in range(50))
    )

    assert len(subscribers.shared.answers) == CHANGES
    assert [change["version"] for change in shown[1]] == [2, 3, 4, 5]
    assert all(each[-1] is shown[0][-1] for each in shown)


async def test_an_answer_is_not_shared_between_different_selections(
    subscribers: Subscribers,
) -> None:
    with_names = await subscribers.replay(IN_FRAGMENTS, v=3, more=True)
    without = await subscribers.replay(IN_FRAGMENTS, v=3, more=False)

    assert with_names == [{"version": 4, "name": "Red"}, {"version": 5, "name": "Red"}]
    assert without == [{"version": 4}, {"version": 5}]
    assert len(subscribers.shared.answers) == 4


async def test_the_number_of_shared_answers_is_bounded(
    monkeypatch: pytest.MonkeyPatch, subscribers: Subscribers
) -> None:
    monkeypatch.setattr(shared_answers, "KEPT_ANSWERS", 2)

    await subscribers.replay(PLAIN, v=0)

    assert len(subscribers.shared.answers) == 2


async def test_shared_answers_expire_without_further_events(
    monkeypatch: pytest.MonkeyPatch, subscribers: Subscribers
) -> None:
    monkeypatch.setattr(shared_answers, "KEPT_SECONDS", 0.05)

    await subscribers.replay(PLAIN, v=0)

    async def are_forgotten() -> bool:
        return not subscribers.shared.answers

    await eventually(are_forgotten)
