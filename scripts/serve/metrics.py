"""What `/metrics` says to Prometheus: requests, rows and durations by case and version, and what is served.

Counts are those of the statistics extension of the Open Inference Protocol, since the server started.
"""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from scripts.serve.inference import InferenceService
from scripts.serve.inference_statistics import QUANTILES, STEPS

PREFIX = "ouroboros_server_"
VERSION = ("case", "version")


class ServerMetrics:
    """The metrics of *service*, as a collector of the Prometheus client."""

    def __init__(self, service: InferenceService):
        self.service = service

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics with their current values."""
        yield GaugeMetricFamily(
            f"{PREFIX}requests_in_flight", "Requests that are being answered", self.service.in_flight
        )
        yield from self.describe_cases()
        yield from self.count_requests()

    def describe_cases(self) -> Iterator[Metric]:
        """Yield what is served, when it was last updated, and what could not be served or logged."""
        labels = GaugeMetricFamily(
            f"{PREFIX}label", "1 for each version that a label names", labels=["label", *VERSION]
        )
        bundles = GaugeMetricFamily(
            f"{PREFIX}model", "1 for each version, with its digest", labels=["bundle", *VERSION]
        )
        updated = GaugeMetricFamily(f"{PREFIX}updated_timestamp_seconds", "Last update, since 1970", labels=["case"])
        refused = CounterMetricFamily(f"{PREFIX}refused", "Published, but could not be served", labels=["case"])
        dropped = CounterMetricFamily(f"{PREFIX}log_dropped", "Requests that were not logged", labels=["case"])
        for name, case in sorted(self.service.store.cases.items()):
            updated.add_metric([name], case.updated)
            for number, model in case.versions.items():
                bundles.add_metric([model.digest, name, str(number)], 1)
            for label, number in sorted(case.labels.items()):
                labels.add_metric([label, name, str(number)], 1)
        for metric, counts in ((refused, self.service.store.refused), (dropped, self.service.log.dropped)):
            for name in sorted(self.service.store.cases):
                metric.add_metric([name], counts[name])
        yield from (labels, bundles, updated, refused, dropped)

    def count_requests(self) -> Iterator[Metric]:
        """Yield how often and how long each version that is served was asked."""
        requests = CounterMetricFamily(f"{PREFIX}requests", "Requests by outcome", labels=["outcome", *VERSION])
        rows = CounterMetricFamily(f"{PREFIX}rows", "Rows that were predicted", labels=VERSION)
        seconds = CounterMetricFamily(f"{PREFIX}seconds", "Time by outcome and step", labels=["spent", *VERSION])
        latency = GaugeMetricFamily(
            f"{PREFIX}latency_seconds", "Quantiles of the last answers", labels=["quantile", *VERSION]
        )
        for name, case in sorted(self.service.store.cases.items()):
            for number in case.versions:
                own, counts = (name, str(number)), self.service.statistics.describe(name, number)
                rows.add_metric(own, counts["inference_count"])
                durations = counts["inference_stats"]
                for outcome in ("success", "fail"):
                    requests.add_metric([outcome, *own], durations[outcome]["count"])
                for spent in ("success", "fail", *STEPS):
                    seconds.add_metric([spent, *own], durations[spent]["ns"] / 1e9)
                quantiles = self.service.statistics.quantiles(name, number) or ()
                for quantile, milliseconds in zip(QUANTILES, quantiles, strict=False):
                    latency.add_metric([str(quantile), *own], milliseconds / 1000)
        yield from (requests, rows, seconds, latency)


def render_metrics(service: InferenceService) -> tuple[bytes, str]:
    """Return the metrics of *service* in the text format of Prometheus, and its content type."""
    return generate_latest(ServerMetrics(service)), CONTENT_TYPE_PLAIN_0_0_4
