"""Speech in: load any audio, and hear it with Whisper's first layers."""

from dreamtalk.audio.encoder import FeatureStream, SpeechEncoder
from dreamtalk.audio.load import load_speech
from dreamtalk.audio.windows import WINDOWS, Window
from dreamtalk.types import Latency

__all__ = ["WINDOWS", "FeatureStream", "Latency", "SpeechEncoder", "Window", "load_speech"]
