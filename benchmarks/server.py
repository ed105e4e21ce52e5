"""Many clients at once on a real server: does every talk end, in fair order, in bounded memory, and how long do answers
take meanwhile?

    python benchmarks/server.py                        # 20 clients, one talk of 1 s each
    python benchmarks/server.py --clients 20 --talks 2 --seconds 2 --workers 2

Every client has an API key of its own, uploads its own portrait and speech, asks for its talks and looks at them once a
second. Prints one line per finding.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import wave
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np

ROOT = Path(__file__).parents[1]
_LOOK_SECONDS = 1.0
"""Between two looks of a client."""
_MEMORY_SECONDS = 1.0
"""Between two looks at the memory."""
_PATIENCE = 600.0
"""Seconds that one answer may take."""


@dataclass
class Seen:
    """What the clients saw. order: the clients of the talks as they began. waits: seconds of each answer."""

    statuses: list[str] = field(default_factory=list)
    began: list[tuple[float, int]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    refused: int = 0


def main() -> None:
    """Run the server and the clients, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--talks", type=int, default=1, help="of each client")
    parser.add_argument("--seconds", type=float, default=1.0, help="of speech per talk")
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        keys = [secrets.token_hex(16) for _ in range(given.clients)]
        place = Path(folder)
        (place / "keys").write_text("\n".join(keys))
        speech = _speech(place / "speech.wav", given.seconds)
        log = place / "log"
        with log.open("w") as file:
            command = [sys.executable, "-m", "dreamtalk", "serve", "--port", "0", "--data", str(place / "data")]
            flags = ["--api-key-file", str(place / "keys"), "--workers", str(given.workers), "--threads", "1"]
            server = subprocess.Popen([*command, *flags], stderr=file)
        try:
            seen, memory, wall = asyncio.run(_measure(_url(log), server.pid, keys, speech, given.talks))
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()
    _tell(seen, memory, wall, given)


def _speech(path: Path, seconds: float) -> bytes:
    """The beginning of the example speech."""
    with wave.open(str(ROOT / "examples" / "speech.wav")) as whole, wave.open(str(path), "wb") as part:
        part.setparams(whole.getparams())
        part.writeframes(whole.readframes(round(seconds * whole.getframerate())))
    return path.read_bytes()


def _url(log: Path) -> str:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        if found := re.search(r"serves (http://\S+)", log.read_text()):
            return found.group(1)
        time.sleep(0.1)
    raise SystemExit(log.read_text())


async def _measure(url: str, pid: int, keys: list[str], speech: bytes, talks: int) -> tuple[Seen, list[int], float]:
    seen, memory = Seen(), list[int]()
    watching = asyncio.create_task(_watch_memory(pid, memory))
    started = time.monotonic()
    portrait = (ROOT / "examples" / "portrait.jpg").read_bytes()
    await asyncio.gather(*(_client(url, n, key, portrait, speech, talks, seen) for n, key in enumerate(keys)))
    watching.cancel()
    return seen, memory, time.monotonic() - started


async def _client(url: str, number: int, key: str, portrait: bytes, speech: bytes, talks: int, seen: Seen) -> None:
    """One client, from its files to its last video."""
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=_PATIENCE) as client:
        files = {"portrait": portrait, "audio": speech}
        wanted = []
        for seed in range(talks):
            answer = await client.post("/v1/talks", files=files, data={"options": f'{{"size": 256, "seed": {seed}}}'})
            if answer.status_code != 202:
                seen.refused += 1
                print(answer.text)
                continue
            wanted.append(answer.json()["id"])
        for talk in wanted:
            view = await _ended(client, talk, seen)
            seen.statuses.append(view["status"])
            seen.began.append((view["began"], number))
            video = await client.get(f"/v1/talks/{talk}/result")
            if video.status_code != 200 or len(video.content) != view["bytes"]:
                seen.statuses[-1] = "video missing"


async def _ended(client: httpx.AsyncClient, talk: str, seen: Seen) -> dict[str, Any]:
    while True:
        asked = time.monotonic()
        view: dict[str, Any] = (await client.get(f"/v1/talks/{talk}")).json()
        seen.waits.append(time.monotonic() - asked)
        if view["status"] not in ("queued", "running"):
            return view
        await asyncio.sleep(_LOOK_SECONDS)


async def _watch_memory(pid: int, memory: list[int]) -> None:
    """Bytes of the server and all its processes together, once a second (Linux)."""
    while True:
        memory.append(sum(_resident(one) for one in _family(pid)))
        await asyncio.sleep(_MEMORY_SECONDS)


def _family(pid: int) -> list[int]:
    try:
        below = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        threads = [int(path.name) for path in Path(f"/proc/{pid}/task").iterdir()]
        for thread in threads:
            if thread != pid:
                below += [int(w) for w in Path(f"/proc/{pid}/task/{thread}/children").read_text().split()]
    except OSError:
        return []
    return [pid, *(one for child in below for one in _family(child))]


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _tell(seen: Seen, memory: list[int], wall: float, given: argparse.Namespace) -> None:
    order = [client for _, client in sorted(seen.began)]
    rounds = [order[at : at + given.clients] for at in range(0, len(order), given.clients)]
    fair = all(len(set(one)) == len(one) for one in rounds)
    waits = np.array(seen.waits)
    video = given.clients * given.talks * given.seconds
    print(f"{given.clients} clients, {given.talks} talk(s) of {given.seconds:g} s each, {given.workers} worker(s)")
    ended = {status: seen.statuses.count(status) for status in sorted(set(seen.statuses))}
    print(f"  ended: {ended}, refused {seen.refused}")
    print(f"  every client had a turn before any had its next: {'yes' if fair else 'NO'}")
    print(f"  all done after {wall:.1f} s: {wall / video:.2f} s per second of video, loading included")
    print(f"  status answers: median {1000 * np.median(waits):.0f} ms, slowest {1000 * waits.max():.0f} ms")
    if memory:
        half = max(memory[: max(1, len(memory) // 2)]) / 2**20
        print(f"  memory of all processes: most {max(memory) / 2**20:.0f} MiB (in the first half {half:.0f} MiB)")
    print(f"  load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
