"""The mouth behind the lips: where cavity, tongue and teeth stand in each frame."""

from __future__ import annotations

import cv2
import numpy as np

from dreamtalk.render.mesh import topology as topo
from dreamtalk.render.mesh.canvas import Canvas
from dreamtalk.render.mesh.drawing import Double, coarser, fill, region, smoothstep, soften, stroke
from dreamtalk.render.mesh.geometry import FaceGeometry, Shape
from dreamtalk.render.mesh.interior import Scene, Strip, paint_interior
from dreamtalk.render.mesh.mouth_light import mouth_light
from dreamtalk.render.mesh.own_teeth import OwnTeeth
from dreamtalk.render.mesh.photo_look import photo_look
from dreamtalk.render.mesh.teeth import Teeth, arch_table, paint_teeth
from dreamtalk.types import Float, Image

_VISIBLE_MM, _FADE_MM = 0.25, 0.8
"""The inside shows from the first opening on, fully after another of the second."""
_EDGE_BLUR_MM, _EDGE_BLUR_PX, _EDGE_BLUR_LOOK = 0.3, 0.3, 0.7
"""Softness of the lips' inner edge, at least, in mm, in px of the photo, and relative to the photo's own blur."""
_HAZE, _HAZE_MOST = 0.55, 0.25
"""The mouth is no darker than this share of the photo's darkest parts, or the second of the skin."""
_HAZE_LIP = 0.7
"""Share of the lips' colour in that darkness."""
_TOOTH_DETAIL = 2.0
"""Texture points of the painted teeth per px of the photo, at most."""
_COLUMNS = 97
"""Samples of lips and arch over the mouth's width."""

_SEAM_MM, _SEAM_DARK, _SEAM_SHADE = 0.6, 0.75, 0.35
"""Width of the line between closed lips, how dark it is, and how dark the soft shadow around it."""
_SEAM_GONE_MM = 2.2
"""Lips so far apart show nothing of it: it gives way slowly, for with the inside it would go all at once."""

_MEET_PX = 6.0
"""Picture taken around the line along which the lips of an open photo meet."""

_PURSED = 0.33
"""Loss of width of fully pursed lips."""
_OWN_EDGE_MM, _BEHIND_OWN_MM = (-4.0, 6.0), 0.8
"""Where the photo's own teeth may end; the painted ones end a little higher, or they would show as a second row."""
_OWN_FALL = 0.5
"""Beside the photo's own teeth the painted ones darken less towards the corners: there is light on the row."""
_UPPER_SHOWN_MM = 3.0
"""How much of the upper teeth a wide-open mouth shows at least; they are lowered by up to 4 mm for it."""
_LOWER_EDGE_MM = 2.0
"""Lower incisal edge below the resting lip line, when the jaw is closed."""
_LOWER_SHOWN_MM = 4.0
"""The lower lip leaves the jaw behind by at most this: tracked chins move too little."""
_LOWER_SHOWN_WIDE_MM = 5.0
"""In a wide-open mouth the lower lip leaves the jaw behind by at least this."""
_ON_LIP_MM = 0.4
"""Where the lower lip is under the teeth (f, v), it hides this much of them."""
_UPPER_DEPTH_MM, _LOWER_DEPTH_MM = 2.5, 4.5
"""How far behind the lips the incisors stand."""
_LOWER_DIM = 0.86
_TONGUE_DOWN_MM, _TONGUE_DEPTH_MM = 6.8, 13.0
_TONGUE_HALF_MM = (19.0, 9.5)
_TONGUE_RISE, _TONGUE_RISE_FROM_MM = 0.30, 5.0
"""The tongue stays behind a falling jaw: it fills a wide-open mouth."""
_TIP_BEHIND_MM, _TIP_DEPTH_MM = 0.8, 4.0
"""A raised tongue reaches so far up behind the edge of the upper teeth, and stands so far behind the lips."""
_TONGUE_LIP = 0.5
"""Share of the lips' colour in that of the tongue."""

_UPPER_LIP_SKIN, _LOWER_LIP_SKIN = (72, 11, 302, 73, 303), (16, 15, 315, 85, 316)
"""Points in the middle of the red of each lip."""
_WET_LIP = np.array([0.78, 0.60, 0.60])
"""Colour of the inside of the lips relative to their red."""
_SEAM_LIP = np.array([0.62, 0.42, 0.42])
"""Colour of the line between closed lips relative to the wet inside."""
_WARMTH = 0.25
"""Share of green and blue that a full shadow in the mouth loses more than red."""
_PLAIN_TOOTH = np.array([215.0, 208.0, 190.0])
"""Colour of painted teeth before tinting."""
_CAVITY = np.array([48.0, 23.0, 22.0])
_TONGUE = np.array([166.0, 88.0, 88.0])


