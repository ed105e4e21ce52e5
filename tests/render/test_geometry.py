"""What lips, lids and head do before any pixel is drawn."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from dreamtalk.face import FaceModel
from dreamtalk.face.arkit import weights
from dreamtalk.face.measures import MEASURES
from dreamtalk.render.mesh import topology as topo
from dreamtalk.render.mesh.canvas import make_canvas
from dreamtalk.render.mesh.drawing import Double
from dreamtalk.render.mesh.firm import FirmParts
from dreamtalk.render.mesh.geometry import MAX_TURN, FaceGeometry, Shape, rotation_matrix, turn_angles
from dreamtalk.types import Float, Portrait


@pytest.fixture(scope="module")
def geometry(closed: Portrait) -> FaceGeometry:
    return FaceGeometry(make_canvas(closed, None))


def still(count: int) -> Float:
    return np.zeros(count, np.float32)


NOWHERE = np.zeros((topo.LANDMARKS, 3), np.float32)


def move(model: FaceModel, **actions: float) -> Float:
    return model.displacement(model.from_arkit(weights(**actions)))


def lip_gap(geometry: FaceGeometry, displacement: Float) -> float:
    shape = geometry.shape(displacement, still(2), still(3), still(3))
    return float(shape.control[14, 1] - shape.control[13, 1]) / geometry.canvas.mm


def test_rest_is_the_photo(geometry: FaceGeometry) -> None:
    shape = geometry.shape(NOWHERE, still(2), still(3), still(3))
    np.testing.assert_allclose(shape.vertices, geometry.source, atol=1e-4)
    assert shape.gap_mm == 0.0


def test_jaw_opens_the_mouth_and_noise_does_not(geometry: FaceGeometry, model: FaceModel) -> None:
    rest = lip_gap(geometry, NOWHERE)
    assert lip_gap(geometry, move(model, jawOpen=0.5)) > rest + 8.0
    assert lip_gap(geometry, move(model, jawOpen=0.01)) == pytest.approx(rest, abs=0.1)


def test_opening_grows_with_the_jaw(geometry: FaceGeometry, model: FaceModel) -> None:
    gaps = [lip_gap(geometry, move(model, jawOpen=amount)) for amount in np.linspace(0, 0.8, 9)]
    assert all(later >= earlier for earlier, later in pairwise(gaps))


def test_open_photo_closes_its_mouth_at_rest(astronaut: Portrait) -> None:
    geometry = FaceGeometry(make_canvas(astronaut, 256))
    assert geometry.parted and geometry.photo_gap_mm > 5
    shape = geometry.shape(NOWHERE, still(2), still(3), still(3))
    gap = (shape.control[list(topo.LIP_LOWER)] - shape.control[list(topo.LIP_UPPER)]) @ geometry.canvas.down
    assert np.abs(gap).max() < 0.05 * geometry.canvas.mm


@pytest.mark.parametrize("actions", [{"mouthPucker": 0.6}, {"mouthPucker": 0.6, "jawOpen": 0.2}, {"mouthSmile": 0.4}])
def test_a_smile_that_closes_is_as_wide_as_told(
    astronaut: Portrait, model: FaceModel, actions: dict[str, float]
) -> None:
    geometry = FaceGeometry(make_canvas(astronaut, 512))
    ends = [topo.LIP_UPPER_OUTER[0], topo.LIP_UPPER_OUTER[-1]]

    def width(displacement: Float) -> float:
        shape = geometry.shape(displacement, still(2), still(3), still(3))
        return float(np.linalg.norm(np.diff(shape.control[ends], axis=0)[0, :2])) / geometry.canvas.iod

    told = move(model, **actions)
    wanted = float(np.diff(told[ends, 0])[0])
    assert width(told) - width(NOWHERE) == pytest.approx(wanted, rel=0.12)


@pytest.mark.parametrize("closure", [0.0, 0.5, 1.0])
def test_lids_close_as_far_as_told(geometry: FaceGeometry, closure: float) -> None:
    shape = geometry.shape(NOWHERE, np.full(2, closure, np.float32), still(3), still(3))
    for upper, lower in zip(topo.LID_UPPER, topo.LID_LOWER, strict=True):
        inner = np.s_[1:-1]
        rest = geometry.canvas.landmarks[list(lower[inner]), 1] - geometry.canvas.landmarks[list(upper[inner]), 1]
        now = shape.control[list(lower[inner]), 1] - shape.control[list(upper[inner]), 1]
        np.testing.assert_allclose(now, rest * (1 - closure), atol=0.05)


def test_one_eye_winks_alone(geometry: FaceGeometry) -> None:
    shape = geometry.shape(NOWHERE, np.array([1.0, 0.0], np.float32), still(3), still(3))
    right, left = (list(upper) for upper in topo.LID_UPPER)
    moved = np.abs(shape.control - geometry.canvas.landmarks[: topo.LANDMARKS]).max(axis=1)
    assert moved[right].max() > 1.0
    assert moved[left].max() < 1e-6


def test_a_low_brow_stays_when_the_lid_shuts(closed: Portrait) -> None:
    skin = replace(closed, image=np.full_like(closed.image, 180))
    low = replace(closed, image=skin.image.copy())
    crease = closed.landmarks[list(topo.CREASE_ROW[0])]
    bottom = int(crease[:, 1].max()) + 3
    low.image[bottom - 20 : bottom] = 50
    moved = []
    for portrait in (skin, low):
        geometry = FaceGeometry(make_canvas(portrait, None))
        shape = geometry.shape(NOWHERE, np.ones(2, np.float32), still(3), still(3))
        row = list(topo.CREASE_ROW[0][2:-2])
        moved.append(float((shape.control[row] - geometry.canvas.landmarks[row])[:, 1].mean()))
    assert moved[1] < 0.5 * moved[0], "folds that are undone move it a little"


def folded(geometry: FaceGeometry, shape: Shape) -> float:
    """Share of the skin's triangles that are turned over."""
    triangles = geometry.mesh.triangles[~geometry.one_sided]

    def area(points: Float) -> Float:
        a, b, c = (points[triangles[:, corner], :2] for corner in range(3))
        return (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])

    seen = area(geometry.source) > 1.0
    return float(np.mean(area(shape.vertices)[seen] <= 0))


