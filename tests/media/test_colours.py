"""Whatever colours a file is stored in, those of an ordinary screen come out."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
from numpy.typing import NDArray

from dreamtalk.errors import UnusableInput
from dreamtalk.media import is_image, read_frames, read_image, stills
from dreamtalk.media.colour import WHITE_NITS, coded_space, pq_value, srgb_light, to_srgb, to_xyz
from dreamtalk.media.heif import read_heif_header
from dreamtalk.media.pixels import frame_rgb

PHONE = Path(__file__).parents[1] / "data" / "phone.heic"
"""96 × 64 px of HEVC with the profile of Display P3, made for this test with libheif: COLOURS in its four quarters."""

COLOURS = np.array([[[200, 60, 60], [60, 160, 80]], [[70, 90, 190], [225, 180, 150]]], np.uint8)

WEIGHTS = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}
"""Shares of red and blue in the brightness: BT.709, BT.601, BT.2020."""


def quarters(picture: NDArray[Any]) -> NDArray[Any]:
    """(2, 2, 3): the colours in the middle of the quarters."""
    height, width = picture.shape[:2]
    return picture[height // 4 :: height // 2, width // 4 :: width // 2][:2, :2].astype(int)


def write_tagged(
    path: Path, rgb: NDArray[np.float64], matrix: int, *, full: bool = False, tags: tuple[int, int] | None = (1, 1)
) -> None:
    """A lossless video (H, W, 3) of 0 to 1 through a matrix of our own; tags: transfer and primaries, None: no tags."""
    red, blue = WEIGHTS[matrix]
    light = rgb @ np.array([red, 1.0 - red - blue, blue])
    planes = [light, (rgb[..., 2] - light) / (2 - 2 * blue), (rgb[..., 0] - light) / (2 - 2 * red)]
    scale, offset = ((1023, 1023), (0, 512)) if full else ((876, 896), (64, 512))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width = rgb.shape[:2]
        stream.pix_fmt = "yuv444p10le"
        frame = av.VideoFrame(stream.width, stream.height, stream.pix_fmt)
        if tags is not None:
            stream.codec_context.color_trc, stream.codec_context.color_primaries = tags
            stream.codec_context.colorspace = matrix
            stream.codec_context.color_range = 2 if full else 1
            frame.colorspace, frame.color_range = matrix, 2 if full else 1
        for number, plane in enumerate(planes):
            rows = np.zeros((stream.height, frame.planes[number].line_size // 2), "<u2")
            rows[:, : stream.width] = np.rint(plane * scale[number > 0] + offset[number > 0])
            frame.planes[number].update(rows)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def board(height: int = 64) -> NDArray[np.float64]:
    return np.kron(COLOURS / 255.0, np.ones((height // 2, height // 2, 1)))


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", [1, 6, 9])
def test_tagged_videos_of_one_scene_look_alike(matrix: int, full: bool, tmp_path: Path) -> None:
    write_tagged(tmp_path / "a.mkv", board(), matrix, full=full)
    assert np.abs(quarters(next(read_frames(tmp_path / "a.mkv"))) - COLOURS).max() <= 2


@pytest.mark.parametrize(("height", "matrix"), [(64, 6), (720, 1)])
def test_without_tags_the_size_tells_the_matrix_as_in_players(height: int, matrix: int, tmp_path: Path) -> None:
    write_tagged(tmp_path / "a.mkv", board(height), matrix, tags=None)
    assert np.abs(quarters(next(read_frames(tmp_path / "a.mkv"))) - COLOURS).max() <= 2


@pytest.mark.parametrize("matrix", [2, 3, 8, 10, 14, 15, 200])
def test_rare_matrices_are_read_as_near_ones(matrix: int) -> None:
    frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), format="rgb24").reformat(format="yuv420p")
    frame.colorspace = matrix
    assert np.abs(frame_rgb(frame).astype(int) - 90).max() <= 3


def stored(transfer: int, gamut: str, light: NDArray[np.float64]) -> NDArray[np.float64]:
    """sRGB's light as HDR stores it, with diffuse white where BT.2408 wants it."""
    wide = np.clip(light @ (np.linalg.inv(to_xyz(gamut)) @ to_xyz("BT.709")).T, 0, None)
    if transfer == 16:
        return pq_value(wide * WHITE_NITS)
    screen = wide * WHITE_NITS / 1000.0
    scene = screen * (screen @ to_xyz(gamut)[1])[..., None] ** (1 / 1.2 - 1)
    with np.errstate(invalid="ignore"):
        return np.where(scene <= 1 / 12, np.sqrt(3 * scene), 0.17883277 * np.log(12 * scene - 0.28466892) + 0.55991073)


