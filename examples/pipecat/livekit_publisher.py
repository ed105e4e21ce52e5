"""dreamtalk as a participant of a LiveKit room: publishes the face and its voice.

    LIVEKIT_URL=wss://... LIVEKIT_TOKEN=... python livekit_publisher.py example:astronaut speech.wav

In an agent, call `talker.face.say(pcm)` with what the voice gives, `finish()` at its end and `interrupt()` when
somebody cuts in. Needs `pip install livekit websockets` and a running `dreamtalk serve`.
"""

from __future__ import annotations

import asyncio
import os
import sys
import wave

from live_face import FPS, FRAME_BYTES, RATE, LiveFace, Picture
from livekit import rtc


class RoomFace:
    """A face in a room. Use it as `async with RoomFace(room, face) as talker`."""

    def __init__(self, room: rtc.Room, face: LiveFace):
        self._room, self.face = room, face

    async def __aenter__(self) -> RoomFace:
        """Publish both tracks."""
        video = rtc.VideoSource(self.face.width, self.face.height)
        audio = rtc.AudioSource(RATE, 1, queue_size_ms=1000)
        self._together = rtc.AVSynchronizer(audio_source=audio, video_source=video, video_fps=FPS)
        tracks = (
            (rtc.LocalVideoTrack.create_video_track("face", video), rtc.TrackSource.SOURCE_CAMERA),
            (rtc.LocalAudioTrack.create_audio_track("voice", audio), rtc.TrackSource.SOURCE_MICROPHONE),
        )
        for track, source in tracks:
            await self._room.local_participant.publish_track(track, rtc.TrackPublishOptions(source=source))
        self._showing = asyncio.create_task(self._show())
        return self

    async def __aexit__(self, *error: object) -> None:
        self._showing.cancel()
        await self._together.aclose()

    async def _show(self) -> None:
        async for picture in self.face.pictures():
            await self._together.push(video_frame(picture))
            if picture.sound:
                await self._together.push(audio_frame(picture))


def video_frame(picture: Picture) -> rtc.VideoFrame:
    """A picture for LiveKit."""
    return rtc.VideoFrame(picture.width, picture.height, rtc.VideoBufferType.RGB24, picture.rgb)


def audio_frame(picture: Picture) -> rtc.AudioFrame:
    """The sound of a picture for LiveKit."""
    return rtc.AudioFrame(picture.sound, RATE, 1, len(picture.sound) // 2)


async def main(portrait: str, file: str) -> None:
    """Say one file in a room."""
    room = rtc.Room()
    await room.connect(os.environ["LIVEKIT_URL"], os.environ["LIVEKIT_TOKEN"])
    with wave.open(file) as sound:
        pcm = sound.readframes(sound.getnframes())
    async with LiveFace(portrait, size=512) as face, RoomFace(room, face):
        for start in range(0, len(pcm), FRAME_BYTES):
            await face.say(pcm[start : start + FRAME_BYTES])
        await face.finish()
        await asyncio.sleep(len(pcm) / 2 / RATE + 1.0)
    await room.disconnect()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
