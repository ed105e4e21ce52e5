"""The mesh: complete, wound alike, and subdivided without moving what does not move."""

from __future__ import annotations

from collections import Counter

import numpy as np

from dreamtalk.render.mesh import topology as topo


def test_every_edge_but_the_outline_has_a_triangle_on_each_side() -> None:
    faces = topo.face_triangles()
    directed = Counter(
        (int(a), int(b))
        for t in np.concatenate([faces.skin, faces.holes])
        for a, b in zip(t, np.roll(t, -1), strict=True)
    )
    assert max(directed.values()) == 1, "two triangles run along an edge in the same direction: wound differently"
    border = {edge for edge in directed if edge[::-1] not in directed}
    assert {point for edge in border for point in edge} == set(topo.OVAL)


def test_holes_close_mouth_and_eyes_only() -> None:
    rims = {point for hole in topo.HOLES for point in hole}
    assert set(topo.face_triangles().holes.ravel().tolist()) == rims


def test_subdivision_keeps_points_and_constant_motion() -> None:
    faces = topo.face_triangles()
    every = np.concatenate([faces.skin, faces.holes])
    mesh = topo.subdivide(topo.LANDMARKS, every, topo.crease_edges())
    points = np.random.default_rng(0).normal(size=(topo.LANDMARKS, 3)).astype(np.float32)
    assert len(mesh.triangles) == 4 * len(every)
    np.testing.assert_allclose(mesh.linear.apply(points)[: topo.LANDMARKS], points)
    shift = np.tile(np.array([[1.0, -2.0, 0.5]], np.float32), (topo.LANDMARKS, 1))
    np.testing.assert_allclose(mesh.smooth.apply(shift), np.tile(shift[:1], (len(mesh.smooth.start) - 1, 1)), atol=1e-5)


def test_lips_that_meet_stay_together_between_the_points() -> None:
    faces = topo.face_triangles()
    mesh = topo.subdivide(topo.LANDMARKS, np.concatenate([faces.skin, faces.holes]), topo.crease_edges())
    motion = np.random.default_rng(1).normal(size=(topo.LANDMARKS, 3)).astype(np.float32)
    rim = list(topo.LIP_UPPER)
    np.testing.assert_allclose(mesh.smooth.apply(motion)[rim], motion[rim], atol=1e-6)
