"""`scripts/bench`: that every scenario still runs, not what it measures."""

import importlib.util
import json
import shutil
import subprocess
import sys
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

from harness.broker import BINARY

ROOT = BINARY.parents[2]
BENCH = ROOT / "Tests" / "Benchmarks" / "bench.py"
SCENARIOS = sorted(path.stem for path in (BENCH.parent / "scenarios").glob("*.py"))
pytestmark = pytest.mark.skipif(not shutil.which("cc"), reason="compiles the benchmarks' C programs")


def bench(*words):
    command = [sys.executable, BENCH, *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)


def skip_without_what_it_needs(scenario):
    for line in bench("--needs", scenario).stdout.splitlines():
        kind, name = line.split()
        if kind == "product" and not (BINARY.parent / name).exists():
            pytest.skip(f"{name} is not built; scripts/bench {scenario} builds it")
        if kind == "package" and shutil.which("dpkg-query"):
            found = subprocess.run(["dpkg-query", "-W", name], capture_output=True, check=False).returncode == 0
            if not found:
                pytest.skip(f"{name} is not installed; scripts/bench {scenario} installs it")
        if kind == "clients" and not importlib.util.find_spec("confluent_kafka"):
            pytest.skip("the Python clients are not installed")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_measures_and_reports(scenario, tmp_path):
    skip_without_what_it_needs(scenario)
    tools = BINARY.parents[1] / "bench"
    places = ["--directory", tmp_path, "--json", tmp_path / "report.json", "--binary", BINARY, "--tools", tools]
    done = bench(scenario, "--smoke", "--check", *places)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["scenario"] == scenario and report["is_smoke"]
    assert all(figure["is_within_limit"] is None for figure in report["figures"])
    assert report["figures"] and all(figure["value"] >= 0 for figure in report["figures"])
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"], "temporary data is left"
    assert bench("--render", tmp_path / "report.json").stdout == done.stdout
    assert bench("--render", tmp_path / "report.json", "--markdown").stdout.count("|") > 5


def test_the_scenarios_are_listed():
    listed = bench("--help").stdout
    assert all(f"  {scenario} " in listed for scenario in SCENARIOS)


def test_what_cannot_be_measured_is_said():
    done = bench("durability", "much")
    assert done.returncode == 2 and "'much' is not a size" in done.stderr
    done = bench("bounds", "--repeats", 0)
    assert done.returncode == 2 and "--repeats must be at least 1" in done.stderr


@pytest.fixture
def modules(monkeypatch):
    """What scenarios are made of, imported as they import it."""
    monkeypatch.syspath_prepend(str(BENCH.parent))
    names = ("bench", "charts", "report", "scenario")
    return SimpleNamespace(**{name: importlib.import_module(name) for name in names})


@pytest.fixture
def options(tmp_path):
    return SimpleNamespace(
        binary="no-such-broker", tools=tmp_path, smoke=False, check=True, markdown=False, json=None, wanted_cases=[]
    )


@pytest.mark.parametrize(("value", "status", "verdict"), [(5.0, 0, "ok"), (5.1, 1, "MISSED")])
def test_a_missed_limit_is_the_exit_status(modules, options, tmp_path, capsys, value, status, verdict):
    class Making(modules.scenario.Scenario):
        def measure(self, run):
            run.figure("making a topic", value, "ms", modules.scenario.at_most(5))

    assert modules.scenario.run(Making(), "making", options, tmp_path) == status
    assert f"making a topic  {value:.2f} ms   {verdict}, at most 5" in capsys.readouterr().out
    options.check = False
    assert modules.scenario.run(Making(), "making", options, tmp_path) == 0


def test_a_report_replaces_the_last_one_in_an_article(modules, options, tmp_path):
    report = modules.report.begin("making", options)
    report["tables"].append({"title": "", "columns": ["", "ms"], "rows": [["Martlet", 1234.5], ["another", None]]})
    article = tmp_path / "Article.md"
    article.write_text("before\n<!-- making:begin -->\nold\n<!-- making:end -->\nafter\n")
    for _ in range(2):
        modules.bench.put_into(article, report)
    text = article.read_text()
    assert text.startswith("before\n<!-- making:begin -->\n") and text.endswith("\n<!-- making:end -->\nafter\n")
    assert "| Martlet | 1,234 |\n| another |  |" in text and "old" not in text and text.count("Martlet") == 1
    report["is_smoke"] = True
    with pytest.raises(SystemExit, match="too short"):
        modules.bench.put_into(article, report)
    report |= {"scenario": "another", "is_smoke": False}
    with pytest.raises(SystemExit, match="another:begin"):
        modules.bench.put_into(article, report)


def test_a_chart_shows_every_series_within_its_frame(modules):
    charts = modules.charts
    curve = charts.Series("ours & theirs", [(1, 0.5), (10, 5), (1000, 70)])
    limit = charts.Series("limit", [(1, 8), (1000, 8)], is_dashed=True)
    axes = (charts.Axis("partitions", is_log=True), charts.Axis("CPU", "µs", starts_at_zero=True))
    picture = ElementTree.fromstring(charts.chart("Cost <of> a request", *axes, [curve, limit]))
    texts = [one.text for one in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert {"ours & theirs", "limit", "Cost <of> a request", "partitions", "CPU (µs)", "1,000", "0"} <= set(texts)
    lines = [one.get("points") for one in picture.iter("{http://www.w3.org/2000/svg}polyline")]
    assert [len(line.split()) for line in lines] == [3, 2]
    for x, y in (map(float, point.split(",")) for line in lines for point in line.split()):
        assert charts.LEFT <= x <= charts.WIDTH - charts.RIGHT and charts.TOP <= y <= charts.HEIGHT - charts.BOTTOM
