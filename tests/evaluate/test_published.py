"""Published figures are the paper's, and say that they are not ours."""

from __future__ import annotations

from dreamtalk.evaluate import published


def test_the_papers_own_rows() -> None:
    found = {line[0]: line[1:] for line in published.rows("MEAD")}
    assert found[""] == ("SSIM", "CPBD", "F-LMD", "M-LMD", "Sync-C", "SA")
    assert found["DreamTalk"] == ("0.86", "0.16", "1.93", "2.91", "3.78", "86.7")
    assert found["Wav2Lip"][-1] == "–"
    assert {line[0] for line in published.rows("VoxCeleb2")[1:]} == set(found) - {"", "GC-AVT"}
    assert all(len(line) == 7 for name in published.sets() for line in published.rows(name))


def test_they_come_with_a_warning() -> None:
    assert published.sets() == ("MEAD", "HDTF", "VoxCeleb2")
    assert published.WARNING in published.table("HDTF").markdown()
