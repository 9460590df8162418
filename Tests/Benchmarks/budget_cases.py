"""The requests whose allocations and system calls have budgets. Each is made again and again on one connection."""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import messages
from requests import create_topic, receive

# What a fetch of nothing waits for.
EMPTY_WAIT_MILLISECONDS = 1


class Stage:
    """A connection to a broker and the name of a topic: what a case plays on."""

    def __init__(self, connection, topic):
        self.connection, self.topic = connection, topic

    def make_topic(self, partitions):
        create_topic(self.connection, self.topic, partitions, {"segment.bytes": str(1 << 30)})

    def ask(self, frame, answers=1):
        """Sends one or more requests in one go, and returns the last answer."""
        self.connection.sendall(frame)
        for _ in range(answers):
            (length,) = struct.unpack(">i", receive(self.connection, 4))
            answer = receive(self.connection, length)
        return answer

    def expect(self, answer, position, form, value=0):
        (found,) = struct.unpack_from(form, answer, position)
        if found != value:
            raise RuntimeError(f"{self.topic}: {found} where {value} was expected, in {answer[:200].hex()}")

    def produced(self, answer, partitions=1):
        """Checks the answer to Produce 8, of which each partition takes as many bytes."""
        position = 4 + 4 + 2 + len(self.topic) + 4 + 4
        each = (len(answer) - position - 4 + 4) // partitions
        for index in range(partitions):
            self.expect(answer, position + index * each, ">h")

    def fill(self, frame, partitions=1):
        self.produced(self.ask(frame), partitions)


@dataclass(frozen=True)
class Case:
    """One kind of request. `prepare` makes the function that makes one."""

    name: str
    prepare: Callable[[Stage], Callable[[], Any]]
    requests: int = 2000
    settings: dict = field(default_factory=lambda: {"log.durability": "page-cache"})
    # Whether other threads have a part in every request.
    has_helpers: bool = False
    # Calls that depend on how long a request takes, with the least that is allowed of each.
    at_least: dict = field(default_factory=dict)


FSYNC = {"log.durability": "fsync"}


def metadata(stage):
    stage.make_topic(6)
    frame = messages.metadata(stage.topic)
    stage.ask(frame)
    return lambda: stage.ask(frame)


def api_versions(stage):
    frame = messages.api_versions()
    return lambda: stage.expect(stage.ask(frame), 4, ">h")


def produce(partitions=1, records=10, size=100, acks=1, codec=messages.NONE):
    def prepare(stage):
        stage.make_topic(partitions)
        content = messages.batch(records, size, codec)
        frame = messages.produce(stage.topic, [content] * partitions, acks)
        return lambda: stage.fill(frame, partitions)

    return prepare


def produce_idempotently(stage):
    stage.make_topic(1)
    answer = stage.ask(messages.frame(22, 0, messages.text(None) + struct.pack(">i", 60000)))
    stage.expect(answer, 4 + 4, ">h")
    (producer,) = struct.unpack_from(">q", answer, 4 + 4 + 2)
    sequences = iter(range(1 << 30))

    def one():
        content = messages.batch(1, 100, producer_id=producer, sequence=next(sequences))
        stage.fill(messages.produce(stage.topic, [content], -1))

    return one


def pipelined(depth):
    """As many requests at once, counted as one."""

    def prepare(stage):
        stage.make_topic(1)
        frame = messages.produce(stage.topic, [messages.batch(1, 200)], 1)
        return lambda: stage.produced(stage.ask(frame * depth, depth))

    return prepare


