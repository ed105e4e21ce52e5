"""dreamtalk serve: the API, and the web page on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import FlagCreatePairsOff

from dreamtalk.serve.settings import SERVE_PORT, Limits, default_data

if TYPE_CHECKING:
    from dreamtalk.serve.settings import Settings


_USUAL = Limits()


@dataclass(frozen=True, kw_only=True)
class ServeFlags:
    """Where the server keeps its things, and what works for it."""

    port: int = SERVE_PORT
    """TCP port."""
    data: Path = field(default_factory=default_data)
    """Folder of the jobs, uploads and results. Two servers need two folders."""
    workers: int = 1
    """Processes that make talks, each with its own models (0.6 GB each)."""
    threads: int | None = None
    """CPU threads of each worker. Default: all cores but one for one worker, their share for several."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Processor for the networks."""
    keep_hours: float = 24.0
    """Hours after which uploads and results are deleted."""


@dataclass(frozen=True, kw_only=True)
class Serve(ServeFlags):
    """Run the HTTP and WebSocket API and the web page. Stop it with Ctrl-C."""

    host: str = "127.0.0.1"
    """Address to listen on. The default is reached from this machine only; 0.0.0.0 from everywhere."""
    name: tuple[str, ...] = ()
    """Host names under which people reach the server, where they are not its address (behind a proxy)."""
    origin: tuple[str, ...] = ()
    """Origins of other web pages that may use the API, such as https://example.org. None by default."""
    api_key_file: Path | None = None
    """A file with one API key per line; without it, and without DREAMTALK_API_KEY, nobody is asked for a key."""
    no_page: Annotated[bool, FlagCreatePairsOff] = False
    """The API alone."""
    address: str | None = None
    """Address of a Ray cluster that makes the talks."""
    grace: float = 20.0
    """Seconds that running talks have to end when the server is stopped; the others go on after the next start."""
    queue: int = _USUAL.queue
    """Talks that may wait."""
    per_client: int = _USUAL.per_client
    """Talks of one client that may wait or run."""
    max_megabytes: int = _USUAL.upload_bytes // 1_000_000
    """Largest upload."""
    max_seconds: float = _USUAL.audio_seconds
    """Longest speech."""
    job_seconds: float = _USUAL.job_seconds
    """Longest time that one talk may take to make."""
    live_sessions: int = _USUAL.live_sessions
    """Live sessions at once."""
    live_per_client: int | None = None
    """Live sessions of one client. Default: 2 where there are API keys, other machines, or a --name; else all."""
    warm_live: Annotated[bool, FlagCreatePairsOff] = False
    """Load the models of live sessions at the start (0.6 GB), so that the first one does not wait for them."""
    require_provenance: Annotated[bool, FlagCreatePairsOff] = False
    """Refuse requests that decline the invisible watermark and the signed manifest."""
    require_consent: Annotated[bool, FlagCreatePairsOff] = False
    """Refuse requests without words of consent, unless all their files are examples."""

    def run(self) -> None:
        """Serve until stopped. Raises UnusableInput for what cannot be."""
        from dreamtalk.serve.run import run_server

        run_server(self.settings())

    def settings(self) -> Settings:
        """The flags as settings. Raises UnusableInput."""
        from dreamtalk.serve.run import read_keys
        from dreamtalk.serve.settings import Settings

        limits = Limits(
            queue=self.queue,
            per_client=self.per_client,
            upload_bytes=self.max_megabytes * 1_000_000,
            audio_seconds=self.max_seconds,
            job_seconds=self.job_seconds,
            live_sessions=self.live_sessions,
            live_per_client=self.live_per_client,
        )
        return Settings(
            data=self.data,
            host=self.host,
            port=self.port,
            workers=self.workers,
            threads=self.threads,
            device=self.device,
            address=self.address,
            keys=read_keys(self.api_key_file),
            names=self.name,
            origins=self.origin,
            page=not self.no_page,
            keep_hours=self.keep_hours,
            grace=self.grace,
            warm_live=self.warm_live,
            require_provenance=self.require_provenance,
            require_consent=self.require_consent,
            limits=limits,
        )
