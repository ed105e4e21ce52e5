"""Good files of every kind that is read, for fuzzing.py to damage."""

from __future__ import annotations

import io
import json
import struct
import tempfile
import zlib
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from PIL import Image, ImageCms

Seeds = dict[str, bytes]
"""File names, which the endings matter of, and contents of good files."""

EXAMPLES = Path(__file__).parents[2] / "examples"


def image_seeds() -> Seeds:
    picture = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    picture = cv2.resize(picture, (64, 48))
    seeds = {}
    for ending in (".png", ".jpg", ".webp", ".bmp", ".tiff"):
        seeds[f"a{ending}"] = cv2.imencode(ending, picture)[1].tobytes()
    seeds["alpha.png"] = cv2.imencode(".png", np.dstack([picture, picture[..., :1]]))[1].tobytes()
    seeds["deep.png"] = cv2.imencode(".png", picture.astype(np.uint16) * 200)[1].tobytes()
    seeds["deep.tiff"] = cv2.imencode(".tiff", picture.astype(np.uint16) * 200)[1].tobytes()
    seeds["a.avif"] = cv2.imencode(".avif", picture)[1].tobytes()
    seeds["a.gif"] = cv2.imencode(".gif", picture)[1].tobytes()
    seeds["phone.heic"] = (Path(__file__).parents[1] / "data" / "phone.heic").read_bytes()
    return seeds | _rarer_images(Image.fromarray(picture))


def _rarer_images(picture: Image.Image) -> Seeds:
    """Printers' colours, palettes, animations, pyramids, packed strips, tiles; with profile, rotation, transparency."""
    exif = Image.Exif()
    exif[0x0112] = 6
    more: dict[str, Any] = {
        "exif": exif,
        "icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
    }
    clear, few = picture.convert("RGBA"), picture.quantize(16)
    clear.putalpha(picture.convert("L"))
    others = [picture.rotate(90 * n) for n in (1, 2)]
    kinds: list[tuple[str, Image.Image, dict[str, Any]]] = [
        ("cmyk.jpg", picture.convert("CMYK"), more),
        ("passes.jpg", picture, {"progressive": True, **more}),
        ("grey.jpg", picture.convert("L"), {}),
        ("two.mpo", picture, {"save_all": True}),
        ("few.png", few, {"transparency": 3, **more}),
        ("bits.png", picture.convert("1"), {}),
        ("moving.png", clear, {"save_all": True}),
        ("moving.gif", few, {"save_all": True, "transparency": 0}),
        ("moving.webp", clear, {"save_all": True, **more}),
        ("exact.webp", clear, {"lossless": True, **more}),
        ("clear.avif", clear, more),
        ("a.jp2", picture, {}),
        ("a.ppm", picture, {}),
        ("few.bmp", few, {}),
        ("lzw.tiff", clear, {"compression": "tiff_lzw", **more}),
        ("jpeg.tiff", picture, {"compression": "jpeg"}),
        ("fax.tiff", picture.convert("1"), {"compression": "group4"}),
        ("cmyk.tiff", picture.convert("CMYK"), {"compression": "tiff_adobe_deflate", **more}),
        ("pages.tiff", picture, {"save_all": True}),
    ]
    formats = {".jpg": "JPEG", ".mpo": "MPO", ".jp2": "JPEG2000"}
    seeds = {}
    for name, image, options in kinds:
        if "save_all" in options:
            options["append_images"] = [other.copy() for other in others]
        file, ending = io.BytesIO(), Path(name).suffix
        image.copy().save(file, formats.get(ending, ending[1:]), **options)  # saving leaves settings in a picture
        seeds[name] = file.getvalue()
    return seeds


