"""Numbers for Prometheus: how much waits, how fast it goes, what fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

from dreamtalk.serve.memory import memory_bytes

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """One set per server; nothing is kept by client."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._talks = Counter("dreamtalk_talks", "Talks that ended, by how", ["status"], registry=self.registry)
        self._video = Counter("dreamtalk_video_seconds", "Seconds of video made", registry=self.registry)
        self._work = Counter("dreamtalk_work_seconds", "Seconds that workers spent on it", registry=self.registry)
        self._speed = Gauge(
            "dreamtalk_work_seconds_per_video_second", "Of the latest talk: seconds of work per second of video",
            registry=self.registry,
        )  # fmt: skip
        self._crashes = Counter("dreamtalk_worker_crashes", "Workers that died at work", registry=self.registry)
        self._worker = Gauge("dreamtalk_worker_memory_bytes", "Memory of the latest worker", registry=self.registry)
        self._requests = Counter(
            "dreamtalk_requests", "Answered requests", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "dreamtalk_request_seconds", "Seconds until the answer began", ["route"], registry=self.registry
        )
        self._uploads = Counter("dreamtalk_uploads", "Accepted files, by kind", ["kind"], registry=self.registry)
        self.live = Gauge("dreamtalk_live_sessions", "Live sessions", registry=self.registry)
        self.live_frames = Counter("dreamtalk_live_frames", "Live frames sent", registry=self.registry)
        self.live_dropped = Counter(
            "dreamtalk_live_frames_dropped", "Live frames that slow readers missed", registry=self.registry
        )
        self.live_held = Counter(
            "dreamtalk_live_frames_held", "Live frames not drawn, as the machine was too slow", registry=self.registry
        )
        self._recorded = Counter(
            "dreamtalk_live_recorded_seconds", "Seconds of live recordings", registry=self.registry
        )

    def watch(self, counts: Callable[[], dict[str, int]]) -> None:
        """counts: talks by status, asked for at every reading."""
        self.registry.register(_Now(counts))

    def made(self, video: float, work: float, memory: int) -> None:
        """A talk is done: seconds of video, seconds of work, the worker's bytes."""
        self.ended("done")
        self._video.inc(video)
        self._work.inc(work)
        self._speed.set(work / max(video, 1e-3))
        self._worker.set(memory)

    def recorded(self, seconds: float) -> None:
        """A live session's recording is done: seconds of it."""
        self.ended("done")
        self._recorded.inc(seconds)

    def ended(self, status: str) -> None:
        """A talk ended."""
        self._talks.labels(status).inc()

    def crashed(self) -> None:
        """A worker died."""
        self._crashes.inc()

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request is answered. route: as written in the code, so that ids make no labels."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def uploaded(self, kind: str) -> None:
        """A file is accepted."""
        self._uploads.labels(kind).inc()

    def text(self) -> bytes:
        """What Prometheus reads."""
        return generate_latest(self.registry)


class _Now:
    """Values that are looked up when asked for."""

    def __init__(self, counts: Callable[[], dict[str, int]]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        """Called at every reading."""
        counts = self._counts()
        talks = GaugeMetricFamily("dreamtalk_talks_now", "Talks that are kept, by status", labels=["status"])
        for status in ("queued", "running", "done", "failed", "cancelled"):
            talks.add_metric([status], counts.get(status, 0))
        yield talks
        yield GaugeMetricFamily("dreamtalk_memory_bytes", "Memory of the server process", value=memory_bytes())
