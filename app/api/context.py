"""What a resolver can reach: who asks, the storage ports, and this request's loaders."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from graphql import FieldNode, FragmentDefinitionNode, FragmentSpreadNode, SelectionSetNode
from strawberry.types.info import Info as StrawberryInfo

from app.api.loaders import Loaders
from app.domain.ids import UserId
from app.service.hub import Hub
from app.service.ports import ChangeLog, TeamDirectory, TeamStore

if TYPE_CHECKING:  # it presents changes, whose resolvers need this module
    from app.api.shared_answers import ChangeViews


@dataclass(frozen=True)
class Services:
    """What all requests share. Until the database is prepared, no request may reach it."""

    store: TeamStore
    directory: TeamDirectory
    log: ChangeLog
    hub: Hub
    views: "ChangeViews"
    default_capacity: int
    is_prepared: Callable[[], bool]


@dataclass
class Context:
    """One request. `viewer_id` is None when anonymous."""

    services: Services
    viewer_id: UserId | None

    answers_once: bool = field(default=False, init=False)
    """Whether the transport has room for one answer only."""

    _loaders: Loaders | None = field(default=None, init=False)

    @property
    def loaders(self) -> Loaders:
        """The loaders of one answer, so that nothing they cache gets stale."""
        if self._loaders is None:
            self._loaders = Loaders(self.services.directory)
        return self._loaders

    def begin_answer(self) -> None:
        """Forgets what earlier answers loaded: all answers on a WebSocket share a context."""
        self._loaders = None


class Info(StrawberryInfo[Context, None]):
    """Strawberry's info, which can tell what a query selects below the current field."""

    def selects(self, *field_names: str) -> bool:
        """Whether any of the fields occurs anywhere below this one.

        `@skip` and `@include` are not looked at: asking the database for a little too much is
        harmless.
        """
        info = self._raw_info
        wanted = frozenset(field_names)
        return any(
            _selects(node.selection_set, wanted, info.fragments) for node in info.field_nodes
        )


def _selects(
    selection_set: SelectionSetNode | None,
    wanted: frozenset[str],
    fragments: dict[str, FragmentDefinitionNode],
) -> bool:
    if selection_set is None:
        return False
    for node in selection_set.selections:
        if isinstance(node, FieldNode) and node.name.value in wanted:
            return True
        below = fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
        if _selects(getattr(below, "selection_set", None), wanted, fragments):
            return True
    return False