@pytest.mark.parametrize(
    "actions",
    [
        {"jawOpen": 0.4},
        {"mouthSmile": 0.7},
        {"mouthPucker": 0.7},
        {"browInnerUp": 0.8},
        {"mouthFunnel": 0.6},
        {"browDown": 0.7},
    ],
)
def test_moderate_motion_folds_nothing(geometry: FaceGeometry, model: FaceModel, actions: dict[str, float]) -> None:
    assert folded(geometry, geometry.shape(move(model, **actions), still(2), still(3), still(3))) == 0.0


def test_turned_head_hides_little_of_itself(geometry: FaceGeometry) -> None:
    for turn in np.radians([[8.0, 0.0, 0.0], [0.0, 8.0, 0.0], [0.0, 0.0, 8.0]]).astype(np.float32):
        assert folded(geometry, geometry.shape(NOWHERE, still(2), turn, still(3))) < 0.015


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_head_turns_softly_up_to_a_limit(geometry: FaceGeometry, axis: int) -> None:
    def shown(degrees: float) -> float:
        turn = np.zeros(3, np.float32)
        turn[axis] = np.radians(degrees)
        return float(np.degrees(turn_angles(geometry.head_pose(turn, still(3)).matrix)[axis]))

    most = float(np.degrees(MAX_TURN[axis]))
    assert shown(6.0) == pytest.approx(6.0, abs=1e-3), "small turns are shown as they are"
    assert 0.97 * most < shown(60.0) <= most + 1e-3
    steps = np.diff([shown(degrees) for degrees in np.arange(0.0, 40.0)])
    assert steps.min() > 0.0 and np.abs(np.diff(steps)).max() < 0.2, "no jump and no sudden stop"


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_head_turned_in_the_photo_goes_on_less_to_that_side(geometry: FaceGeometry, axis: int) -> None:
    own, on = np.zeros(3), np.zeros(3, np.float32)
    own[axis], on[axis] = np.radians(22.0), np.radians(15.0)
    turned = FaceGeometry(replace(geometry.canvas, rotation=rotation_matrix(own)))
    before, after = (turn_angles(it.head_pose(on, still(3)).matrix)[axis] for it in (geometry, turned))
    assert 0.0 < after < 0.75 * before