class MouthLayer:
    """Draws one portrait's mouth."""

    def __init__(self, canvas: Canvas, geometry: FaceGeometry, rest: Shape, own: OwnTeeth | None) -> None:
        self._canvas = canvas
        self._own = own
        self._parted = geometry.parted
        self._loop = geometry.mesh.loop(topo.HOLES[0])
        self._upper_line = geometry.mesh.path(topo.LIP_UPPER)
        self._lower_line = geometry.mesh.path(topo.LIP_LOWER)
        self._rest = rest.control
        self._origin = rest.control[[13, 14]].mean(axis=0)
        """Between the lips at rest, in the photo."""
        self._look = photo_look(canvas)
        # Painted teeth in a blurred photo look pasted in.
        sharpest = _TOOTH_DETAIL * canvas.mm / max(canvas.zoom, 1.0 + self._look.blur)
        scale = float(np.clip(min(1.1 * canvas.mm * canvas.fine, sharpest), 0.5, 12.0))
        self._teeth = (paint_teeth(True, scale, canvas.grey), paint_teeth(False, scale, canvas.grey))
        x, arc, depth = arch_table()
        self._arch = (x, arc, depth)
        self._light = mouth_light(canvas)
        self._tint = self._light.tooth_tint(canvas)
        self._upper_edge = self._light.edge
        if own is not None:
            self._tint = own.colour / (_PLAIN_TOOTH.mean() if canvas.grey else _PLAIN_TOOTH)
            height = float((own.edge - self._origin) @ canvas.down) / canvas.mm
            self._upper_edge = float(np.clip(height - _BEHIND_OWN_MM, *_OWN_EDGE_MM))
        light = float(np.clip(canvas.luma / 150.0, 0.35, 1.1))
        red = (_lip_colour(canvas, _UPPER_LIP_SKIN), _lip_colour(canvas, _LOWER_LIP_SKIN))
        cavity, tongue = _CAVITY * light * self._light.cavity, _TONGUE * light
        if canvas.grey:
            cavity, tongue = np.full(3, cavity.mean()), np.full(3, tongue.mean())
        tongue = (tongue + _TONGUE_LIP * (np.mean(red, axis=0) - tongue)) * self._light.flesh
        wet = np.full(3, _WET_LIP.mean()) if canvas.grey else _WET_LIP
        self._lip_colours = (np.asarray(red[0] * wet, np.float32), np.asarray(red[1] * wet, np.float32))
        self._seam_colour = np.asarray(red[0] * wet * (_SEAM_LIP.mean() if canvas.grey else _SEAM_LIP), np.float32)
        haze = min(_HAZE * self._look.darkest, _HAZE_MOST * canvas.luma)
        lip = np.mean(red, axis=0)
        self._haze = np.asarray(haze * (1.0 + _HAZE_LIP * (lip / max(float(lip.mean()), 1.0) - 1.0)), np.float32)
        self._cavity, self._tongue = cavity.astype(np.float32), tongue.astype(np.float32)

    def draw(self, picture: Image, shape: Shape, tongue: float = 0.0) -> None:
        """Draws into the warped picture (H, W, 3), in place. tongue: see Motion, of this frame."""
        fade = float(np.clip((shape.gap_mm - _VISIBLE_MM) / _FADE_MM, 0.0, 1.0))
        if self._parted:
            self._soften(picture, shape)
        if self._parted and shape.gap_mm < _SEAM_GONE_MM:
            self._seam(picture, shape, 1.0 - float(smoothstep(0.0, _SEAM_GONE_MM, shape.gap_mm)))
        outline = shape.vertices[self._loop, :2]
        box = region(outline, 2.0, picture.shape)
        if fade <= 0.0 or box is None:
            return
        x0, y0, x1, y1 = box
        fine, mm = self._canvas.fine, self._canvas.mm * self._canvas.fine
        mask = fill((y1 - y0, x1 - x0), outline, x0, y0, fine)
        distance = cv2.distanceTransform((mask > 0.4).astype(np.uint8), cv2.DIST_L2, 5)
        # Blurred: the distance has the steps of the pixels it was measured between.
        edge = cv2.GaussianBlur(distance, (0, 0), 1.0) / np.float32(mm)
        photo_px = max(_EDGE_BLUR_PX * self._canvas.zoom, _EDGE_BLUR_LOOK * self._look.blur)
        softness = max(0.45, _EDGE_BLUR_MM * mm, photo_px * fine)
        mask = cv2.GaussianBlur(mask, (0, 0), softness) * np.float32(fade)
        scene, upper, lower = self._scene(shape, x0, y0, float(np.clip(tongue, 0.0, 1.0)))
        own = np.zeros((*mask.shape, 4), np.float32) if self._own is None else self._own.sample(shape, box)
        inside = np.zeros((*mask.shape, 3), np.float32)
        paint_interior(inside, mask, edge, own, scene, upper, lower)
        target = picture[y0:y1, x0:x1]
        behind = target * (1.0 - coarser(mask, fine))[..., None]
        target[:] = (behind + coarser(inside, fine) + 0.5).astype(np.uint8)

    def _soften(self, picture: Image, shape: Shape) -> None:
        """Takes the steps out of the line along which one lip covers the other."""
        line = (shape.vertices[self._upper_line, :2] + shape.vertices[self._lower_line, :2]) / 2
        box = region(line, _MEET_PX, picture.shape)
        if box is None:
            return
        x0, y0, x1, y1 = box
        target = picture[y0:y1, x0:x1]
        target[:] = (soften(target, line, x0, y0) + 0.5).astype(np.uint8)

    def _seam(self, picture: Image, shape: Shape, amount: float) -> None:
        """The dark line between closed lips, which a photo with parted lips does not have."""
        mm, fine = self._canvas.mm, self._canvas.fine
        line = (shape.vertices[self._upper_line, :2] + shape.vertices[self._lower_line, :2]) / 2
        box = region(line, 3.0 * mm, picture.shape)
        if box is None:
            return
        x0, y0, x1, y1 = box
        target = picture[y0:y1, x0:x1]
        colour = self._seam_colour
        thin = stroke(target.shape, line[2:-2], x0, y0, _SEAM_MM * mm, 0.35 * mm, fine) * np.float32(
            _SEAM_DARK * amount
        )
        soft = stroke(target.shape, line, x0, y0, 1.5 * mm, 1.1 * mm, fine) * np.float32(_SEAM_SHADE * amount)
        cover = np.maximum(thin, soft)[..., None]
        target[:] = (target + (colour - target) * cover + 0.5).astype(np.uint8)

    def _scene(self, shape: Shape, x0: int, y0: int, raised: float) -> tuple[Scene, Strip, Strip]:
        mm = self._canvas.mm
        axes = shape.pose.matrix @ self._canvas.rotation * mm
        origin = shape.pose.apply(self._origin)[:2]
        to_mm = np.linalg.inv(axes[:2, :2])
        lean = to_mm @ axes[:2, 2]
        fine = self._canvas.fine
        offset = to_mm @ (np.array([x0, y0]) + 0.5 / fine - 0.5 - origin)
        lips = [(shape.vertices[line, :2] - origin) @ to_mm.T for line in (self._upper_line, self._lower_line)]
        first, last = float(lips[0][0, 0]), float(lips[0][-1, 0])
        columns = np.linspace(first, last, _COLUMNS)
        gap = shape.gap_mm
        local = (shape.control - self._rest) @ self._canvas.rotation / mm  # mm in the face frame, since rest
        lip_up, lip_low = float(local[13, 1]), float(local[14, 1])
        jaw = local[list(topo.JAW)].mean(axis=0)
        jaw_down = max(float(jaw[1]), lip_low - _LOWER_SHOWN_MM)
        # A wide-open mouth shows the lower teeth, whatever the chin's track says.
        jaw_down = min(jaw_down, lip_low - _LOWER_SHOWN_WIDE_MM * float(smoothstep(5.0, 14.0, gap)))
        upper_edge = self._upper_edge
        if self._own is None:  # the photo's own teeth stand still, and a second row below them is seen
            lowered = lip_up + _UPPER_SHOWN_MM * float(smoothstep(4.0, 12.0, gap))
            upper_edge += float(np.clip(lowered - upper_edge, 0.0, 4.0))
        upper_edge += shape.tuck * max(0.0, lip_low + _ON_LIP_MM - upper_edge)
        dim = self._light.upper_teeth(lip_up, gap, shape.tuck) if self._own is None else 1.0
        scene = Scene(
            to_mm=np.column_stack([to_mm / fine, offset]).astype(np.float32),
            lean=float(lean[1]),
            first=first,
            step=(last - first) / (_COLUMNS - 1),
            upper=_over(columns, lips[0]),
            lower=_over(columns, lips[1]),
            gap=gap,
            slit=self._light.slit,
            wet=self._light.wet,
            narrow=self._narrowness(shape),
            tuck=shape.tuck,
            tongue=_tongue(jaw, jaw_down, lean, upper_edge, raised),
            cavity=self._cavity,
            flesh=self._tongue,
            lips=self._lip_colours,
            warmth=0.0 if self._canvas.grey else _WARMTH,
            haze=self._haze,
        )
        upper = self._strip(self._teeth[0], upper_edge, 0.0, _UPPER_DEPTH_MM, float(lean[0]), columns, dim)
        lower = self._strip(
            self._teeth[1],
            _LOWER_EDGE_MM + jaw_down,
            float(jaw[0]),
            _LOWER_DEPTH_MM,
            float(lean[0]),
            columns,
            _LOWER_DIM,
        )
        return scene, upper, lower

    def _narrowness(self, shape: Shape) -> float:
        """How pursed the lips are: 0 at rest, 1 when a third narrower."""
        ends = [topo.LIP_UPPER[0], topo.LIP_UPPER[-1]]
        width, rest = (float(np.linalg.norm(np.diff(points[ends], axis=0))) for points in (shape.control, self._rest))
        return float(np.clip((1.0 - width / max(rest, 1e-3)) / _PURSED, 0.0, 1.0))

    def _strip(
        self, teeth: Teeth, edge: float, shift: float, behind: float, lean: float, columns: Double, dim: float
    ) -> Strip:
        """A row of teeth seen along the columns: the arch shifts sideways by `lean` per mm of depth."""
        x, arc, depth = self._arch
        seen = np.maximum.accumulate(x + shift + lean * (depth + behind))
        return Strip(
            texture=teeth.texture,
            scale=teeth.scale,
            half=teeth.half,
            above=teeth.above,
            edge=edge,
            shift=0.0,
            tint=(self._tint * dim).astype(np.float32),
            arc=np.interp(columns, seen, arc).astype(np.float32),
            depth=(np.interp(columns, seen, depth)).astype(np.float32),
            fall=1.0 if self._own is None else _OWN_FALL,
        )


