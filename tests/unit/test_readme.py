"""What the README says of settings, codes and metrics is what there is."""

import re
from pathlib import Path

from graphql import DocumentNode, parse, validate
from prometheus_client import CollectorRegistry

from app.api.codes import Code
from app.api.operations.limits import Limits
from app.api.schema.schema import build_schema
from app.config import HELP
from app.monitoring.database_metrics import StorageMetrics
from app.monitoring.metrics import ApiMetrics, OperationNames

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_every_setting_stands_in_the_readme() -> None:
    missing = [name for name in HELP if f"`{name.upper()}`" not in README]

    assert missing == []


def test_the_codes_of_errors_stand_in_the_readme_and_no_others() -> None:
    table = README[README.index("| code | meaning |") :].split("\n\n", 1)[0]
    rows = [line.split("|")[1] for line in table.splitlines()[2:]]

    assert sorted(re.findall(r"`([A-Z_]+)`", "".join(rows))) == sorted(Code)


def test_the_operations_in_the_readme_fit_the_schema() -> None:
    schema = build_schema(Limits())._schema
    operations = re.findall(r"```graphql\n(.*?)```", README, re.DOTALL)

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

    alerts = README[README.index("### Watching it") : README.index("### Past one replica set")]
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