def test_shoulders_stay_when_the_head_moves(geometry: FaceGeometry) -> None:
    canvas, count = geometry.canvas, len(topo.OVAL)
    rest = geometry.source[topo.LANDMARKS : topo.LANDMARKS + 8 * count]
    chin = canvas.landmarks[topo.CHIN, 1]
    low = rest[:, 1] > chin + 0.3 * canvas.width
    shoulders = low & (np.abs(rest[:, 0] - canvas.centre[0]) > 0.9 * canvas.width)
    assert shoulders.any()
    for turn in np.radians([[0.0, 12.0, 0.0], [0.0, 0.0, 12.0], [12.0, 0.0, 0.0]]).astype(np.float32):
        shape = geometry.shape(NOWHERE, still(2), turn, still(3))
        shift = np.abs(shape.vertices - geometry.source)[:, :2].max(axis=1)
        rings = shift[topo.LANDMARKS : topo.LANDMARKS + 8 * count]
        assert shift[4] > 0.05 * canvas.width or turn[2] > 0.0, "the nose moves"
        assert rings[shoulders].max() < 0.02 * canvas.width
        assert rings[-count:].max() == 0.0, "the outermost ring stands still"


def _distortion(geometry: FaceGeometry, turn: Float) -> tuple[Double, Double]:
    """Largest stretch of each skin triangle that is seen, and how much each one beyond the hair is bent (0: not)."""
    shape = geometry.shape(NOWHERE, still(2), turn, still(3))
    rest, moved = (
        points[geometry.mesh.triangles, :2].astype(np.float64) for points in (geometry.source, shape.vertices)
    )
    before, after = (np.stack([p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]], axis=2) for p in (rest, moved))
    seen = np.linalg.det(before) > 1.0
    change = np.zeros_like(before)
    change[seen] = after[seen] @ np.linalg.inv(before[seen])
    skin, beyond = 4 * 852, 4 * (852 + 46 + 72 * 3)
    stretch = np.linalg.svd(change[:skin], compute_uv=False)[:, 0][seen[:skin]]
    return stretch, np.linalg.norm(change[beyond:] - np.eye(2), ord=2, axis=(1, 2))[seen[beyond:]]


def test_turned_head_stretches_its_cheeks_little(geometry: FaceGeometry) -> None:
    for turn in np.radians([[0.0, 12.0, 0.0], [0.0, -12.0, 0.0], [12.0, 0.0, 0.0]]).astype(np.float32):
        stretch, _ = _distortion(geometry, turn)
        assert np.quantile(stretch, 0.99) < 1.9


def test_tilted_head_bends_the_background_softly(geometry: FaceGeometry) -> None:
    turn = np.radians([0.0, 0.0, 10.0]).astype(np.float32)
    _, bent = _distortion(geometry, turn)
    tilt = turn_angles(geometry.head_pose(turn, still(3)).matrix)[2]
    assert bent.max() < 3.1 * tilt


def test_back_to_photo_undoes_the_pose(geometry: FaceGeometry) -> None:
    pose = geometry.head_pose(np.array([0.1, -0.1, 0.08], np.float32), np.array([0.1, 0.05, 0.0], np.float32))
    point = np.array([130.0, 140.0, -20.0])
    x, y, _ = pose.apply(point)
    u, v = pose.back_to_photo(np.array(x), np.array(y), -20.0)
    assert (float(u), float(v)) == pytest.approx((130.0, 140.0), abs=1e-3)


@pytest.mark.parametrize(
    ("name", "actions"),
    [
        ("brow_height_left", {"browInnerUp": 0.8, "browOuterUp": 0.8}),
        ("brow_height_right", {"browDown": 1.0}),
    ],
)
def test_the_drawn_face_moves_as_far_as_it_is_told(
    geometry: FaceGeometry, model: FaceModel, name: str, actions: dict[str, float]
) -> None:
    """Subdivision rounds displacements off: without help brows would lose 14 %."""
    told = move(model, **actions)
    drawn = geometry.shape(told, still(2), still(3), still(3)).vertices[: topo.LANDMARKS]
    moved = ((drawn - geometry.canvas.landmarks[: topo.LANDMARKS]) / geometry.canvas.iod).astype(np.float32)
    assert float(MEASURES[name](moved) / MEASURES[name](told)) == pytest.approx(1.0, abs=0.08)


def brow_thickness(geometry: FaceGeometry, displacement: Float, closure: float = 0.0) -> Double:
    """(2,) mean distance of a brow's edges along the face, px; the person's right, left."""
    drawn = geometry.shape(displacement, np.full(2, closure, np.float32), still(3), still(3)).vertices
    heights = np.asarray(drawn @ geometry.canvas.down, np.float64)
    return np.asarray((heights[np.array(topo.BROW_LOWER)] - heights[np.array(topo.BROW_UPPER)]).mean(axis=1))


