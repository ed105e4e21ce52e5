"""Face displacement to vertices: lips that close, lids that shut, no folds, a skirt that follows, the head's pose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dreamtalk.render.mesh import topology as topo
from dreamtalk.render.mesh.brow import BrowBand, plain_skin
from dreamtalk.render.mesh.canvas import Canvas
from dreamtalk.render.mesh.drawing import Double, Index, smoothstep
from dreamtalk.render.mesh.firm import FirmParts
from dreamtalk.render.mesh.raster import relax_folds
from dreamtalk.render.mesh.skirt import fine_mesh, make_skirt, skirt_triangles
from dreamtalk.types import Float

_DEPTH_GAIN = 0.6
"""Depth displacement from a single picture is noisy, so it counts less."""

_DEAD_ZONE_MM, _DEAD_KNEE_MM = 0.6, 0.6
"""Lip openings below the first stay shut; beyond it they open softly and lose both values in the end."""
_PARTED_MM = 1.6
"""A photo whose inner lips are further apart than this shows an open mouth, which must be able to close. Closed lips
are tracked up to 1.3 mm apart."""
_UPPER_SHARE = 0.3
"""Share of a correction of the lip gap that the upper lip takes; the lower lip takes the rest."""
_LIP_REACH_UPPER_MM, _LIP_REACH_LOWER_MM = 9.0, 15.0
"""How far above and below the lips their correction is felt."""
_LIP_SPREAD_MM = 5.0
"""How far along the lips a correction is spread."""

_JAW_FROM_MM, _JAW_FULL_MM = 1.5, 3.5
"""Lips that are shut although the jaw is down by this much, from and fully, are pressed together: p, b, m."""
_PRESS_SHUT_MM, _PRESS_OPEN_MM = 0.8, 3.0
"""Pressed lips are no further apart than the first, and no longer pressed at the second."""
_TUCK_OPEN_MM = (4.0, 8.0)
"""The same for the lower lip under the teeth: f, v."""
_TUCK_RISE_MM = (0.6, 2.2)
"""How much higher than the jaw carries it such a lower lip stands, from and fully."""
_TUCK_UPPER_MM = (0.8, 2.2)
"""An upper lip that comes down by this much, from and fully, meets the lower lip: no teeth between them."""
_TUCK_GAP_MM = 0.5
"""What the teeth on a lower lip add to the opening that is shown."""
_TUCK_ROLL, _PRESS_ROLL_MOST = 0.20, 0.25
"""Share of the height of its red that a lower lip under the teeth loses, and pressed lips at most."""

_SHUT_GROWTH = 0.03
"""Share of its height by which the red of shut lips may grow, besides what it gains where they get narrower."""

_LID_WIDEST_MM = 1.5
"""Largest widening of the eyes beyond the photo's own opening."""
_LOWER_LID_RISE, _LOWER_LID_DROP_MM = 0.30, 0.8
"""How far the lower lid may rise (share of the eye's opening) and drop."""
_LASH_FOLLOW, _CREASE_FOLLOW = 0.95, 0.5
"""Share of the upper lid's travel that the two rows above it follow."""

_FOLD_ROUNDS, _FOLD_AREA, _FOLD_PACE = 12, 0.30, 0.5
_OUTLINE_BLUR = np.array([1.0, 2.0, 3.0, 2.0, 1.0]) / 9.0
"""Smoothing of the outline's displacement before the skirt takes it."""

_PIVOT_BACK, _PIVOT_DOWN = 0.55, 0.25
"""Where the head turns, relative to the centre of the face, in face widths."""
MAX_TURN = np.radians([12.0, 15.0, 12.0])
"""Nodding, turning and tilting approach these angles and never exceed them: beyond them a single picture shows
stretched ears and cheeks."""
_TURN_PLAIN = 0.6
"""Share of these angles up to which rotations are shown as they are."""
_ON_FROM, _ON_TO = np.radians([8.0, 30.0])
_ON_LEAST = 0.35
"""A head that is turned, nodded or tilted in the photo by the first angle or less may go on to that side as far as to
the other; by the second or more only by this share of that."""
_BACK_FROM, _BACK_TO = np.radians([3.0, 10.0])
_BACK_LEAST = 0.25
"""A photo turned to the side by the first angle or less may turn back to the front as much as away from it; by the
second or more only by this share of that: of the far cheek there is no picture to show."""
MAX_SHIFT_IOD = 0.25
"""Translations approach this distance and never exceed it."""
_SHIFT_GAIN = 0.35
"""Share of the translation that is shown: a moving head bends straight lines of the background near it."""


