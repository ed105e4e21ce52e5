"""Make a talking video by the HTTP API of `dreamtalk serve`. Needs Python alone.

dreamtalk serve                                             # in another terminal
python examples/clients/talk.py portrait.jpg speech.wav talk.mp4 --style happy
"""

from __future__ import annotations

import argparse
import json
import os
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import Any

_WAIT_SECONDS = 1.0
"""Between two questions how far the talk is."""


def main() -> None:
    """Send both files, wait, and save the video."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("portrait", type=Path)
    parser.add_argument("audio", type=Path)
    parser.add_argument("output", type=Path, help="ends in .mp4, .webm or .mov")
    parser.add_argument("--server", default="http://127.0.0.1:8765")
    parser.add_argument("--style", default="neutral", help="a name, such as happy or happy:3")
    parser.add_argument("--intensity", type=float, default=1.0)
    parser.add_argument("--background", default="keep", help="a colour, or transparent (with .webm or .mov)")
    given = parser.parse_args()
    portrait, audio = (upload(given.server, path)["id"] for path in (given.portrait, given.audio))
    options = {"style": given.style, "intensity": given.intensity, "background": given.background}
    ending = given.output.suffix[1:].lower()
    asked = json.dumps({"portrait": portrait, "audio": audio, "options": options, "format": ending}).encode()
    talk = json.loads(request(given.server, "/v1/talks", asked, "application/json"))
    while talk["status"] in ("queued", "running"):
        print(talk["status"], talk["progress"], flush=True)
        time.sleep(_WAIT_SECONDS)
        talk = json.loads(request(given.server, talk["links"]["self"]))
    if talk["status"] != "done":
        raise SystemExit(f"{talk['status']}: {talk.get('error')}")
    given.output.write_bytes(request(given.server, talk["links"]["result"]))
    if "manifest" in talk["links"]:  # WebM has no place for it
        given.output.with_suffix(".c2pa").write_bytes(request(given.server, talk["links"]["manifest"]))
    print(f"{given.output}: {talk['seconds']} s, marked as synthetic: {talk['marks']}")


def upload(server: str, path: Path) -> dict[str, Any]:
    """Send a file; returns what the server saw in it."""
    border = uuid.uuid4().hex
    head = f'--{border}\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n\r\n'
    body = head.encode() + path.read_bytes() + f"\r\n--{border}--\r\n".encode()
    seen: dict[str, Any] = json.loads(request(server, "/v1/uploads", body, f"multipart/form-data; boundary={border}"))
    return seen


def request(server: str, path: str, body: bytes | None = None, kind: str = "") -> bytes:
    """Ask the server. An answer that is an error ends the program with its words."""
    headers = {"Content-Type": kind} if kind else {}
    if key := os.environ.get("DREAMTALK_API_KEY"):
        headers["Authorization"] = f"Bearer {key}"
    try:
        with urllib.request.urlopen(urllib.request.Request(server + path, body, headers)) as answer:
            content: bytes = answer.read()
            return content
    except urllib.error.HTTPError as error:
        told = json.loads(error.read())["error"]
        raise SystemExit(f"{told['title']} {told['detail']}") from error


if __name__ == "__main__":
    main()
