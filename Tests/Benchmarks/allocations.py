"""What a broker allocates, counted by `allocations.c`, which is preloaded into it."""

import bisect
import collections
import ctypes
import mmap
import os
import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("allocations.c")
STACK_DEPTH, MOST_STACKS = 32, 1 << 15
# The frames of the counter itself.
OWN_FRAMES = 2


class Counts(ctypes.Structure):
    """The file's layout, as allocations.c has it."""

    _fields_ = [
        ("allocations", ctypes.c_uint64),
        ("bytes", ctypes.c_uint64),
        ("recording", ctypes.c_uint64),
        ("recorded", ctypes.c_uint64),
        ("stacks", (ctypes.c_uint64 * STACK_DEPTH) * MOST_STACKS),
    ]


class Allocations:
    """The counts of one process; `environment` is what it must be started with."""

    def __init__(self, directory):
        library, file = Path(directory) / "allocations.so", Path(directory) / "allocations"
        flags = ["-O2", "-fPIC", "-shared", "-Wall", "-Wextra", "-Werror", "-fno-builtin"]
        subprocess.run(["cc", *flags, "-o", library, SOURCE], check=True)
        with open(file, "wb") as new:
            new.truncate(ctypes.sizeof(Counts))
        with open(file, "r+b") as opened:
            self._memory = mmap.mmap(opened.fileno(), ctypes.sizeof(Counts))
        self.counts = Counts.from_buffer(self._memory)
        self.environment = {"LD_PRELOAD": str(library), "ALLOCATIONS": str(file)}

    def now(self):
        """Allocations and bytes so far."""
        return self.counts.allocations, self.counts.bytes

    def record(self, is_on):
        """Has it note from where allocations come, or no longer."""
        if is_on:
            self.counts.recorded = 0
        self.counts.recording = int(is_on)

    def stacks(self, pid):
        """The recorded call stacks with their numbers, the most frequent first: the innermost function comes first."""
        count = min(self.counts.recorded, MOST_STACKS)
        found = collections.Counter(
            tuple(address for address in self.counts.stacks[index][OWN_FRAMES:] if address) for index in range(count)
        )
        symbols = Symbols(pid)
        return [(number, symbols.names(stack)) for stack, number in found.most_common()]


class Symbols:
    """The functions of a running process's executable."""

    def __init__(self, pid):
        path = os.readlink(f"/proc/{pid}/exe")
        maps = Path(f"/proc/{pid}/maps").read_text(encoding="ascii").splitlines()
        self.base = min(int(line.split("-")[0], 16) for line in maps if line.endswith(path))
        listing = subprocess.run(["nm", "-n", "--defined-only", path], capture_output=True, text=True, check=True)
        lines = [line.split(maxsplit=2) for line in listing.stdout.splitlines()]
        self.symbols = [(int(line[0], 16), line[2]) for line in lines if len(line) == 3 and line[1] in "tTwW"]
        self.starts = [start for start, _ in self.symbols]
        self.end = self.starts[-1] + (1 << 16)

    def names(self, stack):
        names = []
        for address in stack:
            offset = address - self.base
            index = bisect.bisect_right(self.starts, offset) - 1
            names.append(self.symbols[index][1] if index >= 0 and offset < self.end else "?")
        return demangled(names)


def demangled(names):
    if not names or not shutil.which("swift"):
        return names
    done = subprocess.run(
        ["swift", "demangle", "--simplified", "--compact"],
        input="\n".join(names),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()
