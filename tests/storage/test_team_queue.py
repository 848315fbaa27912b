import asyncio

import pytest

from app.domain.ids import TeamId
from app.storage.transactions import TeamQueue

RED, BLUE, GREEN = TeamId("red"), TeamId("blue"), TeamId("green")
DEADLINE_SECONDS = 5


async def let_others_run() -> None:
    """Lets every task that can go on go as far as it gets."""
    for _ in range(10):
        await asyncio.sleep(0)


class Visitors:
    """Tasks that take their turn, note that they have it, and keep it until they are let go."""

    def __init__(self) -> None:
        self.queue = TeamQueue()
        self.seen: list[str] = []
        self._may_leave: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def come(self, name: str, *team_ids: TeamId | None) -> None:
        """A visitor who waits for these teams, or has them already."""
        self._may_leave[name] = asyncio.Event()
        self._tasks[name] = asyncio.create_task(self._visit(name, team_ids))
        await let_others_run()

    async def _visit(self, name: str, team_ids: tuple[TeamId | None, ...]) -> None:
        async with self.queue.turn(*team_ids):
            self.seen.append(name)
            await self._may_leave[name].wait()

    async def leave(self, *names: str) -> None:
        """These give their turn up."""
        for name in names:
            self._may_leave[name].set()
            await asyncio.wait_for(self._tasks[name], DEADLINE_SECONDS)
        await let_others_run()

    async def cancel(self, name: str) -> None:
        self._tasks[name].cancel()
        with pytest.raises(asyncio.CancelledError):
            await self._tasks[name]
        await let_others_run()


@pytest.fixture
def visitors() -> Visitors:
    return Visitors()


async def test_turns_at_one_team_are_taken_one_at_a_time_in_the_order_of_coming(
    visitors: Visitors,
) -> None:
    for name in ("first", "second", "third"):
        await visitors.come(name, RED)

    assert visitors.seen == ["first"]
    await visitors.leave("first")
    assert visitors.seen == ["first", "second"]
    await visitors.leave("second", "third")
    assert visitors.seen == ["first", "second", "third"]


async def test_turns_at_other_teams_do_not_wait(visitors: Visitors) -> None:
    await visitors.come("at red", RED)
    await visitors.come("at blue", BLUE)

    assert visitors.seen == ["at red", "at blue"]
    await visitors.leave("at red", "at blue")


async def test_a_turn_at_two_teams_waits_for_both(visitors: Visitors) -> None:
    await visitors.come("at red", RED)
    await visitors.come("at blue", BLUE)
    await visitors.come("at both", RED, BLUE)

    await visitors.leave("at red")
    assert "at both" not in visitors.seen
    await visitors.leave("at blue")

    assert visitors.seen[-1] == "at both"
    await visitors.leave("at both")


async def test_turns_over_teams_in_any_order_never_deadlock() -> None:
    queue = TeamQueue()
    finished: list[int] = []

    async def visit(number: int, *team_ids: TeamId) -> None:
        async with queue.turn(*team_ids):
            await asyncio.sleep(0)
            finished.append(number)

    circles = [(RED, BLUE), (BLUE, RED), (GREEN, RED), (BLUE, GREEN), (GREEN, BLUE, RED)]
    async with asyncio.timeout(DEADLINE_SECONDS):
        await asyncio.gather(*(visit(number, *circles[number % 5]) for number in range(100)))

    assert sorted(finished) == list(range(100))


async def test_a_team_named_twice_is_waited_for_once(visitors: Visitors) -> None:
    await visitors.come("somebody", RED, RED)

    assert visitors.seen == ["somebody"]
    await visitors.leave("somebody")


async def test_a_turn_for_no_team_waits_for_nothing(visitors: Visitors) -> None:
    await visitors.come("one", None)
    await visitors.come("other", None, None)

    assert visitors.seen == ["one", "other"]
    await visitors.leave("one", "other")


async def test_a_waiter_that_is_cancelled_leaves_the_queue(visitors: Visitors) -> None:
    await visitors.come("first", RED)
    await visitors.come("second", BLUE, RED)
    await visitors.come("third", BLUE)

    await visitors.cancel("second")
    assert visitors.seen == ["first", "third"]
    await visitors.leave("first", "third")

    await visitors.come("fourth", RED, BLUE)
    assert visitors.seen[-1] == "fourth"
    await visitors.leave("fourth")


async def test_a_turn_that_is_cancelled_is_released(visitors: Visitors) -> None:
    await visitors.come("first", RED, BLUE)
    await visitors.come("second", RED)

    await visitors.cancel("first")

    assert visitors.seen == ["first", "second"]
    await visitors.leave("second")


async def test_a_failure_inside_a_turn_gives_it_up_and_passes() -> None:
    queue = TeamQueue()

    with pytest.raises(ZeroDivisionError):
        async with queue.turn(RED):
            _ = 1 / 0

    async with asyncio.timeout(DEADLINE_SECONDS), queue.turn(RED):
        pass
