"""Kills the broker again and again under producers and readers, and proves that nothing it acknowledged was lost.

Usage: python crash.py KILLS [SEED]

Three producers write numbered messages, one with acks=1, one with acks=all, one idempotent, each to a topic of its own
with segments so small that rolls are hit; readers follow. After the kills everything is read again:

  - each acknowledged message is at the offset that it was acknowledged with;
  - whatever a reader once saw at an offset is still there;
  - messages are in the order they were sent, and those of the idempotent producer are there exactly once;
  - groups of both protocols commit meanwhile: what was acknowledged to them is committed, and never becomes less;
  - of a fourth topic, which is compacted all the while, every key's last acknowledged message is there, at its offset;
  - after a clean stop `martlet log verify` finds nothing.

Kills come in rounds, each with a broker, data directory and seed of its own.
"""

import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path

import confluent_kafka
from confluent_kafka.admin import AdminClient, NewTopic

from commits import Commits
from harness.broker import Broker, run_martlet

PARTITIONS = 3
KILLS_PER_ROUND = 20
# Segments of many batches, of a few, and of hardly more than one.
SEGMENT_BYTES = (1 << 20, 64 << 10, 12 << 10)
LONGEST_VALUE = 400
LARGEST_BATCH = 8000
MESSAGES_PER_SECOND = 3000
LONGEST_LIFE_SECONDS = 1.2
# How often a broker is killed while it is still starting.
EARLY_KILLS = 0.2
FLUSH_SECONDS = 60
READ_SECONDS = 60
KINDS = {
    "acks-1": {"acks": "1", "max.in.flight": 1},
    "acks-all": {"acks": "all", "max.in.flight": 1},
    "idempotent": {"acks": "all", "enable.idempotence": True, "max.in.flight": 5},
}
COMPACTED = "compacted"
KEYS = 40
# Compaction is to be met by most kills.
SETTINGS = {"log.cleaner.backoff.ms": 50}
CODECS = ("none", "none", "lz4", "zstd", "snappy", "gzip")


class Lost(AssertionError):
    """A promise was broken."""


def check(holds, message):
    if not holds:
        raise Lost(message)


class Writer(threading.Thread):
    """Sends numbered messages until it is told to stop, and keeps what was acknowledged where."""

    def __init__(self, bootstrap, topic, settings, rng):
        super().__init__(name=f"writer {topic}", daemon=True)
        self.topic = topic
        self.rng = rng
        self.sent = [0] * PARTITIONS
        # By partition: the number of each message by the offset it was acknowledged with.
        self.acknowledged = [{} for _ in range(PARTITIONS)]
        self.failures = []
        self.stopping = threading.Event()
        self.producer = confluent_kafka.Producer(
            {
                "bootstrap.servers": bootstrap,
                "linger.ms": rng.choice([0, 1, 5]),
                "compression.type": rng.choice(CODECS),
                "batch.size": LARGEST_BATCH,
                "batch.num.messages": rng.choice([10, 100, 1000]),
                # A message that is given up may or may not be there; nothing could be said about those behind it.
                "message.timeout.ms": 300_000,
                "message.send.max.retries": 1_000_000,
                "retry.backoff.ms": 20,
                "retry.backoff.max.ms": 100,
                "reconnect.backoff.ms": 10,
                "reconnect.backoff.max.ms": 100,
                "socket.timeout.ms": 10_000,
                "log_level": 0,
                **settings,
            }
        )

    def run(self):
        try:
            self.write()
        except confluent_kafka.KafkaException as error:
            # Such as a sequence number that the broker should have remembered.
            self.failures.append(f"the producer gave up: {error}")

    def write(self):
        while not self.stopping.is_set():
            for _ in range(MESSAGES_PER_SECOND // 100):
                self.send()
            self.producer.poll(0.01)
        left = self.producer.flush(FLUSH_SECONDS)
        if left:
            self.failures.append(f"{left} messages were still not acknowledged after {FLUSH_SECONDS} s")

    def send(self):
        partition = self.rng.randrange(PARTITIONS)
        number = self.sent[partition]
        value = b"%d " % number + b"x" * self.rng.randrange(LONGEST_VALUE)
        try:
            self.producer.produce(self.topic, value, partition=partition, on_delivery=self.delivered)
        except BufferError:
            return
        self.sent[partition] += 1

    def delivered(self, error, message):
        if error is not None:
            self.failures.append(f"{error}")
            return
        number = number_of(message)
        before = self.acknowledged[message.partition()].setdefault(message.offset(), number)
        if before != number:
            self.failures.append(
                f"offset {message.offset()} of partition {message.partition()} was acknowledged for message {before} "
                f"and for message {number}"
            )


class KeyedWriter(Writer):
    """Writes the same few keys again and again, with acks=all."""

    def send(self):
        partition = self.rng.randrange(PARTITIONS)
        number = self.sent[partition]
        value = b"%d " % number + b"x" * self.rng.randrange(LONGEST_VALUE)
        try:
            self.producer.produce(
                self.topic, value, b"%d" % (number % KEYS), partition=partition, on_delivery=self.delivered
            )
        except BufferError:
            return
        self.sent[partition] += 1


class Reader(threading.Thread):
    """Follows all topics, and keeps what it saw where."""

    def __init__(self, bootstrap, topics):
        super().__init__(name="reader", daemon=True)
        self.consumer = follow(bootstrap, topics)
        self.seen = defaultdict(dict)
        self.next = defaultdict(int)
        self.failures = []
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.is_set():
            for message in self.consumer.consume(1000, 0.1):
                if message.error():
                    if not message.error().retriable() and not is_lost_connection(message.error()):
                        self.failures.append(f"the reader met: {message.error()}")
                    continue
                key = (message.topic(), message.partition())
                if message.offset() != self.next[key]:
                    self.failures.append(f"{key} went from offset {self.next[key]} to {message.offset()}")
                self.next[key] = message.offset() + 1
                self.seen[key][message.offset()] = number_of(message)
        self.consumer.close()


def is_lost_connection(error):
    return error.code() in (
        confluent_kafka.KafkaError._TRANSPORT,
        confluent_kafka.KafkaError._ALL_BROKERS_DOWN,
        confluent_kafka.KafkaError._RESOLVE,
        confluent_kafka.KafkaError._TIMED_OUT,
    )


def number_of(message):
    return int(message.value().split(b" ", 1)[0])


def follow(bootstrap, topics):
    """A consumer at the beginning of all partitions, for which a lost offset is an error."""
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "crash-test",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "fetch.wait.max.ms": 50,
            "reconnect.backoff.ms": 10,
            "reconnect.backoff.max.ms": 100,
            "log_level": 0,
        }
    )
    partitions = [(topic, partition) for topic in topics for partition in range(PARTITIONS)]
    consumer.assign([confluent_kafka.TopicPartition(topic, partition, 0) for topic, partition in partitions])
    return consumer


