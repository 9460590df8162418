"""`scripts/bench`: that every scenario still runs, not what it measures."""

import importlib.util
import json
import shutil
import subprocess
import sys

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
