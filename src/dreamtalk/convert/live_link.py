"""Recordings of the Live Link Face app (CSV): ARKit's 52 weights and angles of head and eyes, one row per frame.

    Timecode,BlendshapeCount,EyeBlinkLeft,...,TongueOut,HeadYaw,HeadPitch,HeadRoll,LeftEyeYaw,...,RightEyeRoll
    00:00:00:07.000,61,0.0123,...

Timecode: hours:minutes:seconds:frame of that second, with a fraction. Angles are radians about ARKit's axes: yaw turns
to the person's left, pitch nods down, roll tilts to the person's left shoulder. The app's own files differ in the signs
of the head with the way the phone is held; the eyes are therefore read from the weights eyeLook... alone.
"""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from reprlib import repr as short

import numpy as np
from numpy.typing import NDArray

from dreamtalk.convert.arkit import MAX_FPS, ArkitTake, eye_turns, resampled
from dreamtalk.errors import DoubtfulInput, UnusableInput
from dreamtalk.face.arkit import ARKIT, ARKIT_INDEX
from dreamtalk.media.files import check_input, check_output, replacing
from dreamtalk.motion.drive import check_seen
from dreamtalk.types import VIDEO_FPS

_EYE = ("Blink", "LookDown", "LookIn", "LookOut", "LookUp", "Squint", "Wide")
_SIDES = ("Left", "Right")
_MOUTH_PAIRS = ("Smile", "Frown", "Dimple", "Stretch")
NAMES: tuple[str, ...] = (
    *(f"Eye{part}{side}" for side in _SIDES for part in _EYE),
    *("JawForward", "JawRight", "JawLeft", "JawOpen"),
    *("MouthClose", "MouthFunnel", "MouthPucker", "MouthRight", "MouthLeft"),
    *(f"Mouth{part}{side}" for part in _MOUTH_PAIRS for side in _SIDES),
    *("MouthRollLower", "MouthRollUpper", "MouthShrugLower", "MouthShrugUpper"),
    *(f"Mouth{part}{side}" for part in ("Press", "LowerDown", "UpperUp") for side in _SIDES),
    *("BrowDownLeft", "BrowDownRight", "BrowInnerUp", "BrowOuterUpLeft", "BrowOuterUpRight", "CheekPuff"),
    *(f"{part}{side}" for part in ("CheekSquint", "NoseSneer") for side in _SIDES),
    "TongueOut",
)
"""The 52 weights in the app's order."""

ANGLES = tuple(f"{part}{axis}" for part in ("Head", "LeftEye", "RightEye") for axis in ("Yaw", "Pitch", "Roll"))
HEADER = ("Timecode", "BlendshapeCount", *NAMES, *ANGLES)

_MAX_BYTES = 2**29
"""An hour at 240 frames per second takes less."""

_LONGEST = 3600.0
"""Seconds, as of speech: a gap of hours would be bridged frame by frame."""

_LARGEST = 2.0
"""A weight above this is none; percentages, for example."""

_LARGEST_ANGLE = np.pi
"""Radians; what is more was written in degrees."""

_RATES = (24, 25, 30, 48, 50, 60, 90, 100, 120, 240)
"""Frame rates that timecodes are counted in."""

_ORDER = [ARKIT_INDEX[name[0].lower() + name[1:]] for name in NAMES]
_OPTIONAL = {"tongueout", *(name.lower() for name in ANGLES)}
_TIMECODE = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2})[:;](\d{1,3}(?:\.\d+)?)")
_DAY = 86_400.0


def write_live_link(path: str | Path, take: ArkitTake) -> None:
    """Write a take whose fps is a whole number up to 240. Raises UnusableInput or UnusableOutput."""
    fps = round(take.fps)
    if fps != take.fps or not 1 <= fps <= MAX_FPS:
        raise UnusableInput(f"Live Link Face files have 1 to {MAX_FPS} whole frames per second, not {take.fps:g}.")
    path = check_output(path, ".csv")
    eyes, still = eye_turns(take.weights), np.zeros(len(take.weights), np.float32)
    head = np.stack([-take.rotation[:, 1], take.rotation[:, 0], take.rotation[:, 2]], axis=1)
    right, left = (np.stack([eyes[:, i], eyes[:, i + 1], still], axis=1) for i in (0, 2))
    values = np.concatenate([take.weights[:, _ORDER], head, left, right], axis=1) + np.float32(0.0)  # no -0
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for frame, row in enumerate(values):
            writer.writerow([_timecode(frame, fps), len(NAMES) + len(ANGLES), *(f"{value:.6f}" for value in row)])


def read_live_link(path: str | Path, fps: float | None = None) -> ArkitTake:
    """A recording, in frames of equal length. Columns are found by name, in any order and case.

    fps: what the timecode counts in; None: found from the largest frame number. Rows in which the face was lost (empty
    cells) are bridged; of rows with the same timecode the first one counts. Raises UnusableInput when columns are
    missing, most rows hold no face, or numbers are none; warns (DoubtfulInput) of a face often lost, a clock set back.
    """
    path = check_input(path)
    timecodes, values = _table(path)
    seen = np.asarray(np.isfinite(values).all(axis=1))
    if not seen.any():
        raise UnusableInput(f"{path} has no row with a face.")
    check_seen(seen, str(path))
    _check_range(values[seen, : len(NAMES)], _LARGEST, f"{path} holds weights like", "ARKit's lie between 0 and 1")
    _check_range(values[seen, len(NAMES) :], _LARGEST_ANGLE, f"{path} holds angles like", "they must be radians")
    times, rate = _times(path, timecodes, fps)
    seen[seen] = np.diff(times[seen], prepend=-np.inf) > 0
    wanted = np.arange(max(1, round((times[-1] - times[0]) * rate) + 1)) / rate + times[0]
    even = resampled(values[seen].astype(np.float32), times[seen], wanted)
    even[:, : len(NAMES)] = np.clip(even[:, : len(NAMES)], 0.0, 1.0)
    ours = np.zeros((len(even), len(ARKIT)), np.float32)
    ours[:, _ORDER] = even[:, : len(NAMES)]
    yaw, pitch, roll = even[:, len(NAMES) : len(NAMES) + 3].T
    return ArkitTake(ours, np.stack([pitch, -yaw, roll], axis=1), rate)