def create_topics(bootstrap, topics, rng, more=None):
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    new = [
        NewTopic(
            topic,
            PARTITIONS,
            1,
            config={
                "internal.segment.bytes": str(rng.choice(SEGMENT_BYTES)),
                "index.interval.bytes": str(rng.choice([1, 512, 4096])),
                "max.message.bytes": str(LARGEST_BATCH + 1000),
                **(more or {}),
            },
        )
        for topic in topics
    ]
    for future in admin.create_topics(new).values():
        future.result()


def read_all(bootstrap, topics):
    """Every message of each partition: the numbers in order, which begin at offset 0."""
    consumer = follow(bootstrap, topics)
    found = {(topic, partition): [] for topic in topics for partition in range(PARTITIONS)}
    ends = {
        key: consumer.get_watermark_offsets(confluent_kafka.TopicPartition(*key), timeout=READ_SECONDS)[1]
        for key in found
    }
    deadline = time.monotonic() + READ_SECONDS
    missing = sum(ends.values())
    while missing > 0:
        check(time.monotonic() < deadline, f"{missing} messages could not be read within {READ_SECONDS} s")
        for message in consumer.consume(10_000, 0.5):
            check(not message.error() or is_lost_connection(message.error()), f"reading failed: {message.error()}")
            if message.error():
                continue
            numbers = found[message.topic(), message.partition()]
            check(
                message.offset() == len(numbers),
                f"{message.topic()}-{message.partition()}: offset {message.offset()} follows {len(numbers) - 1}",
            )
            numbers.append(number_of(message))
            missing -= 1
    consumer.close()
    return found


def read_compacted(bootstrap):
    """What is there of the compacted topic: by partition, offset and number of each message in order."""
    consumer = follow(bootstrap, [COMPACTED])
    found = [[] for _ in range(PARTITIONS)]
    ends = [
        consumer.get_watermark_offsets(confluent_kafka.TopicPartition(COMPACTED, one), timeout=READ_SECONDS)[1]
        for one in range(PARTITIONS)
    ]
    deadline = time.monotonic() + READ_SECONDS
    while any(end and (not numbers or numbers[-1][0] < end - 1) for numbers, end in zip(found, ends, strict=True)):
        check(time.monotonic() < deadline, f"{COMPACTED} could not be read up to {ends} within {READ_SECONDS} s")
        for message in consumer.consume(10_000, 0.5):
            check(not message.error() or is_lost_connection(message.error()), f"reading failed: {message.error()}")
            if not message.error():
                found[message.partition()].append((message.offset(), number_of(message)))
    consumer.close()
    return found


def check_compacted(writer, found):
    check(not writer.failures, f"{writer.topic}: {writer.failures[:3]}")
    for partition, messages in enumerate(found):
        place = f"{COMPACTED}-{partition}"
        check(messages == sorted(messages), f"{place}: messages are not in the order of their offsets")
        numbers = [number for _, number in messages]
        firsts = list(dict.fromkeys(numbers))
        check(firsts == sorted(firsts), f"{place}: messages are not in the order they were sent")
        acknowledged = writer.acknowledged[partition]
        for offset, number in messages:
            was = acknowledged.get(offset, number)
            check(was == number, f"{place}: message {was}, acknowledged at {offset}, is not there but {number}")
        last = {number % KEYS: number for number in sorted(acknowledged.values())}
        there = {number % KEYS: number for number in numbers}
        for key, number in last.items():
            check(there.get(key, -1) >= number, f"{place}: message {number}, the last of its key, is lost")


