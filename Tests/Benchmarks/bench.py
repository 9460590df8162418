"""Runs a scenario of scripts/bench, or tells which there are. How to add one: see scenario.py.

bench.py SCENARIO [OPTIONS]            measures; --help tells a scenario's options
bench.py --help                        lists the scenarios
bench.py --needs SCENARIO              tells what has to be installed and built first, a word and a name per line
bench.py --render FILE [--markdown]    prints the report that --json has written
bench.py --render FILE --into ARTICLE  puts it into an article between its comments SCENARIO:begin and SCENARIO:end, and
                                       the scenario's plots beside it
"""

import ast
import importlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import report as reports
import scenario as common

HERE = Path(__file__).parent
DEFAULT = "workloads"


def main(words):
    name = words[0] if words else DEFAULT
    if name in ("--help", "-h"):
        return overview()
    if name == "--render":
        return render(words[1:])
    if name == "--needs":
        return needs(words[1] if words[1:] and words[1] in names() else DEFAULT)
    if name not in names():
        name, words = DEFAULT, [DEFAULT, *words]
    return run(name, words[1:])


def names():
    return sorted(path.stem for path in (HERE / "scenarios").glob("*.py"))


def source(name):
    return ast.parse((HERE / "scenarios" / f"{name}.py").read_text(encoding="utf-8"))


def first_line(name):
    return ast.get_docstring(source(name)).splitlines()[0]


def overview():
    print("Usage: scripts/bench [SCENARIO] [OPTIONS]; scripts/bench SCENARIO --help\n")
    for name in names():
        print(f"  {name:12} {first_line(name)}")
    print(f"\nWithout a scenario's name: {DEFAULT}. What --json has written, scripts/bench --render FILE prints again.")
    return 0


def render(words):
    report = json.loads(Path(words[0]).read_text(encoding="utf-8"))
    if "--into" in words:
        article = Path(words[words.index("--into") + 1])
        put_into(article, report)
        scenario, _ = load(report["scenario"])
        if scenario.plots is not None:
            common.write_plots(scenario, report, article.parent)
        return 0
    print(reports.markdown(report) if "--markdown" in words else reports.plain(report))
    return 0


def put_into(article, report):
    begin, end = (f"<!-- {report['scenario']}:{edge} -->" for edge in ("begin", "end"))
    text = article.read_text(encoding="utf-8")
    before, found, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise SystemExit(f"{article} has no lines {begin} and {end}")
    article.write_text(f"{before}{begin}\n{reports.markdown(report)}\n{end}{after}", encoding="utf-8")


def literals(name):
    """The literals at the top of a scenario's file, read without running it."""
    found = {"PROGRAMS": (), "PACKAGES": (), "PRODUCTS": (), "CLIENTS": False}
    for statement in source(name).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            key = statement.targets[0].id
            if key in found:
                found[key] = ast.literal_eval(statement.value)
    return found


def links(program):
    """The linker's options and Debian's packages of a C program: its line `// Links: -lisal (libisal-dev)`."""
    text = (HERE / f"{program}.c").read_text(encoding="utf-8")
    found = re.search(r"^// Links: (.*)$", text, re.MULTILINE)
    words = found.group(1) if found else ""
    return re.findall(r"(-\S+)", re.sub(r"\(.*?\)", "", words)), re.findall(r"\((\S+?)\)", words)


def needs(name):
    wanted = literals(name)
    packages = list(wanted["PACKAGES"])
    for program in wanted["PROGRAMS"]:
        packages += links(program)[1]
    for package in dict.fromkeys(packages):
        print(f"package {package}")
    for product in wanted["PRODUCTS"]:
        print(f"product {product}")
    if wanted["CLIENTS"]:
        print("clients yes")
    return 0


def compile_programs(programs, tools):
    """Compiles what is missing or older than any source beside it."""
    tools.mkdir(parents=True, exist_ok=True)
    newest = max(path.stat().st_mtime for path in HERE.glob("*.[ch]"))
    for program in programs:
        target = tools / program
        if target.exists() and target.stat().st_mtime >= newest:
            continue
        # Under a name of its own first: another run may be using the old one, or compiling it too.
        made = tools / f"{program}.{os.getpid()}"
        flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", str(made)]
        subprocess.run(["cc", *flags, str(HERE / f"{program}.c"), *links(program)[0], "-lm"], check=True)
        made.replace(target)


def load(name):
    """The scenario of a file, and what its docstring says."""
    module = importlib.import_module(f"scenarios.{name}")
    kinds = [
        kind
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, common.Scenario) and kind.__module__ == module.__name__
    ]
    if len(kinds) != 1:
        raise SystemExit(f"scenarios/{name}.py has {len(kinds)} scenarios; it must have one")
    return kinds[0](), module.__doc__


def run(name, words):
    scenario, documentation = load(name)
    options = common.parse(scenario, name, documentation, words)
    # Ends in order on a SIGTERM too, so that no broker and no data are left.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    compile_programs(literals(name)["PROGRAMS"], Path(options.tools))
    Path(options.directory).mkdir(parents=True, exist_ok=True)
    directory = tempfile.mkdtemp(prefix=f"bench-{name}-", dir=Path(options.directory).resolve())
    try:
        return common.run(scenario, name, options, directory)
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
