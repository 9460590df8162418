"""A broker and the C clients around it, for scenarios in which one client's doings are felt by another."""

import json
import os
import statistics
import subprocess
from contextlib import contextmanager
from pathlib import Path

import requests
from martlet import Martlet
from processes import resident_bytes, wait_for_port, warm_up

STREAM_BYTES, STREAM_RATE = 200, 1000


class Stage:
    """One broker with the clients that a case needs. A context."""

    def __init__(self, run, **settings):
        self.run = run
        self.martlet = Martlet(run.binary, run.directory / "data", **{"log.retention.ms": -1, **settings})
        self.streams = 0

    def __enter__(self):
        self.martlet.start()
        return self

    def __exit__(self, failure, *_):
        with self.martlet:
            if failure is None:
                self.martlet.stop()
        for path in sorted(self.martlet.data.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        self.martlet.data.rmdir()

    @property
    def pid(self):
        return self.martlet.pid

    def create(self, topic, partitions=1, **configs):
        settings = {key.replace("_", "."): str(value) for key, value in configs.items()}
        with wait_for_port(self.martlet.port) as connection:
            requests.create_topic(connection, topic, partitions, settings)

    def delete(self, topic):
        with wait_for_port(self.martlet.port) as connection:
            requests.delete_topic(connection, topic)

    def begin(self, program, *words, niceness=0):
        """Starts a C client; words before HOST PORT are those of the mode."""
        mode = words[:1] if program in ("client", "readers") else ()
        command = [self.run.tool(program), *mode, "127.0.0.1", self.martlet.port, *words[len(mode) :]]
        if niceness:
            command = ["nice", "-n", niceness, *command]
        return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, client):
        output, complaint = client.communicate()
        if client.returncode:
            raise RuntimeError(f"{' '.join(client.args)}: {complaint.strip()}")
        return json.loads(output)

    def do(self, program, *words):
        return self.finish(self.begin(program, *words))

    @contextmanager
    def during(self, program, *words, told, niceness=0, before=lambda: None):
        """Keeps a client running. Yields what has to be called now and then: if the client has come to an end, it adds
        what it has told to `told` and starts another one, after `before`."""
        clients = [self.begin(program, *words, niceness=niceness)]

        def still():
            if clients[-1].poll() is not None:
                told.append(self.finish(clients[-1]))
                before()
                clients.append(self.begin(program, *words, niceness=niceness))

        try:
            yield still
        finally:
            clients[-1].kill()
            clients[-1].communicate()

    def fill(self, topic, partitions, size):
        """Writes so many bytes of 1 KiB records in batches of 1 MiB."""
        warm_up(self.run.directory, size)
        return self.do("client", "produce", topic, partitions, max(partitions, size >> 20), 1 << 20, 1024, 5, 1)

    def stream(self, seconds):
        """Begins a stream of single records to a topic of its own: what others do to it is what is measured."""
        self.streams += 1
        self.create(f"stream-{self.streams}")
        return self.begin("stream", f"stream-{self.streams}", seconds, STREAM_RATE, STREAM_BYTES, -1)

    def settle(self):
        """Has everything on the disk, so that the next measurement does not pay for the last one."""
        os.sync()

    def forget(self, topic):
        """Takes a topic's segments out of the page cache."""
        self.settle()
        for path in Path(self.martlet.data).glob(f"{topic}-*/*.log"):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)

    def resident(self):
        return resident_bytes(self.pid)

    def peak(self):
        """The most that was resident since the start, in bytes."""
        for line in Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        raise ValueError(f"process {self.pid} has no VmHWM")


def middle(samples, *names):
    """The median of a figure that lies that deep in each sample."""
    values = []
    for sample in samples:
        for name in names:
            sample = sample[name]
        values.append(sample)
    return statistics.median(values)
