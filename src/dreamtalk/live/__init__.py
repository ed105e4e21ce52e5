"""Live talks: a portrait that speaks what is pushed as it comes, and lives in between. See docs/live.md."""

from dreamtalk.live.paced import Paced
from dreamtalk.live.recording import Record, Recorded, Recording
from dreamtalk.live.talk import LiveFrame, LiveTalk, live_options

__all__ = ["LiveFrame", "LiveTalk", "Paced", "Record", "Recorded", "Recording", "live_options"]
