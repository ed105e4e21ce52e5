"""What reads files, with the good files it takes, for fuzzing.py."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import fuzz_seeds as good
import fuzz_server as server
import fuzz_sets as sets
from fuzz_containers import lying_offsets, odd_container
from fuzz_damage import Rng, damaged, damaged_manifest, odd_arrays, odd_json, odd_upload, odd_weights
from fuzz_seeds import EXAMPLES, Seeds

from dreamtalk.errors import DreamTalkError
from dreamtalk.options import TalkOptions

FRAMES = 20
"""Frames that are read of a damaged video."""


@dataclass(frozen=True)
class Target:
    """seeds: makes good files. read: what is tried on a damaged one. rebuild: makes a file that is whole as a container
    but odd inside, which damaged bytes seldom reach; takes its name, its good contents and a generator. limit: seconds
    that one input may take, on a busy machine.
    """

    seeds: Callable[[], Seeds]
    read: Callable[[Path], object]
    rebuild: Callable[[str, bytes, Rng], bytes] | None = None
    limit: float = 30.0


def _read_image(path: Path) -> object:
    from dreamtalk.media import is_image, read_image

    is_image(path)
    return read_image(path)


def _read_speech(path: Path) -> object:
    from dreamtalk.audio import load_speech
    from dreamtalk.media.sound import open_sound

    load_speech(path, max_seconds=60.0)
    sound = open_sound(path)
    sound.take(2000)
    sound.close()
    return sound


def _read_video(path: Path) -> object:
    from dreamtalk.media import read_frames, seconds_of
    from dreamtalk.media.reader import fps_of

    return seconds_of(path), fps_of(path), sum(1 for _ in islice(read_frames(path), FRAMES))


def _read_motion(path: Path) -> object:
    from dreamtalk.convert import read_motion
    from dreamtalk.store import kind_of, load_motion, load_track

    if path.suffix == ".npz":
        return (load_motion if kind_of(path) == "motion" else load_track)(path)
    return read_motion(path)


def _read_style(path: Path) -> object:
    from dreamtalk.style.code_file import is_code_file
    from dreamtalk.style.files import is_style_file, load_style

    return is_code_file(path), is_style_file(path), load_style(path)


def _read_timeline(path: Path) -> object:
    from dreamtalk.style.timeline_file import read_timeline

    return read_timeline(path)


def _read_weights(path: Path) -> object:
    from dreamtalk.motion import MotionModel

    return MotionModel.load(path)


def _read_marks(path: Path) -> object:
    from dreamtalk.provenance import comment_of
    from dreamtalk.provenance.manifest import read_manifest

    return read_manifest(path), comment_of(path)


def _read_talk(path: Path) -> object:
    """The whole line from a damaged portrait or speech; only the complete video may appear."""
    picture, sound = EXAMPLES / "portrait.jpg", EXAMPLES / "speech.wav"
    given = (path, sound) if path.suffix in (".png", ".jpg") else (picture, path)
    output = path.parent / "talk.mp4"
    try:
        return sets.talker().generate(*given, output, TalkOptions(size=256))
    finally:
        output.unlink(missing_ok=True)


def _read_code(path: Path) -> object:
    from dreamtalk.motion import MotionModel
    from dreamtalk.style.code_file import is_code_file, load_code

    return load_code(path, MotionModel.debug()) if is_code_file(path) else None


def _read_table(path: Path) -> object:
    """All that `dreamtalk batch` asks of a table before the first row is made."""
    from dreamtalk.batch.manifest import read_manifest
    from dreamtalk.batch.state import Files, fingerprint, state_file
    from dreamtalk.batch.worker import failure_of
    from dreamtalk.talk import checked_output

    refused: DreamTalkError | None = None
    for row in read_manifest(path):
        state = Path(os.path.normpath(state_file(row, path.parent)))
        assert state.is_relative_to(path.parent), f"the state of {row.output!r} would lie outside of the batch's folder"
        try:
            if row.options is not None:
                checked_output(path.parent / row.output, row.options, (row.portrait, row.audio))
                fingerprint(row, Files())
        except DreamTalkError as error:
            assert not failure_of(error).ours
            refused = error
    if refused is not None:
        raise refused
    return None


def _inspect(path: Path) -> object:
    """All that `dreamtalk verify` does, and what it prints."""
    from dreamtalk.provenance.inspect import inspect

    found = inspect(path)
    assert all(line.isprintable() for line in found.lines())
    return found.record()


def _read_request(path: Path) -> object:
    """A request for a talk, as the server reads it before it looks for the files that it names."""
    from dreamtalk.serve.requests import asked_options, read_json, read_request, uploads_in, write_timeline

    asked = read_request(read_json(path.read_bytes()))
    options = asked_options(asked)
    places = {upload: path for upload in uploads_in(options)}
    if options.get("timeline") is not None:
        file = path.with_suffix(".timeline.json")
        try:
            write_timeline(options.pop("timeline"), file, places)
        finally:
            file.unlink(missing_ok=True)
    named = {role: path for role in ("style", "pose", "style_neutral") if isinstance(options.get(role), dict)}
    return TalkOptions(**{**options, **named}, consent=asked.consent or "")


def _read_upload(path: Path) -> object:
    from dreamtalk.serve.checking import look_at
    from dreamtalk.serve.settings import Limits

    return look_at(path, Limits())


def _read_network(path: Path) -> object:
    from dreamtalk.lipsync.expert import LipExpert
    from dreamtalk.motion.reader import ArticulationReader
    from dreamtalk.render.pirenderer.network import PIRendererNetwork
    from dreamtalk.render.refine.network import RefineNetwork
    from dreamtalk.style.predictor import StylePredictor

    kinds: dict[str, Any] = {
        "expert": LipExpert,
        "reader": ArticulationReader,
        "pirenderer": PIRendererNetwork,
        "refine": RefineNetwork,
        "predictor": StylePredictor,
    }
    return kinds[path.stem].load(path)


@cache
def _video() -> bytes:
    return good.video_seeds()["a.mp4"]


def _seal_with(path: Path) -> object:
    """A video is signed whatever the manifest of its input is like; only a file that is none may be refused."""
    from dreamtalk.provenance.credentials import credentials
    from dreamtalk.provenance.manifest import read_manifest, seal, with_manifests
    from dreamtalk.provenance.origin import Origin

    video = path.with_name("made.mp4")
    try:
        video.write_bytes(_video())
        seal(video, with_manifests(Origin({}, {}, {}, files={"portrait": path})), None, credentials())
        found = read_manifest(video)
        assert found is not None and found.intact and found.ours
        return found
    finally:
        video.unlink(missing_ok=True)


def _container_or_bits(name: str, data: bytes, rng: Rng) -> bytes:
    """Damage that knows the container, as far as there is one."""
    return odd_container(name, data, rng) or damaged(data, rng)


def _upload(name: str, data: bytes, rng: Rng) -> bytes:
    return (odd_container(name, data, rng) if rng.random() < 0.5 else None) or odd_upload(name, data, rng)


def _weights(name: str, data: bytes, rng: Rng) -> bytes:
    return lying_offsets(data, rng) if rng.random() < 0.3 else odd_weights(name, data, rng)


TARGETS = {
    "image": Target(good.image_seeds, _read_image, _container_or_bits),
    "speech": Target(good.sound_seeds, _read_speech, _container_or_bits),
    "video": Target(good.video_seeds, _read_video, _container_or_bits),
    "sound of video": Target(good.video_seeds, _read_speech, _container_or_bits),
    "motion": Target(good.motion_seeds, _read_motion, odd_arrays),
    "style": Target(good.style_seeds, _read_style, odd_arrays),
    "timeline": Target(good.timeline_seeds, _read_timeline, odd_json),
    "weights": Target(good.weights_seeds, _read_weights, _weights),
    "marks": Target(good.marked_seeds, _read_marks, _container_or_bits),
    "talk": Target(good.talk_seeds, _read_talk, _container_or_bits, limit=300.0),
    "coefficients": Target(good.coefficient_seeds, _read_motion),
    "code": Target(good.code_seeds, _read_code, odd_arrays),
    "yaml": Target(good.yaml_seeds, _read_timeline),
    "table": Target(good.table_seeds, _read_table, odd_json),
    "request": Target(good.request_seeds, _read_request, odd_json),
    "upload": Target(good.upload_seeds, _read_upload, _upload),
    "networks": Target(good.network_seeds, _read_network, _weights),
    "manifest of input": Target(good.signed_seeds, _seal_with, damaged_manifest),
    "verify": Target(good.inspected_seeds, _inspect, _container_or_bits, limit=60.0),
    "data set": Target(sets.dataset_seeds, sets.read_dataset),
    "prepared": Target(sets.shard_seeds, sets.read_prepared, odd_json),
    "ratings": Target(sets.rating_seeds, sets.read_ratings, odd_json),
    "face video": Target(sets.face_seeds, sets.follow_face, _container_or_bits, limit=300.0),
    "wishes": Target(sets.wish_seeds, sets.talk_with_wishes, sets.odd_wishes, limit=300.0),
    "body": Target(server.body_seeds, server.send_body, server.odd_body, limit=120.0),
    "session": Target(server.session_seeds, server.talk_live, server.odd_session, limit=300.0),
}
