"""`martlet consume --group` as a process among other clients, and what tests of groups ask again and again."""

import json
import signal
import subprocess
import threading
import time

from harness.broker import BINARY

SECONDS = 30


class Consuming:
    """`martlet consume --group` as a process; what it writes is collected line by line."""

    def __init__(self, broker, group, *arguments):
        command = [str(BINARY), "consume", "--group", group, "-b", broker.bootstrap, "-f", r"%p:%o %s\n", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.lines = []
        self.told = []
        self._threads = [
            threading.Thread(target=self._read, args=(self.process.stdout, self.lines), daemon=True),
            threading.Thread(target=self._read, args=(self.process.stderr, self.told), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @staticmethod
    def _read(stream, lines):
        for line in stream:
            lines.append(line.decode().rstrip("\n"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for thread in self._threads:
            thread.join()

    def stop(self, number=signal.SIGINT):
        """Asks it to end, and expects that it does so cleanly."""
        self.process.send_signal(number)
        assert self.process.wait(SECONDS) == 0, self.told
        for thread in self._threads:
            thread.join()

    def wait(self, what):
        wait_until(lambda: what(self), lambda: (self.lines[-5:], self.told))
        return self

    @property
    def values(self):
        return [line.split(" ", 1)[1] for line in self.lines]


def wait_until(what, otherwise=lambda: None):
    end = time.monotonic() + SECONDS
    while not what():
        assert time.monotonic() < end, otherwise()
        time.sleep(0.05)


def all_values(partitions, count):
    return sorted(f"{partition}:{number}" for partition in range(partitions) for number in range(count))


def has_settled(martlet, group, count):
    """Whether the group is stable with so many members, all of which have something to read."""
    reports = json.loads(martlet("group", "members", group, "--json"))
    members = reports[0]["members"]
    return reports[0]["state"] == "Stable" and len([one for one in members if one["partitions"]]) == count
