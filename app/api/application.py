"""The ASGI application. The caller opens and closes the services."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from app.api.http.admission import Admission, ConnectionLimits
from app.api.http.board import board_routes
from app.api.http.cross_origin import Origins
from app.api.http.entrance import Entrance
from app.api.http.graphiql import page_files
from app.api.http.graphql_endpoint import GraphQLEndpoint
from app.api.http.health import ReadinessCheck, healthz, readyz
from app.api.http.rate_limit import RateLimits, TrustedProxies
from app.api.observation import CONNECTION_EVENTS, ConnectionEvents
from app.api.operations.limits import Limits
from app.api.operations.persisted_documents import PersistedDocuments
from app.api.schema.context import Services
from app.api.sign_in.identity import DevelopmentIdentity, Identity

Lifespan = Callable[[object], AbstractAsyncContextManager[None]]


def build_application(
    services: Services,
    identity: Identity,
    *,
    check_readiness: ReadinessCheck,
    lifespan: Lifespan,
    limits: Limits,
    documents: PersistedDocuments,
    max_body_bytes: int,
    rate_limits: RateLimits,
    is_draining: Callable[[], bool],
    allowed_origins: Sequence[str],
    note_stalled: Callable[[], None],
    board: bool = False,
    trusted_proxies: Sequence[str] = (),
    around_graphql: Callable[[ASGIApp], ASGIApp] = lambda graphql: graphql,
) -> ASGIApp:
    """The application, whose lifespan is the caller's `lifespan`.

    `around_graphql` wraps the endpoint /graphql, inside of request ids, CORS and masking.
    """
    development = isinstance(identity, DevelopmentIdentity)
    origins = Origins(allowed_origins, loopback=development)
    observers = services.observers
    admission = Admission(ConnectionLimits(limits), rate_limits, documents, observers)
    graphql = GraphQLEndpoint(
        services, identity, limits, admission, origins=origins, max_body_bytes=max_body_bytes
    )
    page = page_files() if limits.graphiql else {}

    @asynccontextmanager
    async def with_state(application: object) -> AsyncIterator[dict[str, ConnectionEvents]]:
        async with lifespan(application):
            yield {CONNECTION_EVENTS: ConnectionEvents(observers.refused, note_stalled)}

    routes = [
        *(board_routes(development=development) if board else [Route("/", _to_graphql)]),
        *(Route(f"/graphql/{name}", file) for name, file in page.items()),
        Route("/healthz", healthz),
        Route(
            "/readyz",
            readyz(check_readiness, is_draining, timeout_seconds=limits.request_timeout_seconds),
        ),
    ]
    # A redirect for a slash would lead to the host that the request names.
    others = Router(routes, redirect_slashes=False, lifespan=with_state)
    application: ASGIApp = Entrance(
        around_graphql(graphql),
        others,
        origins=origins,
        observers=observers,
        is_draining=is_draining,
    )
    return TrustedProxies(application, trusted_proxies) if trusted_proxies else application


async def _to_graphql(request: Request) -> Response:  # noqa: ARG001 - Starlette's signature
    return RedirectResponse("/graphql")
