"""Write first, ask afterwards: the one loop behind every mutation of one or two teams."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from app.domain.changes import Attribution
from app.domain.faults import TooMuchContention
from app.domain.ids import TeamId, UserId
from app.domain.outcomes import Accepted
from app.domain.problems import InvalidInput
from app.domain.standing import Standing, request_id_reused
from app.domain.teams import Team
from app.service.ports import TeamStore

AcceptedT = TypeVar("AcceptedT")
ReasonT = TypeVar("ReasonT")

# A write that is refused without a reason lost a race that was over when we looked; a second one in
# a row is rare, ten mean that somebody changes the team all the time.
MAX_ATTEMPTS = 10
FIRST_BACKOFF_SECONDS = 0.001
MAX_BACKOFF_SECONDS = 0.05


async def write_or_diagnose(
    write: Callable[[], Awaitable[AcceptedT | None]],
    diagnose: Callable[[], Awaitable[ReasonT | None]],
) -> AcceptedT | ReasonT:
    """What the write answers, or a reason for its refusal that was true after the refusal.

    The team was full when Sue's write came; before we could look, Joe had left: no reason holds
    any more, and Sue's write gets another attempt rather than an untrue answer.

    *Held by*: G8. *Raises*: `TooMuchContention` when the attempts are used up.
    """
    for attempt in range(MAX_ATTEMPTS):
        accepted = await write()
        if accepted is not None:
            return accepted
        reason = await diagnose()
        if reason is not None:
            return reason
        ceiling = min(MAX_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2**attempt)
        await asyncio.sleep(random.uniform(0, ceiling))  # noqa: S311 - jitter, no secret
    raise TooMuchContention(f"Refused {MAX_ATTEMPTS} times without a reason that lasted.")


async def change_team(
    store: TeamStore,
    *,
    team_id: TeamId,
    user_id: UserId | None = None,
    by: Attribution,
    write: Callable[[], Awaitable[Team | None]],
    reason: Callable[[Standing], ReasonT | None],
) -> Accepted | InvalidInput | ReasonT:
    """`write_or_diagnose` for a change of one team.

    A request that the team remembers is answered as accepted before any reason is looked for: what
    it asked for has happened, and what refused the repetition is its own first sending.
    """

    async def accept() -> Accepted | None:
        team = await write()
        return Accepted(team) if team else None

    async def diagnose() -> Accepted | InvalidInput | ReasonT | None:
        standing = await store.find_standing(team_ids=[team_id], user_id=user_id, by=by)
        if problem := request_id_reused(standing.replay, by):
            return problem
        if standing.replay:
            return Accepted(standing.replay.team, replayed=True)
        return reason(standing)

    return await write_or_diagnose(accept, diagnose)