def _tongue(jaw: Double, jaw_down: float, lean: Double, upper_edge: float, raised: float) -> Float:
    """See Scene: a tongue that lies in the jaw, its tip `raised` (0 to 1) to the edge of the upper teeth.

    jaw: (3,) and jaw_down: mm since rest. lean: (2,) shift per mm of depth. upper_edge: mm below the origin.
    """
    depth = _TONGUE_DEPTH_MM
    rest = _TONGUE_DOWN_MM + jaw_down * (1.0 - 0.28 * float(smoothstep(6.0, 22.0, jaw_down)))
    centre = rest + lean[1] * depth
    half = _TONGUE_HALF_MM[1] + _TONGUE_RISE * max(0.0, jaw_down - _TONGUE_RISE_FROM_MM)
    tip = upper_edge - _TIP_BEHIND_MM + lean[1] * _TIP_DEPTH_MM
    lift = raised * max(0.0, centre - half - tip)
    return np.array([float(jaw[0]) + lean[0] * depth, centre, _TONGUE_HALF_MM[0], half, lift, raised], np.float32)


def _over(columns: Double, line: Double) -> Float:
    """Heights of a lip line (N, 2) over x positions."""
    x = np.maximum.accumulate(line[:, 0])
    return np.interp(columns, x, line[:, 1]).astype(np.float32)


def _lip_colour(canvas: Canvas, points: tuple[int, ...]) -> Float:
    """Colour of a lip."""
    height, width = canvas.image.shape[:2]
    at = np.rint(canvas.landmarks[list(points), :2]).astype(int)
    colours = canvas.image[np.clip(at[:, 1], 0, height - 1), np.clip(at[:, 0], 0, width - 1)]
    return np.asarray(np.median(colours, axis=0), np.float32)
