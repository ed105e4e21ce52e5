"""Log lines as JSON, one per event: what happened and how long it took, never what was sent nor by whom."""

from __future__ import annotations

import json
import logging
import sys
from datetime import datetime, timezone

_LOGGER = logging.getLogger("dreamtalk.serve")
_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def log(event: str, level: str = "info", **facts: object) -> None:
    """Write one line. facts: numbers, ids and short codes."""
    _LOGGER.log(_LEVELS[level], event, extra={"facts": facts})


def log_to_stderr() -> None:
    """Lines of ours and of the HTTP server go to stderr as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json())
    for name, level in (("dreamtalk.serve", logging.INFO), ("uvicorn", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)


class _Json(logging.Formatter):
    """A record as one JSON object. A traceback goes in as text: the operator's log is where it belongs."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        facts = getattr(record, "facts", {})
        line.update({name: value for name, value in facts.items() if value is not None})
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)
