"""Talker: the whole line, from a portrait and a speech file to a talking video.

speech ──▶ features ──┐
style ──▶ style code ─┴──▶ motion ──▶ + blinks, head, rest ──▶ frames ──▶ marked video
portrait ──▶ landmarks ────────────────────────────────────────┘
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dreamtalk.errors import DoubtfulInput, FaceNotFound, UnusableInput
from dreamtalk.face.video import FACE_SPACE, track_picture, track_video
from dreamtalk.media import ahead, is_image, read_frames, read_image, seconds_of, write_video
from dreamtalk.media.files import is_word
from dreamtalk.models import Models
from dreamtalk.options import AUTO, TalkOptions
from dreamtalk.provenance import origin_comment
from dreamtalk.provenance.marking import Marking
from dreamtalk.store import kind_of, load_track
from dreamtalk.talk import (
    Progress,
    Stage,
    Talk,
    begun,
    choices_of,
    controls_of,
    counted,
    intensity_of,
    marked,
    whole,
)
from dreamtalk.timing import Stopwatch
from dreamtalk.types import VIDEO_FPS, FaceTrack, Float, FrameStream, Image, Latency, Motion, Portrait, Speech, Style

if TYPE_CHECKING:
    from dreamtalk.live import LiveTalk
    from dreamtalk.motion import MotionModel
    from dreamtalk.motion.drive import HeadPath
    from dreamtalk.motion.stream import Moving
    from dreamtalk.style.files import StyleClip
    from dreamtalk.style.timeline import StyleSource

_WHOLE = 0.8
"""Share of the length that a video claims, below which it counts as damaged."""

_WAITING = "waiting for frames"
"""Step of the writer while the thread that makes frames is the slower one."""


class Talker(Models):
    """Makes portraits talk. Parts are loaded when first needed; use one Talker per thread."""

    def generate(
        self,
        portrait: str | Path | Image | Portrait,
        audio: str | Path | Speech,
        output: str | Path,
        options: TalkOptions | None = None,
        *,
        progress: Progress | None = None,
    ) -> Talk:
        """Write the talking video (25 fps; the ending decides on the format, see write_video) and tell how it went.

        Raises UnusableInput (or FaceNotFound, UnusableAudio, UnusableOutput) before any heavy work when something given
        cannot be used. Nothing is left under ``output`` unless it is complete.
        """
        options = options or TalkOptions()
        path, marking = begun(output, options, {"portrait": portrait, "speech": audio})
        watch = Stopwatch()
        with watch.step("sound"):
            speech = self.speech(audio)
        stage, frames = self._talk(portrait, speech, options, watch)
        return self._write(path, frames, speech, speech.frames, stage, marking, watch, progress)

    def stream(
        self,
        portrait: str | Path | Image | Portrait,
        audio: str | Path | Speech | Iterable[Float],
        options: TalkOptions | None = None,
        *,
        latency: Latency | None = None,
        watch: Stopwatch | None = None,
    ) -> FrameStream:
        """Frames (H, W, 3) uint8 RGB at 25 fps, one at a time; memory does not grow with the length of the speech.
        With a transparent background they are (H, W, 4) RGBA, not premultiplied.

        audio: also pieces of samples (n,) at 16 kHz as they come, any n. latency: instead of the options'. Inputs are
        checked, and the models loaded, before this returns. Raises as ``generate`` does. Talks with pauses: ``live``.
        """
        options, watch = options or TalkOptions(), watch or Stopwatch()
        options = options if latency is None else replace(options, latency=latency)
        with watch.step("sound"):
            speech = self.speech(audio) if isinstance(audio, str | Path | Speech) else audio
        return self._talk(portrait, speech, options, watch)[1]

    def live(
        self,
        portrait: str | Path | Image | Portrait,
        options: TalkOptions | None = None,
        *,
        latency: Latency = "live",
    ) -> LiveTalk:
        """A portrait that speaks what is pushed, as it comes, and lives in between (docs/live.md).

        Any number of them, each in a thread of its own, share the models of this Talker. Raises as ``generate`` does.
        """
        from dreamtalk.live import LiveTalk, live_options

        options = live_options(options, latency)
        with self.loading:
            model = self._motion_model(options)
            stage = self._stage(portrait, options, Stopwatch(), model.config.face_space)
            moving = self._moving(options, model, None)
            return LiveTalk(stage, *moving, options, lambda given: self._style(given, model), portrait)

    def motion(
        self, audio: str | Path | Speech, options: TalkOptions | None = None, *, watch: Stopwatch | None = None
    ) -> Motion:
        """Face motion for a speech: one frame per 1/25 s, for any portrait."""
        from dreamtalk.motion.stream import joined

        return joined(self.motion_stream(audio, options, watch=watch))

    def motion_stream(
        self,
        audio: str | Path | Speech | Iterable[Float],
        options: TalkOptions | None = None,
        *,
        watch: Stopwatch | None = None,
    ) -> Iterator[Motion]:
        """The same motion in chunks, made as they are asked for; official models give it in one piece."""
        from dreamtalk.motion.stream import motion_of

        options, watch = options or TalkOptions(), watch or Stopwatch()
        with watch.step("sound"):
            speech = self.speech(audio) if isinstance(audio, str | Path | Speech) else audio
        with watch.step("style"):
            if options.style == AUTO:
                options = self.listened(options, whole(speech, "--style auto"), None)
            model = self._motion_model(options)
            if model.config.face_space != FACE_SPACE:
                return self._utterance(whole(speech, "An official model"), model, options, watch)
            moving = self._moving(options, model, speech if isinstance(speech, Speech) else None)
        return motion_of(speech.samples if isinstance(speech, Speech) else speech, *moving, watch)

    def _moving(self, options: TalkOptions, model: MotionModel, speech: Speech | None) -> Moving:
        """What moves the face, and how. speech: None where it is not known yet."""
        from dreamtalk.motion.stream import MotionParts

        choices = choices_of(options, self._styles(options, model, speech), self._driver(options.pose))
        return MotionParts(self.encoder, model, self.face_model, self.articulation), choices

    def render(
        self,
        portrait: str | Path | Image | Portrait,
        motion: Motion | Iterator[Motion],
        options: TalkOptions | None = None,
        *,
        watch: Stopwatch | None = None,
    ) -> FrameStream:
        """Frames of the portrait doing a motion, given whole or in chunks.

        Raises UnusableInput when the motion is not made for the renderer's face space.
        """
        options, watch = options or TalkOptions(), watch or Stopwatch()
        stage = self._stage(portrait, options, watch, motion.face_space if isinstance(motion, Motion) else None)
        return self._frames(stage, iter([motion]) if isinstance(motion, Motion) else motion, options, watch)

    def render_to(
        self,
        portrait: str | Path | Image | Portrait,
        motion: str | Path | Motion,
        output: str | Path,
        audio: str | Path | Speech | None = None,
        options: TalkOptions | None = None,
        *,
        progress: Progress | None = None,
    ) -> Talk:
        """Write a video of the portrait doing a motion, with the sound of ``audio`` cut or filled to its length."""
        from dreamtalk.convert import read_motion

        options, watch = options or TalkOptions(), Stopwatch()
        path, marking = begun(output, options, {"portrait": portrait, "motion": motion, "speech": audio}, moved=False)
        motion = motion if isinstance(motion, Motion) else read_motion(motion, self.face_model)
        stage = self._stage(portrait, options, watch, motion.face_space)
        frames = self._frames(stage, iter([motion]), options, watch)
        sound = Path(audio) if isinstance(audio, str) else audio
        return self._write(path, frames, sound, len(motion), stage, marking, watch, progress)

    def portrait(self, given: str | Path | Image | Portrait, face: int = 0) -> Portrait:
        """A picture read and its face tracked. face: 0 the largest. Raises UnusableInput or FaceNotFound."""
        if isinstance(given, Portrait):
            return given
        image = given if isinstance(given, np.ndarray) else read_image(given)
        try:
            return track_picture(image, self.tracker, self.face_model, face)
        except FaceNotFound as error:
            name = "The picture" if isinstance(given, np.ndarray) else str(given)
            raise FaceNotFound(f"{name}: {error}") from error

    def speech(self, given: str | Path | Speech) -> Speech:
        """The speech of a sound or video file. Raises UnusableAudio."""
        from dreamtalk.audio import load_speech

        return given if isinstance(given, Speech) else load_speech(given)

    def track(self, path: str | Path, longest: float | None = None) -> FaceTrack:
        """The face of a video (at 25 fps) or picture, frame by frame; a track file is read. Raises UnusableInput.

        longest: seconds of a video that are looked at; None: all of it. Warns (DoubtfulInput) of one that ends early.
        """
        path = Path(path)
        if path.suffix.lower() == ".npz":
            return load_track(path)
        frames = iter([read_image(path)]) if is_image(path) else read_frames(path)
        if longest is not None:
            frames = islice(frames, round(longest * VIDEO_FPS))
        track = track_video(frames, self.tracker, self.face_model, path)
        said, read = 0.0 if is_image(path) else seconds_of(path) or 0.0, len(track.valid) / VIDEO_FPS
        if read < _WHOLE * min(said, longest or said):
            doubt = f"{path.name} is damaged: of its {said:.1f} s only {read:.1f} s can be read. They are used."
            warnings.warn(doubt, DoubtfulInput, stacklevel=2)
        return track

    def style(self, given: str | Path | Style, neutral: str | Path | None = None) -> Style:
        """A manner of speaking: "happy", "happy:3", or that of a video, picture, track or style file.

        neutral: a calm picture, clip or track of the person in that video. Raises UnusableInput; warns (DoubtfulInput)
        of what is amiss with a video.
        """
        return self._style(given, self.motion_model, neutral)

    def style_clip(self, given: str | Path, neutral: str | Path | None = None) -> StyleClip:
        """The style clip of a video, picture or track file; neutral, errors and warnings as in ``style``."""
        from dreamtalk.style.reference import LOOKED_AT, clip_of_track

        calm = None if neutral is None else self.track(neutral, LOOKED_AT)
        clip, notes = clip_of_track(self.track(given, LOOKED_AT), Path(given).name, self.face_model, calm)
        for note in notes:
            warnings.warn(note, DoubtfulInput, stacklevel=2)
        return clip

    def _style(self, given: str | Path | Style, model: MotionModel, neutral: str | Path | None = None) -> Style:
        """The style as the model's own encoder sees it."""
        from dreamtalk.face.bfm64 import read_style, refuse_for_mesh
        from dreamtalk.style.encode import style_of_clip
        from dreamtalk.style.find import find_style

        if isinstance(given, Style):
            return given
        found = find_style(given, model, self.face_model)
        if neutral is not None and (found is not None or model.config.face_space != FACE_SPACE):
            raise UnusableInput("A neutral face goes with the style of a video, picture or track, not with this style.")
        if found is not None:
            return found
        if model.config.face_space != FACE_SPACE:
            return model.encode_style(read_style(given), str(given))
        refuse_for_mesh(given)
        return style_of_clip(self.style_clip(given, neutral), model, self.face_model, str(given))

    def _styles(self, options: TalkOptions, model: MotionModel, speech: Speech | None) -> Style | StyleSource:
        """The style asked for, or the styles over time, which fit the speech and the intensity."""
        style = self._style(options.style, model, options.style_neutral)
        if options.timeline is None:
            return style
        from dreamtalk.style.timeline_file import check_keys, source_of

        source = source_of(options.timeline, lambda given: self._style(given, model), style)
        check_keys(source, np.max(intensity_of(options)), np.inf if speech is None else speech.seconds)
        return source

    def _utterance(
        self, speech: Speech, model: MotionModel, options: TalkOptions, watch: Stopwatch
    ) -> Iterator[Motion]:
        """Motion of an official model, in one chunk."""
        from dreamtalk.motion.utterance import OfficialChoices, OfficialParts, official_pose, utterance_motion

        choices = OfficialChoices(
            style=self._styles(options, model, speech),
            intensity=intensity_of(options),
            seed=options.seed,
            pose=official_pose(options.pose),
            blink=options.blink,
        )
        parts = OfficialParts(self._listener(model, options), model)
        return (utterance_motion(speech, parts, choices, watch) for _ in range(1))

    def _talk(
        self,
        portrait: str | Path | Image | Portrait,
        speech: Speech | Iterable[Float],
        options: TalkOptions,
        watch: Stopwatch,
    ) -> tuple[Stage, FrameStream]:
        """The portrait ready to move, and its frames; all inputs are checked, and models loaded, when this returns."""
        with watch.step("portrait"):
            made, drawn = self._motion_model(options).config.face_space, self._renderer(options)[1]
            if made != drawn:
                raise UnusableInput(
                    f"The motion model makes the face space {made}, the renderer draws {drawn}. An official denoiser "
                    "goes with an official renderer: --motion-weights and --renderer pirenderer --renderer-weights."
                )
            if options.style == AUTO:
                portrait = self.portrait(portrait, options.face)
        if options.style == AUTO and isinstance(portrait, Portrait):
            with watch.step("style"):
                options = self.listened(options, whole(speech, "--style auto"), portrait.identity)
        stage = self._stage(portrait, options, watch)
        return stage, self._frames(stage, self.motion_stream(speech, options, watch=watch), options, watch)

    def _stage(
        self,
        portrait: str | Path | Image | Portrait,
        options: TalkOptions,
        watch: Stopwatch,
        face_space: str | None = None,
    ) -> Stage:
        """The portrait ready to move. face_space: of the motion to come, to be checked; None: it fits."""
        from dreamtalk.render.framing import notes_of, side_of

        with watch.step("portrait"):
            renderer, drawn = self._renderer(options)
            if face_space not in (None, drawn):
                raise UnusableInput(f"The motion is made for the face space {face_space}, not {drawn}.")
            if drawn != FACE_SPACE and not replace(controls_of(options), smoothing=0.0).neutral:
                raise UnusableInput(f"There are no scales in the face space {drawn}.")
            face = self.portrait(portrait, options.face)
            animator = renderer.prepare(face, side_of(face, options, self._own_side(options)))
            height, width = animator.size
            return Stage(animator, drawn, notes_of(face, options, (width, height)))

    def _frames(self, stage: Stage, motion: Iterator[Motion], options: TalkOptions, watch: Stopwatch) -> FrameStream:
        """Frames of a motion that fits the stage, with the controls and the marks."""
        from dreamtalk.motion.controls import controlled, live_controlled
        from dreamtalk.render import animate

        if stage.face_space == FACE_SPACE:
            control = live_controlled if options.latency == "live" else controlled
            motion = control(motion, controls_of(options), self.face_model)
        frames = animate(stage.animator, motion)
        return watch.each("renderer", marked(frames, options, stage.payloads.append))

    def _driver(self, pose: str | Path) -> HeadPath | None:
        """The head motion to take over, of a motion file (see read_motion), track or video; None for our own."""
        from dreamtalk.convert import MOTION_INPUTS, read_motion
        from dreamtalk.face.bfm64 import refuse_for_mesh
        from dreamtalk.motion.drive import head_path

        if str(pose) in ("natural", "still"):
            return None
        _check_choice("pose", pose, ("natural", "still"))
        refuse_for_mesh(pose)
        if is_image(Path(pose)):
            raise UnusableInput(f"{pose} is a picture, which has no head motion. Use a video, or --pose still.")
        suffix = Path(pose).suffix.lower()
        is_track = suffix not in MOTION_INPUTS or (suffix == ".npz" and kind_of(pose) == "track")
        return head_path(self.track(pose) if is_track else read_motion(pose, self.face_model), str(pose))

    def _write(
        self,
        path: Path,
        frames: FrameStream,
        sound: Path | Speech | None,
        total: int,
        stage: Stage,
        marking: Marking,
        watch: Stopwatch,
        progress: Progress | None,
    ) -> Talk:
        def seal(file: Path) -> None:
            marking.seal(file, stage.payloads)

        with watch.step("video file"):
            made = watch.each(_WAITING, ahead(frames))
            written = write_video(path, counted(made, total, progress), sound, comment=origin_comment(), seal=seal)
            marks = marking.set(path, stage.payloads)
        times = {step: seconds for step, seconds in watch.seconds.items() if step != _WAITING}
        seconds = written / VIDEO_FPS
        return Talk(path, written, seconds, times, watch.wall, self.device.description, stage.size, stage.notes, marks)


def load(device: str = "auto", threads: int | None = None) -> Talker:
    """A Talker with the embedded models. device: "auto", "cpu" or "cuda". threads: CPU threads; None: see Talker."""
    return Talker(device, threads)


def _check_choice(option: str, given: str | Path, names: tuple[str, ...]) -> None:
    """A word that is neither a known name nor a file gets a message that lists the names."""
    if is_word(given):
        known = ", ".join(names)
        raise UnusableInput(f"There is no {option} called {str(given)!r}. Use {known}, or a video or .npz file.")
