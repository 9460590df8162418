"""Compares Kafka's error codes, their names and whether they can be retried with the package kio.

The input is a file of one JSON line for each error: {"code", "name", "isRetriable"}.
"""

import json
import sys

from kio.schema.errors import ErrorCode

with open(sys.argv[1], encoding="utf-8") as file:
    ours = {line["code"]: line for line in map(json.loads, file)}

problems = [f"{code}: only we know it" for code in ours if code not in list(ErrorCode)]
for error in ErrorCode:
    expected = {"code": int(error), "name": error.name.upper(), "isRetriable": error.retriable}
    if ours.get(error) != expected:
        problems.append(f"{expected} is {ours.get(error)} here")
print(f"kio: {len(ours)} error codes compared, {len(problems)} differences", *problems, sep="\n  ")
sys.exit(1 if problems else 0)
