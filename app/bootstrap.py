"""Wires the packages together: the application for an ASGI server, out of the settings."""

import asyncio
import gc
import logging
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import fields
from functools import partial

from prometheus_client import REGISTRY, CollectorRegistry
from starlette.applications import Starlette

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
from app.serving.server import START_FAILED, stop_failed_service, stop_with_parent
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


def create_application(settings: Settings, registry: CollectorRegistry | None = None) -> Starlette:
    """The application on a MongoDB deployment, which `settings.mongodb_uri` must name.

    It connects and prepares the database when it is served. While the database can't be reached it
    serves all the same, answers `DATABASE_UNAVAILABLE`, is not ready, and goes on trying.

    Its metrics go to the `registry`, if one is given.
    """
    documents = documents_of(settings)
    telemetry = Telemetry(
        settings,
        registry,
        registered_documents=documents.registered_texts,
        environment=os.environ,
    )
    client = _connect(settings, telemetry.listeners("requests"))
    streams = _connect_streams(settings, telemetry.listeners("streams"))
    database, default_capacity = settings.mongodb_database, settings.default_capacity
    preparation = _preparation(client, settings)
    safety = SafetyWatch(client, database, telemetry.storage_metrics)
    stop_serving = partial(_stop_serving, settings.log_format)
    hub = Hub(telemetry.api_metrics)
    drain = Drain(settings.drain_seconds)
    rate_limits = RateLimits(
        per_user=settings.max_operations_per_second_per_user,
        per_address=settings.max_operations_per_second_per_address,
    )
    identity = identity_of(settings)
    is_development = isinstance(identity, DevelopmentIdentity)
    if is_development:
        logger.warning("DEVELOPMENT MODE: whoever asks is believed to be whom X-User-Id names.")
    directory = MongoTeamDirectory(client, database, default_capacity=default_capacity)
    store = MongoTeamStore(
        client,
        database,
        default_capacity=default_capacity,
        note_retry=telemetry.storage_metrics.transaction_retried,
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async def feed() -> None:
            """The work beside the requests: prepare, then record and distribute."""
            if not await preparation.repeat_until_done(stop_serving):
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
            # What comes of the preparation is told by us: its exception here would be logged by the
            # ASGI server, with all that it quotes.
            # On a large collection it goes on while the server answers, not ready.
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
            close(client, streams)

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
        note_stalled=telemetry.api_metrics.stalled,
        trusted_proxies=settings.trusted_proxies,
        middleware=telemetry.middleware,
        extensions=telemetry.extensions,
    )


def application_from_environment() -> Starlette:
    """The application factory for ASGI servers: `uvicorn --factory app.bootstrap:…`.

    *Limits*: how requests must arrive and how connections end is held by `team-joiner serve` alone.
    """
    settings = Settings.read(os.environ)
    configure_logging(settings.log_level, settings.log_format)
    stop_with_parent()
    is_measured = settings.metrics_port is not None
    try:
        application = create_application(settings, REGISTRY if is_measured else None)
    except (SettingsError, DatabaseUnsuitable) as fault:
        # A file that was there when the server started may be gone when a worker is replaced.
        logger.critical("%s", explained(fault, settings.log_format))
        raise SystemExit(START_FAILED) from None
    _spare_garbage_collection()
    return application


def limits_of(settings: Settings) -> Limits:
    """The limits, each from the setting of its name."""
    return Limits(**{field.name: getattr(settings, field.name) for field in fields(Limits)})


