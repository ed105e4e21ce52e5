"""PIRenderer behind the protocol: framing, coefficients, frames; with an untrained network only the path is seen."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from dreamtalk.errors import UnusableInput
from dreamtalk.face import FaceModel
from dreamtalk.face.align import canonical_face
from dreamtalk.face.pose import euler_of, rotation_from_euler
from dreamtalk.render import SequenceAnimator, animate
from dreamtalk.render.pirenderer import PIRenderer, PIRendererNetwork
from dreamtalk.render.pirenderer.config import tiny
from dreamtalk.render.pirenderer.framing import (
    Head,
    Square,
    cut,
    from_network,
    head_of,
    placed,
    square_around,
    to_network,
)
from dreamtalk.render.pirenderer.layout import layout_of
from dreamtalk.types import Float, Image, Motion, Portrait


def motion(frames: int, seed: int = 0) -> Motion:
    rng = np.random.default_rng(seed)
    numbers = (rng.standard_normal((frames, n)).astype(np.float32) * 0.1 for n in (64, 3, 3, 4))
    return Motion(*numbers)


def landmarks(turn: Float, iod: float = 100.0) -> Float:
    face = canonical_face() @ rotation_from_euler(turn).T * iod + (300.0, 250.0, 0.0)
    return np.concatenate([face, np.tile(face[:1], (10, 1))]).astype(np.float32)


@pytest.fixture(scope="module")
def network() -> PIRendererNetwork:
    torch.manual_seed(0)
    return PIRendererNetwork(tiny(), layout="mesh64").eval()


@pytest.fixture(scope="module")
def portrait() -> Portrait:
    ys, xs = np.mgrid[0:500, 0:600]
    image = np.stack([xs % 256, ys % 256, (xs + ys) % 256], axis=2).astype(np.uint8)
    marks = landmarks(np.array([0.0, 0.2, 0.0], np.float32))
    box = np.array([200, 150, 400, 400], np.float32)
    return Portrait(image, marks, np.eye(3, dtype=np.float32), np.zeros(52, np.float32), np.zeros(32, np.float32), box)


def test_frames_are_the_same_whole_or_in_chunks(network: PIRendererNetwork, portrait: Portrait) -> None:
    animator = PIRenderer(network).prepare(portrait, 64)
    assert isinstance(animator, SequenceAnimator) and animator.size == (64, 64)
    whole = motion(31)
    parts = [replace(whole, **{name: getattr(whole, name)[a:b] for name in ("expression", "rotation", "translation",
             "gaze")}) for a, b in ((0, 4), (4, 30), (30, 31))]  # fmt: skip
    frames = list(animate(animator, [whole]))
    assert len(frames) == 31 and all(f.shape == (64, 64, 3) and f.dtype == np.uint8 for f in frames)
    assert all(np.array_equal(a, b) for a, b in zip(frames, animate(animator, parts), strict=True))
    assert not np.array_equal(frames[0], frames[15])


def test_a_resting_face_is_drawn_the_same_alone_and_in_a_row(network: PIRendererNetwork, portrait: Portrait) -> None:
    animator = PIRenderer(network).prepare(portrait)
    one = motion(1)
    row = Motion(*(np.repeat(part, 5, axis=0) for part in (one.expression, one.rotation, one.translation, one.gaze)))
    alone = animator.frame(one.expression[0], one.rotation[0], one.translation[0], one.gaze[0])
    assert all(np.array_equal(alone, frame) for frame in animator.frames([row]))


def test_other_sizes_are_enlarged(network: PIRendererNetwork, portrait: Portrait) -> None:
    renderer = PIRenderer(network)
    small, large = (renderer.prepare(portrait, size) for size in (64, 128))
    frame, larger = (next(animator.frames([motion(1)])) for animator in (small, large))
    assert larger.shape == (128, 128, 3) and large.size == (128, 128)
    shrunk = cv2.resize(larger, (64, 64), interpolation=cv2.INTER_AREA).astype(int)
    assert np.abs(shrunk - frame).mean() < 4
    with pytest.raises(UnusableInput, match="8"):
        renderer.prepare(portrait, 8)


def test_the_head_is_drawn_in_its_place_in_the_photo(network: PIRendererNetwork, portrait: Portrait) -> None:
    """The middle of the square is what the network draws, enlarged; beyond the square every byte is the photo's."""
    renderer = PIRenderer(network, "float32")
    whole, square = renderer.prepare(portrait), square_around(head_of(portrait.landmarks))
    alone = renderer.prepare(portrait, square.side - square.side % 2)
    assert whole.size == portrait.image.shape[:2] and square.side < 400
    there = np.s_[square.top : square.top + square.side, square.left : square.left + square.side]
    outside = np.ones(whole.size, bool)
    outside[there] = False
    frames = list(zip(whole.frames([motion(3)]), alone.frames([motion(3)]), strict=True))
    for frame, drawn in frames:
        assert np.array_equal(frame[outside], portrait.image[outside])
        larger = cv2.resize(drawn, (square.side, square.side), interpolation=cv2.INTER_CUBIC)
        middle = np.s_[square.side // 4 : -(square.side // 4)]
        assert np.abs(frame[there][middle, middle].astype(int) - larger[middle, middle]).mean() < 3
    assert not np.array_equal(frames[0][0], frames[2][0]), "inside it moves"


@pytest.mark.parametrize("batch", [2, 4, 8])
def test_frames_do_not_depend_on_how_many_are_drawn_at_once(
    batch: int, network: PIRendererNetwork, portrait: Portrait
) -> None:
    one, many = (PIRenderer(network, "float32", n).prepare(portrait) for n in (1, batch))
    for a, b in zip(one.frames([motion(11)]), many.frames([motion(11)]), strict=True):
        assert np.abs(a.astype(int) - b).max() <= 1, "at most how the last digit is rounded"


def test_a_portrait_is_encoded_once(network: PIRendererNetwork, portrait: Portrait) -> None:
    calls = []
    hook = network.editing_net.encoder.first.conv.register_forward_hook(lambda *_: calls.append("whole"))
    first = network.warpping_net.hourglass.encoder.input_layer.register_forward_hook(lambda *_: calls.append("source"))
    list(PIRenderer(network, batch=2).prepare(portrait).frames([motion(5)]))
    hook.remove()
    first.remove()
    assert calls == ["source"]


def test_a_plain_colour_is_behind_the_person(network: PIRendererNetwork, closed: Portrait) -> None:
    """Where nobody stands the colour is exact, around the square and in it."""
    frame = next(PIRenderer(network, colour=(0, 177, 64)).prepare(closed).frames([motion(1)]))
    assert frame.shape == closed.image.shape
    plain = np.all(frame == (0, 177, 64), axis=2)
    y, x = closed.landmarks[4, 1].astype(int), closed.landmarks[4, 0].astype(int)
    assert plain.any() and not plain[y, x] and not np.array_equal(frame, closed.image)


def test_transparent_frames_carry_the_persons_cover_along(network: PIRendererNetwork, closed: Portrait) -> None:
    whole = PIRenderer(network, transparent=True).prepare(closed)
    frame = next(whole.frames([motion(1)]))
    assert frame.shape == (*whole.size, 4)
    x, y = np.rint(closed.landmarks[4, :2]).astype(int)
    assert frame[y, x, 3] > 200 and frame[0, 0, 3] < 50
    square = PIRenderer(network, transparent=True).prepare(closed, 128)
    assert next(square.frames([motion(1)])).shape == (128, 128, 4)


def test_motion_of_another_face_space_is_refused(network: PIRendererNetwork, portrait: Portrait) -> None:
    animator = PIRenderer(network).prepare(portrait)
    with pytest.raises(UnusableInput, match="bfm64"):
        next(animator.frames([replace(motion(3), face_space="bfm64")]))
    with pytest.raises(UnusableInput, match="77"):
        PIRenderer(PIRendererNetwork(tiny(), layout="mesh64-gaze"))
    with pytest.raises(UnusableInput, match="nowhere"):
        PIRenderer(PIRendererNetwork(tiny(), layout="nowhere"))


@pytest.mark.parametrize("yaw", [-0.4, 0.0, 0.4])
@pytest.mark.parametrize("iod", [40.0, 150.0])
def test_heads_stand_in_the_square_where_published_weights_expect_them(yaw: float, iod: float) -> None:
    marks = landmarks(np.array([0.1, yaw, 0.05], np.float32), iod)
    head = head_of(marks)
    square = square_around(head)
    assert head.iod == pytest.approx(iod, rel=0.02)
    assert np.allclose(placed(head, square), [4 / 2.78, -0.009, -0.016], atol=0.02)
    assert np.allclose(euler_of(head.rotation), [0.1, yaw, 0.05], atol=0.02)


def test_frontal_eyes_are_where_the_published_constants_put_them() -> None:
    """Deep3D's standard eyes under the crop (0.937, 126.85, 129.04): 67.6 px apart, 94.4 px below the upper edge."""
    marks = landmarks(np.zeros(3, np.float32))
    square = square_around(head_of(marks))
    right, left = ((marks[list(c), :2].mean(axis=0) - (square.left, square.top)) * 256 / square.side
                   for c in ((33, 133), (263, 362)))  # fmt: skip
    assert left[0] - right[0] == pytest.approx(67.6, abs=3.0)
    assert (right[1] + left[1]) / 2 == pytest.approx(94.4, abs=5.0)


def test_a_cut_beyond_the_edge_is_mirrored_and_in_place() -> None:
    image: Image = np.random.default_rng(0).integers(0, 255, (50, 40, 3)).astype(np.uint8)
    inside = cut(image, Square(5, 10, 30), 30)
    assert np.array_equal(inside, image[10:40, 5:35])
    over = cut(image, Square(-6, 30, 30), 30)
    assert np.array_equal(over[:20, 6:], image[30:, :24])
    assert np.array_equal(over[:20, 5], image[30:, 1])
    with pytest.raises(UnusableInput):
        cut(image, Square(60, 60, 30), 30)


def test_the_range_of_pictures_is_used_wholly() -> None:
    image: Image = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    there = to_network(image)
    assert there.min() == -1.0 and there.max() == 1.0 and there.shape == (3, 16, 16)
    assert np.array_equal(from_network(there), image)
    assert np.array_equal(from_network(there * 9)[0, 0], [0, 0, 0])


def test_rotation_counts_from_the_portrait_and_arrives_absolute() -> None:
    portrait_turn, further = np.array([0.0, 0.3, 0.0], np.float32), np.array([[0.0, -0.3, 0.0], [0.2, 0.0, 0.0]])
    head = head_of(landmarks(portrait_turn))
    moves = replace(motion(2), rotation=further.astype(np.float32))
    rows = layout_of("mesh64").rows(moves, head, square_around(head))
    assert rows.shape == (2, 73)
    assert np.allclose(rows[0, 64:67], 0.0, atol=0.02), "turned back to the front"
    whole = rotation_from_euler(further[1].astype(np.float32)) @ rotation_from_euler(portrait_turn)
    assert np.allclose(rows[1, 64:67], euler_of(whole), atol=0.02)
    assert np.array_equal(rows[:, 67:70], moves.translation)


def test_the_order_of_the_published_numbers() -> None:
    head, square = Head(np.eye(3, dtype=np.float32), 90.0, np.zeros(2, np.float32)), Square(0, 0, 256)
    given = replace(motion(2), face_space="bfm64")
    rows = layout_of("bfm64").rows(given, head, square)
    assert np.array_equal(rows[:, :64], given.expression) and np.array_equal(rows[:, 64:67], given.rotation)
    assert np.allclose(rows[:, 70:], [0.9370641, 126.84911, 129.03864])
    own = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], np.float32)
    assert np.array_equal(layout_of("bfm64").rows(replace(given, crop=own), head, square)[:, 70:], own)


def test_gaze_comes_last() -> None:
    head = head_of(landmarks(np.zeros(3, np.float32)))
    rows = layout_of("mesh64-gaze").rows(motion(2), head, square_around(head))
    assert rows.shape == (2, 77) and np.allclose(rows[:, 73:], 4.0 * motion(2).gaze)
    assert len(FaceModel.load().expression_basis) == layout_of("mesh64").expression
