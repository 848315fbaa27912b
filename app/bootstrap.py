"""Composition root: builds the ASGI application from the settings."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import fields
from functools import partial
from typing import Any, Final

from prometheus_client import REGISTRY, CollectorRegistry
from starlette.types import ASGIApp

from app.api.application import build_application
from app.api.http.rate_limit import RateLimits
from app.api.operations.limits import Limits
from app.api.operations.persisted_documents import ManifestError, PersistedDocuments, read_manifest
from app.api.schema.context import Services
from app.api.sign_in.identity import (
    ADMIN_ADVICE,
    SIGN_IN_ADVICE,
    DevelopmentIdentity,
    Identity,
    is_loopback,
)
from app.api.sign_in.key_set import KeySet
from app.api.sign_in.signing_keys import (
    FixedKey,
    KeyUnusable,
    SigningKeys,
    read_key_file,
    read_secret,
)
from app.api.sign_in.tokens import TokenIdentity, TokenRules
from app.config import Settings, SettingsError
from app.domain.faults import DatabaseUnsuitable
from app.monitoring.logs import configure_logging
from app.monitoring.telemetry import Telemetry
from app.service.hub import Hub
from app.service.permissions import Permissions
from app.serving.drain import Drain
from app.serving.server import (
    START_FAILED,
    spare_garbage_collection,
    stop_failed_service,
    stop_with_parent,
)
from app.storage.changes.log import MongoChangeLog
from app.storage.changes.recorder import Recorder
from app.storage.changes.tail import MongoChangeTail
from app.storage.client import CLOSE_SECONDS, Client, close, connect, connect_for_streams
from app.storage.observer import Listener
from app.storage.safety import SafetyWatch, check_readiness
from app.storage.startup import Preparation
from app.storage.teams.directory import MongoTeamDirectory
from app.storage.teams.store import MongoTeamStore

logger = logging.getLogger(__name__)

APPLICATION = "app.bootstrap:application_from_environment"


def create_application(settings: Settings, registry: CollectorRegistry | None = None) -> ASGIApp:
    """The application on the MongoDB at `settings.mongodb_uri`; records metrics in a `registry`.

    Its lifespan connects to the database and prepares it. While the database is unreachable, it is
    not ready, answers `DATABASE_UNAVAILABLE` and keeps trying.
    """
    documents = documents_of(settings)
    telemetry = Telemetry(
        settings,
        registry,
        registered_documents=documents.registered_texts,
        environment=os.environ,
    )
    client = _connect(settings, telemetry.listeners("requests"))
    streams = connect_for_streams(
        _uri_of(settings),
        listeners=telemetry.listeners("streams"),
        driver=settings.mongodb_driver,
    )
    database, default_capacity = settings.mongodb_database, settings.default_capacity
    preparation = _preparation(client, settings)
    safety = SafetyWatch(client, database, telemetry.storage_metrics)
    hub = Hub(telemetry.api_metrics)
    drain = Drain(settings.drain_seconds)
    rate_limits = RateLimits(
        per_user=settings.max_operations_per_second_per_user,
        per_address=settings.max_operations_per_second_per_address,
    )
    identity = identity_of(settings)
    is_development = isinstance(identity, DevelopmentIdentity)
    if is_development:
        logger.warning("DEVELOPMENT MODE: X-User-Id is trusted without a token.")
    directory = MongoTeamDirectory(client, database, default_capacity=default_capacity)
    store = MongoTeamStore(
        client,
        database,
        default_capacity=default_capacity,
        note_retry=telemetry.storage_metrics.transaction_retried,
    )

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        async def feed() -> None:
            """Background work: prepare the database, then record and distribute changes."""
            if not await preparation.repeat_until_done(partial(_stop_unsuitable, settings)):
                return
            async with asyncio.TaskGroup() as group:
                group.create_task(telemetry.clock.run(client))
                group.create_task(Recorder(streams, database, telemetry.storage_metrics).run())
                group.create_task(hub.run(MongoChangeTail(streams, database)))
                group.create_task(safety.run())

        identifying = asyncio.create_task(identity.run())
        feeding = asyncio.create_task(feed())
        feeding.add_done_callback(_stop_if_failed)
        try:
            # Awaits the first attempt only: on a large collection the server listens meanwhile, not
            # ready. We log a failure ourselves, as the ASGI server would log all that it quotes.
            with suppress(TimeoutError):
                async with asyncio.timeout(settings.request_timeout_seconds):
                    await preparation.was_tried.wait()
            with drain.intercept_signals(), telemetry.exporting():
                yield
        finally:
            feeding.cancel()
            identifying.cancel()
            await asyncio.gather(feeding, identifying, return_exceptions=True)
            await store.finish(CLOSE_SECONDS)
            await close(client, streams)

    async def refuse_unready() -> None:
        preparation.refuse_unfinished()
        await check_readiness(client, database)

    return build_application(
        Services(
            store=store,
            directory=directory,
            log=MongoChangeLog(client, database),
            hub=hub,
            permissions=Permissions(
                directory,
                everyone_may_create_teams=settings.everyone_may_create_teams,
                sign_in_advice=SIGN_IN_ADVICE if is_development else "",
                admin_advice=ADMIN_ADVICE if is_development else "",
            ),
            default_capacity=default_capacity,
            is_prepared=preparation.is_done,
            observers=telemetry.observers,
            is_safe=safety.is_safe,
        ),
        identity,
        check_readiness=refuse_unready,
        lifespan=lifespan,
        limits=limits_of(settings),
        documents=documents,
        max_body_bytes=settings.max_body_bytes,
        rate_limits=rate_limits,
        is_draining=lambda: drain.has_begun,
        allowed_origins=settings.allowed_origins,
        board=settings.serves_board,
        note_stalled=telemetry.api_metrics.stalled,
        trusted_proxies=settings.trusted_proxies,
        around_graphql=telemetry.around_graphql,
    )


def application_from_environment() -> ASGIApp:
    """The application factory for ASGI servers: `uvicorn --factory app.bootstrap:…`.

    *Limits*: only `team-joiner serve` has timeouts for arriving requests and a graceful shutdown.
    """
    settings = Settings.read(os.environ)
    configure_logging(settings.log_level, settings.log_format)
    stop_with_parent()
    is_measured = settings.metrics_port is not None
    try:
        application = create_application(settings, REGISTRY if is_measured else None)
    except (SettingsError, DatabaseUnsuitable) as fault:
        # A file that existed when the server started may be missing when a worker is replaced.
        logger.critical("%s", explained(fault, settings))
        raise SystemExit(START_FAILED) from None
    spare_garbage_collection()
    return application


def limits_of(settings: Settings) -> Limits:
    """The limits, each from the setting of its name."""
    return Limits(**{field.name: getattr(settings, field.name) for field in fields(Limits)})


_KEYS: Final[Mapping[str, Callable[[Any], SigningKeys]]] = {
    "jwt_secret": lambda secret: FixedKey(read_secret(secret)),
    "jwt_key_file": lambda path: FixedKey(read_key_file(path)),
    "jwt_jwks_url": KeySet,
}


def identity_of(settings: Settings) -> Identity:
    """Identity from tokens, or from headers in development mode. *Raises*: `SettingsError`."""
    given = {name: value for name in _KEYS if (value := getattr(settings, name)) is not None}
    if not given:
        if not is_loopback(settings.host):
            raise SettingsError(
                f"HOST must be a loopback address, not {settings.host}, in development mode. Set "
                "JWT_SECRET, JWT_KEY_FILE or JWT_JWKS_URL to require tokens."
            )
        return DevelopmentIdentity()
    if len(given) > 1:
        raise SettingsError(f"Only one of {', '.join(given).upper()} can be set.")
    if settings.jwt_issuer is None or settings.jwt_audience is None:
        raise SettingsError("JWT_ISSUER and JWT_AUDIENCE must be set: tokens are checked for both.")
    rules = TokenRules(
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        admin_claim=settings.jwt_admin_claim,
        admin_value=settings.jwt_admin_value,
        leeway_seconds=settings.jwt_leeway_seconds,
    )
    [(name, value)] = given.items()
    try:
        return TokenIdentity(_KEYS[name](value), rules)
    except KeyUnusable as error:
        raise SettingsError(f"{name.upper()} {error}") from error


def documents_of(settings: Settings) -> PersistedDocuments:
    """The documents that clients may name by hash or id. *Raises*: `SettingsError`."""
    registered: dict[str, str] = {}
    if settings.only_trusted_documents and settings.trusted_documents is None:
        raise SettingsError("ONLY_TRUSTED_DOCUMENTS must be off unless TRUSTED_DOCUMENTS is set.")
    if settings.trusted_documents is not None:
        try:
            registered = read_manifest(settings.trusted_documents)
        except ManifestError as error:
            raise SettingsError(str(error)) from error
    return PersistedDocuments(
        registered,
        only_registered=settings.only_trusted_documents,
        max_remembered=settings.max_persisted_queries,
    )


def _preparation(client: Client, settings: Settings) -> Preparation:
    return Preparation(
        client, settings.mongodb_database, request_memory_hours=settings.request_memory_hours
    )


def _connect(settings: Settings, listeners: Sequence[Listener] = ()) -> Client:
    return connect(
        _uri_of(settings),
        timeout_seconds=settings.request_timeout_seconds,
        listeners=listeners,
        driver=settings.mongodb_driver,
    )


def _uri_of(settings: Settings) -> str:
    if settings.mongodb_uri is None:
        raise SettingsError("MONGODB_URI must be set; `team-joiner serve` can embed a MongoDB.")
    return settings.mongodb_uri


def _stop_if_failed(task: asyncio.Task[None]) -> None:
    """Stop the server: without its feeds it is of no use to its subscribers."""
    if not task.cancelled() and (error := task.exception()):
        logger.critical("Recording or distributing changes has failed.", exc_info=error)
        stop_failed_service()


def _stop_unsuitable(settings: Settings, fault: DatabaseUnsuitable) -> None:
    logger.critical("%s", explained(fault, settings))
    stop_failed_service()


def explained(fault: Exception, settings: Settings) -> str:
    """The message of a fault; names users and teams only in a log for humans."""
    if settings.log_format == "text" and isinstance(fault, DatabaseUnsuitable):
        return fault.in_full
    return str(fault)


async def refuse_unsuitable(settings: Settings) -> None:
    """Check and prepare the database once, before any worker. *Raises*: `DatabaseUnsuitable`.

    *Limits*: after a request's timeout, the preparation is left to the application.
    """
    client = _connect(settings)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(settings.request_timeout_seconds):
                await _preparation(client, settings).attempt()
    finally:
        await close(client)