def identity_of(settings: Settings) -> Identity:
    """Who asks, by token or, for developers, by header. *Raises*: `SettingsError`."""
    given = [
        name
        for name in ("jwt_secret", "jwt_key_file", "jwt_jwks_url")
        if getattr(settings, name) is not None
    ]
    if not given:
        if not is_loopback(settings.host):
            raise SettingsError(
                f"HOST must be a loopback address, not {settings.host}, as long as whoever asks is "
                "believed. Set JWT_SECRET, JWT_KEY_FILE or JWT_JWKS_URL for tokens."
            )
        return DevelopmentIdentity()
    if len(given) > 1:
        raise SettingsError(f"Only one of {', '.join(name.upper() for name in given)} can be set.")
    if settings.jwt_issuer is None or settings.jwt_audience is None:
        raise SettingsError("JWT_ISSUER and JWT_AUDIENCE must be set: tokens are held to both.")
    rules = TokenRules(
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        admin_claim=settings.jwt_admin_claim,
        admin_value=settings.jwt_admin_value,
        leeway_seconds=settings.jwt_leeway_seconds,
    )
    return TokenIdentity(_signing_keys(settings, given[0].upper()), rules)


def _signing_keys(settings: Settings, name: str) -> SigningKeys:
    if settings.jwt_jwks_url is not None:
        return KeySet(settings.jwt_jwks_url)
    try:
        if settings.jwt_key_file is not None:
            return FixedKey(read_key_file(settings.jwt_key_file))
        return FixedKey(read_secret(settings.jwt_secret or ""))
    except KeyUnusable as error:
        raise SettingsError(f"{name} {error}") from error


def documents_of(settings: Settings) -> PersistedDocuments:
    """The documents that may be named by hash. *Raises*: `SettingsError` if they can't be read."""
    registered: dict[str, str] = {}
    if settings.only_trusted_documents and settings.trusted_documents is None:
        raise SettingsError("ONLY_TRUSTED_DOCUMENTS must be off unless TRUSTED_DOCUMENTS is given.")
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
        client,
        settings.mongodb_database,
        request_memory_hours=settings.request_memory_hours,
    )


def _connect(settings: Settings, listeners: Sequence[Listener] = ()) -> Client:
    timeout_seconds = settings.request_timeout_seconds
    connecting = partial(connect, timeout_seconds=timeout_seconds, listeners=listeners)
    return _connect_with(connecting, settings)


def _connect_streams(settings: Settings, listeners: Sequence[Listener]) -> Client:
    return _connect_with(partial(connect_for_streams, listeners=listeners), settings)


def _connect_with(connecting: Callable[[str], Client], settings: Settings) -> Client:
    if settings.mongodb_uri is None:
        raise SettingsError("MONGODB_URI must name a deployment; `team-joiner serve` can make one.")
    return connecting(settings.mongodb_uri)


def _spare_garbage_collection() -> None:
    """Keeps the collector from going through what lives as long as the process, again and again.

    A request allocates some thousand objects and leaves almost no cycles. With the defaults a
    mutation took 3 % more processor time (median of 10 runs of 800 each way, in turns). The second
    generation holds 30,000 new objects at most: with 100,000, new documents of an anonymous client
    stopped the process for 200 ms at a time, now for 40. The whole is gone through as often as by
    default, in proportion, since connections are cycles: with 5 times as seldom, those that hostile
    clients had left filled the memory.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 3, 33)


def _stop_if_failed(task: asyncio.Task[None]) -> None:
    """A server that has stopped to record and distribute is of no use to its subscribers."""
    if not task.cancelled() and (error := task.exception()):
        logger.critical("The feeds have failed, so this server ends.", exc_info=error)
        stop_failed_service()


def explained(fault: Exception, log_format: str) -> str:
    """What is said of a fault that ends a server: of users and teams to people only."""
    is_for_people = log_format != "json"
    return fault.in_full if is_for_people and isinstance(fault, DatabaseUnsuitable) else str(fault)


def _stop_serving(log_format: str, fault: DatabaseUnsuitable) -> None:
    """A database that turns out unsuitable ends the server, as it would have at the start."""
    logger.critical("%s", explained(fault, log_format))
    stop_failed_service()


async def refuse_unsuitable(settings: Settings) -> None:
    """*Raises*: `DatabaseUnsuitable`, here where it can be said in one sentence.

    *Limits*: a preparation longer than a request may take is left to the application.
    """
    client = _connect(settings)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(settings.request_timeout_seconds):
                await _preparation(client, settings).attempt()
    finally:
        close(client)
