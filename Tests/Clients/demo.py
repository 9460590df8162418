"""Moves this machine's own package database and log through the broker with many clients, and compares every byte.

The packages of /var/lib/dpkg/status, keyed by name, and the lines of /var/log/dpkg.log are produced into topics of 6
partitions by martlet produce, kcat and confluent-kafka, in each codec, and consumed by martlet consume, kcat,
kafka-python and aiokafka. Each consumer must get each producer's records whole, in order and where the Java client's
partitioner would put them. The broker runs under strace, which counts the sendfile calls and their bytes.
"""

import argparse
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import confluent_kafka
from kafka.partitioner.default import murmur2

from harness import wire
from harness.broker import BINARY, Broker
from harness.clients import CODECS, VALUE_END, Aiokafka, KafkaPython, Kcat, Martlet, Message, lines, run

PARTITIONS = 6
STATUS = Path("/var/lib/dpkg/status")
LOG = Path("/var/log/dpkg.log")
# A log can be long; this much shows what there is to show.
MOST_LINES = 20_000
# The part of all consumed bytes that must have gone by sendfile.
SENDFILE_SHARE = 0.9


class Difference(Exception):
    """Something came out that did not go in, or the other way round."""


def packages():
    """The stanzas of the package database with their names."""
    found = []
    for stanza in STATUS.read_bytes().split(b"\n\n"):
        name = re.search(rb"^Package: (\S+)$", stanza, re.MULTILINE)
        if name:
            found.append((name.group(1), stanza))
    if not found:
        raise SystemExit(f"{STATUS} holds no packages; the demo needs a Debian machine")
    return found


def log_lines():
    """The lines of the package log, or of the status file on a minimal machine without one, and where they are from."""
    for path in (LOG, STATUS):
        found = [line for line in path.read_bytes().splitlines() if line] if path.exists() else []
        if found:
            return [(None, line) for line in found[:MOST_LINES]], path
    return [], LOG


# Producers choose the partition themselves here, by key as the Java client does.


def produce_martlet(bootstrap, topic, records, codec):
    command = [str(BINARY), "produce", topic, "-b", bootstrap, "--compression", codec, "-D", r"\x1e"]
    if records[0][0] is not None:
        command += ["-K", r"\x1f"]
    run(command, as_lines(records))


def produce_kcat(bootstrap, topic, records, codec):
    command = ["kcat", "-P", "-b", bootstrap, "-t", topic, "-z", codec, "-D", r"\x1e"]
    command += ["-X", "topic.partitioner=murmur2_random"]
    if records[0][0] is not None:
        command += ["-K", r"\x1f"]
    run(command, as_lines(records))


def as_lines(records):
    if records[0][0] is None:
        return b"".join(value + VALUE_END for _, value in records)
    return lines(Message(0, key, value) for key, value in records)


def produce_confluent(bootstrap, topic, records, codec):
    failures = []
    producer = confluent_kafka.Producer(
        {"bootstrap.servers": bootstrap, "compression.type": codec, "partitioner": "murmur2_random"}
    )

    def delivered(error, _):
        if error is not None:
            failures.append(error)

    for key, value in records:
        producer.produce(topic, value, key, on_delivery=delivered)
        producer.poll(0)
    if producer.flush(60) or failures:
        raise Difference(f"confluent-kafka could not deliver: {failures[:1]}")


PRODUCERS = {"martlet": produce_martlet, "kcat": produce_kcat, "confluent-kafka": produce_confluent}
CONSUMERS = (Martlet, Kcat, KafkaPython, Aiokafka)


def partition_of(key):
    """As the Java client's default partitioner has it."""
    return (murmur2(key) & 0x7FFFFFFF) % PARTITIONS


def ends(broker, topic):
    with wire.connect(broker) as connection:
        return [wire.list_offset(connection, topic, -1, partition=number).offset for number in range(PARTITIONS)]


def check(consumer, topic, sent, received):
    """Each round of producing, cut out by its offsets, must be what was produced in it."""
    for round_name, records, before, after in sent:
        where = f"{consumer} reading {topic}, which {round_name} wrote"
        parts = []
        for number in range(PARTITIONS):
            own = received.get(number, [])
            part = [one for one in own if before[number] <= one.offset < after[number]]
            if [one.offset for one in part] != list(range(before[number], after[number])):
                raise Difference(f"{where}: partition {number} has gaps or repeats")
            parts.append([(one.key, one.value) for one in part])
        if records[0][0] is None:
            check_lines(where, records, parts)
        else:
            check_keyed(where, records, parts)


def check_keyed(where, records, parts):
    for number, part in enumerate(parts):
        expected = [record for record in records if partition_of(record[0]) == number]
        if part != expected:
            raise Difference(f"{where}: partition {number} differs, {len(part)} records of {len(expected)}")