@pytest.mark.parametrize(
    "actions", [{"browInnerUp": 0.9, "browOuterUp": 0.9}, {"browInnerUp": 1.0}, {"browDown": 0.9}, {"noseSneer": 0.9}]
)
def test_brows_keep_their_thickness(geometry: FaceGeometry, model: FaceModel, actions: dict[str, float]) -> None:
    """As told, they would be up to a quarter thicker and a third thinner."""
    rest = brow_thickness(geometry, NOWHERE)
    for amount in np.linspace(0.25, 1.0, 4):
        now = brow_thickness(geometry, np.float32(amount) * move(model, **actions))
        np.testing.assert_allclose(now / rest, 1.0, atol=0.07)


def test_a_brow_tilts_as_told(geometry: FaceGeometry, model: FaceModel) -> None:
    told = move(model, browInnerUp=1.0) * geometry.canvas.iod
    shape = geometry.shape(move(model, browInnerUp=1.0), still(2), still(3), still(3))
    drawn = shape.control - geometry.canvas.landmarks[: topo.LANDMARKS]

    def tilt(moved: Double | Float) -> float:
        """How much further the inner two columns rise than the outer two, px."""
        rise = moved[np.array([*topo.BROW_UPPER, *topo.BROW_LOWER]), 1]
        return float(rise[:, :2].mean() - rise[:, 3:].mean())

    assert tilt(told) > 1.0
    assert tilt(drawn) == pytest.approx(tilt(told), rel=0.1)


@pytest.mark.parametrize("actions", [{"browInnerUp": 0.9, "browOuterUp": 0.9}, {"browDown": 0.9}])
def test_lids_shut_under_brows_that_move(geometry: FaceGeometry, model: FaceModel, actions: dict[str, float]) -> None:
    shape = geometry.shape(move(model, **actions), np.ones(2, np.float32), still(3), still(3))
    for upper, lower in zip(topo.LID_UPPER, topo.LID_LOWER, strict=True):
        gap = (shape.control[list(lower)] - shape.control[list(upper)]) @ geometry.canvas.down
        assert np.abs(gap).max() < 0.05 * geometry.canvas.mm
    rows = zip(topo.BROW_LOWER, topo.CREASE_ROW, topo.LASH_ROW, topo.LID_UPPER, strict=True)
    for brow, crease, lash, lid in rows:
        heights = np.stack([shape.control[list(row), 1] for row in (brow, crease[2:7], lash[2:7], lid[2:7])])
        assert (np.diff(heights, axis=0) > 0.0).all(), "brow, fold, lashes and lid stay in order"


def test_hair_below_a_rising_brow_goes_with_it(closed: Portrait, model: FaceModel) -> None:
    """A brow that is dark down to its lower points is thicker than they say; a skin-coloured edge ends there."""
    skin = replace(closed, image=np.full_like(closed.image, 180))
    thick = replace(closed, image=skin.image.copy())
    edge = closed.landmarks[list(topo.BROW_LOWER[0]), 1]
    thick.image[int(edge.min()) - 15 : int(edge.max()) + 8] = 40
    up = move(model, browInnerUp=0.9, browOuterUp=0.9)
    rise = []
    for portrait in (skin, thick):
        geometry = FaceGeometry(make_canvas(portrait, None))
        between = geometry.mesh.midpoints[52, 223]
        moved = geometry.shape(up, still(2), still(3), still(3)).vertices - geometry.source
        rise.append(float(moved[between, 1] / moved[52, 1]))
    assert rise[0] < 0.65
    assert 0.75 < rise[1] <= 1.0


def test_a_disgusted_face_keeps_its_nose_and_a_happy_one_its_cheekbones(
    geometry: FaceGeometry, model: FaceModel
) -> None:
    """As told, the nose would get a fifth wider and rise by 5 mm, the cheeks by 8. Real ones: 5 to 14 %, 1 to 3 mm."""
    points, mm = geometry.canvas.landmarks, geometry.canvas.mm

    def moved(**actions: float) -> Double:
        return np.asarray(geometry.shape(move(model, **actions), still(2), still(3), still(3)).control)

    sneer, smile = moved(noseSneer=1.4, mouthUpperUp=0.4), moved(mouthSmile=0.8, cheekSquint=0.7)
    wings = list(topo.NOSTRILS)
    assert 1.02 < np.ptp(sneer[wings, 0]) / np.ptp(points[wings, 0]) < 1.14
    assert 1.0 < (points[wings, 1] - sneer[wings, 1]).mean() / mm < 2.5
    cheekbones = [117, 346, 118, 347]
    assert 1.5 < (points[cheekbones, 1] - smile[cheekbones, 1]).mean() / mm < 4.0