@dataclass(frozen=True, slots=True)
class HeadPose:
    """x -> matrix (x - pivot) + pivot + shift, px."""

    matrix: Double
    pivot: Double
    shift: Double

    def apply(self, points: Double | Float) -> Double:
        """points (..., 3) moved with the head."""
        return np.asarray((points - self.pivot) @ self.matrix.T + self.pivot + self.shift)

    def back_to_photo(self, x: Double | Float, y: Double | Float, depth: float) -> tuple[Float, Float]:
        """Where the rigid head at photo depth `depth` shows the pixels x, y of the moved picture."""
        a = self.matrix
        offset = self.pivot + self.shift - a @ self.pivot
        inverse = np.linalg.inv(a[:2, :2])
        dx, dy = x - (a[0, 2] * depth + offset[0]), y - (a[1, 2] * depth + offset[1])
        return (
            np.asarray(inverse[0, 0] * dx + inverse[0, 1] * dy, np.float32),
            np.asarray(inverse[1, 0] * dx + inverse[1, 1] * dy, np.float32),
        )


@dataclass(frozen=True, slots=True)
class Shape:
    """One frame's geometry. control: (468, 3) face points before the head's motion. vertices: (N, 3) float32 of the
    subdivided mesh, in the moved picture. pose: the head's motion. gap_mm: how far the lips have opened beyond rest.
    tuck: how far the lower lip is under the upper teeth, 0 to 1.
    """

    control: Double
    vertices: Float
    pose: HeadPose
    gap_mm: float
    tuck: float


