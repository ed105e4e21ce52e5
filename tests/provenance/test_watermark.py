"""The invisible mark: faint, the same every time, and still there after what platforms do to videos."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from dreamtalk.media import read_frames, read_image
from dreamtalk.provenance import detect, pattern
from dreamtalk.provenance.detect import THRESHOLD, find_in_picture, find_mark
from dreamtalk.provenance.pattern import tile_side
from dreamtalk.provenance.payload import CODED_BITS, decode, encode
from dreamtalk.provenance.watermark import ID_BITS, MARK_VERSION, Watermark, payload_of, similarity, watermarked
from dreamtalk.types import Float, Image

PAYLOAD = 0x1234ABCD

PINNED = "790c47449a098df5"
"""Of marked noise; made by 1.0.0."""


@pytest.fixture(scope="module")
def photo() -> Image:
    """The example portrait at 512 px: skin, hair and a plain wall."""
    picture = read_image(Path(__file__).parents[2] / "examples" / "portrait.jpg")
    side = min(picture.shape[:2])
    return np.asarray(cv2.resize(picture[:side, :side], (512, 512), interpolation=cv2.INTER_AREA), np.uint8)


@pytest.fixture(scope="module")
def marked(photo: Image) -> Image:
    return Watermark(photo, PAYLOAD).mark(photo)


def brightness(picture: Image) -> Float:
    return cv2.cvtColor(picture[..., :3], cv2.COLOR_RGB2GRAY).astype(np.float32)


def found(picture: Image) -> int | None:
    mark = find_in_picture(brightness(picture))
    return None if mark is None else mark.payload


def test_the_mark_is_faint_and_fainter_on_smooth_places(photo: Image, marked: Image) -> None:
    difference = marked.astype(np.float32) - photo
    assert 10 * np.log10(255**2 / np.mean(difference**2)) >= 42
    assert similarity(brightness(photo), brightness(marked)) >= 0.99
    wall = np.full((512, 512, 3), 180, np.uint8)
    on_wall = Watermark(wall, PAYLOAD).mark(wall).astype(np.float32) - wall
    assert on_wall.std() < 0.9 and np.abs(on_wall).max() <= 2
    noise = np.random.default_rng(0).integers(60, 200, (512, 512, 3)).astype(np.uint8)
    on_noise = Watermark(noise, PAYLOAD).mark(noise).astype(np.float32) - noise
    assert on_noise.std() > 1.5 * on_wall.std()


def test_pictures_like_ribbons_are_searched_in_their_middle(photo: Image) -> None:
    ribbon = np.tile(photo[:128], (1, 40, 1))
    assert detect._Search(brightness(ribbon))._shape == (128, 512)
    wide = np.tile(photo[:256, :256], (1, 6, 1))
    assert found(Watermark(wide, PAYLOAD).mark(wide)) == PAYLOAD


def test_colours_and_alpha_stay(photo: Image) -> None:
    alpha = np.full((512, 512, 1), 77, np.uint8)
    picture = np.concatenate([np.clip(photo, 20, 235), alpha], axis=2)
    change = Watermark(picture, PAYLOAD).mark(picture).astype(int) - picture
    assert not change[..., 3].any()
    assert (change[..., 0] == change[..., 1]).all() and (change[..., 0] == change[..., 2]).all()


def test_black_and_white_do_not_wrap_around() -> None:
    for level in (0, 255):
        plain = np.full((256, 256, 3), level, np.uint8)
        assert np.abs(Watermark(plain, PAYLOAD).mark(plain).astype(int) - plain).max() <= 2


def test_the_same_frames_are_marked_the_same_way_and_given_ones_stay(photo: Image) -> None:
    before = photo.copy()
    once, again = (list(watermarked(iter([photo, photo[::-1].copy()]))) for _ in range(2))
    assert all((a == b).all() for a, b in zip(once, again, strict=True))
    assert (photo == before).all()
    assert found(once[0]) == payload_of(photo.tobytes())
    assert payload_of(b"") >> 28 == MARK_VERSION and payload_of(b"a") != payload_of(b"b")


def test_frames_of_another_shape_are_refused(photo: Image) -> None:
    with pytest.raises(ValueError, match="made for frames"):
        Watermark(photo, PAYLOAD).mark(photo[:100])


def test_a_plain_photo_has_no_mark_and_a_marked_one_has_its_own(photo: Image, marked: Image) -> None:
    assert found(photo) is None
    assert found(marked) == PAYLOAD


@pytest.mark.parametrize(("height", "width"), [(384, 384), (1024, 800), (331, 447)], ids=lambda side: str(side))
def test_every_size_of_frame_can_be_marked(photo: Image, height: int, width: int) -> None:
    frame = cv2.resize(photo, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    assert found(Watermark(frame, PAYLOAD).mark(frame)) == PAYLOAD


def test_frames_from_448_px_on_are_marked_as_ever() -> None:
    frame = np.random.default_rng(3).integers(0, 256, (28, 30, 3)).repeat(16, axis=0).repeat(16, axis=1)
    change = Watermark(frame.astype(np.uint8), PAYLOAD).mark(np.full(frame.shape, 128, np.uint8)).astype(int) - 128
    assert tile_side(448, 480) == 128 and tile_side(447, 480) < 128
    assert hashlib.sha256((change[..., 0] > 0).tobytes() + (change[..., 0] < 0).tobytes()).hexdigest()[:16] == PINNED


def test_marks_of_small_frames_that_were_made_with_tiles_of_128_px_are_still_found(
    photo: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = cv2.resize(photo, (320, 320), interpolation=cv2.INTER_AREA).astype(np.uint8)
    monkeypatch.setattr(pattern, "_SMALL_MIN_TILE", pattern.MIN_TILE)
    old = Watermark(frame, PAYLOAD).mark(frame)
    mark = find_in_picture(brightness(old))
    assert mark is not None and mark.payload == PAYLOAD and mark.tiles == pytest.approx((2.5, 2.5), abs=0.03)


def test_a_still_of_256_px_is_found_also_when_saved_as_a_small_jpeg(
    photo: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = cv2.resize(photo, (256, 256), interpolation=cv2.INTER_AREA).astype(np.uint8)
    marked = Watermark(frame, PAYLOAD).mark(frame)
    assert 10 * np.log10(255**2 / np.mean((marked.astype(float) - frame) ** 2)) >= 42
    assert similarity(brightness(frame), brightness(marked)) >= 0.99
    assert found(as_jpeg(marked, 80)) == PAYLOAD
    monkeypatch.setattr(detect, "_LIKELY", 1)
    assert found(as_jpeg(marked, 18)) is None
    monkeypatch.undo()
    assert found(as_jpeg(marked, 18)) == PAYLOAD, "of several likely payloads the right one"


def as_jpeg(picture: Image, quality: int) -> Image:
    _, small = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(small, cv2.IMREAD_COLOR), np.uint8)[..., ::-1].copy()


@pytest.mark.parametrize("size", [(256, 256), (800, 800), (480, 512)], ids=str)
def test_the_mark_survives_scaling(marked: Image, size: tuple[int, int]) -> None:
    assert found(cv2.resize(marked, size, interpolation=cv2.INTER_AREA).astype(np.uint8)) == PAYLOAD


def test_the_mark_survives_cropping_and_stretching(marked: Image) -> None:
    assert found(marked[31:-20, 17:-34]) == PAYLOAD
    assert found(cv2.resize(marked[:, 25:-26], (512, 512)).astype(np.uint8)) == PAYLOAD


def test_the_mark_survives_a_poor_encoding_half_size_cropping_and_another_rate(photo: Image, tmp_path: Path) -> None:
    def talk() -> Iterator[Image]:
        down, across = np.mgrid[:512, :512].astype(np.float32)
        head = np.exp(-((across - 256) ** 2 + (down - 230) ** 2) / 90**2)
        for frame in range(75):  # the middle of the picture moves a little, as a head does
            x, y = across + 2 * np.sin(frame / 8) * head, down + np.sin(frame / 13) * head
            x, y = x.astype(np.float32), y.astype(np.float32)
            yield cv2.remap(photo, x, y, cv2.INTER_LINEAR).astype(np.uint8)

    with av.open(str(tmp_path / "poor.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "26"})
        stream.width = stream.height = 460
        stream.pix_fmt = "yuv420p"
        for frame in watermarked(talk(), PAYLOAD):
            small = cv2.resize(frame, (256, 256), interpolation=cv2.INTER_AREA)
            back = cv2.resize(small, (512, 512), interpolation=cv2.INTER_LINEAR)[29:489, 22:482]
            container.mux(
                stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(back, np.uint8), format="rgb24"))
            )
        container.mux(stream.encode(None))
    mark = find_mark(read_frames(tmp_path / "poor.mp4"))
    assert mark is not None and mark.payload == PAYLOAD
    assert mark.tiles == pytest.approx((3.6, 3.6), abs=0.03)


def test_a_mark_that_comes_late_is_found(photo: Image, marked: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect, "PIECE_SECONDS", 1)
    late = [photo] * 30 + [marked] * 30
    mark = find_mark(iter(late))
    assert mark is not None and mark.payload == PAYLOAD
    assert find_mark(iter([])) is None


@pytest.mark.parametrize("kind", ["noise", "flat", "tiles", "tiny"])
def test_pictures_without_the_mark_pass_as_such(kind: str) -> None:
    random = np.random.default_rng(5)
    picture = {
        "noise": random.integers(0, 255, (400, 600, 3)),
        "flat": np.full((512, 512, 3), 90),
        "tiles": np.tile(random.integers(0, 255, (128, 128, 3)), (4, 4, 1)),  # repeats as often as the mark
        "tiny": random.integers(0, 255, (32, 32, 3)),
    }[kind]
    assert found(picture.astype(np.uint8)) is None


def test_trials_stay_below_what_the_threshold_reckons_with(photo: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect, "_SURE", -1.0)  # the worst case: as many scales as allowed are read at once
    search = detect._Search(brightness(photo))
    for tiles in search.likely_scales():
        search.read(*tiles)
    assert search.trials < 2**detect.TRIALS_LOG2
    chances = search.trials * detect.MAX_PIECES * 2.0**ID_BITS * np.exp(-THRESHOLD)
    assert chances < detect.FALSE_ALARM


def test_the_code_stands_noise_that_hides_one_bit_in_six() -> None:
    random = np.random.default_rng(1)
    for payload in (0, PAYLOAD, 2**32 - 1):
        bits = encode(payload)
        assert len(bits) == CODED_BITS
        soft = (2.0 * bits - 1.0 + random.normal(size=CODED_BITS)).astype(np.float32)
        assert 0.08 < ((soft > 0) != bits).mean() < 0.25
        assert decode(soft) == [payload]


def test_of_the_likeliest_payloads_the_right_one_is_among_the_first_where_noise_hides_one_bit_in_four() -> None:
    random = np.random.default_rng(4)
    alone, among = 0, 0
    for payload in range(MARK_VERSION << ID_BITS, (MARK_VERSION << ID_BITS) + 20):
        soft = (2.0 * encode(payload) - 1.0 + 1.6 * random.normal(size=CODED_BITS)).astype(np.float32)
        alone += payload in decode(soft)
        read = decode(soft, 16)
        assert decode(soft) == read[: len(decode(soft))], "the likeliest comes first"
        among += payload in read
    assert alone < 14 and among >= alone + 3


def test_noise_alone_is_mostly_refused_by_the_checksum() -> None:
    random = np.random.default_rng(2)
    read = [decode(random.normal(size=CODED_BITS).astype(np.float32)) for _ in range(60)]
    assert sum(map(len, read)) <= 3


@pytest.mark.parametrize("payload", [-1, 2**32])
def test_a_payload_that_does_not_fit_is_refused(payload: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        encode(payload)
