"""The talkset folder: clips.csv, lags.csv and the files they name (its README states the rules of use)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dreamtalk.data.source import check_id, table_rows
from dreamtalk.errors import UnusableInput

_TRUSTED_LAG_FIT = 0.6
"""A lag estimate is applied where the lip model fits at least this well there (talkset README)."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One row of clips.csv. lag_frames: how many 25 fps frames the sound is early (negative: late), 0 when unknown.
    gender: m or f. intensity: of the emotion, as its data set counts (MEAD 1 to 3, RAVDESS 1 or 2). Either may be
    empty."""

    id: str
    file: Path
    split: str
    kind: str
    dataset: str
    speaker: str
    emotion: str
    frames: int
    licence_class: str
    transcript: str
    lag_frames: float
    lag_fit: float
    fit_unshifted: float
    gender: str = ""
    intensity: str = ""

    @property
    def clean(self) -> bool:
        """May train weights that are shipped."""
        return self.licence_class == "clean"

    @property
    def lag_trusted(self) -> bool:
        """Whether lag_frames is to be believed."""
        return self.lag_fit >= _TRUSTED_LAG_FIT


def read_talkset(root: Path) -> list[Clip]:
    """All clips of a talkset folder. Raises UnusableInput when it is not one."""
    table = root / "clips.csv"
    if not table.is_file():
        raise UnusableInput(f"{root} is not a talkset folder: {table.name} is missing.")
    try:
        lags = {row["id"]: row for row in table_rows(root / "lags.csv")} if (root / "lags.csv").is_file() else {}
        return [_clip(root, row, lags.get(row["id"])) for row in table_rows(table)]
    except (KeyError, TypeError, ValueError) as error:
        raise UnusableInput(f"{table} is not the table of a talkset: {error}.") from error


def _clip(root: Path, row: dict[str, str], lag: dict[str, str] | None) -> Clip:
    check_id(row["id"], root / "clips.csv")
    return Clip(
        id=row["id"],
        file=root / row["file"],
        split=row["split"],
        kind=row["kind"],
        dataset=row["dataset"],
        speaker=row["speaker"],
        emotion=row["emotion"],
        frames=int(row["frames"] or 0),
        licence_class=row["licence_class"],
        transcript=row["transcript"],
        lag_frames=float(lag["lag_frames"]) if lag else 0.0,
        lag_fit=float(lag["r_at_lag"]) if lag else 0.0,
        fit_unshifted=float(lag["r_at_0"]) if lag else 0.0,
        gender=row.get("gender") or "",
        intensity=row.get("intensity") or "",
    )