def check_lines(where, records, parts):
    """Lines without keys may be anywhere, but all of them are there and each partition has them in their order."""
    if Counter(record for part in parts for record in part) != Counter(records):
        raise Difference(f"{where}: the lines are not the same")
    for number, part in enumerate(parts):
        rest = iter(records)
        if not all(record in rest for record in part):
            raise Difference(f"{where}: partition {number} is out of order")


def produce_all(broker, topic, records):
    """Every producer in every codec, one after the other; what each wrote and between which offsets."""
    sent = []
    before = [0] * PARTITIONS
    for name, produce in PRODUCERS.items():
        for codec in CODECS:
            start = time.monotonic()
            produce(broker.bootstrap, topic, records, codec)
            elapsed = time.monotonic() - start
            after = ends(broker, topic)
            count = sum(after) - sum(before)
            row("produced", topic, name, codec, count, sum(len(value) for _, value in records), elapsed)
            if count != len(records):
                raise Difference(f"{name} with {codec} produced {len(records)} records, {count} are stored")
            sent.append((f"{name} with {codec}", records, before, after))
            before = after
    return sent


def consume_all(broker, topic, sent):
    expected = sum(len(records) for _, records, _, _ in sent)
    for client in CONSUMERS:
        start = time.monotonic()
        received = client.consume(broker.bootstrap, topic, PARTITIONS)
        elapsed = time.monotonic() - start
        count = sum(map(len, received.values()))
        size = sum(len(one.value) for own in received.values() for one in own)
        if count != expected:
            raise Difference(f"{client.name} consumed {count} records of {topic}, {expected} were produced")
        check(client.name, topic, sent, received)
        row("consumed", topic, client.name, "all", count, size, elapsed)


def row(verb, topic, client, codec, count, size, seconds):
    print(
        f"{verb:9} {topic:9} {client:16} {codec:7} {count:8} records {size / 1e6:8.2f} MB {seconds:7.2f} s", flush=True
    )


def stored_bytes(broker, topics):
    return sum(file.stat().st_size for topic in topics for file in broker.data.glob(f"{topic}-*/*.log"))


def sendfile_of(trace):
    """Calls and bytes from strace's list of calls."""
    sizes = [
        int(size)
        for size in re.findall(r"sendfile(?:64)?\(.*= (\d+)$|sendfile(?:64)? resumed>.*= (\d+)$", trace, re.M)
        for size in size
        if size
    ]
    return len(sizes), sum(sizes)


def can_trace():
    try:
        run(["strace", "-o", "/dev/null", "true"])
    except (AssertionError, FileNotFoundError):
        return False
    return True


def main():
    parser = argparse.ArgumentParser(
        prog="scripts/demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    traced = can_trace()
    with tempfile.TemporaryDirectory(prefix="martlet-demo-") as directory:
        trace = Path(directory) / "trace"
        # The summary as `strace -c` has it, and the calls themselves for their bytes.
        under = ["strace", "-f", "-C", "-e", "trace=sendfile", "-o", str(trace)] if traced else []
        broker = Broker(Path(directory) / "data", under=under).start()
        try:
            demonstrate(broker)
            consumed = stored_bytes(broker, ("packages", "log")) * len(CONSUMERS)
            broker.stop()
            if traced:
                check_sendfile(trace.read_text(encoding="utf-8", errors="replace"), consumed)
            else:
                print("strace may not trace here, so sendfile was not looked at")
        finally:
            broker.discard()
    print("Everything that was consumed is what was produced.")


def demonstrate(broker):
    for topic, records, source in (("packages", packages(), STATUS), ("log", *log_lines())):
        if not records:
            print(f"{source} is empty, nothing to show with it")
            continue
        print(f"{topic}: {len(records)} records of {source}")
        with wire.connect(broker) as connection:
            created = wire.create_topic(connection, topic, PARTITIONS)
            if created.error_code:
                raise Difference(f"topic {topic} could not be created: error {created.error_code}")
        consume_all(broker, topic, produce_all(broker, topic, records))


def check_sendfile(trace, consumed):
    calls, moved = sendfile_of(trace)
    summary = [line for line in trace.splitlines() if re.match(r"\s*% time|.*\ssendfile\b\s*$|-{4}", line)]
    print("\n".join(summary))
    print(f"sendfile moved {moved / 1e6:.2f} MB in {calls} calls, of {consumed / 1e6:.2f} MB that the consumers read")
    if moved < consumed * SENDFILE_SHARE:
        raise Difference(f"only {moved} of {consumed} bytes went by sendfile")


if __name__ == "__main__":
    try:
        main()
    except (Difference, AssertionError) as difference:
        print(f"scripts/demo: {difference}", file=sys.stderr)
        sys.exit(1)
