"""dreamtalk as a video service in a Pipecat pipeline: put it between the voice (TTS) and transport.output().

    face = DreamTalkVideo("example:astronaut", size=512)
    pipeline = Pipeline([transport.input(), stt, llm, tts, face, transport.output()])

It takes the voice's sound, sends it to `dreamtalk serve`, and gives back sound and pictures that belong together. Give
the transport audio_out_enabled=True, video_out_enabled=True, video_out_is_live=True, video_out_framerate=25, and
video_out_width and video_out_height as the face has. Needs `pip install pipecat-ai websockets`.
"""

from __future__ import annotations

import asyncio

from live_face import RATE, LiveFace, Picture
from pipecat.audio.utils import create_stream_resampler
from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InterruptionFrame,
    OutputImageRawFrame,
    StartFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor


class DreamTalkVideo(FrameProcessor):
    """A face for a voice agent."""

    def __init__(self, portrait: str, url: str = "ws://127.0.0.1:8765/v1/live", **options: object):
        """portrait, url, options: as LiveFace has them."""
        super().__init__()
        self._face = LiveFace(portrait, url, **options)
        self._resampler = create_stream_resampler()
        self._showing: asyncio.Task[None] | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """The voice's sound goes to the face; everything else goes on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSAudioRawFrame):
            await self._face.say(await self._resampler.resample(frame.audio, frame.sample_rate, RATE))
            return
        if isinstance(frame, StartFrame):
            await self._face.__aenter__()
            self._showing = self.create_task(self._show())
        elif isinstance(frame, TTSStoppedFrame):
            await self._face.finish()
        elif isinstance(frame, InterruptionFrame):
            await self._face.interrupt()
        elif isinstance(frame, EndFrame | CancelFrame):
            await self._close()
        await self.push_frame(frame, direction)

    async def cleanup(self) -> None:
        """Let the server go."""
        await self._close()
        await super().cleanup()

    async def _close(self) -> None:
        if self._showing is not None:
            await self.cancel_task(self._showing)
            self._showing = None
            await self._face.__aexit__()

    async def _show(self) -> None:
        async for picture in self._face.pictures():
            for frame in frames_of(picture):
                await self.push_frame(frame)


def frames_of(picture: Picture) -> list[Frame]:
    """Pipecat's frames of a picture: its sound, if any, and itself."""
    frames: list[Frame] = []
    if picture.sound:
        frames.append(TTSAudioRawFrame(audio=picture.sound, sample_rate=RATE, num_channels=1))
    frames.append(OutputImageRawFrame(image=picture.rgb, size=(picture.width, picture.height), format="RGB"))
    return frames