def filled(stage, size=1 << 20):
    """A topic with one batch of about `size` bytes; returns the bytes it really has."""
    stage.make_topic(1)
    content = messages.batch(size // 1024, 1000)
    stage.fill(messages.produce(stage.topic, [content], 1))
    return len(content)


def fetch_a_lot(stage):
    size = filled(stage)
    frame = messages.fetch(stage.topic, {0: 0}, each=2 << 20)

    def one():
        answer = stage.ask(frame)
        stage.expect(answer, 8, ">h")
        if len(answer) < size:
            raise RuntimeError(f"{len(answer)} bytes were fetched of {size}")

    return one


def fetch_nothing(stage):
    stage.make_topic(1)
    frame = messages.fetch(stage.topic, {0: 0}, wait=EMPTY_WAIT_MILLISECONDS, least=1)
    return lambda: stage.expect(stage.ask(frame), 8, ">h")


def fetch_what_comes(stage):
    """A fetch that waits, and the record that it waits for."""
    stage.make_topic(1)
    batch = messages.produce(stage.topic, [messages.batch(1, 100)], 1)
    offsets = iter(range(1 << 30))

    def one():
        waiting = messages.fetch(stage.topic, {0: next(offsets)}, wait=30000, least=1)
        stage.produced(stage.ask(waiting + batch, 2))

    return one


def session(partitions, is_active):
    """A fetch within a session, in which one partition has news or none has."""

    def prepare(stage):
        stage.make_topic(partitions)
        batch = messages.produce(stage.topic, [messages.batch(1, 100)], 1)
        answer = stage.ask(messages.fetch(stage.topic, dict.fromkeys(range(partitions), 0), session=(0, 0)))
        stage.expect(answer, 8, ">h")
        (identity,) = struct.unpack_from(">i", answer, 10)
        numbers = iter(range(1 << 30))

        def one():
            number = next(numbers)
            offsets = {0: number} if is_active else {}
            fetch = messages.fetch(stage.topic, offsets, session=(identity, number + 1))
            answer = stage.ask(batch + fetch, 2) if is_active else stage.ask(fetch)
            stage.expect(answer, 8, ">h")
            stage.expect(answer, 14, ">i", int(is_active))

        return one

    return prepare


def commit(stage):
    stage.make_topic(1)
    offsets = iter(range(1 << 30))
    while True:
        answer = stage.ask(messages.commit(stage.topic, stage.topic, next(offsets)))
        (error,) = struct.unpack_from(">h", answer, len(answer) - 2)
        if error == 0:
            break
        if error not in (14, 15, 16):
            raise RuntimeError(f"a commit failed with error {error}")

    def one():
        answer = stage.ask(messages.commit(stage.topic, stage.topic, next(offsets)))
        stage.expect(answer, len(answer) - 2, ">h")

    return one


CASES = [
    Case("api-versions", api_versions),
    Case("metadata", metadata),
    Case("produce", produce()),
    Case("produce-one-record", produce(records=1, size=200)),
    Case("produce-ten-requests-at-once", pipelined(10)),
    Case("produce-six-partitions", produce(partitions=6)),
    Case("produce-zstd", produce(codec=messages.ZSTD)),
    Case("produce-acks-all", produce(acks=-1)),
    Case("produce-idempotent", produce_idempotently),
    # Nobody waits for these syncs; a slow machine makes more of them per request.
    Case("produce-fsync", produce(), settings=FSYNC, at_least={"fdatasync": 1, "futex": 4}),
    Case("produce-fsync-acks-all", produce(acks=-1), 500, FSYNC, has_helpers=True, at_least={"futex": 8}),
    Case(
        "produce-fsync-six-partitions-acks-all",
        produce(6, acks=-1),
        500,
        FSYNC,
        has_helpers=True,
        at_least={"futex": 80, "epoll_wait": 7, "read": 6, "write": 6},
    ),
    Case("fetch-one-mebibyte", fetch_a_lot, 500),
    Case("fetch-nothing", fetch_nothing, 500),
    Case("fetch-what-comes", fetch_what_comes),
    Case("session-of-100-quiet", session(100, is_active=False), 4000),
    Case("session-of-100-one-active", session(100, is_active=True), 4000),
    Case("commit", commit, 500, has_helpers=True, at_least={"futex": 8}),
]
