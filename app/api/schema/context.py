"""The context of a request (viewer, services, loaders), and the selection below a field."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Any

from graphql import FieldNode, FragmentDefinitionNode, FragmentSpreadNode, SelectionSetNode
from starlette.requests import HTTPConnection
from strawberry.types.info import Info as StrawberryInfo

from app.api.errors import not_allowed
from app.api.observation import Observers
from app.api.schema.loaders import Loaders
from app.api.schema.shared_answers import SharedAnswers
from app.domain.ids import UserId
from app.domain.pages import TeamOptions
from app.domain.viewers import Viewer
from app.service.hub import Hub
from app.service.permissions import Permissions
from app.service.ports import ChangeLog, TeamDirectory, TeamStore

COUNTED_BY = ("memberCount", "totalCount")


@dataclass(frozen=True)
class Services:
    """The services that all requests of a process share.

    No request reaches the database before `is_prepared`, and no mutation while not `is_safe`.
    """

    store: TeamStore
    directory: TeamDirectory
    log: ChangeLog
    hub: Hub
    permissions: Permissions
    default_capacity: int
    is_prepared: Callable[[], bool]
    observers: Observers = field(default_factory=Observers)
    is_safe: Callable[[], bool] = lambda: True
    shared_answers: SharedAnswers = field(default_factory=SharedAnswers)


@dataclass
class Context:
    """The context of one request, or of one WebSocket. `viewer` is None if anonymous."""

    services: Services
    viewer: Viewer | None
    connection: HTTPConnection | None = None
    connection_params: Mapping[str, Any] = field(default_factory=dict)
    """The payload of a WebSocket's `connection_init`, set by Strawberry."""

    answers_once: bool = field(default=False, init=False)
    """True if the transport carries a single answer."""

    _loaders: Loaders | None = field(default=None, init=False)

    @property
    def viewer_id(self) -> UserId | None:
        """The viewer's id; None if anonymous."""
        return self.viewer.user_id if self.viewer else None

    @property
    def client(self) -> str:
        """The key for per-client limits: the viewer, or the address if anonymous."""
        if self.viewer is not None:
            return f"user {self.viewer.user_id}"
        peer = self.connection.client if self.connection else None
        return address_of(peer.host if peer else "")

    @property
    def signed_in_id(self) -> UserId:
        """The viewer's id, for operations whose permission rules out anonymous viewers."""
        assert self.viewer is not None  # noqa: S101 - permission comes first
        return self.viewer.user_id

    def without_viewer(self) -> "Context":
        """A context of the same services, for an answer that is sent to several viewers."""
        return Context(self.services, viewer=None)

    def require(self, operation: str) -> None:
        """*Raises*: `CodedError` unless the viewer may run this query or subscription."""
        if refused := self.services.permissions.refusal(operation, self.viewer):
            raise not_allowed(refused, is_anonymous=self.viewer is None)

    @property
    def loaders(self) -> Loaders:
        """The loaders of the current answer, so that their caches cannot become stale."""
        if self._loaders is None:
            self._loaders = Loaders(self.services.directory, self.services.log)
        return self._loaders

    def begin_answer(self) -> None:
        """Discard the loaders of earlier answers: a WebSocket's answers share a context."""
        self._loaders = None


class Info(StrawberryInfo[Context, None]):
    """Strawberry's info, with a look at the selection below the current field."""

    async def team_options(self) -> TeamOptions:
        """The options to read the selected parts of the team."""
        at = (await self.context.loaders.moment()).at if self.selects("members") else None
        return TeamOptions(self.selects(*COUNTED_BY), at)

    def selects(self, *field_names: str, directly: bool = False) -> bool:
        """True if one of the fields is selected below this one, at any depth or `directly`.

        `@skip` and `@include` are ignored: reading slightly too much is harmless.
        """
        info = self._raw_info
        wanted = frozenset(field_names)
        return any(
            _selects(node.selection_set, wanted, info.fragments, directly)
            for node in info.field_nodes
        )


def address_of(host: str) -> str:
    """The key of an address; for IPv6 its /64 network, which one client typically owns."""
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
