"""The invisible mark under attack: how often it is found in our talks, and how often in files without it.

    python benchmarks/watermark.py marked PORTRAITS SPEECH [--count 300] [--seconds 10] [--size 512] [-o marked.csv]
    python benchmarks/watermark.py plain FOLDER... [--count 500] [-o plain.csv]

marked: talks of many portraits (pictures, or the first frames of videos), styles, seeds and pieces of speech are
written as users get them, then attacked all at once: 30 frames per second, half size and back, 10 % of width and
height cut off, H.264 at CRF 28 (preset medium). plain: pictures and videos without the mark are searched. A stopped run
goes on where it was. The last lines say how many were found, and the bound that the count allows at 95 %.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np

from dreamtalk.errors import DreamTalkError
from dreamtalk.media import is_image, read_frames, read_image, write_video
from dreamtalk.options import TalkOptions
from dreamtalk.provenance.detect import THRESHOLD, find_mark
from dreamtalk.talker import Talker
from dreamtalk.types import SAMPLE_RATE, Image, Speech

STYLES = ("neutral", "happy:3", "sad", "angry:3", "surprised")
CROPPED = 0.10
CRF = 28
FPS = 30
PLAIN_FRAMES = 50
"""Frames (2 s) searched of a video without the mark."""


def main() -> None:
    """Run one of the two."""
    parser = argparse.ArgumentParser(description="The invisible mark under attack.")
    kinds = parser.add_subparsers(dest="kind", required=True)
    marked = kinds.add_parser("marked")
    marked.add_argument("portraits", type=Path)
    marked.add_argument("speech", type=Path)
    marked.add_argument("--count", type=int, default=300)
    marked.add_argument("--seconds", type=float, default=10.0)
    marked.add_argument("--size", type=int, default=512)
    marked.add_argument("-o", "--out", type=Path, default=Path("marked.csv"))
    plain = kinds.add_parser("plain")
    plain.add_argument("folders", type=Path, nargs="+")
    plain.add_argument("--count", type=int, default=500)
    plain.add_argument("-o", "--out", type=Path, default=Path("plain.csv"))
    chosen = parser.parse_args()
    if chosen.kind == "marked":
        _all(chosen.out, _talks(chosen))
        _tell(chosen.out, wanted=True)
    else:
        _all(chosen.out, _searches(chosen))
        _tell(chosen.out, wanted=False)


def _all(out: Path, works: Iterator[tuple[str, Callable[[], float]]]) -> None:
    """Do what is not in the table yet, and add its score, line by line."""
    done = {row["what"] for row in _rows(out)}
    with out.open("a", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        if not done:
            table.writerow(["what", "score"])
        for what, work in works:
            if what in done:
                continue
            try:
                score = work()
            except DreamTalkError as error:
                print(f"{what}: {error}")
                continue
            table.writerow([what, f"{score:.1f}"])
            file.flush()


def _rows(out: Path) -> list[dict[str, str]]:
    if not out.is_file():
        return []
    with out.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _talks(chosen: argparse.Namespace) -> Iterator[tuple[str, Callable[[], float]]]:
    talker = Talker()
    speech = talker.speech(chosen.speech)
    portraits = sorted(path for path in chosen.portraits.iterdir() if path.is_file())
    length = round(chosen.seconds * SAMPLE_RATE)
    for number in range(chosen.count):
        portrait, rng = portraits[number % len(portraits)], np.random.default_rng(number)
        start = int(rng.integers(max(1, len(speech.samples) - length)))
        piece = Speech(speech.samples[start : start + length])
        options = TalkOptions(style=STYLES[number % len(STYLES)], seed=number, size=chosen.size)

        def work(portrait: Path = portrait, piece: Speech = piece, options: TalkOptions = options) -> float:
            picture = read_image(portrait) if is_image(portrait) else next(iter(read_frames(portrait)))
            with tempfile.TemporaryDirectory() as folder:
                talk, attacked = Path(folder) / "talk.mp4", Path(folder) / "attacked.mp4"
                write_video(talk, talker.stream(picture, piece, options), None)
                attack(talk, attacked)
                found = find_mark(read_frames(attacked))
            return 0.0 if found is None else found.score

        yield f"{portrait.stem}-{number}", work


def attack(source: Path, target: Path) -> None:
    """Another rate, half size and back, a tenth cut off, and a poor encoding, all at once."""
    with av.open(str(target), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": str(CRF), "preset": "medium"})
        stream.pix_fmt, opened = "yuv420p", False
        for number, frame in enumerate(read_frames(source, fps=FPS)):
            image = _cut(_halved(frame))
            if not opened:
                stream.height, stream.width, opened = image.shape[0], image.shape[1], True
            coded = av.VideoFrame.from_ndarray(image, format="rgb24")
            coded.pts, coded.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(coded))
        container.mux(stream.encode(None))


def _halved(frame: Image) -> Image:
    height, width = frame.shape[:2]
    small = cv2.resize(frame, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def _cut(frame: Image) -> Image:
    height, width = frame.shape[:2]
    top, left = round(height * CROPPED / 3), round(width * CROPPED / 2)
    kept = frame[top : top + round(height * (1 - CROPPED)), left : left + round(width * (1 - CROPPED))]
    return np.ascontiguousarray(kept[: kept.shape[0] // 2 * 2, : kept.shape[1] // 2 * 2])


def _searches(chosen: argparse.Namespace) -> Iterator[tuple[str, Callable[[], float]]]:
    files = [path for folder in chosen.folders for path in sorted(folder.rglob("*")) if path.is_file()]
    picked = np.random.default_rng(0).permutation(len(files))
    for number in sorted(picked[: chosen.count].tolist()):
        path = files[number]

        def work(path: Path = path) -> float:
            frames = iter([read_image(path)]) if is_image(path) else islice(read_frames(path), PLAIN_FRAMES)
            found = find_mark(frames)
            return 0.0 if found is None else found.score

        yield str(path), work


def _tell(out: Path, wanted: bool) -> None:
    scores = np.array([float(row["score"]) for row in _rows(out)])
    found = int((scores >= THRESHOLD).sum())
    print(f"{found} of {len(scores)} found; threshold {THRESHOLD:.1f}")
    if wanted and len(scores):
        print(f"scores: lowest {scores.min():.0f}, 1 % {np.percentile(scores, 1):.0f}, median {np.median(scores):.0f}")
    misses = len(scores) - found if wanted else found
    if misses == 0 and len(scores):
        print(f"none of {len(scores)}: with 95 % confidence below {100 * (1 - 0.05 ** (1 / len(scores))):.2f} %")


if __name__ == "__main__":
    main()
