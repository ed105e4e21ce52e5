"""Pictures, videos and sound, in and out, through PyAV and OpenCV; see docs/media.md."""

from dreamtalk.media.ahead import ahead
from dreamtalk.media.files import check_input, check_output
from dreamtalk.media.reader import fps_of, is_image, read_frames, read_image, seconds_of
from dreamtalk.media.writer import OUTPUTS, write_video

__all__ = [
    "OUTPUTS",
    "ahead",
    "check_input",
    "check_output",
    "fps_of",
    "is_image",
    "read_frames",
    "read_image",
    "seconds_of",
    "write_video",
]
