"""What a request may allocate and ask of the kernel: see Tests/Benchmarks/budgets.json and `scripts/bench budgets`."""

import json
import shutil
import subprocess
import sys

import pytest

from harness.broker import BINARY

ROOT = BINARY.parents[2]
BENCHMARKS = ROOT / "Tests" / "Benchmarks"
BUDGETS = json.loads((BENCHMARKS / "budgets.json").read_text())
# A budget is wider than this over what is needed only if somebody has saved an allocation and left it to be lost again.
WIDEST = 1.4
UPDATE = "scripts/bench budgets --update"
pytestmark = [
    pytest.mark.skipif(not shutil.which("cc"), reason="compiles the counter of allocations"),
    pytest.mark.skipif(not shutil.which("strace"), reason="counts system calls with strace"),
    pytest.mark.timeout(400),
]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """What all cases cost."""
    directory = tmp_path_factory.mktemp("budgets")
    places = ["--binary", BINARY, "--directory", directory, "--json", directory / "report.json"]
    command = [sys.executable, BENCHMARKS / "bench.py", "budgets", *places]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads((directory / "report.json").read_text())


def figures(report, case):
    found = [figure for figure in report["figures"] if figure["case"] == case]
    assert found, f"{case} was not measured"
    return found


def test_every_case_has_a_budget(report):
    assert {figure["case"] for figure in report["figures"]} == set(BUDGETS)


@pytest.mark.parametrize("case", BUDGETS)
def test_a_request_stays_within_its_budget(report, case):
    over = [
        f"{figure['name']}: {figure['value']:g} a request, the budget is {figure['limit']['goal']:g}"
        for figure in figures(report, case)
        if not figure["is_within_limit"]
    ]
    assert not over, f"{over}; `scripts/bench budgets --case {case} --stacks 20` tells where allocations come from"


@pytest.mark.parametrize("case", BUDGETS)
def test_a_budget_is_as_tight_as_it_can_be(report, case):
    (allocations,) = [figure for figure in figures(report, case) if figure["name"] == "allocations"]
    spare = allocations["limit"]["goal"] - allocations["value"]
    widest = max(WIDEST, allocations["value"] * 0.2)
    assert spare <= widest, f"{spare:.1f} allocations were saved; {UPDATE} --case {case}"
