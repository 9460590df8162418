"""The report of a scenario: what it begins with, and how it is printed. All of it is in the JSON that --json writes."""

import datetime
import os
import platform
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def begin(name, options):
    """A report without figures: where, when and what was measured."""
    words = {key: value for key, value in vars(options).items() if isinstance(value, (int, float, str, bool, list))}
    return {
        "scenario": name,
        "machine": machine(),
        "version": output(options.binary, "--version"),
        "commit": commit(options.binary),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "is_smoke": options.smoke,
        "options": words,
        "notes": [],
        "tables": [],
        "figures": [],
    }


def machine():
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{platform.machine()}, {os.cpu_count()} cores, {memory / 1e9:.0f} GB, Linux {platform.release()}"


def commit(binary):
    """The commit of the repository that this file lies in, with a plus where files differ from it.

    A binary from elsewhere is of another commit, which nothing tells.
    """
    if Path(binary).resolve() != (ROOT / ".build" / "release" / "martlet").resolve():
        return f"unknown (the binary is {binary})"
    here = ("-C", str(ROOT))
    revision = output("git", *here, "rev-parse", "--short", "HEAD")
    is_changed = output("git", *here, "status", "--porcelain", "--untracked-files=no")
    return f"{revision or 'unknown'}{'+' if is_changed else ''}"


def output(*command):
    """What a command prints; nothing if there is no such command."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except OSError:
        return ""


def number(value):
    """A number as people read it, with about three digits that count."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return "" if value is None else str(value)
    size = abs(value)
    if isinstance(value, int) or size >= 100:
        return f"{value:,.0f}"
    return f"{value:.{1 if size >= 10 else 2 if size >= 1 else 3}f}"


def verdict(figure):
    limit, is_within = figure["limit"], figure["is_within_limit"]
    if limit is None:
        return ""
    goal = f"{limit['kind']} {limit['goal']:,g}"
    return goal if is_within is None else f"{'ok' if is_within else 'MISSED'}, {goal}"


def lines(figures):
    """Name, figure and verdict of each."""
    for figure in figures:
        name = f"{figure['case']}: {figure['name']}" if figure["case"] else figure["name"]
        yield name, f"{number(figure['value'])} {figure['unit']}".strip(), verdict(figure)


def plain(report):
    """For a terminal."""
    text = [f"{report['machine']}; {report['version']}; commit {report['commit']}; {report['date']}", *report["notes"]]
    for table in report["tables"]:
        text += ["", *([table["title"]] if table["title"] else []), *aligned(table["columns"], table["rows"])]
    rows = list(lines(report["figures"]))
    if rows:
        first, second = (max(len(row[place]) for row in rows) for place in (0, 1))
        text += ["", *(f"{name:{first}}  {value:>{second}}   {what}".rstrip() for name, value, what in rows)]
    return "\n".join(text)


def aligned(columns, rows):
    cells = [columns, *([number(cell) for cell in row] for row in rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(columns))]
    for row in cells:
        rest = "".join(f"  {cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        yield f"{row[0]:{widths[0]}}{rest}".rstrip()


def markdown(report):
    """For an article."""
    text = [f"{report['machine']}; {report['version']}; commit {report['commit']}; {report['date']}."]
    for note in report["notes"]:
        text += ["", f"{note}."]
    for table in report["tables"]:
        text += ["", *([f"{table['title']}:", ""] if table["title"] else []), *piped(table["columns"], table["rows"])]
    if report["figures"]:
        text += ["", *piped(["", "measured", "limit"], lines(report["figures"]))]
    return "\n".join(text)


def piped(columns, rows):
    yield f"| {' | '.join(columns)} |"
    yield f"| --- |{' ---: |' * (len(columns) - 1)}"
    for row in rows:
        yield f"| {' | '.join(number(cell) for cell in row)} |"
