"""The ASGI application: routes and middleware. The caller opens and closes the services."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from strawberry.extensions import SchemaExtension

from app.api.http.admission import Admission, ConnectionLimits
from app.api.http.board import board_routes
from app.api.http.body_limit import BodyLimit
from app.api.http.cross_origin import Origins, cross_origin
from app.api.http.graphiql import page_files
from app.api.http.graphql_endpoint import GraphQLEndpoint
from app.api.http.health import CloseWhenDraining, ReadinessCheck, healthz, readyz
from app.api.http.masking import Masking
from app.api.http.rate_limit import RateLimit, RateLimits, TrustedProxies
from app.api.observation import CONNECTION_EVENTS, ConnectionEvents
from app.api.operations.limits import Limits
from app.api.operations.persisted_documents import PersistedDocuments
from app.api.request_id import RequestId
from app.api.schema.context import Services
from app.api.sign_in.identity import DevelopmentIdentity, Identity

Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


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
    middleware: Sequence[Middleware] = (),
    extensions: Sequence[type[SchemaExtension]] = (),
) -> Starlette:
    """The application, whose lifespan is the caller's `lifespan`.

    The `middleware` runs inside request ids, CORS and masking, outside of the rate and body limits;
    the schema's `extensions` run outside of our own.
    """
    development = isinstance(identity, DevelopmentIdentity)
    origins = Origins(allowed_origins, loopback=development)
    observers = services.observers
    admission = Admission(ConnectionLimits(limits), rate_limits, documents, observers)
    graphql = GraphQLEndpoint(
        services, identity, limits, admission, tuple(extensions), origins=origins
    )
    page = page_files() if limits.graphiql else {}

    @asynccontextmanager
    async def with_state(application: Starlette) -> AsyncIterator[dict[str, ConnectionEvents]]:
        async with lifespan(application):
            yield {CONNECTION_EVENTS: ConnectionEvents(observers.refused, note_stalled)}

    application = Starlette(
        routes=[
            *(board_routes(development=development) if board else [Route("/", _to_graphql)]),
            Route("/graphql", graphql),
            WebSocketRoute("/graphql", graphql),
            *(Route(f"/graphql/{name}", file) for name, file in page.items()),
            Route("/healthz", healthz),
            Route(
                "/readyz",
                readyz(
                    check_readiness, is_draining, timeout_seconds=limits.request_timeout_seconds
                ),
            ),
        ],
        middleware=[
            *([Middleware(TrustedProxies, proxies=trusted_proxies)] if trusted_proxies else []),
            Middleware(CloseWhenDraining, is_draining=is_draining),
            Middleware(RequestId),
            cross_origin(origins),
            Middleware(Masking, observers=observers),
            *middleware,
            Middleware(RateLimit, path="/graphql", limits=rate_limits, observers=observers),
            Middleware(BodyLimit, max_bytes=max_body_bytes, observers=observers),
        ],
        lifespan=with_state,
    )
    # A redirect would lead to the host that the request names.
    application.router.redirect_slashes = False
    return application


async def _to_graphql(request: Request) -> Response:  # noqa: ARG001 - Starlette's signature
    return RedirectResponse("/graphql")
