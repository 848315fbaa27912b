"""Bounded retries of a write that was refused for a reason that is gone."""

import asyncio
import random

from app.domain.diagnosis import TeamState
from app.domain.faults import TooMuchContention

# A write that is refused without a reason lost a race that was over before the read; a second one
# in a row is rare, ten mean that the team is being changed all the time.
MAX_ATTEMPTS = 10
FIRST_BACKOFF_SECONDS = 0.001
MAX_BACKOFF_SECONDS = 0.05


class Attempts:
    """The attempts of one mutation, with a jittered back-off between them.

    The team was full when Sue's write came; before the state was read, Joe had left: no reason
    holds any more, and Sue's write gets another attempt rather than an untrue answer.

    *Held by*: G8. *Raises*: `TooMuchContention` when the attempts are used up.
    """

    def __init__(self) -> None:
        self._made = 0

    async def again(self, refused: TeamState | None = None) -> None:
        """Back off before the next attempt. *Raises*: `TeamDamaged`, if that is the reason."""
        if refused is not None and refused.damage:
            raise refused.damage
        self._made += 1
        if self._made == MAX_ATTEMPTS:
            raise TooMuchContention(f"Refused {MAX_ATTEMPTS} times without a reason that lasted.")
        ceiling = min(MAX_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2 ** (self._made - 1))
        await asyncio.sleep(random.uniform(0, ceiling))  # noqa: S311 - jitter, no secret
