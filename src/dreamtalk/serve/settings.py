"""What an operator decides: where it listens, what it keeps, how much of everything it takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Addresses that only this machine can reach."""

SERVE_PORT = 8765
"""TCP port unless another is asked for."""

_LIVE_SHARE = 2
"""Live sessions of one client where there may be several clients."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request, one client and all together may take.

    queue: talks waiting. per_client: talks waiting or running of one client. upload_bytes: of one file. stored_bytes:
    of all uploads and results. open_bytes: of all requests that are being received. pixels: of a picture or of a
    video's frames. audio_seconds, video_seconds: of an upload. job_seconds: of work on one talk. live_sessions: at
    once. live_per_client: of these for one client; None: see Settings.live_share. live_seconds: of one session.
    record_seconds, record_bytes: of a session's recording, which ends there though the session goes on.
    """

    queue: int = 100
    per_client: int = 20
    upload_bytes: int = 200_000_000
    stored_bytes: int = 20_000_000_000
    open_bytes: int = 4_000_000_000
    pixels: int = 40_000_000
    audio_seconds: float = 600.0
    video_seconds: float = 300.0
    job_seconds: float = 3600.0
    live_sessions: int = 4
    live_per_client: int | None = None
    live_seconds: float = 3600.0
    record_seconds: float = 3600.0
    record_bytes: int = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Settings:
    """data: folder of the jobs, uploads and results. workers: processes that make talks, each with its own models.
    threads, device: of each of them, as for a Talker. address: of a Ray cluster that makes the talks instead. keys: API
    keys; none: nobody is asked for one. names: host names, besides the address, under which people reach the server.
    origins: of other web pages that may use the API. page: also serve the web page. keep_hours: after which uploads and
    results are deleted. grace: seconds that running talks have to end when the server is stopped. warm_live: load the
    models of live sessions at the start, not with the first one. require_provenance: refuse requests that decline
    watermark and manifest. require_consent: refuse those without words of consent, unless all files are our examples.
    """

    data: Path = field(default_factory=lambda: default_data())
    host: str = "127.0.0.1"
    port: int = SERVE_PORT
    workers: int = 1
    threads: int | None = None
    device: str = "auto"
    address: str | None = None
    keys: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    page: bool = True
    keep_hours: float = 24.0
    grace: float = 20.0
    warm_live: bool = False
    require_provenance: bool = False
    require_consent: bool = False
    limits: Limits = Limits()

    @property
    def local(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host in LOOPBACK

    @property
    def live_share(self) -> int:
        """Live sessions that one client may have: all where only one person can be meant, else a part of them."""
        limits = self.limits
        if limits.live_per_client is not None:
            return limits.live_per_client
        alone = self.local and not self.keys and not self.names  # names: there is a proxy before it
        return limits.live_sessions if alone else min(_LIVE_SHARE, limits.live_sessions)


def default_data() -> Path:
    """The server's folder among the user's own."""
    return platformdirs.user_data_path("dreamtalk", appauthor=False) / "server"
