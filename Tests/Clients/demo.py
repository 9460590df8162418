"""Moves this machine's own package database and log through the broker with many clients, and compares every byte.

The packages of /var/lib/dpkg/status, keyed by name, and the lines of /var/log/dpkg.log are produced into topics of 6
partitions by martlet produce, kcat and confluent-kafka, in each codec, and consumed by martlet consume, kcat,
kafka-python and aiokafka. Each consumer must get each producer's records whole, in order and where the Java client's
partitioner would put them; what lies on disk must be in the producer's codec. The broker runs under strace, which
counts the calls that send and their bytes.
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

from harness import batches, wire
from harness.broker import BINARY, Broker
from harness.clients import CODECS, VALUE_END, Aiokafka, KafkaPython, Kcat, Martlet, Message, lines, run

PARTITIONS = 6
STATUS = Path("/var/lib/dpkg/status")
LOG = Path("/var/log/dpkg.log")
# A log can be long; this much shows what there is to show.
MOST_LINES = 20_000
# Every way there is to send; answers that carry no records are built in memory and go by the others.
SENDING_CALLS = ("sendfile", "sendto", "sendmsg", "writev")
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
            source = f"{path}, the first of {len(found)}" if len(found) > MOST_LINES else path
            return [(None, line) for line in found[:MOST_LINES]], source
    raise SystemExit(f"neither {LOG} nor {STATUS} has a line; the demo needs a Debian machine")


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


def stored_codecs(broker, topic, before, after):
    """The codecs of the batches on disk between the offsets."""
    names = {number: name for name, number in batches.CODECS.items()}
    found = set()
    for number in range(PARTITIONS):
        for segment in (broker.data / f"{topic}-{number}").glob("*.log"):
            content = segment.read_bytes()
            position = 0
            while position < len(content):
                offset, length, _, _, _, attributes, *_ = batches.HEADER.unpack_from(content, position)
                if before[number] <= offset < after[number]:
                    found.add(names[attributes & 7])
                position += 12 + length
    return found


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
            # A client sends a batch as it is if compressing does not make it smaller.
            found = stored_codecs(broker, topic, before, after)
            if not {codec} <= found <= {codec, "none"}:
                raise Difference(f"{name} was told to use {codec}, stored is {sorted(found)}")
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


def moved_by(call, trace):
    """Successful calls and their bytes from strace's list of calls."""
    sizes = re.findall(rf"\b{call}(?:\(| resumed>).* = (\d+)$", trace, re.M)
    return len(sizes), sum(map(int, sizes))


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
        calls = f"trace={','.join(SENDING_CALLS)}"
        under = ["strace", "-f", "-C", "-s", "0", "-e", calls, "-o", str(trace)] if traced else []
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
        print(f"{topic}: {len(records)} records of {source}")
        with wire.connect(broker) as connection:
            created = wire.create_topic(connection, topic, PARTITIONS)
            if created.error_code:
                raise Difference(f"topic {topic} could not be created: error {created.error_code}")
        consume_all(broker, topic, produce_all(broker, topic, records))


def check_sendfile(trace, consumed):
    summary = re.findall(r"^ *% time.*|^-{4}.*|^ *\d+\.\d+ .*", trace, re.M)
    print("\n".join(summary))
    for call in SENDING_CALLS:
        count, moved = moved_by(call, trace)
        if count:
            print(f"{call} moved {moved / 1e6:.2f} MB in {count} calls")
    _, moved = moved_by("sendfile", trace)
    print(f"The consumers were sent {consumed / 1e6:.2f} MB of record batches, {moved / consumed:.0%} by sendfile.")
    if moved < consumed * SENDFILE_SHARE:
        raise Difference(f"only {moved} of {consumed} bytes went by sendfile")


if __name__ == "__main__":
    try:
        main()
    except (Difference, AssertionError) as difference:
        print(f"scripts/demo: {difference}", file=sys.stderr)
        sys.exit(1)
