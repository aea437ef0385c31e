"""The benchmarks run and write their report; no test asserts their speed."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import subprocess
import sys

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest


pytestmark = pytest.mark.system


ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.append(str(ROOT))  # at the end, so that an installed asi1 comes first

calls, cases, contenders, growth, measure, pages, picture, runs, table = (
    importlib.import_module(f"benchmarks.{name}")
    for name in (
        "calls",
        "cases",
        "contenders",
        "growth",
        "measure",
        "pages",
        "picture",
        "runs",
        "table",
    )
)
OURS_AND_FLOORS = ("asi1", *contenders.FLOORS)
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Yield the URL of the benchmarks' server, which runs in another process."""
    with pytest.MonkeyPatch.context() as patched, runs.server() as url:
        patched.setenv("PYTHONPATH", runs.environment()["PYTHONPATH"])
        yield url


def result(**medians: float) -> dict[str, Any]:
    """
    Return the result of a benchmark run with one case, in which each library has the
    given median.
    """
    results = {name: {"median": value} for name, value in medians.items()}
    results["groq"] = {"absent": "not installed"}
    results["mistralai"] = {"absent": "fails", "why": "ValueError: no index"}
    about = {
        "date": "2026-01-01",
        "python": "3.11.1",
        "system": "Linux",
        "cores": 2,
        "size": "full",
        "runs": 5,
        "commit": None,
        "versions": dict.fromkeys(results, "1.0"),
    }
    case = {"unit": "us/chunk", "what": "a chunk", "results": results}
    return {"about": about, "cases": {"stream-async": case}}


@pytest.mark.parametrize("contender", OURS_AND_FLOORS)
@pytest.mark.parametrize("case", cases.CASES)
def test_each_benchmark_case_gives_a_value_or_the_reason_why_it_cannot_run(
    url: str, case: str, contender: str
) -> None:
    """
    Each benchmark case gives a value for asi1, and for httpx, httpx2 and aiohttp used
    by hand, or the reason why the case cannot run.
    """
    found = measure.measure(case, contender, url, "tiny")

    missing = importlib.util.find_spec(contender) is None
    untraced = case == "otel" and not _has_opentelemetry()
    linux_only = case.endswith(("memory", "streams")) and sys.platform != "linux"
    if missing:
        assert found == {"absent": "not installed"}
    elif (
        linux_only
        or untraced
        or (
            case.startswith(("parse", "policy", "round", "hooks", "otel"))
            and contender in contenders.FLOORS
        )
        or (contender == "aiohttp" and "value" not in found)
    ):
        assert found == {"absent": "-"}
    else:
        assert list(found) == ["value"]
        assert isinstance(found["value"], float)


def _has_opentelemetry() -> bool:
    try:
        return importlib.util.find_spec("opentelemetry.util.genai") is not None
    except ModuleNotFoundError:  # a parent package is missing
        return False


def test_benchmark_of_a_library_that_misses_text_raises_value_error() -> None:
    """
    A benchmark raises a ValueError if the measured library did not read the whole
    answer.
    """
    with pytest.raises(ValueError, match="0 of "):
        calls.check(0, "whole-10")


def test_benchmark_command_prints_a_table_and_writes_json_and_svg(
    tmp_path: Path,
) -> None:
    """
    The benchmark command prints a table that names packages that are not installed, and
    writes a JSON file and an SVG file.
    """
    file, svg = tmp_path / "result.json", tmp_path / "result.svg"
    command = [sys.executable, "-m", "benchmarks", "create-sync", "--tiny"]
    done = subprocess.run(
        [*command, "--only", "httpx,asi1,groq", "--json", file, "--svg", svg],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )

    found = json.loads(file.read_text("utf-8"))
    measured = found["cases"]["create-sync"]
    assert {"about", "cases"} == set(found)
    assert measured["unit"] == "us/call"
    assert {"median", "runs"} == set(measured["results"]["asi1"])
    assert measured["results"]["httpx"]["median"] > 0
    assert "| create-sync" in done.stdout
    if importlib.util.find_spec("groq") is None:
        assert "not installed" in done.stdout
    assert ET.parse(svg).getroot().tag == f"{SVG}svg"


def test_benchmark_command_refuses_an_unknown_library() -> None:
    """An unknown name in ``--only`` stops the command before anything is measured."""
    main = importlib.import_module("benchmarks.__main__").main
    with pytest.raises(SystemExit, match="nobody"):
        main(["run", "import", "--only", "nobody"])


def test_table_shows_each_library_as_a_multiple_of_httpx() -> None:
    """
    The table shows the value of httpx used by hand in the unit of the case. Each other
    library is shown as a multiple of this value, or with the reason why it has no
    value.
    """
    printed = table.table(result(httpx=10.0, asi1=25.0, openai=50.0))
    row = next(line for line in printed.splitlines() if "stream-async |" in line)

    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == [
        *("stream-async", "us/chunk", "10.0"),
        *("2.50x", "5.00x", "not installed", "fails", "0.50"),
    ]
    assert "stream-async, mistralai: ValueError: no index" in printed