class FaceGeometry:
    """One portrait's mesh and how it moves."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        skirt = make_skirt(canvas)
        faces = topo.face_triangles()
        self._skirt = skirt
        self._coarse = np.concatenate([faces.skin, skirt_triangles()])
        self._coarse_winding = _winding(skirt.points, self._coarse)
        self._fixed = np.zeros(len(skirt.points), np.bool_)
        self._fixed[[point for hole in topo.HOLES for point in hole]] = True
        self.mesh = fine_mesh()
        self.source = self.mesh.linear.apply(skirt.points)
        self._softened = self.mesh.smooth.first(len(skirt.points))
        self._stiff = _above_nose(canvas, skirt.points)
        """Share (N, 1) of what subdivision takes off a point's displacement that is added beforehand: a brow that rises
        by 1 would rise by 0.86 only. Not at the mouth, where smiles fold sooner with it."""
        kind = np.repeat([False, True, False], [len(faces.skin), len(faces.holes), len(skirt_triangles())])
        self.one_sided = np.repeat(kind, 4)
        """Triangles (M,) of mouth and eyes: turned over, they are hidden by lips or lids that cross."""
        self._head = self.mesh.smooth.apply(skirt.head[:, None].astype(np.float32))
        self._pivot = (
            canvas.centre + np.array([0.0, 0.0, _PIVOT_BACK * canvas.width]) + canvas.down * _PIVOT_DOWN * canvas.width
        )
        self._own_turn = turn_angles(canvas.rotation)
        upper, lower = np.array(topo.LIP_UPPER[1:-1]), np.array(topo.LIP_LOWER[1:-1])
        self._crease_follow = [_CREASE_FOLLOW * plain_skin(canvas, row[1:-1]) for row in topo.CREASE_ROW]
        self._firm = FirmParts.of(canvas)
        self._brows = BrowBand.of(canvas, self.mesh)
        self._fixed[np.concatenate([self._brows.upper, self._brows.lower]).ravel()] = True
        self._lips = (upper, lower)
        self._photo_gap = self._along(lower) - self._along(upper)
        self.photo_gap_mm = float(self._photo_gap.max()) / canvas.mm
        """Opening of the inner lips in the photo."""
        self.parted = self.photo_gap_mm > _PARTED_MM
        """Whether the photo shows an open mouth."""
        # Closing a smile folds its corners, and undoing that would keep the mouth from getting narrower and wider.
        self._fixed[[topo.LIP_UPPER_OUTER[0], topo.LIP_UPPER_OUTER[-1]]] = self.parted
        self._lip_share = (self._share(upper, -1.0, _LIP_REACH_UPPER_MM), self._share(lower, 1.0, _LIP_REACH_LOWER_MM))
        self._red = (
            lip_red(canvas, topo.LIP_UPPER, topo.LIP_UPPER_OUTER, -1.0, _LIP_REACH_UPPER_MM),
            lip_red(canvas, topo.LIP_LOWER, topo.LIP_LOWER_OUTER, 1.0, _LIP_REACH_LOWER_MM),
        )

    def shape(
        self, displacement: Float, closure: Float, rotation: Float, translation: Float, own: Float | None = None
    ) -> Shape:
        """One frame.

        displacement: (468, 3) iod in the face frame, relative to neutral. closure: (2,) lids, 0 open to 1 shut.
        rotation: (3,) rad. translation: (3,) iod. own: (468, 3) the photo's own expression, taken off first.
        """
        canvas = self.canvas
        total = displacement.astype(np.float64) - (0.0 if own is None else own)
        local = total * (canvas.iod, canvas.iod, canvas.iod * _DEPTH_GAIN)
        self._firm.hold(local)
        moved = local @ canvas.rotation.T
        shut, press, tuck = self._rolled(displacement)
        gap = self._move_lips(moved, displacement, tuck)
        self._roll_lips(moved, shut, press, tuck)
        self._brows.carry(moved)
        self._move_lids(moved, np.clip(closure, 0.0, 1.0))
        skirt = self._skirt
        every = self._with_skirt(moved)
        relax_folds(
            skirt.points, every, self._coarse, self._coarse_winding, self._fixed, _FOLD_ROUNDS, _FOLD_AREA, _FOLD_PACE
        )
        steeper = every + self._stiff * (every - self._softened.apply(every))
        fine = self.mesh.smooth.apply(steeper)
        self._brows.hold(fine)
        vertices = self.source + fine
        pose = self.head_pose(rotation, translation)
        vertices = vertices + self._head * (pose.apply(vertices) - vertices)
        control = canvas.landmarks[: topo.LANDMARKS] + every[: topo.LANDMARKS]
        return Shape(control, np.ascontiguousarray(vertices, np.float32), pose, gap, tuck)

    def head_pose(self, rotation: Float, translation: Float) -> HeadPose:
        """The head's motion with soft limits; rotation (3,) rad, translation (3,) iod, picture axes."""
        wanted = np.asarray(rotation, np.float64)
        own = self._own_turn
        on = 1.0 - (1.0 - _ON_LEAST) * smoothstep(_ON_FROM, _ON_TO, np.abs(own))
        limit = MAX_TURN * np.where(wanted * own > 0.0, on, 1.0)
        if wanted[1] * own[1] < 0.0:
            limit[1] *= 1.0 - (1.0 - _BACK_LEAST) * float(smoothstep(_BACK_FROM, _BACK_TO, abs(own[1])))
        turn = _soft_limit(wanted, limit)
        move = MAX_SHIFT_IOD * np.tanh(_SHIFT_GAIN * np.asarray(translation, np.float64) / MAX_SHIFT_IOD)
        return HeadPose(rotation_matrix(turn), self._pivot, move * self.canvas.iod)

    def _along(self, points: Index) -> Double:
        return np.asarray(self.canvas.landmarks[points] @ self.canvas.down)

    def _share(self, lip: Index, side: float, reach_mm: float) -> Double:
        """(468, 9) how much each face point follows a correction of each inner-lip point; 1 on the lip itself."""
        canvas = self.canvas
        points = canvas.landmarks[: topo.LANDMARKS]
        across = np.cross([0.0, 0.0, -1.0], canvas.down)
        delta = points[:, None] - points[lip][None]
        sideways, height = np.abs(delta @ across) / canvas.mm, (delta @ canvas.down) * side / canvas.mm
        kernel = np.exp(-((sideways / _LIP_SPREAD_MM) ** 2))
        weight = kernel / np.maximum(kernel.sum(axis=1, keepdims=True), 1e-9)
        fall = 1.0 - smoothstep(0.0, reach_mm, np.maximum((height * weight).sum(axis=1), 0.0))
        edge = np.exp(-((np.maximum(sideways.min(axis=1) - 2.0, 0.0) / _LIP_SPREAD_MM) ** 2))
        middle = (height * weight).sum(axis=1) > -1.0
        share = weight * (fall * edge * middle)[:, None]
        other = set(topo.LIP_UPPER + topo.LIP_LOWER) - set(lip.tolist())
        share[list(other)] = 0.0
        share[lip] = np.eye(len(lip))
        return np.asarray(share)

    def _rolled(self, displacement: Float) -> tuple[float, float, float]:
        """How much the lips are shut, pressed (p, b, m), and the lower one is under the teeth (f, v): 0 to 1 each.

        Tracked lips hardly show it. But lips are pressed if they stay shut while the jaw goes down, and a lower lip
        that stays up while the jaw goes down and the upper lip does not come to meet it touches the teeth.
        """
        height = displacement[:, 1].astype(np.float64) * self.canvas.iod / self.canvas.mm
        jaw, upper, lower = float(height[topo.CHIN]), float(height[13]), float(height[14])
        down = float(smoothstep(_JAW_FROM_MM, _JAW_FULL_MM, jaw))
        press = 1.0 - float(smoothstep(_PRESS_SHUT_MM, _PRESS_OPEN_MM, lower - upper))
        tuck = float(smoothstep(*_TUCK_RISE_MM, jaw - lower)) * (1.0 - float(smoothstep(*_TUCK_UPPER_MM, upper)))
        tuck *= 1.0 - float(smoothstep(*_TUCK_OPEN_MM, lower - upper))
        return press, down * press * (1.0 - tuck), down * tuck

    def _roll_lips(self, moved: Double, shut: float, press: float, tuck: float) -> None:
        """Takes red from the lips, in place: pressed ones are no fuller than those of the photo, shut ones hardly."""
        down = self.canvas.down
        ends = [topo.LIP_UPPER_OUTER[0], topo.LIP_UPPER_OUTER[-1]]
        before = self.canvas.landmarks[ends]
        width, rest = (float(np.linalg.norm(p[1] - p[0])) for p in (before + moved[ends], before))
        allowed = _SHUT_GROWTH + max(0.0, 1.0 - width / max(rest, 1e-3))
        rows = (topo.LIP_UPPER, topo.LIP_UPPER_OUTER, 1.0, 0.0), (topo.LIP_LOWER, topo.LIP_LOWER_OUTER, -1.0, tuck)
        for field, (inner, outer, side, under) in zip(self._red, rows, strict=True):
            middle = len(inner) // 2
            red = max(float(field[outer[middle]]), 1e-3)
            grown = float((moved[inner[middle]] - moved[outer[middle]]) @ down) * side / red
            fuller = shut * min(max(grown - allowed, 0.0), _PRESS_ROLL_MOST)
            roll = max(fuller, press * min(max(grown, 0.0), _PRESS_ROLL_MOST), under * _TUCK_ROLL)
            moved += (field * roll * side)[:, None] * down

    def _move_lips(self, moved: Double, displacement: Float, tuck: float) -> float:
        """Gives the inner lips exactly the gap they should have, in place; returns by how much they open, mm."""
        canvas = self.canvas
        upper, lower = self._lips
        driven = (displacement[lower, 1] - displacement[upper, 1]).astype(np.float64) * canvas.iod / canvas.mm
        base = np.zeros(len(upper)) if self.parted else self._photo_gap / canvas.mm
        wanted = np.maximum(base + _soft_dead_zone(driven + _TUCK_GAP_MM * tuck), np.minimum(base, 0.0))
        gap = (self._photo_gap + (moved[lower] - moved[upper]) @ canvas.down) / canvas.mm
        error = (wanted - gap) * canvas.mm
        correction = self._lip_share[1] @ error * (1.0 - _UPPER_SHARE) - self._lip_share[0] @ error * _UPPER_SHARE
        moved += correction[:, None] * canvas.down
        return float((wanted - base).max())

    def _move_lids(self, moved: Double, closure: Float) -> None:
        """Closes the lids by `closure` (2,) of the way, in place; the skin above comes down with the lashes."""
        canvas = self.canvas
        down = canvas.down
        rows = zip(topo.LID_UPPER, topo.LID_LOWER, topo.LASH_ROW, topo.CREASE_ROW, strict=True)
        for eye, groups in enumerate(rows):
            upper, lower, lash, crease = (np.array(group[1:-1]) for group in groups)
            open_gap = np.maximum(self._along(lower) - self._along(upper), 1e-3)
            rise = moved[lower] @ down
            limited = np.clip(rise, -_LOWER_LID_RISE * open_gap, _LOWER_LID_DROP_MM * canvas.mm)
            moved[lower] += (limited - rise)[:, None] * down
            widening = np.clip((moved[lower] - moved[upper]) @ down, 0.0, _LID_WIDEST_MM * canvas.mm)
            gap = (open_gap + widening) * (1.0 - float(closure[eye]))
            travel = limited + open_gap - gap
            moved[upper] += (travel - moved[upper] @ down)[:, None] * down
            for row, follow in ((lash, _LASH_FOLLOW), (crease, self._crease_follow[eye])):
                behind = np.maximum(follow * np.maximum(travel, 0.0) - moved[row] @ down, 0.0)
                moved[row] += behind[:, None] * down

    def _with_skirt(self, moved: Double) -> Double:
        """Adds the rings' displacement: the smoothed outline's, fading outwards."""
        outline = moved[list(topo.OVAL)]
        smooth = sum(weight * np.roll(outline, offset - 2, axis=0) for offset, weight in enumerate(_OUTLINE_BLUR))
        skirt = self._skirt
        rings = np.asarray(smooth)[skirt.feet[topo.LANDMARKS :]] * skirt.expression[topo.LANDMARKS :, None]
        return np.concatenate([moved, rings])


