"""What the pages say of settings, codes and metrics is what there is."""

import re

from graphql import DocumentNode, parse, validate
from prometheus_client import CollectorRegistry

from app.api.codes import Code
from app.api.operations.limits import Limits
from app.api.schema.schema import build_schema
from app.config import SETTINGS
from app.monitoring.database_metrics import StorageMetrics
from app.monitoring.metrics import ApiMetrics, OperationNames
from tests.harness.pages import ALL_PAGES, PAGES

CONTRACT = PAGES["app/api/README.md"]
MANUAL = PAGES["app/serving/README.md"]


def test_every_setting_stands_in_the_manual() -> None:
    missing = [each.variable for each in SETTINGS if f"`{each.variable}`" not in MANUAL]

    assert missing == []


def test_the_codes_of_errors_stand_in_the_contract_and_no_others() -> None:
    table = CONTRACT[CONTRACT.index("| code | meaning |") :].split("\n\n", 1)[0]
    rows = [line.split("|")[1] for line in table.splitlines()[2:]]

    assert sorted(re.findall(r"`([A-Z_]+)`", "".join(rows))) == sorted(Code)


def test_the_operations_in_the_pages_fit_the_schema() -> None:
    schema = build_schema(Limits())._schema
    operations = re.findall(r"```graphql\n(.*?)```", ALL_PAGES, re.DOTALL)

    assert len(operations) >= 3
    for text in operations:
        for operation in parse(text).definitions:
            assert validate(schema, DocumentNode(definitions=(operation,))) == [], text


def test_every_metric_that_an_alert_names_exists() -> None:
    registry = CollectorRegistry()
    ApiMetrics(registry, OperationNames())
    StorageMetrics(registry)
    existing = {
        name.removeprefix("team_joiner_")
        for family in registry.collect()
        for name in (family.name, f"{family.name}_total")
    }

    alerts = MANUAL[MANUAL.index("### Watching it") : MANUAL.index("### Past one replica set")]
    named = set(
        re.findall(r"`(?:(?:rate|increase|sum|min)\()?([a-z]+(?:_[a-z]+)+)(?=[`{\[) ])", alerts)
    )

    assert {
        "internal_errors_total",
        "recorder_active",
        "database_safe",
        "feed_lag_seconds",
    } <= named
    assert named - {"request_id", "duration_ms"} <= existing
