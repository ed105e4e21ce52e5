"""User studies: nothing on the page tells the method, and the analysis finds what raters were made to think."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dreamtalk.errors import UnusableInput, UnusableOutput
from dreamtalk.evaluate.study import StudyPlan, analyse, make_study


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    """Videos (not to be played) of three methods and a reference, four samples each, one sample missing in one."""
    made = {}
    for name in ("ours", "theirs", "others", "reference"):
        made[name] = tmp_path / name
        made[name].mkdir()
        for sample in ("a", "b", "c", "d"):
            if (name, sample) != ("theirs", "d"):
                (made[name] / f"{sample}.mp4").write_bytes(f"{name} {sample}".encode())
    return made


def study_of(page: Path) -> dict[str, Any]:
    """The study inside the page."""
    text = (page / "index.html").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("const study = "))
    found: dict[str, Any] = json.loads(line.removeprefix("const study = ").removesuffix(";"))
    return found


def plan_of(folders: dict[str, Path], **more: Any) -> StudyPlan:
    methods = {name: folders[name] for name in ("ours", "theirs", "others")}
    return StudyPlan(methods, folders["reference"], title="<!--<script></script><b>x", **more)


def test_the_page_is_blind_and_the_key_is_not_in_it(folders: dict[str, Path], tmp_path: Path) -> None:
    assert make_study(plan_of(folders), tmp_path / "study") == 9  # three samples that all have, three methods
    page = tmp_path / "study" / "page"
    text = (page / "index.html").read_text(encoding="utf-8")
    assert not any(word in text for word in ("ours", "theirs", "others"))
    assert text.count("</script>") == text.count("<script") == 1 and "<!--" not in text.partition("<body>")[2]
    study = study_of(page)
    assert study["title"] == "<!--<script></script><b>x"
    shown = {trial["id"]: trial["videos"][0] for trial in study["trials"]}
    key = json.loads((tmp_path / "study" / "key.json").read_text())["trials"]
    for number, video in shown.items():
        said = (page / video).read_bytes().decode()
        assert said == f"{key[number]['methods'][0]} {key[number]['sample']}"
    assert len(list((page / "videos").iterdir())) == 12
    assert all(trial["asked"] == ["lip_sync", "realness", "style"] for trial in study["trials"])


def test_the_same_seed_makes_the_same_study(folders: dict[str, Path], tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("again", 1), ("two", 2)):
        make_study(plan_of(folders, seed=seed), tmp_path / name)
    pages = [(tmp_path / name / "page" / "index.html").read_bytes() for name in ("one", "again", "two")]
    assert pages[0] == pages[1] != pages[2]


def test_ratings_are_analysed(folders: dict[str, Path], tmp_path: Path) -> None:
    make_study(plan_of(folders), tmp_path / "study")
    made = json.loads((tmp_path / "study" / "key.json").read_text())
    key = made["trials"]
    random = np.random.default_rng(0)
    best = {"ours": 4.2, "theirs": 2.5, "others": 2.6}
    files = []
    for rater in range(12):
        answers = {
            number: {
                "lip_sync": int(np.clip(round(random.normal(best[trial["methods"][0]], 0.7)), 1, 5)),
                "realness": int(random.integers(1, 6)),
                "seconds": 3.0,
            }
            for number, trial in key.items()
        }
        files.append(tmp_path / f"ratings-{rater}.json")
        files[-1].write_text(
            json.dumps({"study": made["study"], "id": str(rater), "rater": "Anna", "answers": answers})
        )
    found = analyse(tmp_path / "study" / "key.json", files)
    assert found.raters == 12  # of the same name
    means = {(m.aspect, m.method): m for m in found.means}
    assert means["lip_sync", "ours"].mean == pytest.approx(4.2, abs=0.3)
    assert means["lip_sync", "ours"].ratings == 36
    p = {(pair.first, pair.second): pair.p for pair in found.pairs if pair.aspect == "lip_sync"}
    assert p["ours", "theirs"] < 0.001 and p["ours", "others"] < 0.001 and p["theirs", "others"] > 0.05
    test = {a.aspect: a.p for a in found.anova}
    assert test["lip_sync"] < 0.001 < test["realness"]
    assert "Tukey" in found.markdown()


def test_anova_and_interval_of_known_numbers(tmp_path: Path) -> None:
    """Groups 1 2 3, 2 3 4, 5 5 5: squares between 14 with 2 degrees of freedom, within 4 with 6."""
    groups = {"a": (1, 2, 3), "b": (2, 3, 4), "c": (5, 5, 5)}
    trials = {f"{m}{i}": {"sample": str(i), "methods": [m]} for m in groups for i in range(3)}
    (tmp_path / "key.json").write_text(json.dumps({"kind": "rating", "trials": trials}))
    answers = {f"{m}{i}": {"realness": v} for m, values in groups.items() for i, v in enumerate(values)}
    (tmp_path / "r.json").write_text(json.dumps({"rater": "r", "answers": answers}))
    found = analyse(tmp_path / "key.json", [tmp_path / "r.json"])
    assert found.anova[0].f == pytest.approx((14 / 2) / (4 / 6))
    assert found.means[0].half == pytest.approx(4.3027 * 1 / np.sqrt(3), rel=1e-3)  # t of 2 degrees of freedom


def test_choices_are_counted_for_the_method_not_the_place(folders: dict[str, Path], tmp_path: Path) -> None:
    methods = {name: folders[name] for name in ("ours", "theirs")}
    plan = StudyPlan(methods, folders["reference"], choose=True)
    assert make_study(plan, tmp_path / "study") == 3
    study = study_of(tmp_path / "study" / "page")
    assert all(len(trial["videos"]) == 2 and trial["reference"] for trial in study["trials"])
    files = []
    for rater in range(10):
        answers = {t["id"]: {"choice": 0 if rater < 8 else 1} for t in study["trials"]}
        files.append(tmp_path / f"{rater}.json")
        files[-1].write_text(json.dumps({"study": study["study"], "rater": str(rater), "answers": answers}))
    found = analyse(tmp_path / "study" / "key.json", files).preferences[0]
    assert (found.first, found.chosen, found.trials) == ("ours", 24, 30)
    assert found.low < 0.8 < found.high and found.p < 0.01


def test_what_cannot_be_used_is_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="at least two methods"):
        make_study(StudyPlan({"ours": folders["ours"]}), tmp_path / "study")
    make_study(plan_of(folders), tmp_path / "study")
    with pytest.raises(UnusableOutput, match="not an empty folder"):
        make_study(plan_of(folders), tmp_path / "study")
    number = json.loads((tmp_path / "study" / "key.json").read_text())["study"]
    for study, answers, said in (
        (number, {"t99": {"realness": 3}}, "ratings of this study"),
        ("another", {"t0": {"realness": 3}}, "ratings of this study"),
        (number, {"t0": {"realness": 9}}, "nobody can give"),
        (number, {"t0": 3}, "nobody can give"),
    ):
        (tmp_path / "r.json").write_text(json.dumps({"study": study, "rater": "r", "answers": answers}))
        with pytest.raises(UnusableInput, match=said):
            analyse(tmp_path / "study" / "key.json", [tmp_path / "r.json"])
    with pytest.raises(UnusableInput, match="--samples"):
        make_study(plan_of(folders, samples=0), tmp_path / "none")
    with pytest.raises(UnusableOutput, match="not an empty folder"):
        make_study(plan_of(folders), tmp_path / "r.json")
    with pytest.raises(UnusableInput, match="cannot be read as JSON"):
        analyse(tmp_path / "study" / "page" / "index.html", [])


@pytest.mark.parametrize("trial", [None, 3, "t", {}, {"methods": "ab"}, {"methods": []}, {"methods": [1]}])
def test_a_key_of_odd_trials_is_told_in_words(trial: object, tmp_path: Path) -> None:
    key, rated = tmp_path / "key.json", tmp_path / "rated.json"
    for kind in ("rating", "choice"):
        key.write_text(json.dumps({"kind": kind, "study": "0", "trials": {"t0": trial}}))
        said = {"choice": 0, "lip_sync": 4}
        rated.write_text(json.dumps({"study": "0", "answers": {"t0": said}}))
        with pytest.raises(UnusableInput, match="not the key of a study"):
            analyse(key, [rated])
