"""Prepared clips in Parquet shards: the schema, a writer, and a reader that opens the files by memory mapping.

One row per clip, one row group per row, so that any clip is read alone. Any Parquet reader can open a shard:

    clip = pandas.read_parquet("shard-00000.parquet").iloc[0]
    features = np.frombuffer(clip.features, "<f2").reshape(-1, clip.feature_size); lips = clip.closure

Every other array is a flat list in the order of its shape (docs/prepare.md has the table). Needs pyarrow, which comes
with the `train` extra and is imported only here.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from dreamtalk.data.manifest import Manifest
from dreamtalk.errors import DreamTalkError, UnusableInput
from dreamtalk.media.files import replacing
from dreamtalk.types import Bool, Float

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_WIDTHS = {"expression": 64, "unblinking": 64, "pose": 6, "gaze": 4}
"""Numbers per frame of the arrays that are stored flat."""

_OPEN_FILES = 64
"""Shards that a reader keeps open."""

_KEPT_ARRAYS = 256
"""Arrays that a reader keeps after use: those of the batch in work."""

_NOTE = b"dreamtalk"
"""Key of the note in a file's metadata."""

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """What a clip is.

    licence_class: clean (may train weights that are shipped), research, or unclear. emotion, intensity, language,
    transcript: as the data set labels them, empty where it does not. source: the video's path below the data set's
    root. frames: T at fps. encoder: of the speech features. lag_frames: by how many frames the sound was early
    (negative: late) before the features were moved to fit; 0: nothing was moved. rest: the clip holds artificial
    silence, with a mouth at rest.
    """

    id: str
    speaker: str
    dataset: str
    split: str
    licence_class: str
    emotion: str
    intensity: str
    language: str
    transcript: str
    source: str
    frames: int
    fps: float
    encoder: str
    face_space: str
    lag_frames: float
    rest: bool = False


@dataclass(frozen=True, slots=True)
class ClipQuality:
    """What the filters measured.

    face_share: share of frames in which the face was found. other_faces: share of frames with a second face of
    comparable size. eye_distance: median distance between the outer eye corners in px. loudness: RMS of the sound in dB
    of full scale. sync_offset: frames by which the lip expert wants the sound moved, before lag_frames was corrected;
    sync_margin: how much better it fits there than elsewhere (0..1). Both NaN without a lip expert.
    """

    face_share: float
    other_faces: float
    eye_distance: float
    loudness: float
    sync_offset: float = float("nan")
    sync_margin: float = float("nan")


@dataclass(frozen=True, slots=True)
class ClipArrays:
    """The numbers of a clip of T frames.

    expression: (T, 64) in the face space. unblinking: (T, 64) the same with the blinks taken out, as motion models
    learn it. pose: (T, 6), gaze: (T, 4) as in FaceTrack. valid: (T,) False where the face was lost (the nearest frame
    stands in). identity: (32,). closure: (T,) lip aperture in % iod above that of the speaker's shut lips, never below
    0. features: (N, D) float16 at 50 Hz, N >= 2 T, in step with the picture.
    """

    expression: Float
    unblinking: Float
    pose: Float
    gaze: Float
    valid: Bool
    identity: Float
    closure: Float
    features: NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class PreparedClip:
    """One row of a shard."""

    info: ClipInfo
    quality: ClipQuality
    arrays: ClipArrays


def pyarrow_parquet() -> Any:
    """The module pyarrow.parquet. Raises DreamTalkError saying what to install where it is absent."""
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise DreamTalkError("Prepared folders need pyarrow: pip install 'dreamtalk[train]'") from error
    return pyarrow.parquet


def schema() -> pa.Schema:
    """Columns of a shard: ClipInfo, ClipQuality and ClipArrays under their own names, then feature_size (D)."""
    import pyarrow as pa

    kinds = {"str": pa.string(), "int": pa.int32(), "float": pa.float32(), "bool": pa.bool_()}
    columns = [pa.field(f.name, kinds[str(f.type)]) for f in (*fields(ClipInfo), *fields(ClipQuality))]
    lists = {name: pa.list_(pa.float32()) for name in ("expression", "unblinking", "pose", "gaze", "identity")}
    lists |= {"valid": pa.list_(pa.bool_()), "closure": pa.list_(pa.float32()), "features": pa.binary()}
    columns += [pa.field(f.name, lists[f.name]) for f in fields(ClipArrays)]
    return pa.schema([*columns, pa.field("feature_size", pa.int32())])


def write_shard(file: Path, clips: Sequence[PreparedClip], note: str = "") -> None:
    """Write a shard, whole or not at all; the same clips give the same bytes.

    note: kept in the file's metadata, see read_note. Raises ValueError when the arrays of a clip do not fit each other,
    DreamTalkError without pyarrow.
    """
    parquet = pyarrow_parquet()
    import pyarrow as pa

    columns = schema().with_metadata({_NOTE: note})
    table = pa.Table.from_pylist([_row(clip) for clip in clips], schema=columns)
    with replacing(file) as part:
        # Plain and not compressed: a clip is then little more than a copy out of the mapped file.
        parquet.write_table(
            table, part, row_group_size=1, compression="none", use_dictionary=False, write_statistics=False
        )


def read_note(file: Path) -> str | None:
    """The note that a shard was written with; None where there is no such file, or none that can be read."""
    parquet = pyarrow_parquet()
    import pyarrow as pa

    try:
        stored = parquet.read_schema(file).metadata or {}
    except (OSError, pa.ArrowException):
        return None
    note: bytes | None = stored.get(_NOTE)
    return None if note is None else note.decode()


