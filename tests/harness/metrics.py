"""Reads a server's metrics as its operator's monitoring does."""

import re

from prometheus_client.parser import text_string_to_metric_families

from tests.harness.http import http_client
from tests.harness.servers import Server

_SERVING = re.compile(rb"Serving metrics on (http://[^/]+/metrics)")


class Metrics:
    """The metrics of a server at one moment."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._samples = [
            sample for family in text_string_to_metric_families(text) for sample in family.samples
        ]

    def value(self, name: str, /, **labels: str) -> float:
        """The sum of all samples of this name with at least these labels; 0 without any."""
        return sum(
            sample.value
            for sample in self._samples
            if sample.name == f"team_joiner_{name}" and labels.items() <= sample.labels.items()
        )

    def labels(self, name: str, label: str) -> set[str]:
        return {
            sample.labels[label] for sample in self._samples if sample.name == f"team_joiner_{name}"
        }


def metrics_url(server: Server) -> str:
    """The URL of the metrics of a server that was started with METRICS_PORT=0."""
    found = _SERVING.search(server.log)
    assert found is not None
    return found[1].decode()


async def read_metrics(server: Server) -> Metrics:
    async with http_client() as http:
        answer = await http.get(metrics_url(server))
    assert answer.status_code == 200
    return Metrics(answer.text)
