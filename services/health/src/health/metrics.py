"""What Prometheus is told about the targets."""

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from health.checks import Monitor


class TargetCollector(Collector):
    """Exports what a monitor knows at that moment.

    What is not known is left out: as NaN it would be the sum and the average of all targets, and not equal to 1.
    """

    def __init__(self, monitor: Monitor) -> None:
        """Export what `monitor` knows."""
        self.monitor = monitor

    def collect(self) -> Iterable[Metric]:
        """Give whether each target was up when last checked, and how long its answer took, if it gave one."""
        up = GaugeMetricFamily("health_target_up", "Whether the target was up when last checked.", labels=["target"])
        latency = GaugeMetricFamily(
            "health_target_latency_seconds", "How long the target took to answer that check.", labels=["target"]
        )
        for status in self.monitor.statuses.values():
            if status.status != "unknown":
                up.add_metric([status.name], status.status == "up")
            if status.latency_ms is not None:
                latency.add_metric([status.name], status.latency_ms / 1000)
        return [up, latency]