def _row(clip: PreparedClip) -> dict[str, object]:
    arrays, frames = clip.arrays, clip.info.frames
    for name in ("expression", "unblinking", "pose", "gaze", "valid", "closure"):
        value = getattr(arrays, name)
        expected = (frames, _WIDTHS[name]) if name in _WIDTHS else (frames,)
        if value.shape != expected:
            raise ValueError(f"{clip.info.id}: {name} has the shape {value.shape}, not {expected}.")
    if arrays.features.ndim != 2 or len(arrays.features) < 2 * frames:
        raise ValueError(f"{clip.info.id}: features of shape {arrays.features.shape} do not cover {frames} frames.")
    row: dict[str, object] = {**asdict(clip.info), **asdict(clip.quality)}
    for field in fields(ClipArrays):
        row[field.name] = np.ascontiguousarray(getattr(arrays, field.name)).reshape(-1)
    row["features"] = np.ascontiguousarray(arrays.features, dtype="<f2").tobytes()
    return {**row, "feature_size": arrays.features.shape[1]}


class ClipHandle:
    """One clip of a prepared folder: what it is at once, its arrays on access."""

    __slots__ = ("_folder", "_index", "info", "quality")

    def __init__(self, folder: PreparedFolder, index: int, row: Mapping[str, Any]) -> None:
        self._folder, self._index = folder, index
        self.info = ClipInfo(**{f.name: row[f.name] for f in fields(ClipInfo)})
        self.quality = ClipQuality(**{f.name: row[f.name] for f in fields(ClipQuality)})

    def array(self, name: str) -> NDArray[Any]:
        """One array of ClipArrays by its name, read from the shard; not to be written to."""
        return self._folder.array(self._index, name)

    def arrays(self) -> ClipArrays:
        """All arrays."""
        return ClipArrays(**{f.name: self.array(f.name) for f in fields(ClipArrays)})


class PreparedFolder(Sequence[ClipHandle]):
    """The clips of a prepared folder in their order, read on access through memory mapping.

    May be sent to other processes; threads may share it.
    """

    def __init__(self, folder: Path) -> None:
        """Raises UnusableInput when the folder is not a finished prepared folder, DreamTalkError without pyarrow."""
        parquet = pyarrow_parquet()
        import pyarrow as pa

        self.folder = folder
        self.manifest = Manifest.read(folder)
        self._files = [folder / shard.file for shard in self.manifest.shards]
        names = [f.name for f in (*fields(ClipInfo), *fields(ClipQuality))] + ["feature_size"]
        tables = []
        for file in self._files:
            try:
                tables.append(parquet.read_table(file, columns=names, memory_map=True, use_threads=False))
            except (OSError, pa.ArrowException) as error:
                raise UnusableInput(f"The shard {file} cannot be read: {str(error).splitlines()[0]}") from error
        self._table = pa.concat_tables(tables) if tables else pa.table({name: [] for name in names})
        self._starts = np.cumsum([0, *(len(t) for t in tables)])
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._open: OrderedDict[int, pq.ParquetFile] = OrderedDict()
        self._kept: OrderedDict[tuple[int, str], NDArray[Any]] = OrderedDict()

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("_lock", "_open", "_kept")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._reset()

    def __len__(self) -> int:
        return len(self._table)

    @overload
    def __getitem__(self, index: int) -> ClipHandle: ...
    @overload
    def __getitem__(self, index: slice) -> list[ClipHandle]: ...
    def __getitem__(self, index: int | slice) -> ClipHandle | list[ClipHandle]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index %= len(self)
        return ClipHandle(self, index, self._table.slice(index, 1).to_pylist()[0])

    def __iter__(self) -> Iterator[ClipHandle]:
        index = 0
        for batch in self._table.to_batches():
            for row in batch.to_pylist():
                yield ClipHandle(self, index, row)
                index += 1

    def array(self, index: int, name: str) -> NDArray[Any]:
        """Array `name` of clip `index`."""
        with self._lock:
            return _remembered(self._kept, (index, name), _KEPT_ARRAYS, lambda: self._read(index, name))

    def _read(self, index: int, name: str) -> NDArray[Any]:
        parquet = pyarrow_parquet()
        shard = int(np.searchsorted(self._starts, index, side="right")) - 1
        file = _remembered(
            self._open, shard, _OPEN_FILES, lambda: parquet.ParquetFile(self._files[shard], memory_map=True)
        )
        group = index - int(self._starts[shard])
        column = file.read_row_group(group, columns=[name], use_threads=False).column(0).chunk(0)
        if name == "features":
            size = self._table["feature_size"][index].as_py()
            return np.frombuffer(column[0].as_buffer(), dtype="<f2").reshape(-1, size)
        values = column.flatten().to_numpy(zero_copy_only=False)
        return np.asarray(values.reshape(-1, _WIDTHS[name]) if name in _WIDTHS else values)


Key = TypeVar("Key")


def _remembered(kept: OrderedDict[Key, Value], key: Key, most: int, make: Callable[[], Value]) -> Value:
    """kept[key], made now where it is not there; the ones used longest ago go."""
    if key in kept:
        kept.move_to_end(key)
        return kept[key]
    value = kept[key] = make()
    if len(kept) > most:
        kept.popitem(last=False)
    return value


def read_shards(folder: Path) -> PreparedFolder:
    """The clips of a folder made by `dreamtalk prepare`. Raises as PreparedFolder."""
    return PreparedFolder(folder)
