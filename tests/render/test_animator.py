"""What is seen: the photo at rest, mouths that open and close, lids, irises, a background that stays."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dreamtalk.face import FaceModel
from dreamtalk.face.arkit import weights
from dreamtalk.render import MeshRenderer
from dreamtalk.render.mesh import MeshAnimator
from dreamtalk.types import Float, Image, Motion, Portrait


def still(count: int) -> Float:
    return np.zeros(count, np.float32)


def face(animator: MeshAnimator, expression: Float, rotation: Float | None = None, gaze: Float | None = None) -> Image:
    turn = still(3) if rotation is None else rotation
    return animator.frame(expression, turn, still(3), still(4) if gaze is None else gaze)


def between_lips(animator: MeshAnimator, picture: Image, half: int = 2) -> Float:
    """Mean colour just below the upper lip's middle in the photo."""
    x, y = np.rint(animator.canvas.landmarks[[13, 14], :2].mean(axis=0)).astype(int)
    return picture[y : y + 2 * half, x - half : x + half].reshape(-1, 3).mean(axis=0)


def tooth_pixels(animator: MeshAnimator, picture: Image) -> int:
    """Bright pixels without much colour where the photo's lips are parted."""
    points = animator.canvas.landmarks
    (left, right), (top, bottom) = points[[82, 312], 0].astype(int), points[[13, 14], 1].astype(int)
    crop = picture[top : bottom + 1, left - 6 : right + 7].astype(int)
    return int(((crop.min(axis=2) > 185) & (np.ptp(crop, axis=2) < 45)).sum())


@pytest.mark.parametrize("size", [None, 256, 150])
def test_closed_mouth_at_rest_is_the_photo_to_the_bit(
    renderer: MeshRenderer, closed: Portrait, size: int | None
) -> None:
    animator = renderer.prepare(closed, size)
    np.testing.assert_array_equal(face(animator, still(64)), animator.canvas.image)


def test_jaw_opens_the_mouth_in_the_picture(renderer: MeshRenderer, closed: Portrait, model: FaceModel) -> None:
    grey = replace(closed, image=np.full_like(closed.image, 170))
    animator = renderer.prepare(grey, None)
    open_mouth = face(animator, model.from_arkit(weights(jawOpen=0.6)))
    rest = face(animator, still(64))
    assert between_lips(animator, rest).mean() == 170
    x, y = np.rint(animator.canvas.landmarks[14, :2]).astype(int)
    column = open_mouth[y : y + int(12 * animator.canvas.mm), x].astype(int).mean(axis=1)
    assert column.min() < 90, "no dark cavity between the lips"


def test_photo_with_teeth_closes_and_opens(renderer: MeshRenderer, astronaut: Portrait, model: FaceModel) -> None:
    animator = renderer.prepare(astronaut, 320)
    photo, rest = tooth_pixels(animator, animator.canvas.image), tooth_pixels(animator, face(animator, still(64)))
    spoken = tooth_pixels(animator, face(animator, model.from_arkit(weights(jawOpen=0.35))))
    assert photo > 100, "the test portrait shows its teeth"
    assert rest < 0.1 * photo, "the mouth is closed at rest, without white spikes"
    assert spoken > 0.15 * photo, "its own teeth are seen again when it speaks"


def test_lids_close_in_the_picture(renderer: MeshRenderer, closed: Portrait, model: FaceModel) -> None:
    image = np.full_like(closed.image, 170)
    landmarks = np.rint(closed.landmarks[:, :2]).astype(int)
    for lid_upper, lid_lower in ((159, 145), (386, 374)):
        x, top, bottom = landmarks[lid_upper, 0], landmarks[lid_upper, 1], landmarks[lid_lower, 1]
        image[top + 1 : bottom, x - 8 : x + 9] = 20
    animator = renderer.prepare(replace(closed, image=image), None)

    def dark(picture: Image) -> int:
        return int((picture.max(axis=2) < 60).sum())

    open_eyes, half = dark(face(animator, still(64))), dark(face(animator, model.from_arkit(weights(eyeBlink=0.5))))
    shut = dark(face(animator, model.from_arkit(weights(eyeBlink=1.0))))
    assert open_eyes > 60
    assert 0.2 * open_eyes < half < 0.9 * open_eyes
    assert shut < 0.12 * open_eyes