@pytest.mark.parametrize("transfer", [16, 18])
def test_hdr_video_keeps_skin_and_darker_tones(transfer: int, tmp_path: Path) -> None:
    dark = board() * 0.75
    write_tagged(tmp_path / "a.mkv", stored(transfer, "BT.2020", srgb_light(dark)), 9, tags=(transfer, 9))
    found = quarters(next(read_frames(tmp_path / "a.mkv")))
    assert np.abs(found - COLOURS * 0.75).max() <= 3


@pytest.mark.parametrize("transfer", [16, 18])
def test_brighter_light_stays_brighter_and_white_is_white(transfer: int) -> None:
    space = coded_space(transfer, 9)
    assert space is not None
    ramp = np.tile(np.arange(0, 65536, 64, dtype=np.uint16)[None, :, None], (1, 1, 3))
    shown = to_srgb(ramp, space)[0]
    assert (np.diff(shown.astype(int), axis=0) >= -1).all() and (shown[0] == 0).all() and (shown[-1] == 255).all()
    white = {16: 0.58, 18: 0.75}[transfer]  # BT.2408, table 1: the stored value of diffuse white
    assert 220 <= shown[round(white * 1023), 1] <= 240  # room is left above it for what shines


def test_a_wide_gamut_without_hdr(tmp_path: Path) -> None:
    light = srgb_light(board()) @ (np.linalg.inv(to_xyz("Display P3")) @ to_xyz("BT.709")).T
    value = np.where(light <= 0.0031308, light * 12.92, 1.055 * np.clip(light, 0, None) ** (1 / 2.4) - 0.055)
    write_tagged(tmp_path / "a.mkv", value, 1, tags=(1, 12))
    assert np.abs(quarters(next(read_frames(tmp_path / "a.mkv"))) - COLOURS).max() <= 2


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def write_png(path: Path, rgb: NDArray[np.float64], *chunks: bytes) -> None:
    """16 bit, with more chunks behind the header."""
    deep = np.rint(np.clip(rgb, 0, 1) * 65535).astype(np.uint16)[..., ::-1]
    data = cv2.imencode(".png", deep)[1].tobytes()
    path.write_bytes(data[:33] + b"".join(chunks) + data[33:])


def test_sixteen_bits_and_the_colours_a_png_names(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", board())
    assert np.abs(quarters(read_image(tmp_path / "a.png")) - COLOURS).max() <= 1
    dark = board() * 0.75
    write_png(tmp_path / "a.png", stored(16, "BT.2020", srgb_light(dark)), chunk(b"cICP", bytes([9, 16, 0, 1])))
    assert np.abs(quarters(read_image(tmp_path / "a.png")) - COLOURS * 0.75).max() <= 4  # PQ has coarse steps in 8 bits


def test_a_profile_of_adobe_rgb(tmp_path: Path) -> None:
    # D50 columns and gamma of Adobe RGB (1998), from its own specification.
    columns = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
    to_srgb_light = np.linalg.inv(
        [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]]
    )
    light = srgb_light(board()) @ np.linalg.inv(to_srgb_light @ columns).T
    write_png(tmp_path / "a.png", light ** (256 / 563), chunk(b"iCCP", b"a\0\0" + zlib.compress(profile(columns, 563))))
    assert np.abs(quarters(read_image(tmp_path / "a.png")) - COLOURS).max() <= 2


def profile(columns: NDArray[np.float64], gamma: int) -> bytes:
    """An ICC profile: gamma in 1/256."""
    fixed = np.rint(columns * 65536).astype(">i4")
    tags = {name: b"XYZ \0\0\0\0" + fixed[:, n].tobytes() for n, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), b"curv\0\0\0\0\0\0\0\1" + struct.pack(">H", gamma))
    table, body = struct.pack(">I", len(tags)), b""
    for name, tag in tags.items():
        table += struct.pack(">4sII", name, 132 + 12 * len(tags) + len(body), len(tag))
        body += tag
    head = struct.pack(">I4sI12s12x4s", 128 + len(table) + len(body), b"test", 0x02200000, b"mntrRGB XYZ ", b"acsp")
    white = struct.pack(">3i", 63_190, 65_536, 54_061)  # D50, in which profiles speak
    return head.ljust(68, b"\0") + white.ljust(60, b"\0") + table + body


