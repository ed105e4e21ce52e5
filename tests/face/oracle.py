"""The pictures on which our tracker is compared with MediaPipe, and the way to ask MediaPipe about them.

In an environment of its own (MediaPipe reports usage, and is never installed with dreamtalk),

    pip install mediapipe==1.2.2 safetensors ai-edge-litert && python tests/face/oracle.py

writes tests/data/face_oracle.npz, which the tests read.
"""

from __future__ import annotations

import sys
from math import radians
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).parents[2]
STORED = ROOT / "tests/data/face_oracle.npz"
SIZE = 512


def pictures() -> dict[str, np.ndarray]:
    """Views of the example portrait by name, (512, 512, 3) uint8 RGB: whole, large, small, rolled, a clip."""
    sys.path.insert(0, str(ROOT / "src"))
    from dreamtalk.face.sampling import Square, crop

    image = cv2.cvtColor(cv2.imread(str(ROOT / "examples/portrait.jpg")), cv2.COLOR_BGR2RGB)
    x, y = 225.0, 125.0  # the face
    views = {
        "whole": Square(256, 256, 512),
        "filling": Square(x, y, 170),
        "small": Square(256, 256, 680),
        "off-centre": Square(x + 95, y + 90, 330),
        "rolled 20": Square(x, y, 300, radians(20)),
        "rolled 45": Square(x, y, 300, radians(-45)),
    }
    views |= {f"clip {i}": Square(x + 3 * i, y - 2 * i, 260 + 5 * i, radians(2 * i)) for i in range(6)}
    return {name: crop(image, square, SIZE, repeat_edge=True) for name, square in views.items()}


def main() -> None:
    import mediapipe  # type: ignore[import-not-found]
    from mediapipe.tasks.python import BaseOptions, vision  # type: ignore[import-not-found]

    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(ROOT / "src/dreamtalk/assets/face_landmarker.task")),
        output_face_blendshapes=True,
        output_facial_transformation_matrixes=True,
    )
    landmarker = vision.FaceLandmarker.create_from_options(options)
    stored: dict[str, np.ndarray] = {}
    for name, picture in pictures().items():
        found = landmarker.detect(mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=picture))
        points = np.array([[p.x, p.y, p.z] for p in found.face_landmarks[0]]) * SIZE
        scores = np.array([score.score for score in found.face_blendshapes[0]])
        stored[f"{name}/landmarks"] = points.astype(np.float32)
        stored[f"{name}/blendshapes"] = scores.astype(np.float32)
        stored[f"{name}/matrix"] = found.facial_transformation_matrixes[0].astype(np.float32)
    np.savez_compressed(STORED, **stored)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