def test_iris_follows_the_gaze(renderer: MeshRenderer, closed: Portrait) -> None:
    image = np.full_like(closed.image, 210)
    ys, xs = np.mgrid[0 : image.shape[0], 0 : image.shape[1]]
    for centre in (468, 473):
        x, y = closed.landmarks[centre, :2]
        image[np.hypot(xs - x, ys - y) < 0.06 * 90] = 40
    animator = renderer.prepare(replace(closed, image=image), None)
    right_eye = np.s_[:, : image.shape[1] // 2]

    def centre_of_iris(gaze: float) -> float:
        looking = np.array([gaze, 0, gaze, 0], np.float32)
        dark = face(animator, still(64), gaze=looking)[right_eye].max(axis=2) < 110
        return float(np.nonzero(dark)[1].mean())

    assert centre_of_iris(-0.03) + 1.0 < centre_of_iris(0.0) < centre_of_iris(0.03) - 1.0


def test_background_far_from_the_head_is_untouched(renderer: MeshRenderer, model: FaceModel, closed: Portrait) -> None:
    wide = np.pad(closed.image, ((200, 200), (250, 250), (0, 0)), mode="reflect")
    animator = renderer.prepare(replace(closed, image=wide, landmarks=closed.landmarks + np.array([250, 200, 0])), None)
    moved = face(animator, model.from_arkit(weights(jawOpen=0.7)), rotation=np.array([0.1, 0.15, 0.1], np.float32))
    changed = np.abs(moved.astype(int) - animator.canvas.image).max(axis=2) > 0
    assert changed.mean() > 0.05
    assert not changed[:40].any() and not changed[:, :40].any() and not changed[:, -40:].any()


def test_speech_moves_only_the_face(renderer: MeshRenderer, model: FaceModel, closed: Portrait) -> None:
    animator = renderer.prepare(closed, None)
    moved = face(animator, model.from_arkit(weights(jawOpen=0.4)))
    changed = np.abs(moved.astype(int) - animator.canvas.image).max(axis=2) > 0
    forehead = int(closed.landmarks[10, 1])
    assert not changed[: forehead - 5].any()


def test_same_motion_same_pixels_whatever_came_before(
    renderer: MeshRenderer, model: FaceModel, closed: Portrait
) -> None:
    animator, other = renderer.prepare(closed, 128), renderer.prepare(closed, 128)
    spoken = model.from_arkit(weights(jawOpen=0.3, eyeBlink=0.7))
    first = face(animator, spoken)
    face(animator, model.from_arkit(weights(mouthSmile=0.8)), rotation=np.array([0.1, 0.0, 0.1], np.float32))
    np.testing.assert_array_equal(first, face(animator, spoken))
    np.testing.assert_array_equal(first, face(other, spoken))


def test_small_motion_changes_little(renderer: MeshRenderer, model: FaceModel, astronaut: Portrait) -> None:
    """No jump where layers are switched on: a thousandth of a movement is hardly seen."""
    animator = renderer.prepare(astronaut, 256)
    before = None
    for amount in np.linspace(0.0, 0.06, 25):
        now = face(animator, model.from_arkit(weights(jawOpen=amount, eyeBlink=amount * 8))).astype(int)
        if before is not None:
            assert np.abs(now - before).mean() < 0.35
            assert np.abs(now - before).max() < 140
        before = now


@pytest.mark.parametrize("size", [None, 33, 257, 512])
def test_any_size_gives_even_frames(
    renderer: MeshRenderer, model: FaceModel, closed: Portrait, size: int | None
) -> None:
    animator = renderer.prepare(replace(closed, image=closed.image[:297, :275]), size)
    frame = face(animator, model.from_arkit(weights(jawOpen=0.5)))
    assert frame.dtype == np.uint8
    assert frame.shape == (*animator.size, 3)
    assert frame.shape[0] % 2 == 0 and frame.shape[1] % 2 == 0


def test_tiny_and_cut_off_faces_do_not_fail(renderer: MeshRenderer, model: FaceModel, closed: Portrait) -> None:
    everything = model.from_arkit(weights(jawOpen=0.8, eyeBlink=1.0, mouthSmile=0.5))
    turn, gaze = np.full(3, 0.3, np.float32), np.full(4, 0.1, np.float32)
    small = replace(closed, image=closed.image[::12, ::12].copy(), landmarks=closed.landmarks / 12)
    beyond = replace(closed, landmarks=closed.landmarks - np.array([170, 120, 0]))
    for portrait in (small, beyond):
        for size in (None, 64):
            frame = renderer.prepare(portrait, size).frame(everything, turn, turn, gaze)
            assert np.isfinite(frame).all()


def test_threads_do_not_change_a_byte(model: FaceModel, closed: Portrait) -> None:
    amounts = np.linspace(0.0, 1.0, 9)
    rows = [model.from_arkit(weights(jawOpen=0.6 * a, eyeBlink=a)) for a in amounts]
    turns = np.column_stack([0.1 * amounts, -0.1 * amounts, 0.05 * amounts]).astype(np.float32)
    motion = Motion(np.stack(rows), turns, turns * 0, np.zeros((9, 4), np.float32))
    one, four = (MeshRenderer(model, threads).prepare(closed, 128) for threads in (1, 4))
    alone = list(one.frames([motion]))
    together = list(four.frames([motion]))
    assert len(alone) == 9
    assert (alone[0] != alone[8]).any()
    for a, b in zip(alone, together, strict=True):
        np.testing.assert_array_equal(a, b)


def test_slow_motion_has_no_jumps(renderer: MeshRenderer, model: FaceModel, closed: Portrait) -> None:
    """Second differences over frames: what moves evenly changes evenly, to rounding."""
    animator = renderer.prepare(closed, 200)
    spoken = model.from_arkit(weights(jawOpen=0.02, browInnerUp=0.1))
    frames = []
    for step in range(12):
        turn = np.array([0.0, 0.002, 0.001], np.float32) * np.float32(step)
        frames.append(face(animator, spoken * np.float32(step / 12), turn).astype(int))
    first, second = (np.abs(np.diff(np.stack(frames), order, axis=0)) for order in (1, 2))
    assert first.mean() > 0.3, "it moves"
    assert second.max() <= 8
    assert second.mean() < 0.6