def _above_nose(canvas: Canvas, points: Double | Float) -> Double:
    """(N, 1) 1 for points (N, 3) at the height of the eyes and above, 0 at that of the nostrils and below."""
    height = points @ canvas.down
    eyes, nostrils = (
        canvas.landmarks[list(line)].mean(axis=0) @ canvas.down for line in (topo.EYE_CORNERS, topo.NOSTRILS)
    )
    return 1.0 - smoothstep(float(eyes), float(nostrils), height)[:, None]


def lip_red(canvas: Canvas, inner: tuple[int, ...], outer: tuple[int, ...], side: float, reach_mm: float) -> Double:
    """(468,) px by which each face point comes nearer to the lips' line when all the red of a lip rolls inwards.

    inner, outer: its contours, both from the right corner of the mouth to the left one. side: -1 for the upper lip, 1
    for the lower. The red gives way in proportion to its distance from the line; the skin follows over reach_mm.
    """
    across = np.cross([0.0, 0.0, -1.0], canvas.down)
    points = canvas.landmarks[: topo.LANDMARKS]
    along, height = points @ across, points @ canvas.down * side
    start, end = np.interp(along, *_line(along, height, inner)), np.interp(along, *_line(along, height, outer))
    above, red = height - start, np.maximum(end - start, 0.0)
    fall = 1.0 - smoothstep(0.0, reach_mm * canvas.mm, np.maximum(above - red, 0.0))
    first, last = sorted(along[[outer[0], outer[-1]]])
    within = (along > first) & (along < last) & (above > 0.0)
    return np.asarray(np.minimum(above, red) * fall * within, np.float64)


