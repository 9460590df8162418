"""Who is measured: the bare loops, Martlet, and any other broker that is already running."""

import itertools
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import requests
from processes import cpu_seconds, free_port, wait_for_address


@dataclass(frozen=True)
class Shape:
    """What is moved: `frames` batches of `batch_bytes` with `records` records each, over `partitions`."""

    frames: int
    batch_bytes: int = 1 << 20
    records: int = 1024
    partitions: int = 4
    depth: int = 5
    acks: int = 1

    @property
    def size(self):
        return self.frames * self.batch_bytes


@dataclass(frozen=True)
class Sample:
    """One measured pass."""

    bytes: int
    seconds: float
    cpu: float

    @property
    def gigabytes_per_second(self):
        return self.bytes / 1e9 / self.seconds

    @property
    def cpu_per_gigabyte(self):
        return self.cpu / (self.bytes / 1e9)


class Contender:
    """A server that is sent the same bytes as all others."""

    name = ""
    pid = 0

    def __init__(self, tools, shape):
        self.tools, self.shape = Path(tools), shape

    def run_client(self, mode, port, topic, host="127.0.0.1"):
        shape = self.shape
        numbers = [shape.partitions, shape.frames, shape.batch_bytes, shape.records]
        if mode == "produce":
            numbers += [shape.depth, shape.acks]
        command = [self.tools / "client", mode, host, str(port), topic, *map(str, numbers)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{self.name}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def measure(self, pid, mode, port, topic, host="127.0.0.1"):
        before = cpu_seconds(pid)
        result = self.run_client(mode, port, topic, host)
        return Sample(result["bytes"], result["seconds"], cpu_seconds(pid) - before)


class Loops(Contender):
    """The bare loops in C, which produce into plain files and send them back."""

    name = "C loop"

    def __init__(self, tools, shape, directory):
        super().__init__(tools, shape)
        self.directory = Path(directory) / "loops"

    def produce_and_fetch(self):
        self.directory.mkdir()
        try:
            produced = self._run("produce")
            fetched = self._run("fetch", str(self.shape.batch_bytes), str(self.shape.records))
        finally:
            shutil.rmtree(self.directory)
        return produced, fetched

    def _run(self, mode, *arguments):
        port = free_port()
        command = [self.tools / "loops", mode, str(port), self.directory, *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as loop:
            try:
                loop.stdout.readline()
                if mode == "fetch":
                    self.run_client("fetch", port, "bench")  # the data is warm, the code as well
                return self.measure(loop.pid, mode, port, "bench")
            finally:
                loop.kill()


class Broker(Contender):
    """Any broker: a topic is made, filled, read and deleted in each round."""

    rounds = itertools.count(1)

    def __init__(self, tools, shape, name, host, port, pid):
        super().__init__(tools, shape)
        self.name, self.host, self.port, self.pid = name, host, port, pid

    def produce_and_fetch(self):
        topic = f"bench-{self.pid}-{next(self.rounds)}"
        configs = {"max.message.bytes": str(self.shape.batch_bytes + 1024), "file.delete.delay.ms": "0"}
        with wait_for_address(f"{self.host}:{self.port}") as connection:
            requests.create_topic(connection, topic, self.shape.partitions, configs)
            try:
                produced = self.measure(self.pid, "produce", self.port, topic, self.host)
                self.run_client("fetch", self.port, topic, self.host)
                fetched = self.measure(self.pid, "fetch", self.port, topic, self.host)
            finally:
                requests.delete_topic(connection, topic)
        return produced, fetched
