"""The mouth in the picture: no light line in a slit, dark corners, no jumps, lips pressed or under the teeth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dreamtalk.face import FaceModel
from dreamtalk.face.arkit import weights
from dreamtalk.render import MeshRenderer
from dreamtalk.render.mesh import MeshAnimator
from dreamtalk.render.mesh import topology as topo
from dreamtalk.render.mesh.canvas import make_canvas
from dreamtalk.render.mesh.drawing import fill
from dreamtalk.render.mesh.geometry import FaceGeometry
from dreamtalk.types import Float, Image, Motion, Portrait

SKIN = (200, 160, 140)
LIPS = (180, 100, 95)


def still(count: int) -> Float:
    return np.zeros(count, np.float32)


@pytest.fixture(scope="module")
def plain(closed: Portrait) -> Portrait:
    """A face of one colour with lips of another."""
    image = np.full_like(closed.image, SKIN)
    image[fill(image.shape, closed.landmarks[list(topo.LIP_OUTER), :2], 0, 0) > 0.5] = LIPS
    return replace(closed, image=image)


@pytest.fixture(scope="module")
def animator(renderer: MeshRenderer, plain: Portrait) -> MeshAnimator:
    return renderer.prepare(plain, None)


def moved(animator: MeshAnimator, displacement: Float) -> Image:
    return animator.frame_of(displacement, still(2), still(3), still(3), still(4))


def opening(model: FaceModel, **actions: float) -> Float:
    return model.displacement(model.from_arkit(weights(**actions)))


def lips(animator: MeshAnimator, displacement: Float) -> Float:
    """(11, 2, 3) the inner lips of a frame, px: pairs of upper and lower points."""
    control = animator._geometry.shape(displacement, still(2), still(3), still(3), animator._own).control
    return np.stack([control[list(topo.LIP_UPPER)], control[list(topo.LIP_LOWER)]], axis=1)


def column(animator: MeshAnimator, displacement: Float, pair: int) -> Float:
    """Brightness from the upper to the lower lip at one of the 11 pairs of points."""
    picture, (upper, lower) = moved(animator, displacement), lips(animator, displacement)[pair]
    x, first, last = round(float(upper[0])), int(np.floor(upper[1])), int(np.ceil(lower[1]))
    return np.asarray(picture[first : last + 1, x].mean(axis=1), np.float32)


def test_a_slit_shows_no_line_of_teeth(animator: MeshAnimator, model: FaceModel) -> None:
    slits = [column(animator, opening(model, jawOpen=amount), 5) for amount in (0.05, 0.08, 0.11)]
    assert max(slit.max() for slit in slits) <= np.mean(SKIN)


def test_teeth_are_bright_where_the_upper_lip_rises_and_not_where_the_jaw_falls(
    animator: MeshAnimator, model: FaceModel
) -> None:
    smile = opening(model, jawOpen=0.2, mouthSmile=0.7, mouthUpperUp=0.6)
    falling = opening(model, jawOpen=0.25)
    assert column(animator, smile, 5).max() > np.mean(SKIN), "no teeth at all"
    assert column(animator, falling, 5)[:-2].max() < 0.8 * column(animator, smile, 5).max()


def test_the_corners_of_an_open_mouth_are_dark(animator: MeshAnimator, model: FaceModel) -> None:
    laugh = opening(model, jawOpen=0.3, mouthSmile=0.7, mouthUpperUp=0.4)
    middle, sides = column(animator, laugh, 5).max(), [column(animator, laugh, pair) for pair in (1, 9)]
    for side in sides:
        assert side[2:-2].max() < 0.75 * middle


def test_a_raised_tongue_is_seen_between_the_teeth(animator: MeshAnimator, model: FaceModel) -> None:
    def drawn(jaw: float, tongue: float) -> Image:
        return animator.frame_of(opening(model, jawOpen=jaw), still(2), still(3), still(3), still(4), tongue)

    open_mouth = opening(model, jawOpen=0.3)
    (upper, lower) = lips(animator, open_mouth)[5, :, 1]
    x, rows = round(float(lips(animator, open_mouth)[5, 0, 0])), slice(round(upper + 3), round((upper + lower) / 2))
    redness = [float(np.ptp(drawn(0.3, t)[rows, x].astype(float), axis=1).mean()) for t in (0.0, 0.5, 1.0)]
    assert redness[0] < redness[1] < redness[2] and redness[2] > 1.3 * redness[0]
    assert np.array_equal(drawn(0.0, 1.0), drawn(0.0, 0.0)), "lips hide it"
    assert np.array_equal(drawn(0.3, 0.0), moved(animator, open_mouth)), "no tongue: as ever"


def test_the_animator_draws_the_motions_tongue(animator: MeshAnimator, model: FaceModel) -> None:
    expression = np.repeat(model.from_arkit(weights(jawOpen=0.3))[None], 3, axis=0)
    rest = Motion(expression, np.zeros((3, 3), np.float32), np.zeros((3, 3), np.float32), np.zeros((3, 4), np.float32))
    plain, raised = (
        list(animator.frames([replace(rest, tongue=tongue)]))
        for tongue in (None, np.array([0.0, 0.5, 1.0], np.float32))
    )
    assert np.array_equal(plain[0], raised[0]) and not np.array_equal(plain[2], raised[2])


def test_no_bright_spikes_at_the_corners_of_a_closed_smile(renderer: MeshRenderer, astronaut: Portrait) -> None:
    animator = renderer.prepare(astronaut, 512)
    rest, photo = moved(animator, still(3 * topo.LANDMARKS).reshape(-1, 3)), animator.canvas.image
    control, reach = lips(animator, still(3 * topo.LANDMARKS).reshape(-1, 3)), round(4 * animator.canvas.mm)
    teeth = np.percentile(photo[fill(photo.shape, animator.canvas.landmarks[list(topo.HOLES[0]), :2], 0, 0) > 0.5], 90)
    for end in (control[0, 0], control[-1, 0]):
        x, y = np.rint(end[:2]).astype(int)
        assert rest[y - reach : y + reach, x - reach : x + reach].min(axis=2).max() < 0.9 * teeth


def test_the_inside_grows_without_jumps(animator: MeshAnimator, model: FaceModel) -> None:
    """What is darker than the lips, in mm2 of full darkness: no step is more than a few hundredths of a wide mouth."""
    lip, areas = np.mean(LIPS), []
    for amount in np.linspace(0.0, 0.5, 41):
        inner = lips(animator, opening(model, jawOpen=float(amount)))
        outline = np.concatenate([inner[:, 0], inner[-2:0:-1, 1]])[:, :2]
        inside = fill(animator.canvas.image.shape, outline, 0, 0)
        darker = np.clip(1.0 - moved(animator, opening(model, jawOpen=float(amount))).mean(axis=2) / lip, 0.0, 1.0)
        areas.append(float((darker * inside).sum()) / animator.canvas.mm**2)
    steps = np.diff(areas)
    assert areas[0] < 1.0 and areas[-1] > 100.0
    assert steps.min() > -0.02 * areas[-1] and steps.max() < 0.08 * areas[-1]


def test_a_grey_photo_gets_a_grey_mouth(renderer: MeshRenderer, plain: Portrait, model: FaceModel) -> None:
    image = np.repeat(plain.image.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    animator = renderer.prepare(replace(plain, image=image), None)
    for amount in (0.05, 0.15, 0.6):
        assert np.ptp(moved(animator, opening(model, jawOpen=amount)).astype(int), axis=2).max() <= 1


def jaw_down(canvas_mm: float, iod: float, lower_lip: float, upper_lip: float, grown: float) -> Float:
    """(468, 3) iod: the jaw goes down by 4 mm; the lips, and their outer contours less by `grown`, as told, in mm."""
    unit = canvas_mm / iod
    displacement = still(3 * topo.LANDMARKS).reshape(-1, 3)
    displacement[list(topo.JAW), 1] = 4.0 * unit
    displacement[list(topo.LIP_UPPER), 1] = upper_lip * unit
    displacement[list(topo.LIP_UPPER_OUTER), 1] = (upper_lip - grown) * unit
    displacement[list(topo.LIP_LOWER[1:-1]), 1] = lower_lip * unit
    displacement[list(topo.LIP_LOWER_OUTER[1:-1]), 1] = (lower_lip + grown) * unit
    return displacement


def test_lips_pressed_together_are_no_fuller_than_in_the_photo(plain: Portrait) -> None:
    geometry = FaceGeometry(make_canvas(plain, None))
    canvas = geometry.canvas
    pressed = jaw_down(canvas.mm, canvas.iod, 3.2, 3.2, 1.0)
    assert geometry._rolled(pressed) == (1.0, 1.0, 0.0)
    for press, grown in ((0.0, 1.0), (1.0, 0.0)):
        points = (pressed * canvas.iod).astype(np.float64)
        geometry._roll_lips(points, 0.0, press, 0.0)
        for inner, outer, side in ((13, 0, 1.0), (14, 17, -1.0)):
            fuller = float(points[inner, 1] - points[outer, 1]) * side / canvas.mm
            assert fuller == pytest.approx(grown, abs=0.05)
    silent = pressed.copy()
    silent[:, 1] -= pressed[topo.CHIN, 1]  # the same lips without the jaw: nothing is pressed
    assert geometry._rolled(silent)[1] == 0.0


def test_teeth_lie_on_a_lower_lip_that_stays_up(animator: MeshAnimator) -> None:
    geometry, canvas = animator._geometry, animator.canvas
    tucked = jaw_down(canvas.mm, canvas.iod, 1.7, -0.5, 0.0)
    assert geometry._rolled(tucked)[1:] == (0.0, 1.0)
    plain_slit = tucked.copy()
    plain_slit[topo.CHIN] = 0.0
    assert geometry._rolled(plain_slit)[1:] == (0.0, 0.0)
    assert column(animator, tucked, 5)[1:-1].min() > 1.08 * column(animator, plain_slit, 5)[1:-1].min()


def test_rest_is_neither_pressed_nor_tucked(animator: MeshAnimator) -> None:
    assert animator._geometry._rolled(still(3 * topo.LANDMARKS).reshape(-1, 3)) == (1.0, 0.0, 0.0)


def test_lips_of_an_open_photo_meet_without_switching_pixels(
    renderer: MeshRenderer, astronaut: Portrait, model: FaceModel
) -> None:
    animator = renderer.prepare(astronaut, 512)
    points = animator.canvas.landmarks[[61, 291, 13, 14], :2]
    (x0, y0), (x1, y1) = points.min(axis=0).astype(int) - 6, points.max(axis=0).astype(int) + 6
    pursing = [moved(animator, opening(model, mouthPucker=amount)) for amount in np.linspace(0.0, 0.3, 31)]
    lips_only = np.array([frame[y0:y1, x0:x1] for frame in pursing], np.float32)
    assert np.abs(np.diff(lips_only, axis=0)).max() < 45.0, "66 where the warp's edges keep their steps"


def test_shut_lips_are_hardly_fuller_than_in_the_photo(plain: Portrait) -> None:
    geometry = FaceGeometry(make_canvas(plain, None))
    down, iod, mm = geometry.canvas.down, geometry.canvas.iod, geometry.canvas.mm
    swollen = np.zeros((468, 3), np.float32)
    swollen[list(topo.LIP_LOWER_OUTER[1:-1]), 1] = 2.0 * mm / iod
    rest = geometry.canvas.landmarks
    red = float((rest[17] - rest[14]) @ down)
    shape = geometry.shape(swollen, still(2), still(3), still(3))
    grown = float((shape.control[17] - shape.control[14]) @ down) - red
    assert 0.0 <= grown < 0.6 * mm