def _line(along: Double, height: Double, line: tuple[int, ...]) -> tuple[Double, Double]:
    """A contour as a function of the way along the mouth."""
    numbers = np.array(line)
    order = np.argsort(along[numbers])
    return along[numbers][order], height[numbers][order]


def _soft_limit(wanted: Double, limit: Double) -> Double:
    """`wanted` as it is up to a share of `limit`, which it then approaches."""
    plain = _TURN_PLAIN * limit
    beyond = np.maximum(np.abs(wanted) - plain, 0.0)
    within = np.clip(wanted, -plain, plain)
    return np.asarray(within + np.sign(wanted) * (limit - plain) * np.tanh(beyond / (limit - plain)))


def turn_angles(rotation: Double) -> Double:
    """(x, y, z) rad of a matrix (3, 3); rotation_matrix makes it of them again."""
    a = rotation
    y = np.arctan2(-a[2, 0], np.hypot(a[0, 0], a[1, 0]))
    return np.array([np.arctan2(a[2, 1], a[2, 2]), y, np.arctan2(a[1, 0], a[0, 0])])


def rotation_matrix(angles: Double) -> Double:
    """R = Rz Ry Rx of (x, y, z) in rad."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    rx = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    ry = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    rz = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(rz @ ry @ rx)


def _soft_dead_zone(opening_mm: Double) -> Double:
    """Lip opening to be shown: nothing for the small ones that tracking noise makes of closed lips."""
    beyond = np.maximum(opening_mm - _DEAD_ZONE_MM, 0.0)
    return np.asarray(np.where(opening_mm < 0.0, opening_mm, beyond**2 / (beyond + _DEAD_KNEE_MM)))


def _winding(points: Double | Float, triangles: Index) -> Float:
    """Sign of each triangle's area in the photo; degenerate ones count as facing the viewer."""
    a, b, c = (points[triangles[:, corner], :2] for corner in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
    return np.where(area < -0.5, -1.0, 1.0).astype(np.float32)
