"""What an acknowledgement is worth: when the disk is asked, by whom, and what a crash leaves."""

import re
import threading
import time
from pathlib import Path

import pytest

from harness import batches, wire
from harness.errors import Error

SYNC = re.compile(r"^(\d+) .*?(fdatasync|fsync|syncfs)\(\d+<([^>]*)>")
PRODUCERS, REQUESTS = 16, 20


@pytest.fixture
def traced(start_broker, tmp_path):
    """Starts a broker whose syncs can be counted: all of them as (thread, path)."""
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-qq", "-y", "-e", "trace=fdatasync,fsync,syncfs", "-o", str(trace)]

    def start(**options):
        broker = start_broker(under=command, **options)

        def syncs(part):
            found = [SYNC.match(line) for line in trace.read_text().splitlines()]
            return [(int(one[1]), one[3]) for one in found if one and part in one[3]]

        return broker, syncs

    return start


def threads(broker):
    """The names of its threads by their numbers."""
    tasks = Path(f"/proc/{broker.pid}/task")
    return {int(task.name): (task / "comm").read_text().strip() for task in tasks.iterdir()}


def produce_at_once(broker, topic, **options):
    """From several connections at once, all requests of each under way together; every one is acknowledged."""
    errors = []

    def run():
        requests = [wire.produce_request(topic, batches.batch([(None, b"v")]), **options) for _ in range(REQUESTS)]
        with wire.connect(broker) as connection:
            for request in requests:
                connection.send(request)
            for request in requests:
                response = connection.receive_response(request)
                errors.append(wire.only_partition(response).error_code)

    workers = [threading.Thread(target=run) for _ in range(PRODUCERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert errors == [Error.NONE] * PRODUCERS * REQUESTS


def test_many_requests_share_a_sync_and_no_event_loop_waits_for_one(traced, topic_name):
    broker, syncs = traced()
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name)
    before = len(syncs(f"{topic_name}-0/"))
    produce_at_once(broker, topic_name)
    made = syncs(f"{topic_name}-0/")[before:]
    assert 0 < len(made) < PRODUCERS * REQUESTS / 2
    names = threads(broker)
    assert {names.get(thread, "gone") for thread, _ in made} <= {"group-commit", "checkpoint", "gone"}


@pytest.mark.parametrize("scope", ("topic", "broker"))
def test_with_page_cache_durability_nobody_waits_for_the_disk(traced, topic_name, scope):
    settings = {"log.durability": "page-cache"} if scope == "broker" else {}
    broker, syncs = traced(settings=settings)
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name, configs={"durability": "page-cache"} if scope == "topic" else None)
    produce_at_once(broker, topic_name)
    assert [path for _, path in syncs(f"{topic_name}-0/") if path.endswith(".log")] == []
    wire.wait_for_end(broker, topic_name, {0: PRODUCERS * REQUESTS})


@pytest.mark.parametrize("acks", (1, -1))
def test_a_kill_takes_nothing_that_was_acknowledged(start_broker, topic_name, acks):
    broker = start_broker()
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name)
    for kill in range(1, 4):
        produce_at_once(broker, topic_name, acks=acks)
        broker.kill9()
        broker.start()
        wire.wait_for_end(broker, topic_name, {0: kill * PRODUCERS * REQUESTS})


def wait_for_checkpoint(broker, topic, end):
    """Until the broker has noted that the topic's first partition is durable up to there."""
    path = broker.data / "recovery-point-offset-checkpoint"
    deadline = time.monotonic() + wire.TIMEOUT_SECONDS
    while [topic, "0", str(end)] not in [line.split() for line in path.read_text().splitlines()]:
        assert time.monotonic() < deadline, f"{path} does not say {end}:\n{path.read_text()}"
        time.sleep(0.01)


@pytest.mark.parametrize("is_noted", (False, True), ids=("at once", "after a checkpoint"))
def test_a_kill_begins_a_leader_epoch_and_a_retry_gets_its_first_offset(start_broker, topic_name, is_noted):
    broker = start_broker()
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name)
        given = wire.init_producer(connection)

    def send(sequence):
        payload = batches.batch(
            [(None, b"v")] * 2,
            producer_id=given.producer_id,
            producer_epoch=given.producer_epoch,
            base_sequence=sequence,
        )
        with wire.connect(broker) as connection:
            answer = wire.produce(connection, topic_name, payload)
        return answer.error_code, answer.base_offset

    ends = ("kill9", "stop", "kill9")
    for round_number, end in enumerate(ends):
        assert send(2 * round_number) == (Error.NONE, 2 * round_number)
        if is_noted:
            wait_for_checkpoint(broker, topic_name, 2 * round_number + 2)
        getattr(broker, end)()
        broker.start()
        wire.wait_for_end(broker, topic_name, {0: 2 * round_number + 2})
        for earlier in range(round_number + 1):
            assert send(2 * earlier) == (Error.NONE, 2 * earlier)
    assert send(6) == (Error.NONE, 6)
    with wire.connect(broker) as connection:
        _, found = wire.fetch(connection, topic_name, 0, partition_bytes=1 << 20)
    assert [one.leader_epoch for one in found] == [0, 1, 1, 2]


def test_what_is_repaired_is_said_in_one_line(start_broker, topic_name):
    broker = start_broker()
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name)
        for _ in range(3):
            wire.produce(connection, topic_name, batches.batch([(None, b"v")]))
    broker.kill9()
    segment = broker.data / f"{topic_name}-0" / f"{0:020}.log"
    with segment.open("ab") as file:
        file.write(b"torn" * 25)
    broker.start()
    wire.wait_for_end(broker, topic_name, {0: 3})
    broker.wait_for_log(f"{topic_name}-0 repaired: cut 100 bytes off {segment} from offset 3 on")
    assert sum(" repaired: " in line for line in broker.log.splitlines()) == 1
