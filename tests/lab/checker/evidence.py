"""The input of the rules: the operations, the final state, and values derived from both."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from tests.lab.checker.effects import Effect, find_effects
from tests.lab.checker.history import FinalState, LoggedChange, Operation
from tests.lab.checker.replay import State, replay
from tests.lab.checker.windows import Windows


@dataclass(frozen=True)
class Evidence:
    """A run. Derived values are computed once, on first use."""

    operations: Sequence[Operation]
    final: FinalState

    @cached_property
    def effects(self) -> list[Effect]:
        """See `find_effects`."""
        return find_effects(self.operations)

    @cached_property
    def makers(self) -> dict[str, dict[int, list[Effect]]]:
        """For each team, the operations that were acknowledged with each version."""
        makers: dict[str, dict[int, list[Effect]]] = defaultdict(lambda: defaultdict(list))
        for effect in self.effects:
            for team_id, version in effect.versions.items():
                makers[team_id][version].append(effect)
        return makers

    @cached_property
    def logged(self) -> dict[str, dict[int, LoggedChange]]:
        """Each team's log by version; of several entries for one version, the first."""
        return {
            team_id: {change.version: change for change in reversed(team.log)}
            for team_id, team in self.final.teams.items()
        }

    @cached_property
    def windows(self) -> dict[str, Windows]:
        """For each team of the final state, the time window of each version."""
        return {
            team_id: Windows(team.version, self.makers.get(team_id, {}))
            for team_id, team in self.final.teams.items()
        }

    @cached_property
    def states(self) -> dict[str, dict[int, State]]:
        """For each team of the final state, its state at each version according to its log."""
        return {
            team_id: {state.version: state for state in replay(team.log)}
            for team_id, team in self.final.teams.items()
        }
