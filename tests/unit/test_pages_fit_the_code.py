"""The pages list exactly the settings, codes and metrics of the code."""

import re

import pytest
from graphql import DocumentNode, parse, validate
from prometheus_client import CollectorRegistry

from app.monitoring.database_metrics import StorageMetrics
from app.monitoring.metrics import ApiMetrics, OperationNames
from tests.harness.pages import ALL_PAGES, PAGES
from tests.harness.schema import SCHEMA
from tests.harness.tables import MARKED, TABLES

MANUAL = PAGES["app/serving/README.md"]


@pytest.mark.parametrize("page", TABLES)
def test_a_table_is_as_the_code_makes_it(page: str) -> None:
    assert MARKED.findall(PAGES[page]) == [TABLES[page]()], "Run scripts/tables."


def test_the_operations_in_the_pages_fit_the_schema() -> None:
    schema = SCHEMA._schema
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

    alerts = MANUAL[MANUAL.index("## Monitoring") : MANUAL.index("## Beyond one replica set")]
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