def test_small_movements_of_nose_and_cheeks_are_shown_as_told(closed: Portrait, model: FaceModel) -> None:
    canvas = make_canvas(closed, None)
    told = np.full((topo.LANDMARKS, 3), 0.5 * canvas.mm)
    held = told.copy()
    FirmParts.of(canvas).hold(held)
    np.testing.assert_allclose(held, told)


def test_lips_move_as_told_beside_a_nose_that_does_not(closed: Portrait) -> None:
    canvas = make_canvas(closed, None)
    told = np.full((topo.LANDMARKS, 3), 6.0 * canvas.mm)
    held = told.copy()
    FirmParts.of(canvas).hold(held)
    lips = [*topo.LIP_OUTER, *topo.LIP_UPPER, *topo.LIP_LOWER]
    np.testing.assert_array_equal(held[lips], told[lips])
    assert np.linalg.norm(held[4, :2]) < 2.5 * canvas.mm


def turned(portrait: Portrait, degrees: float) -> Portrait:
    """The same head seen from the side."""
    rotation = rotation_matrix(np.radians([0.0, degrees, 0.0]))
    middle = portrait.landmarks.mean(axis=0)
    landmarks = (portrait.landmarks - middle) @ rotation.T + middle
    return replace(portrait, landmarks=landmarks.astype(np.float32), rotation=rotation.astype(np.float32))


@pytest.mark.parametrize("own", [-20.0, 22.0])
def test_what_lies_behind_a_far_cheek_goes_with_its_edge(closed: Portrait, own: float) -> None:
    """Where outline and rings lie at pixels that show the cheek, a nod tore them from it by 3 to 4 % of the face."""
    geometry = FaceGeometry(make_canvas(turned(closed, own), None))
    shape = geometry.shape(NOWHERE, still(2), np.radians([10.0, 0.0, 0.0]).astype(np.float32), still(3))
    rings = np.arange(topo.LANDMARKS, topo.LANDMARKS + 3 * len(topo.OVAL))
    near_outline = np.linalg.norm(geometry.source[:, None] - geometry.source[None, list(topo.OVAL)], axis=2).min(axis=1)
    cheek = np.flatnonzero(near_outline[: topo.LANDMARKS] > 0.08 * geometry.canvas.width)
    behind = np.concatenate([list(topo.OVAL), rings])
    rest, moved = geometry.source[:, :2], shape.vertices[:, :2]
    beside = np.linalg.norm(rest[behind, None] - rest[None, cheek], axis=2) < 0.04 * geometry.canvas.width
    torn = np.linalg.norm((moved - rest)[behind, None] - (moved - rest)[None, cheek], axis=2)[beside]
    assert len(torn) > 4, "some of the rings lie on the cheek"
    assert torn.max() < 0.022 * geometry.canvas.width


def test_brows_move_without_jumps_while_lids_shut(closed: Portrait, model: FaceModel) -> None:
    """From lowered to raised, evenly: no point of the mesh may leap where a brow passes its place in the photo."""
    dark = replace(closed, image=np.full_like(closed.image, 180))
    for upper, lower in zip(topo.BROW_UPPER, topo.BROW_LOWER, strict=True):
        outline = closed.landmarks[[*upper, *lower[::-1]], :2]
        cv2.polylines(dark.image, [np.rint(outline).astype(np.int32)], True, (40, 40, 40), 3)
    geometry = FaceGeometry(make_canvas(dark, None))
    up = move(model, browInnerUp=0.9, browOuterUp=0.9)
    shut = np.full(2, 0.7, np.float32)
    path = [
        geometry.shape(np.float32(amount) * up, shut, still(3), still(3)).vertices
        for amount in np.linspace(-0.2, 0.2, 41)
    ]
    first, second = (np.abs(np.diff(np.stack(path), order, axis=0)).max() for order in (1, 2))
    assert first > 0.03
    assert second < 0.03