def _check_range(values: NDArray[np.float64], largest: float, found: str, wanted: str) -> None:
    worst = values.flat[np.abs(values).argmax()]
    if abs(worst) > largest:
        raise UnusableInput(f"{found} {worst:g}; {wanted}.")


def _timecode(frame: int, fps: int) -> str:
    seconds, rest = divmod(frame, fps)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{rest:02d}.000"


def _table(path: Path) -> tuple[list[str], NDArray[np.float64]]:
    """Timecodes, and the weights and the head's angles (T, 55); NaN where the face was lost."""
    if path.stat().st_size > _MAX_BYTES:
        raise UnusableInput(f"{path} is larger than a recording of an hour can be.")
    timecodes, values = [], []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            semicolons = ";" in file.readline()  # as spreadsheets of many countries write, with commas for points
            file.seek(0)
            lines = csv.reader(file, delimiter=";" if semicolons else ",")
            names = [name.strip().lower() for name in next(lines, [])]
            if "timecode" not in names:
                raise UnusableInput(f"{path} is not a recording of Live Link Face: its first line names no Timecode.")
            columns, clock = _columns(path, names), names.index("timecode")
            for row in lines:
                if not any(cell.strip() for cell in row):
                    continue
                if len(row) <= clock:
                    raise UnusableInput(f"{path}: line {lines.line_num} has no timecode.")
                timecodes.append(row[clock])
                row = [cell.replace(",", ".") for cell in row] if semicolons else row
                values.append(np.array(_numbers(path, lines.line_num, row, columns)))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnusableInput(f"{path} is not a table of text (CSV).") from error
    if not values:
        raise UnusableInput(f"{path} has no rows below its header.")
    return timecodes, np.stack(values)


def _columns(path: Path, names: Sequence[str]) -> list[int | None]:
    """Where the weights and the head's angles stand; None for those that may be missing and are."""
    wanted = [name.lower() for name in (*NAMES, *ANGLES[:3])]
    missing = [name for name in NAMES if name.lower() not in names and name.lower() not in _OPTIONAL]
    if missing:
        some = ", ".join(missing[:4]) + (f" and {len(missing) - 4} more" if len(missing) > 4 else "")
        raise UnusableInput(f"{path} is not a whole recording of Live Link Face: it lacks {some}.")
    return [names.index(name) if name in names else None for name in wanted]


def _numbers(path: Path, line: int, row: Sequence[str], columns: Sequence[int | None]) -> list[float]:
    """The row's numbers; all NaN where the face was lost, which leaves cells empty."""
    cells = ["0" if at is None else row[at].strip() if at < len(row) else "" for at in columns]
    if not all(cells):
        return [float("nan")] * len(cells)
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError:
        wrong = next(cell for cell in cells if not _is_number(cell))
        raise UnusableInput(f"{path}: line {line} holds {short(wrong)}, which is no number.") from None
    return numbers


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _times(path: Path, timecodes: Sequence[str], fps: float | None) -> tuple[NDArray[np.float64], float]:
    """Seconds (T,) of rows, rising, and the rate they are counted in."""
    found = [_TIMECODE.fullmatch(code.strip()) for code in timecodes]
    bad = next((code for code, match in zip(timecodes, found, strict=True) if match is None), None)
    if bad is not None:
        raise UnusableInput(f"{path}: {short(bad)} is no timecode (hours:minutes:seconds:frame).")
    parts = np.array([[float(part) for part in match.groups()] for match in found if match is not None])
    rate = float(fps) if fps is not None else _rate(parts)
    if not 1 <= rate <= MAX_FPS:
        raise UnusableInput(f"{path}: {rate:g} frames per second; 1 to {MAX_FPS} are possible.")
    if (most := int(parts[:, 3].max())) >= rate:
        raise UnusableInput(f"{path}: a timecode counts up to frame {most}, which {rate:g} per second do not have.")
    times = parts[:, 0] * 3600 + parts[:, 1] * 60 + parts[:, 2] + parts[:, 3] / rate
    times = times + _DAY * np.concatenate([[0.0], np.cumsum(np.diff(times) < -_DAY / 2)])  # recorded over midnight
    if (np.diff(times) < 0).any():
        times = np.arange(len(times)) / rate
        doubt = f"{path}: its timecodes jump back; rows are taken one after the other, {rate:g} per second."
        warnings.warn(doubt, DoubtfulInput, stacklevel=4)
    if times[-1] - times[0] > _LONGEST:
        raise UnusableInput(f"{path} lasts {(times[-1] - times[0]) / 3600:.1f} hours by its timecodes; at most one.")
    return times, rate


def _rate(parts: NDArray[np.float64]) -> float:
    """Frames per second from the largest frame number. Shorter than a second: our own rate, if that may be."""
    most = int(parts[:, 3].max())
    whole = len(np.unique(parts[:, 2])) > 1
    likely = [rate for rate in _RATES if rate > most and (whole or rate >= VIDEO_FPS)]
    return float(likely[0] if likely else MAX_FPS)
