"""The report: one file, no network, nothing that a file name could smuggle in."""

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest

from idc_contracts import Thresholds
from idc_trainer.data.left_out import LeftOut, Reason
from idc_trainer.errors import OutputUnwritable
from idc_trainer.evaluation.bootstrap import Evaluation, evaluate
from idc_trainer.evaluation.scored_patches import ScoredPatches
from idc_trainer.report.charts import COLOURS, draw, precision_recall_chart, roc_chart
from idc_trainer.report.content import Chart, Curve, ReportContent
from idc_trainer.report.mosaic import mosaics
from idc_trainer.report.page import write_report
from idc_trainer.report.pictures import false_alarms, missed_cancers
from idc_trainer.report.slider import BINS, histograms
from support.made_scores import made_scores

HOSTILE = "</script><script>alert(1)</script>'\""


def _image_of(_row: int) -> np.ndarray:
    return np.full((50, 50, 3), 130, np.uint8)


def _content(scored: ScoredPatches, **changes: object) -> ReportContent:
    curve = Curve("loss", np.array([1.0, 2.0, 3.0]), np.array([3.0, 2.0, 1.5]))
    options: dict[str, object] = {
        "title": "Model idc, version 1",
        "command": "idc-trainer evaluate m --data d",
        "data_sha256": "ab" * 32,
        "thresholds": Thresholds(no_idc_below=0.4, idc_from=0.6),
        "training": (Chart("Head: loss", "step", "loss", (curve,)),),
        "image_of": _image_of,
    }
    return ReportContent(scored=scored, evaluation=evaluate(scored, seed=0), **{**options, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("report") / "deep"
    write_report(_content(made_scores({"a": (30, 20), HOSTILE: (6, 5)})), folder)
    return (folder / "index.html").read_text(encoding="utf-8")


def test_the_report_says_what_it_is_for_and_how_it_was_made(page: str) -> None:
    assert "Research use only, not a medical device." in page
    assert "idc-trainer evaluate m --data d" in page
    assert "ab" * 32 in page


@pytest.mark.parametrize(
    "title", ["ROC", "Precision and recall", "Reliability", "Decisions", "Other thresholds", "Slides", "Worst errors"]
)
def test_the_report_has_its_parts(page: str, title: str) -> None:
    assert title in page


def test_the_report_loads_nothing(page: str) -> None:
    assert "default-src 'none'" in page
    assert not re.search(r"https?://|@import|<link|src=.(?!data:)", page)


def test_a_hostile_name_stays_text(page: str) -> None:
    assert "<script>alert" not in page
    assert page.count("</script>") == 2
    assert "&lt;/script&gt;&lt;script&gt;alert(1)" in page


def test_without_images_no_pixel_is_in_the_report(tmp_path: Path) -> None:
    write_report(_content(made_scores({"a": (9, 9)}), image_of=None), tmp_path)

    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert set(re.findall(r'src="data:image/([^;]+);', page)) == {"svg+xml"}
    assert "Slides" not in page


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    content = _content(made_scores({"a": (30, 20), "b": (9, 9)}))
    for name in ("one", "two"):
        write_report(content, tmp_path / name)

    assert (tmp_path / "one" / "index.html").read_bytes() == (tmp_path / "two" / "index.html").read_bytes()


def test_a_chart_shows_its_axes_and_one_line_for_each_curve() -> None:
    chart = roc_chart(made_scores({"a": (30, 20), "$\\frac": (6, 5)}))

    svg = base64.b64decode(draw(chart).removeprefix("data:image/svg+xml;base64,")).decode()

    assert all(f">{text}</text>" in svg for text in ("1 - specificity", "sensitivity"))
    assert [colour for colour in COLOURS if f"stroke: {colour}" in svg] == list(COLOURS[:3])
    assert "dc:date" not in svg


def test_charts_say_how_many_patients_have_no_curve() -> None:
    few, many = (made_scores({f"p{number}": (3, 3) for number in range(count)}) for count in (7, 9))

    assert [chart(few).title for chart in (roc_chart, precision_recall_chart)] == ["ROC", "Precision and recall"]
    assert roc_chart(many).title == "ROC (the first 7 of 9 patients)"
    assert precision_recall_chart(many).title == "Precision and recall (the first 7 of 9 patients)"
    assert len(roc_chart(many).curves) == 8


def test_patients_whose_patches_have_no_place_are_named_instead_of_a_slide(tmp_path: Path) -> None:
    scored = made_scores({"p1": (3, 3), "<p2>": (3, 3)})
    placeless = ScoredPatches(**{**vars(scored), "x_px": np.where(scored.patients == "p1", scored.x_px, -1)})

    for name, patches in (("all", scored), ("some", placeless)):
        write_report(_content(patches), tmp_path / name)

    sentence = "File names give no position in a slide: &lt;p2&gt;."
    assert sentence in (tmp_path / "some" / "index.html").read_text(encoding="utf-8")
    assert "no position" not in (tmp_path / "all" / "index.html").read_text(encoding="utf-8")


def test_only_the_first_patients_have_slides_and_the_others_are_named(tmp_path: Path) -> None:
    write_report(_content(made_scores({f"p{number:02}": (1, 1) for number in range(52)})), tmp_path)

    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.count("<h3>Patient ") == 40
    assert "12 more patients are not shown (p40, p41, p42, p43, p44, p45, p46, p47, p48, p49 and so on)." in page


def test_the_worst_errors_come_first() -> None:
    scored = made_scores({"a": (60, 60)})

    missed, alarms = missed_cancers(scored, _image_of), false_alarms(scored, _image_of)

    for errors, of in ((missed, scored.labels & scored.called_no_idc), (alarms, ~scored.labels & scored.called_idc)):
        assert errors.count == of.sum() == len(errors.worst)
    lowest, highest = (float(errors.worst[0].caption[:5]) for errors in (missed, alarms))
    assert lowest == pytest.approx(scored.probability[scored.labels].min(), abs=1e-3)
    assert highest == pytest.approx(scored.probability[~scored.labels].max(), abs=1e-3)


def test_the_report_of_few_patients_gives_no_interval_over_them_and_says_why(tmp_path: Path) -> None:
    content = _content(made_scores({"a": (9, 9)}))
    write_report(content, tmp_path)

    assert "With fewer than 5 patients nothing is known of the next one." in (tmp_path / "index.html").read_text()
    assert content.evaluation.pooled.auc is not None
    assert content.evaluation.pooled.auc.low is None
    assert content.evaluation.spread["auc"].mean.low is None


def test_the_spread_over_patients_is_a_picture_beside_the_report(tmp_path: Path) -> None:
    write_report(_content(made_scores({"a": (30, 12), "b": (20, 9), "c": (0, 40)})), tmp_path)

    picture = (tmp_path / "patients.svg").read_text(encoding="utf-8")
    assert "patches without IDC, 2 patients" in picture
    assert "patches with IDC, 2 patients" in picture
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert base64.b64encode(picture.encode()).decode() in page


def test_files_left_out_are_counted_in_the_report_and_all_named_beside_it(tmp_path: Path) -> None:
    left_out = tuple(LeftOut(f"<b>{number}.txt", Reason.NO_IMAGE, "text") for number in range(12))

    write_report(_content(made_scores({"a": (9, 9)}), left_out=left_out), tmp_path)

    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "Left out, no image by its name: 12\n  &lt;b&gt;0.txt: text" in page
    assert "and 2 more: left-out.json lists all" in page
    assert len(json.loads((tmp_path / "left-out.json").read_text())["files"]) == 12


def test_the_figures_stand_beside_the_report(tmp_path: Path) -> None:
    content = _content(made_scores({"a": (9, 9)}))
    write_report(content, tmp_path)

    found = Evaluation.model_validate_json((tmp_path / "figures.json").read_bytes())
    assert found == content.evaluation.model_copy(update={"command": content.command})


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(OutputUnwritable, match="file"):
        write_report(_content(made_scores({"a": (9, 9)})), tmp_path / "file" / "report")


def test_a_mosaic_puts_each_patch_at_its_place() -> None:
    scored = made_scores({"a": (9, 9)})
    shades = np.linspace(10, 240, len(scored)).astype(np.uint8)

    made = mosaics(scored, lambda row: np.full((50, 50, 3), shades[row], np.uint8))

    assert made is not None
    tissue, heat, truth = made
    cell = tissue.shape[1] // 9
    assert tissue.shape == heat.shape == truth.shape == (2 * cell, 9 * cell, 3)
    for row in (0, 8, 9, 17):
        line, column = row // 9, row % 9
        assert (tissue[line * cell + cell // 2, column * cell + cell // 2] == shades[row]).all()


def test_the_truth_is_red_for_idc_and_blue_for_none() -> None:
    made = mosaics(made_scores({"a": (9, 9)}), lambda _row: np.full((50, 50, 3), 200, np.uint8))

    assert made is not None
    none, idc = made[2][5, 5].astype(int), made[2][-5, -5].astype(int)
    assert idc[0] > idc[2] + 30
    assert none[2] > none[0] + 30


def test_places_that_no_slide_has_give_no_mosaic() -> None:
    scored = made_scores({"a": (9, 9)})
    far = ScoredPatches(**{**vars(scored), "x_px": np.where(np.arange(18) == 0, 2_000_000_000, 1).astype(np.int32)})
    unknown = ScoredPatches(**{**vars(scored), "x_px": np.full(18, -1, np.int32)})

    assert mosaics(far, _image_of) is None
    assert mosaics(unknown, _image_of) is None


def test_the_slider_s_counts_are_all_patches() -> None:
    scored = made_scores({"a": (30, 20), "b": (0, 7)})

    counted = json.loads(json.dumps(histograms(scored)))

    assert counted["bins"] == BINS
    totals = {p["name"]: (sum(n for _, n in p["noIdc"]), sum(n for _, n in p["idc"])) for p in counted["patients"]}
    assert totals == {"a": (30, 20), "b": (0, 7)}
