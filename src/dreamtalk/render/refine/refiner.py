"""One portrait's refinement: the last layer over a drawn frame, beside those of eyes and mouth."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from dreamtalk.render.mesh import topology as topo
from dreamtalk.render.mesh.canvas import Canvas
from dreamtalk.render.mesh.drawing import Double, region
from dreamtalk.render.mesh.geometry import Shape
from dreamtalk.render.refine.network import RefineNetwork
from dreamtalk.render.refine.regions import REGIONS, SIDE, crop_matrix, cut, maps, outlines, window
from dreamtalk.types import Float, Image

_UNSEEN = 0.5 / 255.0
"""Changes smaller than this everywhere are not worth drawing."""


class Refiner:
    """Corrects mouth and eyes of frames of one portrait. Runs on the CPU, in the threads torch was given."""

    def __init__(self, network: RefineNetwork, canvas: Canvas) -> None:
        self._network = network.eval()
        self._iod = canvas.iod
        rest = [cut(canvas.image, crop_matrix(each, canvas.landmarks, canvas.iod)) for each in REGIONS]
        self._rest = as_tensor(np.stack(rest))

    def draw(self, picture: Image, shape: Shape) -> None:
        """Corrects the drawn picture (H, W, 3) RGB, in place."""
        points = shape.vertices[: topo.LANDMARKS]
        matrices = [crop_matrix(each, points, self._iod) for each in REGIONS]
        edges = [outlines(each, matrix, points) for each, matrix in zip(REGIONS, matrices, strict=True)]
        change = self._changes(
            as_tensor(np.stack([cut(picture, matrix) for matrix in matrices])),
            torch.from_numpy(np.stack([maps(*edge) for edge in edges])),
            torch.from_numpy(np.stack([window(outer) for _, outer, _ in edges]))[:, None],
        )
        for one, matrix in zip(change, matrices, strict=True):
            add_change(picture, one, matrix)

    @torch.inference_mode()
    def _changes(self, drawn: Tensor, drawn_maps: Tensor, windows: Tensor) -> Float:
        """(3, 96, 96, 3) corrections in 0..1 of the crops of one frame."""
        network, rest = self._network, self._rest
        mouth = network.mouth(drawn[:1], rest[:1], drawn_maps[:1], windows[:1])
        eyes = network.eye(drawn[1:], rest[1:], drawn_maps[1:], windows[1:])
        return np.asarray(torch.cat([mouth, eyes]).permute(0, 2, 3, 1).numpy(), np.float32)


def as_tensor(crops: Image) -> Tensor:
    """Crops (N, 96, 96, 3) uint8 as (N, 3, 96, 96) float32 in 0..1."""
    return torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255.0


def add_change(picture: Image, change: Float, matrix: Double) -> None:
    """Adds a correction (96, 96, 3) in 0..1 to the picture (H, W, 3), in place, where the crop was cut."""
    if float(np.abs(change).max()) < _UNSEEN:
        return
    corners = np.array([[0.0, 0.0], [SIDE, 0.0], [0.0, SIDE], [SIDE, SIDE]]) - 0.5
    box = region(corners @ matrix[:, :2].T + matrix[:, 2], 0.0, picture.shape)
    if box is None:
        return
    x0, y0, x1, y1 = box
    inverse = np.linalg.inv(matrix[:, :2])
    back = np.column_stack([inverse, inverse @ (np.array([x0, y0]) - matrix[:, 2])])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    placed = cv2.warpAffine(change, back, (x1 - x0, y1 - y0), flags=flags, borderMode=cv2.BORDER_CONSTANT)
    target = picture[y0:y1, x0:x1]
    target[:] = np.clip(np.rint(target + placed * 255.0), 0.0, 255.0).astype(np.uint8)
