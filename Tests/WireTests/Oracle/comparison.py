"""What the comparisons with Kafka libraries have in common.

The input is a file of JSON lines, written by OracleTests.swift:
  {"api", "key", "kind": "request" | "response", "version", "seed", "tree": field names and values, "hex": the bytes}
A line without seed and hex is no sample: its tree holds the default of every field, and one element of every array.
"""

import base64
import collections
import json
import sys
import uuid


class Difference(Exception):
    """The library and we disagree."""


class Unrepresentable(Exception):
    """The library has no way to hold a value that the protocol allows; the sample is counted, not compared."""


def uuid_of(text):
    return uuid.UUID(bytes=base64.urlsafe_b64decode(text + "=="))


def text_of(identifier):
    """A UUID as the trees hold it; libraries say None for zero."""
    data = identifier.bytes if identifier else bytes(16)
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def run(library, versions_of, compare_sample, compare_defaults, exempt):
    """Compares all lines of the file named by the first argument; the exit status is 1 if anything differs.

    versions_of(api, key, kind) -> the versions the library knows; exempt maps (key, version) to the reason why a
    version is not compared: any other version that only one side knows is a difference.
    """
    is_partial = "--partial" in sys.argv[2:]
    samples, defaults, skipped = (collections.Counter() for _ in range(3))
    unrepresentable = collections.Counter()
    problems = []
    combinations = set()
    ours = collections.defaultdict(set)
    with open(sys.argv[1], encoding="utf-8") as file:
        lines = [json.loads(line) for line in file if line.strip()]
    for line in lines:
        combination = (line["api"], line["version"], line["kind"])
        ours[(line["api"], line["key"], line["kind"])].add(line["version"])
        if (line["key"], line["version"]) in exempt:
            skipped[combination] += 1
            continue
        combinations.add(combination)
        try:
            if line["hex"] is None:
                compare_defaults(line)
                defaults[combination] += 1
            else:
                compare_sample(line, bytes.fromhex(line["hex"]))
                samples[combination] += 1
        except Unrepresentable:
            unrepresentable[combination] += 1
        except Exception as error:  # whatever the library raises is a difference, too
            kind = type(error).__name__
            problems.append(f"{line['api']} v{line['version']} {line['kind']} seed {line['seed']}: {kind}: {error}")
    if not is_partial:
        for combination in sorted(combinations):
            if not samples[combination] or not defaults[combination]:
                problems.append(f"{combination}: never compared")
        for (api, key, kind), versions in sorted(ours.items()):
            for version in versions ^ set(versions_of(api, key, kind)):
                if (key, version) not in exempt:
                    problems.append(f"{api} v{version} {kind}: only one side knows this version")
    print(
        f"{library}: {sum(samples.values())} samples and {sum(defaults.values())} defaults compared in "
        f"{len(samples)} of {len(combinations)} combinations of api, version and kind; "
        f"{sum(unrepresentable.values())} samples not representable, {len(problems)} differences"
    )
    for api, version, kind in sorted(skipped):
        key = next(line["key"] for line in lines if line["api"] == api)
        print(f"  exempt: {api} v{version} {kind}: {exempt[(key, version)]}")
    for problem in problems[:20]:
        print("  " + problem)
    if not samples and not problems:
        problems.append("nothing was compared")
        print("  nothing was compared")
    sys.exit(1 if problems else 0)
