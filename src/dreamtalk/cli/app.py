"""dreamtalk app: the web page on this computer, in the browser."""

from __future__ import annotations

import http.client
import json
import logging
import sys
import threading
import webbrowser
from dataclasses import dataclass
from typing import Annotated

from tyro.conf import FlagCreatePairsOff

from dreamtalk.cli.serve import ServeFlags

_PATIENCE = 2.0
"""Seconds that a server on the port has to say who it is, and a browser to be opened."""
_LONGEST = 10_000
"""Bytes of what it says that are read."""
_HERE = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class App(ServeFlags):
    """Open the web page: a picture and some speech become a talking video. Only this computer can reach it."""

    no_browser: Annotated[bool, FlagCreatePairsOff] = False
    """Say the address and open nothing."""

    def run(self) -> None:
        """Serve until Ctrl-C. Raises UnusableInput when the port is taken, DreamTalkError without the extra serve."""
        from dreamtalk.serve.run import check_installed, run_server
        from dreamtalk.serve.settings import Settings

        check_installed()
        if _is_ours(self.port):
            self._show(f"http://{_HERE}:{self.port}").join(_PATIENCE)
            return
        settings = Settings(
            data=self.data,
            port=self.port,
            workers=self.workers,
            threads=self.threads,
            device=self.device,
            keep_hours=self.keep_hours,
        )
        run_server(settings, self._served)

    def _served(self, url: str) -> None:
        """From now on the terminal hears of what goes wrong only: a line per request is for operators."""
        logging.getLogger("dreamtalk.serve").setLevel(logging.WARNING)
        self._show(url)

    def _show(self, url: str) -> threading.Thread:
        """Say where the page is, and open it; in a thread, for some browsers do not come back until they are closed."""
        print(f"dreamtalk: the page is at {url}", file=sys.stderr, flush=True)
        opening = threading.Thread(target=lambda: self.no_browser or webbrowser.open(url), daemon=True)
        opening.start()
        return opening


def _is_ours(port: int) -> bool:
    """Whether a dreamtalk server answers there already, as after the second ``dreamtalk app``. Asked directly: what
    else Python has for this would ask a proxy, where the environment names one."""
    asked = http.client.HTTPConnection(_HERE, port, timeout=_PATIENCE)
    try:
        asked.request("GET", "/v1/health")
        told = json.loads(asked.getresponse().read(_LONGEST))
        return isinstance(told, dict) and "key_needed" in told
    except (OSError, OverflowError, ValueError, RecursionError, http.client.HTTPException):  # none, or another's server
        return False
    finally:
        asked.close()
