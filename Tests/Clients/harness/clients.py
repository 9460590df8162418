"""Real clients behind one face: each can produce messages to given partitions with a codec and consume all of a topic.

Producing keeps each partition's order. Consuming returns the messages of each partition in the order of delivery.
`headers` are the kinds of header that a client can send, see messages.some.
"""

import asyncio
import subprocess
from collections import defaultdict
from dataclasses import dataclass

import aiokafka
import confluent_kafka
import kafka

from .broker import BINARY

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
CONSUME_SECONDS = 60
# Between key and value, and after a value, where a client reads messages from a file: bytes no test uses elsewhere.
KEY_END, VALUE_END = b"\x1f", b"\x1e"


@dataclass(frozen=True)
class Message:
    """What a producer is given and a consumer must give back."""

    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple = ()


@dataclass(frozen=True)
class Received:
    """A message with what the broker added."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple = ()


def by_partition(messages):
    """The messages of each partition, in order."""
    partitions = defaultdict(list)
    for message in messages:
        partitions[message.partition].append(message)
    return dict(partitions)


def ends(messages):
    """Where the partitions end that hold nothing but these messages."""
    return {partition: len(own) for partition, own in by_partition(messages).items()}


def lines(messages):
    """The messages as clients read them that take records from a file."""
    return b"".join((message.key or b"") + KEY_END + (message.value or b"") + VALUE_END for message in messages)


def run(command, stdin=None, timeout=CONSUME_SECONDS):
    """Runs a client's process to its end and returns its output."""
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=timeout, check=False)
    assert done.returncode == 0, f"{command} ended with {done.returncode}: {done.stderr.decode(errors='replace')}"
    return done.stdout


class Confluent:
    """confluent-kafka, that is librdkafka as it is today."""

    name = "confluent-kafka"
    headers = ("index", "empty", "null")

    @staticmethod
    def produce(bootstrap, topic, messages, codec="none", **settings):
        failures = []
        settings = {"bootstrap.servers": bootstrap, "compression.type": codec, "enable.idempotence": True} | settings
        producer = confluent_kafka.Producer(settings)

        def delivered(error, _):
            if error is not None:
                failures.append(error)

        for message in messages:
            while True:
                try:
                    producer.produce(
                        topic,
                        message.value,
                        message.key,
                        message.partition,
                        headers=list(message.headers),
                        on_delivery=delivered,
                    )
                    break
                except BufferError:
                    producer.poll(0.1)
            producer.poll(0)
        left = producer.flush(CONSUME_SECONDS)
        assert not left and not failures, f"{left} not sent, {failures[:3]}"

    @staticmethod
    def consume(bootstrap, topic, partitions, **settings):
        settings = {
            "bootstrap.servers": bootstrap,
            "group.id": "unused",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "check.crcs": True,
        } | settings
        consumer = confluent_kafka.Consumer(settings)
        beginning = confluent_kafka.OFFSET_BEGINNING
        consumer.assign([confluent_kafka.TopicPartition(topic, number, beginning) for number in range(partitions)])
        received, ended = defaultdict(list), set()
        try:
            while len(ended) < partitions:
                message = consumer.poll(CONSUME_SECONDS)
                assert message is not None, f"nothing within {CONSUME_SECONDS} s, ended: {ended}"
                error = message.error()
                if error is None:
                    received[message.partition()].append(
                        Received(
                            message.offset(),
                            message.timestamp()[1],
                            message.key(),
                            message.value(),
                            tuple(message.headers() or ()),
                        )
                    )
                elif error.code() == confluent_kafka.KafkaError._PARTITION_EOF:
                    ended.add(message.partition())
                else:
                    raise AssertionError(error)
        finally:
            consumer.close()
        return dict(received)


class Kcat:
    """kcat with Debian's librdkafka, an old one."""

    name = "kcat"
    headers = ()  # it can only give all messages the same

    @staticmethod
    def produce(bootstrap, topic, messages, codec="none"):
        for partition, own in by_partition(messages).items():
            command = ["kcat", "-P", "-b", bootstrap, "-t", topic, "-p", str(partition), "-z", codec]
            command += ["-K", r"\x1f", "-D", r"\x1e"]
            if any(message.key is None or message.value is None for message in own):
                command.append("-Z")
            run(command, lines(own))

    @staticmethod
    def consume(bootstrap, topic, partitions):
        command = ["kcat", "-C", "-b", bootstrap, "-t", topic, "-o", "beginning", "-e", "-q", "-X", "check.crcs=true"]
        return parse_lengths(run([*command, "-f", r"%p %o %T %K %S\n%k%s\n"]))


def parse_lengths(output):
    """Reads what the format '%p %o %T %K %S\\n%k%s\\n' writes: bytes of any kind, with their lengths in front."""
    received = defaultdict(list)
    position = 0
    while position < len(output):
        end = output.index(b"\n", position)
        partition, offset, timestamp, *lengths = map(int, output[position:end].split())
        position = end + 1
        parts = []
        for length in lengths:
            parts.append(None if length < 0 else output[position : position + length])
            position += max(0, length)
        assert output[position : position + 1] == b"\n", f"no line end at {position}"
        position += 1
        received[partition].append(Received(offset, timestamp, *parts))
    return dict(received)