def _media(ending: str, video: str | None, audio: str | None, rate: int = 16_000) -> bytes:
    file = io.BytesIO()
    formats = {".mkv": "matroska", ".m4a": "mp4"}
    with av.open(file, "w", format=formats.get(ending, ending[1:])) as container:
        pictures = container.add_stream(video, rate=25) if video else None
        sound = container.add_stream(audio, rate=rate, layout="mono") if audio else None
        if pictures is not None:
            pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
            for n in range(12):
                frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 10 * n, np.uint8), format="rgb24")
                container.mux(pictures.encode(frame))
            container.mux(pictures.encode(None))
        if sound is not None:
            hum = (0.2 * np.sin(np.arange(rate // 2) / 9)).astype(np.float32)[np.newaxis]
            frame = av.AudioFrame.from_ndarray(hum, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = rate, 0
            to = av.AudioResampler(sound.codec_context.format, sound.codec_context.layout, rate)
            for part in [*to.resample(frame), *to.resample(None), None]:
                container.mux(sound.encode(part))
    return file.getvalue()


def sound_seeds() -> Seeds:
    return {
        "a.wav": _media(".wav", None, "pcm_s16le"),
        "f.wav": _media(".wav", None, "pcm_f32le", 44_100),
        "a.flac": _media(".flac", None, "flac"),
        "a.ogg": _media(".ogg", None, "libopus", 48_000),
        "a.mp3": _media(".mp3", None, "libmp3lame"),
        "a.m4a": _media(".m4a", None, "aac"),
    }


def video_seeds() -> Seeds:
    return {
        "a.mp4": _media(".mp4", "libx264", "aac"),
        "a.webm": _media(".webm", "libvpx", "libopus", 48_000),
        "a.mkv": _media(".mkv", "mpeg4", "pcm_s16le"),
        "a.avi": _media(".avi", "mpeg4", "libmp3lame"),
        "a.gif": _gif(),
    }


def _gif() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="gif") as container:
        stream = container.add_stream("gif", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "rgb8"
        for n in range(5):
            image = np.full((48, 64, 3), 40 * n, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="rgb8")))
        container.mux(stream.encode(None))
    return file.getvalue()


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def motion_seeds() -> Seeds:
    from dreamtalk.types import VIDEO_FPS

    n, one = 6, np.float32(1)
    motion = {
        "expression": np.zeros((n, 64), np.float32),
        "rotation": np.zeros((n, 3), np.float32),
        "translation": np.zeros((n, 3), np.float32),
        "gaze": np.zeros((n, 4), np.float32),
        "fps": np.float64(VIDEO_FPS),
        "face_space": "mesh64",
    }
    track = {
        "landmarks": np.ones((n, 478, 3), np.float32) * one,
        "pose": np.zeros((n, 6), np.float32),
        "blendshapes": np.zeros((n, 52), np.float32),
        "valid": np.ones(n, np.bool_),
        "expression": np.zeros((n, 64), np.float32),
    }
    return {
        "motion.npz": npz(**motion),
        "track.npz": npz(**{**motion, **track}),
        "coeff.npy": _npy(np.zeros((n, 73), np.float32)),
        "take.csv": _take(motion),
    }


def _take(motion: dict[str, Any]) -> bytes:
    from dreamtalk.convert import export_motion
    from dreamtalk.types import Motion

    arrays = {name: motion[name] for name in ("expression", "rotation", "translation", "gaze")}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "take.csv"
        export_motion(Motion(**arrays), file)
        return file.read_bytes()


def _npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def style_seeds() -> Seeds:
    from dreamtalk.style.files import StyleClip, save_style

    with tempfile.TemporaryDirectory() as folder:
        clip = StyleClip(np.zeros((40, 64), np.float32), "mesh64", "somebody")
        return {"style.npz": save_style(Path(folder) / "style.npz", clip).read_bytes()}


def timeline_seeds() -> Seeds:
    keys = [{"start": 0, "style": "happy"}, {"start": 1.5, "style": "sad:2", "intensity": 0.5, "transition": 1.0}]
    other = {"driver_expressions": {"expressions": [{"start_frame": 0, "expression": "happy", "intensity": 0.7}]}}
    lines = "- start: 0\n  style: happy\n- start: 2\n  style: angry\n  intensity: 1.2\n"
    return {"a.json": json.dumps(keys).encode(), "d.json": json.dumps(other).encode(), "a.yaml": lines.encode()}


def weights_seeds() -> Seeds:
    from dreamtalk.motion import MotionModel

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "weights.safetensors"
        MotionModel.debug().save(file)
        return {"weights.safetensors": file.read_bytes()}


def marked_seeds() -> Seeds:
    from dreamtalk.provenance.credentials import credentials
    from dreamtalk.provenance.manifest import seal
    from dreamtalk.provenance.origin import Origin

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "a.mp4"
        file.write_bytes(_media(".mp4", "libx264", "aac"))
        seal(file, Origin({}, {}, {}), None, credentials())
        return {"sealed.mp4": file.read_bytes(), **image_seeds()}


def inspected_seeds() -> Seeds:
    """What people would have verified: signed pictures and videos, and those that can hold a note alone."""
    return {**signed_seeds(), "plain.webm": video_seeds()["a.webm"], "plain.mkv": video_seeds()["a.mkv"]}


def talk_seeds() -> Seeds:
    picture = cv2.imread(str(EXAMPLES / "portrait.jpg"))
    small = cv2.resize(picture, (picture.shape[1] // 3, picture.shape[0] // 3), interpolation=cv2.INTER_AREA)
    files = {f"a{ending}": cv2.imencode(ending, small)[1].tobytes() for ending in (".jpg", ".png")}
    return {**files, "a.wav": _media(".wav", None, "pcm_s16le"), "a.mp4": _media(".mp4", "libx264", "aac")}


def coefficient_seeds() -> Seeds:
    from dreamtalk.convert.matlab import write_matlab

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "a.mat"
        write_matlab(file, {"coeff": np.zeros((5, 257), np.float32), "transform_params": np.ones((5, 5), np.float32)})
        plain = file.read_bytes()
        packed = zlib.compress(plain[128:])  # as MATLAB's own files are: one element of the type 15
        small = plain[:128] + struct.pack("<II", 15, len(packed)) + packed
        return {"a.mat": plain, "packed.mat": small, "a.npy": _npy(np.zeros((5, 64), np.float32))}


def code_seeds() -> Seeds:
    """Predicted styles, of the debug motion model."""
    from dreamtalk.motion import MotionModel
    from dreamtalk.style.code_file import save_code
    from dreamtalk.types import Style

    null = MotionModel.debug().neutral_style().code
    with tempfile.TemporaryDirectory() as folder:
        return {"code.npz": save_code(Path(folder) / "code.npz", Style(null, "x"), null).read_bytes()}


def yaml_seeds() -> Seeds:
    many = "".join(f"- {{start: {n}, style: 'happy:{n % 3 + 1}', intensity: 0.{n}}}\n" for n in range(9))
    shared = "- &a\n  start: 0\n  style: happy\n- start: 3\n  style: &s sad\n- start: 4.5\n  style: *s\n"
    return {"many.yaml": many.encode(), "shared.yml": shared.encode()}


def table_seeds() -> Seeds:
    head = "portrait,audio,output,style,intensity,size,consent,provenance,pose,background"
    picture, sound = str(EXAMPLES / "portrait.jpg"), str(EXAMPLES / "speech.wav")
    more = '256,"she, too",yes,still,#0a0b0c'
    rows = [f"{picture},{sound},out/{n}.mp4,happy:{n},0.{n},{more}" for n in (1, 2, 3)]
    given = {"portrait": picture, "audio": sound, "output": "a.mp4", "options": {"style": "sad", "seed": 3}}
    lines = [json.dumps(given), json.dumps({**given, "output": "b.webm", "intensity": 0.5, "size": 512})]
    return {
        "a.csv": "\n".join([head, *rows]).encode(),
        "a.tsv": "\n".join([head, *rows]).replace("she, too", "she").replace(",", "\t").encode(),
        "a.jsonl": "\n".join(lines).encode(),
    }


def request_seeds() -> Seeds:
    options = {"style": "happy:2", "intensity": 0.5, "size": "512", "seed": 7, "pose": {"upload": "a" * 32}}
    timeline = [{"start": 0, "style": "sad"}, {"start": 1.5, "style": {"upload": "b" * 32}, "intensity": 1}]
    talk = {"portrait": "example:astronaut", "audio": "c" * 32, "consent": "she agreed", "format": "mov"}
    asked = [{**talk, "options": options}, {**talk, "options": {**options, "timeline": timeline}}, talk]
    return {f"{n}.json": json.dumps(one).encode() for n, one in enumerate(asked)}


def upload_seeds() -> Seeds:
    """One of each kind; names on the server have no endings."""
    kinds = {
        "image": talk_seeds()["a.jpg"],
        "sound": sound_seeds()["a.ogg"],
        "video": video_seeds()["a.webm"],
        "motion": motion_seeds()["motion.npz"],
        "track": motion_seeds()["track.npz"],
        "take": motion_seeds()["take.csv"],
        "style": style_seeds()["style.npz"],
        "timeline": timeline_seeds()["d.json"],
    }
    return {f"upload-{kind}": data for kind, data in kinds.items()}


def network_seeds() -> Seeds:
    """Weights of every network that people may give or that is loaded beside the motion model."""
    from dreamtalk.lipsync.expert import LipExpert, LipExpertConfig
    from dreamtalk.motion import MotionModel
    from dreamtalk.motion.reader import ArticulationReader, ReaderConfig
    from dreamtalk.render.pirenderer.config import tiny
    from dreamtalk.render.pirenderer.network import PIRendererNetwork
    from dreamtalk.render.refine.network import RefineConfig, RefineNetwork
    from dreamtalk.style.predictor import StylePredictor

    networks = {
        "expert": LipExpert(LipExpertConfig(width=16, style_width=16)),
        "reader": ArticulationReader(ReaderConfig(width=4, hidden=4)),
        "pirenderer": PIRendererNetwork(tiny(coefficients=5)),
        "refine": RefineNetwork(RefineConfig(width=4)),
        "predictor": StylePredictor.debug(MotionModel.debug()),
    }
    seeds = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, network in networks.items():
            file = Path(folder) / f"{name}.safetensors"
            network.save(file)
            seeds[file.name] = file.read_bytes()
    return seeds


def signed_seeds() -> Seeds:
    """Inputs that come with a C2PA manifest of their own."""
    from dreamtalk.provenance.credentials import credentials
    from dreamtalk.provenance.manifest import sign
    from dreamtalk.provenance.origin import Origin

    seeds, pictures = {}, image_seeds()
    for name, kind in (("a.png", "image/png"), ("a.jpg", "image/jpeg"), ("a.webp", "image/webp")):
        out = io.BytesIO()
        sign(kind, io.BytesIO(pictures[name]), out, Origin({}, {}, {}), None, credentials())
        seeds[name] = out.getvalue()
    return {**seeds, "sealed.mp4": marked_seeds()["sealed.mp4"]}
