"""What a resolver can reach: who asks, the storage ports, and this request's loaders."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Any

from graphql import FieldNode, FragmentDefinitionNode, FragmentSpreadNode, SelectionSetNode
from starlette.requests import HTTPConnection
from strawberry.types.info import Info as StrawberryInfo

from app.api.errors import not_allowed
from app.api.observation import Observers
from app.api.schema.loaders import Loaders
from app.domain.ids import CommitTime, TeamId, UserId
from app.domain.problems import NotAllowed
from app.domain.viewers import Viewer
from app.service.hub import Hub
from app.service.permissions import Permissions
from app.service.ports import ChangeLog, TeamDirectory, TeamStore

if TYPE_CHECKING:  # it presents changes, whose resolvers need this module
    from app.api.schema.shared_answers import ChangeViews


COUNTED_BY = ("memberCount", "totalCount")


@dataclass(frozen=True)
class Services:
    """What all requests share.

    Until the database is prepared, no request may reach it; while it is not safe, no mutation.
    """

    store: TeamStore
    directory: TeamDirectory
    log: ChangeLog
    hub: Hub
    views: "ChangeViews"
    permissions: Permissions
    default_capacity: int
    is_prepared: Callable[[], bool]
    observers: Observers = field(default_factory=Observers)
    is_safe: Callable[[], bool] = lambda: True


@dataclass
class Context:
    """One request, or one WebSocket. `viewer` is None when anonymous."""

    services: Services
    viewer: Viewer | None
    connection: HTTPConnection | None = None
    connection_params: Mapping[str, Any] = field(default_factory=dict)
    """What a WebSocket said hello with; Strawberry fills it."""

    answers_once: bool = field(default=False, init=False)
    """Whether the transport has room for one answer only."""

    _loaders: Loaders | None = field(default=None, init=False)

    @property
    def viewer_id(self) -> UserId | None:
        """Who asks; None when anonymous."""
        return self.viewer.user_id if self.viewer else None

    @property
    def client(self) -> str:
        """The key of what one client takes: its viewer's, or else its address's."""
        if self.viewer is not None:
            return f"user {self.viewer.user_id}"
        peer = self.connection.client if self.connection else None
        return address_of(peer.host if peer else "")

    @property
    def signed_in_id(self) -> UserId:
        """The viewer's id, for operations whose `refusal` rules out anonymous viewers."""
        assert self.viewer is not None  # noqa: S101 - `refusal` comes first
        return self.viewer.user_id

    def refusal(self, operation: str) -> NotAllowed | None:
        """Why the viewer may not do it, by the rules in `permissions`."""
        return self.services.permissions.refusal(operation, self.viewer)

    async def refusal_on_team(self, operation: str, team_id: TeamId) -> NotAllowed | None:
        """Why the viewer may not do it to that team."""
        return await self.services.permissions.refusal_on_team(operation, self.viewer, team_id)

    def require(self, operation: str) -> None:
        """*Raises*: a coded error unless the viewer may ask this query or subscription."""
        if refused := self.refusal(operation):
            raise not_allowed(refused, is_anonymous=self.viewer is None)

    @property
    def loaders(self) -> Loaders:
        """The loaders of one answer, so that nothing they cache gets stale."""
        if self._loaders is None:
            self._loaders = Loaders(self.services.directory, self.services.log)
        return self._loaders

    def begin_answer(self) -> None:
        """Forgets what earlier answers loaded: all answers on a WebSocket share a context."""
        self._loaders = None


class Info(StrawberryInfo[Context, None]):
    """Strawberry's info, which can tell what a query selects below the current field."""

    async def team_wish(self) -> tuple[bool, CommitTime | None]:
        """How the team here is to be read: counted if need be, with members at one moment."""
        at = (await self.context.loaders.moment()).at if self.selects("members") else None
        return self.selects(*COUNTED_BY), at

    def selects(self, *field_names: str, directly: bool = False) -> bool:
        """Whether any of the fields occurs anywhere below this one, or directly below it.

        `@skip` and `@include` are not looked at: asking the database for a little too much is
        harmless.
        """
        info = self._raw_info
        wanted = frozenset(field_names)
        return any(
            _selects(node.selection_set, wanted, info.fragments, directly)
            for node in info.field_nodes
        )


def address_of(host: str) -> str:
    """The key of an address; of IPv6 that of its network of 64 bits, all of which a client has."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return f"network {int(address) >> 64:x}"
    return f"address {host}"


def _selects(
    selection_set: SelectionSetNode | None,
    wanted: frozenset[str],
    fragments: dict[str, FragmentDefinitionNode],
    directly: bool,
) -> bool:
    if selection_set is None:
        return False
    for node in selection_set.selections:
        if isinstance(node, FieldNode):
            if node.name.value in wanted:
                return True
            if directly:
                continue
        below = fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
        if _selects(getattr(below, "selection_set", None), wanted, fragments, directly):
            return True
    return False