class KafkaPython:
    """kafka-python: everything in Python."""

    name = "kafka-python"
    headers = ("index", "empty")  # it refuses to send a null

    @staticmethod
    def produce(bootstrap, topic, messages, codec="none", **settings):
        codec = None if codec == "none" else codec
        producer = kafka.KafkaProducer(bootstrap_servers=bootstrap, compression_type=codec, linger_ms=5, **settings)
        try:
            sent = [
                producer.send(
                    topic,
                    value=message.value,
                    key=message.key,
                    partition=message.partition,
                    headers=list(message.headers),
                )
                for message in messages
            ]
            producer.flush(timeout=CONSUME_SECONDS)
            for future in sent:
                future.get(timeout=CONSUME_SECONDS)
        finally:
            producer.close(timeout=5)

    @staticmethod
    def consume(bootstrap, topic, partitions, **settings):
        consumer = kafka.KafkaConsumer(
            bootstrap_servers=bootstrap, group_id=None, auto_offset_reset="none", check_crcs=True, **settings
        )
        assigned = [kafka.TopicPartition(topic, number) for number in range(partitions)]
        received = defaultdict(list)
        try:
            consumer.assign(assigned)
            consumer.seek_to_beginning(*assigned)
            ends = consumer.end_offsets(assigned)
            while any(consumer.position(one) < ends[one] for one in assigned):
                polled = consumer.poll(timeout_ms=CONSUME_SECONDS * 1000)
                assert polled, f"nothing within {CONSUME_SECONDS} s"
                for one, records in polled.items():
                    received[one.partition] += [received_from(record) for record in records]
        finally:
            consumer.close()
        return dict(received)


def received_from(record):
    """From a record as kafka-python and aiokafka give it."""
    return Received(record.offset, record.timestamp, record.key, record.value, tuple(record.headers))


class Aiokafka:
    """aiokafka: asyncio, its own encoding of records in C."""

    name = "aiokafka"
    headers = ("index", "empty", "null")

    @staticmethod
    def produce(bootstrap, topic, messages, codec="none", **settings):
        async def work():
            producer = aiokafka.AIOKafkaProducer(
                bootstrap_servers=bootstrap,
                compression_type=None if codec == "none" else codec,
                enable_idempotence=True,
                **settings,
            )
            await producer.start()
            try:
                sent = [
                    await producer.send(
                        topic,
                        value=message.value,
                        key=message.key,
                        partition=message.partition,
                        headers=list(message.headers),
                    )
                    for message in messages
                ]
                await asyncio.gather(*sent)
            finally:
                await producer.stop()

        asyncio.run(asyncio.wait_for(work(), CONSUME_SECONDS))

    @staticmethod
    def consume(bootstrap, topic, partitions):
        async def work():
            consumer = aiokafka.AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="none", check_crcs=True)
            assigned = [aiokafka.TopicPartition(topic, number) for number in range(partitions)]
            received = defaultdict(list)
            await consumer.start()
            try:
                consumer.assign(assigned)
                await consumer.seek_to_beginning(*assigned)
                ends = await consumer.end_offsets(assigned)
                for one in assigned:
                    while await consumer.position(one) < ends[one]:
                        polled = await consumer.getmany(one, timeout_ms=CONSUME_SECONDS * 1000)
                        assert polled, f"nothing within {CONSUME_SECONDS} s"
                        received[one.partition] += [received_from(record) for record in polled.get(one, ())]
            finally:
                await consumer.stop()
            return dict(received)

        return asyncio.run(asyncio.wait_for(work(), CONSUME_SECONDS))


class Martlet:
    """Martlet's own command line."""

    name = "martlet"
    headers = ()  # like kcat's, for all messages the same

    @staticmethod
    def produce(bootstrap, topic, messages, codec="none"):
        for partition, own in by_partition(messages).items():
            command = [str(BINARY), "produce", topic, "-b", bootstrap, "-K", r"\x1f", "-D", r"\x1e"]
            run([*command, "--partition", str(partition), "--compression", codec], lines(own))

    @staticmethod
    def consume(bootstrap, topic, partitions):
        del partitions
        command = [str(BINARY), "consume", topic, "-b", bootstrap, "--from", "beginning", "-e"]
        return parse_lengths(run([*command, "-f", r"%p %o %T %K %S\n%k%s\n"]))


ALL = {client.name: client for client in (Martlet, Kcat, Confluent, KafkaPython, Aiokafka)}


def assert_same(messages, received, first_offset=0):
    """What came out is what went in: the same bytes in the same order at dense offsets, per partition."""
    expected = by_partition(messages)
    assert set(received) == set(expected), f"partitions {sorted(received)}, expected {sorted(expected)}"
    for partition, own in expected.items():
        got = received[partition]
        assert len(got) == len(own), f"partition {partition}: {len(got)} messages, expected {len(own)}"
        for index, (sent, came) in enumerate(zip(own, got, strict=True)):
            where = f"partition {partition} message {index}"
            assert came.offset == first_offset + index, f"{where} is at offset {came.offset}"
            assert came.key == sent.key, f"{where}: key {came.key!r}, sent {sent.key!r}"
            assert came.value == sent.value, f"{where}: value {came.value!r}, sent {sent.value!r}"
            if sent.headers:
                assert came.headers == sent.headers, f"{where}: headers {came.headers!r}, sent {sent.headers!r}"