@pytest.mark.parametrize("damage", [b"", b"\0" * 200, b"\0" * 16 + b"RGB XYZ " + b"\xff" * 300])
def test_a_broken_profile_is_no_profile(damage: bytes, tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", board(), chunk(b"iCCP", b"a\0\0" + zlib.compress(damage)))
    assert np.abs(quarters(read_image(tmp_path / "a.png")) - COLOURS).max() <= 1


def test_a_heic_of_a_phone() -> None:
    assert is_image(PHONE) and read_image(PHONE).shape == (64, 96, 3)
    assert np.abs(quarters(read_image(PHONE)) - COLOURS).max() <= 6


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def grid(turned: int = 0, claimed: tuple[int, int] = (192, 64)) -> bytes:
    """Two copies of PHONE side by side, as phones cut their pictures into pieces."""
    data = PHONE.read_bytes()
    header = read_heif_header(data)
    assert header is not None
    piece = header.items[header.primary]
    start, length = piece.extents[0]
    settings = piece.find(b"hvcC") or b""
    kinds = (b"hvc1", b"hvc1", b"grid")
    plan = bytes([0, 0, 0, 1]) + struct.pack(">HH", 192, 64)

    def meta(place: int) -> bytes:
        infos = [box(b"infe", b"\2\0\0\0", struct.pack(">HH", n + 1, 0), kind, b"\0") for n, kind in enumerate(kinds)]
        sizes = [box(b"ispe", bytes(4), struct.pack(">II", *size)) for size in ((96, 64), claimed)]
        known = box(b"ipco", box(b"hvcC", settings), *sizes, box(b"irot", bytes([turned])))
        said = struct.pack(">I", 3) + b"\0\1\2\1\2" + b"\0\2\2\1\2" + b"\0\3\2\3\4"
        places = b""
        for number, (inside, offset, size) in enumerate(((0, place, length), (0, place, length), (1, 0, len(plan)))):
            places += struct.pack(">HHHHII", number + 1, inside, 0, 1, offset, size)
        return box(
            b"meta",
            bytes(4),
            box(b"pitm", bytes(4), struct.pack(">H", 3)),
            box(b"iinf", bytes(4), struct.pack(">H", 3), *infos),
            box(b"iref", bytes(4), box(b"dimg", struct.pack(">HHHH", 3, 2, 1, 2))),
            box(b"iprp", known, box(b"ipma", bytes(4), said)),
            box(b"iloc", b"\1\0\0\0\x44\0", struct.pack(">H", 3), places),
            box(b"idat", plan),
        )

    front = box(b"ftyp", b"heic\0\0\0\0mif1heic")
    place = len(front) + len(meta(0)) + 8
    return front + meta(place) + box(b"mdat", data[start : start + length])


def test_a_picture_in_pieces_is_put_together_and_turned(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(grid())
    whole = read_image(tmp_path / "a.heic").astype(int)
    assert whole.shape == (64, 192, 3) and np.abs(whole[:, :96] - whole[:, 96:]).max() == 0
    plain = [[[185, 71, 66], [89, 158, 89]], [[74, 89, 184], [218, 182, 154]]]  # this file names no profile
    assert np.abs(quarters(whole[:, :96]) - plain).max() <= 2
    (tmp_path / "a.heic").write_bytes(grid(turned=1))
    assert np.array_equal(read_image(tmp_path / "a.heic"), np.rot90(whole))


def test_a_picture_in_pieces_that_lies_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(grid(claimed=(100_000, 100_000)))
    with pytest.raises(UnusableInput, match="too large"):
        read_image(tmp_path / "a.heic")
    for data in (grid(claimed=(64, 64)), grid()[:-200], PHONE.read_bytes()[:700]):
        (tmp_path / "a.heic").write_bytes(data)
        with pytest.raises(UnusableInput, match=r"damaged|not a picture"):
            read_image(tmp_path / "a.heic")


def again_and_again(heif: bytes, times: int) -> bytes:
    """The bytes of its only item several times behind one another; they stand at the end of the file."""
    header = read_heif_header(heif)
    assert header is not None
    [(start, length)] = header.items[header.primary].extents
    assert start + length == len(heif)
    place = heif.index(struct.pack(">I", length), heif.index(b"iloc"))
    front = heif[:place] + struct.pack(">I", times * length) + heif[place + 4 : start]
    return front + heif[start:] * times


def test_a_film_of_av1_is_no_picture(tmp_path: Path) -> None:
    """All its pictures would be unpacked: 50 of 64 megapixels were 5 GB."""
    file = io.BytesIO()
    PIL.Image.fromarray(np.kron(COLOURS, np.ones((20, 30, 1), np.uint8))).save(file, "AVIF")
    (tmp_path / "a.avif").write_bytes(again_and_again(file.getvalue(), 2))
    assert np.abs(quarters(read_image(tmp_path / "a.avif")) - COLOURS).max() <= 6
    (tmp_path / "a.avif").write_bytes(again_and_again(file.getvalue(), 50))
    with pytest.raises(UnusableInput, match="damaged"):
        read_image(tmp_path / "a.avif")


def test_a_second_larger_picture_behind_the_first_is_not_looked_at(tmp_path: Path) -> None:
    data = PHONE.read_bytes()
    start = data.index(b"meta") - 4
    meta = data[start : start + struct.unpack_from(">I", data, start)[0]]
    size = meta.index(b"ispe") + 8
    second = meta[:size] + struct.pack(">II", 100_000, 100_000) + meta[size + 8 :]
    (tmp_path / "a.heic").write_bytes(data + box(b"free", bytes(2 << 20)) + second)
    assert np.array_equal(read_image(tmp_path / "a.heic"), read_image(PHONE))


def test_pieces_outside_of_the_picture_are_refused(tmp_path: Path) -> None:
    data = grid(claimed=(90, 64)).replace(
        b"\0\0\0\1" + struct.pack(">HH", 192, 64), b"\0\0\0\1" + struct.pack(">HH", 90, 64)
    )
    (tmp_path / "a.heic").write_bytes(data)
    with pytest.raises(UnusableInput, match="damaged"):
        read_image(tmp_path / "a.heic")


def test_damaged_exif_turns_nothing(tmp_path: Path) -> None:
    image = PIL.Image.fromarray(np.kron(COLOURS, np.ones((20, 30, 1), np.uint8)))
    image.save(tmp_path / "a.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\x01\x12\0\xff" * 9, quality=95)
    assert np.abs(quarters(read_image(tmp_path / "a.jpg")) - COLOURS).max() <= 6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_comes_out_upright(orientation: int, tmp_path: Path) -> None:
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    picture = PIL.Image.fromarray(np.kron(COLOURS, np.ones((20, 30, 1), np.uint8)))
    picture.save(tmp_path / "a.png", exif=exif)
    with PIL.Image.open(tmp_path / "a.png") as stored:
        assert np.array_equal(read_image(tmp_path / "a.png"), np.asarray(PIL.ImageOps.exif_transpose(stored)))


def odd_printer() -> bytes:
    """An ICC profile of a printer whose ink called cyan is red; the other three print nothing."""
    lab = [b"\x88\xd0\xc3" if corner >> 3 else b"\xff\x80\x80" for corner in range(16)]  # cyan's steps are the slowest
    ramp = bytes(range(256))
    matrix = struct.pack(">9i", *(np.eye(3, dtype=int).ravel() << 16))
    table = b"mft1\0\0\0\0\4\3\2\0" + matrix + ramp * 4 + b"".join(lab) + ramp * 3
    head = struct.pack(">I4sI12s12x4s", 144 + len(table), b"test", 0x02200000, b"prtrCMYKLab ", b"acsp")
    white = struct.pack(">3i", 63_190, 65_536, 54_061)
    tags = struct.pack(">I4sII", 1, b"A2B0", 144, len(table))
    return head.ljust(68, b"\0") + white.ljust(60, b"\0") + tags + table


@pytest.mark.parametrize("suffix", ["jpg", "tiff"])
def test_inks_are_what_the_profile_says(suffix: str, tmp_path: Path) -> None:
    inks = PIL.Image.new("CMYK", (64, 64), (255, 0, 0, 0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing is guessed
        inks.save(tmp_path / f"a.{suffix}", icc_profile=odd_printer())
        red, green, blue = read_image(tmp_path / f"a.{suffix}")[32, 32]
    assert red > 100 and green < 30 and blue < 30  # darker than its word: the printer has no black


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "CMYK", "P"])
def test_a_strip_at_a_time_is_as_the_whole(mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = PIL.Image.fromarray(np.random.default_rng(0).integers(0, 255, (97, 61, 4), np.uint8))
    columns = to_xyz("Display P3")
    image = image.convert("RGB").quantize(32) if mode == "P" else image.convert(mode)
    image.save(tmp_path / "a.tiff", icc_profile=profile(columns, 563))
    whole = read_image(tmp_path / "a.tiff")
    monkeypatch.setattr(stills, "_STRIP_PIXELS", 61 * 10)
    assert whole.shape == (97, 61, 3) and np.array_equal(read_image(tmp_path / "a.tiff"), whole)


def test_a_rotated_transparent_picture_is_turned(tmp_path: Path) -> None:
    rgba = np.dstack([np.kron(COLOURS, np.ones((20, 30, 1))), np.full((40, 60), 255)]).astype(np.uint8)
    for suffix in ("png", "webp"):
        exif = PIL.Image.Exif()
        exif[0x0112] = 6
        rgba[:, -1, 3] = 0  # some of it is transparent
        PIL.Image.fromarray(rgba).save(tmp_path / f"a.{suffix}", exif=exif, lossless=True)
        assert np.abs(quarters(read_image(tmp_path / f"a.{suffix}")) - np.rot90(COLOURS, -1)).max() <= 2
