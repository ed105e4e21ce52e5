"""The models of a Talker: loaded when first needed, and once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dreamtalk.device import Device, choose_device
from dreamtalk.face.video import FACE_SPACE
from dreamtalk.options import TRANSPARENT, TalkOptions, colour_of
from dreamtalk.parallel import rendering_threads
from dreamtalk.types import Float, Portrait, Speech

if TYPE_CHECKING:
    from dreamtalk.audio import SpeechEncoder
    from dreamtalk.audio.wav2vec2 import Wav2Vec2Encoder
    from dreamtalk.face import FaceTracker
    from dreamtalk.face.model import FaceModel
    from dreamtalk.motion import MotionModel
    from dreamtalk.motion.articulation import Articulation
    from dreamtalk.render import Renderer
    from dreamtalk.render.pirenderer import PIRendererNetwork
    from dreamtalk.style.predictor import StylePredictor


class Models:
    """What a Talker works with. Parts are loaded when first needed."""

    def __init__(self, device: str = "auto", threads: int | None = None) -> None:
        """device: "auto", "cpu" or "cuda". threads: CPU threads; None: all cores but one for the networks.

        Raises UnusableInput when the device is not there.
        """
        self.device: Device = choose_device(device, threads)
        self._threads = threads
        self.loading = threading.RLock()
        """Held while live talks of several threads begin."""
        self._painters: dict[Path, PIRendererNetwork] = {}
        self._models: dict[Path, MotionModel] = {}
        self._listeners: dict[tuple[str, str | Path | None], Wav2Vec2Encoder] = {}

    def load_all(self) -> None:
        """Load the models that every talk needs, before the first one asks for them."""
        _ = self.motion_model, self.encoder, self.articulation, self.tracker, self.face_model

    @cached_property
    def tracker(self) -> FaceTracker:
        from dreamtalk.face import FaceTracker

        return FaceTracker.load()

    @cached_property
    def face_model(self) -> FaceModel:
        from dreamtalk.face.model import FaceModel

        return FaceModel.load()

    @cached_property
    def encoder(self) -> SpeechEncoder:
        from dreamtalk.audio import SpeechEncoder

        return SpeechEncoder.load(self.motion_model.config.encoder, threads=self._threads)

    @cached_property
    def motion_model(self) -> MotionModel:
        from dreamtalk.motion import MotionModel

        return MotionModel.load(device=self.device.name, precision="auto")

    @cached_property
    def articulation(self) -> Articulation | None:
        """What is heard of tongue and lips; None where the motion model listens with other ears."""
        from dreamtalk.motion.articulation import Articulation

        made = Articulation.load(self.face_model)
        return made if made.encoder == self.encoder.name else None

    @cached_property
    def style_predictor(self) -> StylePredictor:
        """Hears styles in speech; read for --style auto alone, as its weights are for non-commercial use only."""
        from dreamtalk.style.predictor import StylePredictor

        return StylePredictor.load()

    def listened(self, options: TalkOptions, speech: Speech, identity: Float | None) -> TalkOptions:
        """The options with the style, or styles over time, that the speech asks for in place of "auto".

        identity: (I,) of the portrait; None: of nobody in particular. Raises UnusableInput with a motion model that is
        not the predictor's own.
        """
        from dreamtalk.style.speech_style import Listener

        listener = Listener(self.style_predictor, self.encoder, self._motion_model(options), self.face_model)
        if identity is None:
            identity = np.zeros_like(self.face_model.identity_std)
        if not options.auto_timeline:
            return replace(options, style=listener.style(speech, identity, options.seed))
        timeline = listener.timeline(speech, identity, options.seed)
        return replace(options, style=timeline.keys[0].style, auto_timeline=False, timeline=timeline)

    def _motion_model(self, options: TalkOptions) -> MotionModel:
        """The motion model asked for. Weights are read once per Talker."""
        from dreamtalk.media import check_input
        from dreamtalk.motion import MotionModel

        if options.motion_weights is None:
            return self.motion_model
        file = check_input(options.motion_weights)
        if file not in self._models:
            self._models[file] = MotionModel.load(file, self.device.name, "auto")
        return self._models[file]

    def _listener(self, model: MotionModel, options: TalkOptions) -> Wav2Vec2Encoder:
        """The ears of an official model. Weights are read once per Talker."""
        from dreamtalk.audio.wav2vec2 import Wav2Vec2Encoder

        key = (model.config.encoder, options.speech_encoder)
        if key not in self._listeners:
            self._listeners[key] = Wav2Vec2Encoder.load(*key, self.device.name, self._threads)
        return self._listeners[key]

    def _renderer(self, options: TalkOptions) -> tuple[Renderer, str]:
        """The renderer asked for, and the face space it draws. Weights are read once per Talker."""
        from dreamtalk.render import MeshRenderer

        transparent, colour = options.background == TRANSPARENT, colour_of(options.background)
        if options.renderer_weights is None:
            threads = rendering_threads() if self._threads is None else self._threads
            threads = 1 if options.latency == "live" else threads  # several of them read ahead
            return MeshRenderer(self.face_model, threads, transparent=transparent, colour=colour), FACE_SPACE
        from dreamtalk.render.pirenderer import PIRenderer, PIRendererNetwork

        file = Path(options.renderer_weights)
        if file not in self._painters:
            self._painters[file] = PIRendererNetwork.load(file, self.device.name)
        painter = PIRenderer(self._painters[file], transparent=transparent, colour=colour)
        return painter, painter.layout.face_space

    def _own_side(self, options: TalkOptions) -> Callable[[Portrait], int]:
        """How large the square around a head is that the chosen renderer draws."""
        from dreamtalk.render.mesh.canvas import cut_side

        if options.renderer == "mesh":
            return cut_side
        from dreamtalk.render.pirenderer.framing import own_side

        return own_side
