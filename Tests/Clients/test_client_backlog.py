"""A consumer that is slower than its broker, and 100 MB behind: it gets everything, in bounded memory."""

import os
import subprocess
from pathlib import Path

from harness.broker import BINARY
from harness.clients import Confluent, Message

PARTITIONS = 4
RECORDS = 100_000
RECORD_BYTES = 1000
# What it fetches ahead (32 MiB), what is on its way, and the program itself.
PEAK_BYTES = 128 << 20
SECONDS = 240
PIECE = 1 << 20


def peak_bytes(pid):
    """The most that was resident so far; 0 of a process that has just ended."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def read_piece(descriptor):
    """As much as the pipe holds; the consumer waits meanwhile."""
    return os.read(descriptor, PIECE)


def test_slow_reader_gets_100_megabytes_in_bounded_memory(broker, make_topic):
    topic = make_topic(PARTITIONS)
    padding = b"x" * RECORD_BYTES
    sent = [Message(number % PARTITIONS, None, b"%d:%s" % (number, padding)) for number in range(RECORDS)]
    Confluent.produce(broker.bootstrap, topic, sent)
    command = [str(BINARY), "consume", topic, "--from", "beginning", "-e", "-f", "%p %s\\n", "-b", broker.bootstrap]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as consumer:
        received, peak = [], 0
        while piece := read_piece(consumer.stdout.fileno()):
            received.append(piece)
            if consumer.poll() is None:
                peak = max(peak, peak_bytes(consumer.pid))
        assert consumer.wait(SECONDS) == 0, consumer.stderr.read()
    lines = b"".join(received).splitlines()
    assert len(lines) == RECORDS
    for partition in range(PARTITIONS):
        mine = b"%d " % partition
        numbers = [int(line[len(mine) :].split(b":")[0]) for line in lines if line.startswith(mine)]
        assert numbers == list(range(partition, RECORDS, PARTITIONS))
    assert 0 < peak < PEAK_BYTES, f"{peak / 1e6:.0f} MB"
