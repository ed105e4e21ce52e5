"""Connections that send nothing, or their headers drop by drop, are closed: uvicorn itself waits for ever."""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 20.0
"""Within which the headers of a request must have come; up to twice as long, as it is looked at so often."""


def patient_http(seconds: float = HEADER_SECONDS) -> type[H11Protocol]:
    """uvicorn's protocol for HTTP/1.1, with that patience."""

    class Patient(H11Protocol):
        """Looks now and then whether a request has come since it looked last."""

        _clock: asyncio.TimerHandle | None = None
        _seen: object = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._seen = transport  # nothing that a request could be
            self._clock = self.loop.call_later(seconds, self._look)

        def connection_lost(self, exc: Exception | None) -> None:
            if self._clock is not None:
                self._clock.cancel()
            super().connection_lost(exc)

        def _look(self) -> None:
            if self.transport.get_protocol() is not self or self.transport.is_closing():
                return  # a socket by now
            answered = self.cycle is None or self.cycle.response_complete
            if answered and self.conn.their_state is h11.IDLE and (self.cycle is None or self.cycle is self._seen):
                self.transport.close()
                return
            self._seen = self.cycle
            self._clock = self.loop.call_later(seconds, self._look)

    return Patient