def test_two_benchmark_results_are_compared_as_multiples_of_httpx() -> None:
    """
    Two benchmark results are compared as multiples of httpx used by hand, so that a
    slower machine does not count as a change.
    """
    old = result(httpx=10.0, asi1=20.0)
    new = result(httpx=20.0, asi1=30.0)

    row = table.compared(old, new).splitlines()[-1]

    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        *("stream-async", "2.00x", "1.50x", "-25 %")
    ]


def test_benchmark_case_that_only_asi1_can_run_is_compared_in_its_unit() -> None:
    """
    If only asi1 can run a benchmark case, httpx has no value to compare with. So two
    results of this case are compared in its unit, such as microseconds.
    """
    row = table.compared(result(asi1=20.0), result(asi1=15.0)).splitlines()[-1]

    assert [*("stream-async", "20.0 us/chunk", "15.0 us/chunk", "-25 %")] == [
        cell.strip() for cell in row.strip("|").split("|")
    ]


def test_growth_table_has_a_row_with_two_factors_for_each_path() -> None:
    """
    The growth table has a row for each code path, with its CPU time and with two
    factors: by how much this time grows when the input doubles, and when it doubles
    again.
    """
    said: list[str] = []

    failed = growth.main(times=1, tiny=True, say=said.append, measure=growth.here)

    head, _, *rows = said[0].splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert failed == []
    assert "| 2n / n | 4n / 2n |" in head
    assert [row[0] for row in cells] == list(growth.table_of_paths())
    assert all(float(factor) > 0 for row in cells for factor in row[4:])


def test_growth_command_measures_each_value_in_a_new_process() -> None:
    """
    ``python -m benchmarks growth`` takes names of code paths, and measures each value
    in a new process.
    """
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks", "growth"),
            "--tiny",
            "--runs=1",
            "saved",
        ],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )

    assert "| saved" in done.stdout
    assert done.stderr.startswith("saved: ")


def test_code_path_that_fails_is_named_below_the_growth_table() -> None:
    """
    A code path that fails has no factors, and the reason is given below the table.
    """

    def failing(name: str, size: int, _url: str) -> float:
        raise growth.FailedError(f"{name}, {size}: no otters")

    said: list[str] = []
    failed = growth.main(["saved"], say=said.append, measure=failing)

    assert failed == ["saved"]
    assert "fails |      - |       - |" in said[0]
    assert said[-1].endswith(": no otters")


def test_readme_and_benchmark_page_show_the_recorded_results() -> None:
    """
    The picture, and the numbers of the benchmarks in the README and on their page, are
    those that ``python -m benchmarks pages`` makes from the recorded results.
    """
    recorded = json.loads(pages.RESULTS.read_text("utf-8"))

    for file, text in pages.pages(recorded).items():
        assert file.read_text("utf-8") == text


def test_pages_take_their_numbers_from_the_results() -> None:
    """
    A new result replaces the multiples in the README, and the columns, values and
    versions on the benchmark page. This page says which cases are shown.
    """
    measured = result(httpx=10.0, httpx2=12.0, asi1=25.0, openai=50.0)
    page = (
        "Why.\n\n| case | unit | httpx |\n|---|---|---:|\n"
        "| a chunk (`stream-async`) | ms | 7 |\n\nMedians of 3 runs.\n\nThe end.\n"
    )
    readme = pages.README.read_text("utf-8")

    shown = pages.figures(page, measured).splitlines()

    assert (
        shown[2]
        == "| case | unit | httpx | httpx2 | asi1 | openai | groq | mistralai |"
    )
    assert shown[4] == (
        "| a chunk (`stream-async`) | us/chunk | 10.0 | 1.20x | **2.50x** | 5.00x"
        " | not installed | fails |"
    )
    assert "httpx2 1.0, asi1 1.0" in shown[6]
    assert ["", "The end."] == shown[7:]
    assert "costs 2.50 times the CPU time of plain httpx" in pages.claims(
        readme, measured
    )
    assert "it costs 5.00 times that" in pages.claims(readme, measured)


def test_first_part_of_a_benchmark_name_selects_all_cases_that_begin_with_it() -> None:
    """
    The part of a benchmark case's name before the dash, such as "turn", selects all
    cases that begin with it. A full name, such as "turn-500", selects one case.
    """
    assert ["turn-1", "turn-500"] == cases.selected(["turn"])
    assert ["turn-500", "import"] == cases.selected(["turn-500", "import"])
    assert list(cases.CASES) == cases.selected(cases.CASES)


def test_length_of_a_bar_in_the_svg_is_to_scale() -> None:
    """
    A bar's length in the SVG is in proportion to the library's multiple of httpx used
    by hand. A bar that is too long for the picture is cut.
    """
    measured = result(httpx=10.0, asi1=20.0, openai=50.0, litellm=999.0)
    drawn = ET.fromstring(picture.picture(measured))

    bars = drawn.findall(f"{SVG}rect")
    widths = [float(bar.attrib["width"]) for bar in bars]
    assert [bar.attrib["class"] for bar in bars] == [
        *("floor", "ours", "other", "other")
    ]
    assert widths[1] == pytest.approx(2 * widths[0], abs=0.2)
    assert widths[2] == pytest.approx(5 * widths[0], abs=0.5)
    assert widths[3] == pytest.approx(picture.BAR)
    assert len(drawn.findall(f"{SVG}path")) == 1
