"""Makes the neutral talk that named styles are put upon: the motion model says a sentence in the neutral style.

    python -m dreamtalk.style.carrier examples/speech_synthetic.ogg neutral-talk-mesh64.safetensors

The voice is a machine's and the motion is the model's, so nobody's manner is in it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from dreamtalk.talker import load

_SEED = 0


def make_carrier(speech: Path, output: Path) -> int:
    """Write the motion (T, 64) float16 of that speech, as many frames as a style clip may have; gives T."""
    talker = load("cpu")
    model, heard = talker.motion_model, talker.speech(speech)
    frames = min(heard.frames, model.config.denoiser.style_frames)
    talk = model.generate(talker.encoder.encode(heard), model.neutral_style(), frames, seed=_SEED)
    save_file({"expression": talk.astype(np.float16)}, output)
    return len(talk)


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    print(f"{target}: {make_carrier(source, target)} frames")