def compare(writers, reader, found):
    for writer in writers:
        check(not writer.failures, f"{writer.topic}: {writer.failures[:3]}")
        for partition in range(PARTITIONS):
            place = f"{writer.topic}-{partition}"
            numbers = found[writer.topic, partition]
            for offset, number in writer.acknowledged[partition].items():
                check(offset < len(numbers), f"{place}: message {number}, acknowledged at offset {offset}, is lost")
                check(
                    numbers[offset] == number,
                    f"{place}: message {number}, acknowledged at offset {offset}, is not there but {numbers[offset]}",
                )
            firsts = list(dict.fromkeys(numbers))
            check(firsts == sorted(firsts), f"{place}: messages are not in the order they were sent")
            check(
                len(firsts) == writer.sent[partition], f"{place}: {len(firsts)} of {writer.sent[partition]} are there"
            )
            if writer.topic == "idempotent":
                check(len(firsts) == len(numbers), f"{place}: {len(numbers) - len(firsts)} messages are there twice")
    check(not reader.failures, f"{reader.failures[:3]}")
    for (topic, partition), seen in reader.seen.items():
        numbers = found[topic, partition]
        for offset, number in seen.items():
            check(
                offset < len(numbers) and numbers[offset] == number,
                f"{topic}-{partition}: a reader saw message {number} at offset {offset}, and it is no longer there",
            )


def kill_during_start(broker, rng):
    process = subprocess.Popen(broker.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(rng.uniform(0, 0.06))
    process.kill()
    process.wait()


def run_round(kills, seed, directory):
    """Returns the numbers of acknowledged messages and commits, and the slowest start in seconds."""
    rng = random.Random(seed)
    broker = Broker(directory / "data", settings=SETTINGS).start()
    slowest = 0.0
    try:
        create_topics(broker.bootstrap, KINDS, rng)
        create_topics(
            broker.bootstrap, [COMPACTED], rng, {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01"}
        )
        keyed = KeyedWriter(broker.bootstrap, COMPACTED, KINDS["acks-all"], random.Random(rng.random()))
        writers = [
            Writer(broker.bootstrap, topic, settings, random.Random(rng.random())) for topic, settings in KINDS.items()
        ]
        reader = Reader(broker.bootstrap, KINDS)
        threads = [*writers, keyed, reader]
        commits = Commits(broker, ["acks-all"])
        for thread in [*threads, commits]:
            thread.start()
        for _ in range(kills):
            time.sleep(rng.uniform(0.05, LONGEST_LIFE_SECONDS))
            broker.assert_running()
            broker.kill9()
            if rng.random() < EARLY_KILLS:
                kill_during_start(broker, rng)
            start = time.monotonic()
            broker.start()
            slowest = max(slowest, time.monotonic() - start)
        for thread in threads:
            thread.stopping.set()
        for thread in threads:
            thread.join()
        commits.stop()
        # A clean stop and a start must not change anything either.
        for _ in range(2):
            compare(writers, reader, read_all(broker.bootstrap, KINDS))
            compacted = read_compacted(broker.bootstrap)
            check_compacted(keyed, compacted)
            problems = commits.problems()
            check(not problems, f"{problems[:3]}")
            broker.restart()
        broker.stop()
    finally:
        broker.discard()
        (directory / "broker.log").write_text(broker.log)
    verified = run_martlet("log", "verify", broker.data, "--records", timeout=600)
    check(verified.returncode == 0, f"log verify: {(verified.stdout + verified.stderr).decode(errors='replace')}")
    check(sum(map(len, compacted)) < sum(keyed.sent), "nothing was ever compacted")
    messages = sum(len(one) for writer in [*writers, keyed] for one in writer.acknowledged)
    return messages, commits.count, slowest


def main(kills, seed):
    start = time.monotonic()
    print(f"seed {seed}", flush=True)
    done = acknowledged = committed = 0
    slowest = 0.0
    while done < kills:
        count = min(kills - done, KILLS_PER_ROUND)
        directory = Path(tempfile.mkdtemp(prefix="martlet-crash-"))
        try:
            messages, commits, start_seconds = run_round(count, seed, directory)
        except (AssertionError, confluent_kafka.KafkaException) as error:
            print(f"FAILED: {error}\nagain with: scripts/crash-test {count} {seed}\nleft in {directory}", flush=True)
            return 1
        shutil.rmtree(directory)
        done += count
        acknowledged += messages
        committed += commits
        slowest = max(slowest, start_seconds)
        seed += 1
        print(
            f"{done} kills, {acknowledged:,} messages and {committed:,} commits acknowledged, none lost, moved, "
            f"doubled or taken back; slowest start {slowest:.2f} s; {time.monotonic() - start:.0f} s so far",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 31)))
