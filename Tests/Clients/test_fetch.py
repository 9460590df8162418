"""Fetch, byte by byte: whole batches, limits, waiting, sessions."""

import threading
import time
import uuid

import pytest

from harness import batches, wire
from harness.errors import Error


def fill(connection, topic, count=10, per_batch=10, size=100, partition=0):
    """`count` batches of equal size; returns the size of one."""
    for number in range(count):
        records = [(None, b"%08d" % (number * per_batch + index) + b"x" * size) for index in range(per_batch)]
        payload = batches.batch(records)
        assert wire.produce(connection, topic, payload, partition=partition).error_code == Error.NONE
    return len(payload)


@pytest.mark.parametrize("version", range(4, 13))
def test_every_version_by_name(connection, topic, version):
    fill(connection, topic, 3)
    partition, found = wire.fetch(connection, topic, 0, version=version)
    assert (partition.error_code, partition.high_watermark, partition.last_stable_offset) == (0, 30, 30)
    if version >= 5:
        assert partition.log_start_offset == 0
    assert [one.base_offset for one in found] == [0, 10, 20]


@pytest.mark.parametrize("offset", [0, 1, 9, 10, 11, 29])
def test_an_offset_inside_a_batch_brings_the_whole_batch(connection, topic, offset):
    fill(connection, topic, 3)
    _, found = wire.fetch(connection, topic, offset)
    assert found[0].base_offset == offset // 10 * 10
    assert found[-1].last_offset == 29


def test_at_the_end_nothing_and_beyond_it_an_error(connection, topic):
    fill(connection, topic, 1)
    partition, found = wire.fetch(connection, topic, 10)
    assert (partition.error_code, found) == (Error.NONE, [])
    for offset in (11, 1 << 40, -1, -5):
        partition, found = wire.fetch(connection, topic, offset)
        assert (partition.error_code, found) == (Error.OFFSET_OUT_OF_RANGE, [])
        assert partition.high_watermark in (-1, 10)


def test_only_whole_batches_within_the_limits(connection, topic):
    size = fill(connection, topic)
    for limit, batches_expected in ((size * 3, 3), (size * 3 + 5, 3), (size * 3 - 1, 2), (size, 1)):
        _, found = wire.fetch(connection, topic, 0, partition_bytes=limit)
        assert len(found) == batches_expected, limit


def test_the_first_batch_comes_even_if_it_is_larger_than_every_limit(connection, topic):
    fill(connection, topic)
    for limits in ({"partition_bytes": 1}, {"max_bytes": 1}, {"partition_bytes": 1, "max_bytes": 1}):
        _, found = wire.fetch(connection, topic, 25, **limits)
        assert [one.base_offset for one in found] == [20]


def fetch_many(
    connection, topic, partitions, *, max_bytes=50 << 20, partition_bytes=1 << 20, session=(0, -1), forget=()
):
    from kafka.protocol.consumer import FetchRequest

    Topic = FetchRequest.FetchTopic
    wanted = [
        Topic.FetchPartition(
            partition=number,
            current_leader_epoch=-1,
            fetch_offset=offset,
            last_fetched_epoch=-1,
            log_start_offset=-1,
            partition_max_bytes=partition_bytes,
            version=11,
        )
        for number, offset in partitions
    ]
    forgotten = [FetchRequest.ForgottenTopic(topic=topic, partitions=list(forget), version=11)] if forget else []
    return connection.call(
        FetchRequest(
            version=11,
            replica_id=-1,
            max_wait_ms=0,
            min_bytes=0,
            max_bytes=max_bytes,
            isolation_level=0,
            session_id=session[0],
            session_epoch=session[1],
            topics=[Topic(topic=topic, partitions=wanted, version=11)] if wanted else [],
            forgotten_topics_data=forgotten,
            rack_id="",
        )
    )


def partitions_of(response):
    return {one.partition_index: one for topic in response.responses for one in topic.partitions}


def test_the_total_limit_holds_and_no_partition_starves(connection, make_topic):
    topic = make_topic(8)
    for partition in range(8):
        size = fill(connection, topic, 5, partition=partition)
    offsets, rounds = dict.fromkeys(range(8), 0), 0
    while any(offset < 50 for offset in offsets.values()):
        rounds += 1
        assert rounds < 100, f"no progress: {offsets}"
        # As clients do: those that were served go to the end of the next request.
        order = sorted(offsets.items(), key=lambda one: one[1])
        response = fetch_many(connection, topic, order, max_bytes=size * 3, partition_bytes=size * 2)
        total = 0
        for number, one in partitions_of(response).items():
            assert one.error_code == Error.NONE
            total += len(one.records or b"")
            for batch in batches.split(one.records):
                assert batch.base_offset == offsets[number]
                offsets[number] = batch.last_offset + 1
        assert 0 < total <= size * 3


def test_an_unknown_topic_and_partition(connection, topic, topic_name):
    partition, _ = wire.fetch(connection, topic, 0, partition=3)
    assert partition.error_code == Error.UNKNOWN_TOPIC_OR_PARTITION
    partition, _ = wire.fetch(connection, topic_name + "-missing", 0)
    assert partition.error_code == Error.UNKNOWN_TOPIC_OR_PARTITION


def test_a_replica_id_is_not_for_clients(connection, topic):
    """A client that poses as a follower must not move what others see (CVE-2018-1288)."""
    fill(connection, topic, 1)
    request = wire.fetch_request(topic, 10, version=11)
    request.replica_id = 5
    connection.send(request)
    try:
        connection.receive_response(request)
    except wire.Closed:
        return
    partition, _ = wire.fetch(connection, topic, 0)
    assert partition.high_watermark == 10


# Waiting.


def test_an_empty_partition_makes_the_fetch_wait_as_long_as_it_said(connection, topic):
    for wait in (0, 300, 1000):
        start = time.monotonic()
        _, found = wire.fetch(connection, topic, 0, max_wait=wait, min_bytes=1)
        elapsed = time.monotonic() - start
        assert found == []
        assert elapsed >= wait / 1000 - 0.01
        assert elapsed < wait / 1000 + 5


def test_a_waiting_fetch_is_answered_because_a_record_arrived(broker, connection, topic):
    """The wait is far longer than the test may take, so only the record can have ended it."""
    request = wire.fetch_request(topic, 0, max_wait=300_000, min_bytes=1)
    connection.send(request)
    with wire.connect(broker) as other:
        assert wire.produce(other, topic, batches.batch([(None, b"now")])).error_code == Error.NONE
    found = batches.split(wire.only_partition(connection.receive_response(request)).records)
    assert found[0].records[0].value == b"now"


def test_it_waits_for_min_bytes_and_not_for_less(broker, connection, topic):
    request = wire.fetch_request(topic, 0, max_wait=300_000, min_bytes=5000)
    connection.send(request)
    with wire.connect(broker) as other:
        for _number in range(6):
            assert wire.produce(other, topic, batches.batch([(None, b"x" * 1000)])).error_code == Error.NONE
    found = batches.split(wire.only_partition(connection.receive_response(request)).records)
    assert sum(61 + 1000 for _ in found) >= 5000
    assert len(found) >= 5


def test_what_is_there_already_is_not_waited_for(connection, topic):
    fill(connection, topic, 1)
    _, found = wire.fetch(connection, topic, 0, max_wait=300_000, min_bytes=1)
    assert len(found) == 1


def test_an_error_is_not_waited_for(connection, topic):
    partition, _ = wire.fetch(connection, topic, 99, max_wait=300_000, min_bytes=1)
    assert partition.error_code == Error.OFFSET_OUT_OF_RANGE


def test_deleting_the_topic_ends_the_wait(broker, connection, topic):
    request = wire.fetch_request(topic, 0, max_wait=300_000, min_bytes=1)
    connection.send(request)
    with wire.connect(broker) as other:
        assert wire.delete_topic(other, topic).error_code == Error.NONE
    partition = wire.only_partition(connection.receive_response(request))
    assert partition.error_code in (Error.UNKNOWN_TOPIC_OR_PARTITION, Error.NONE)


def test_many_wait_and_all_are_woken(broker, topic):
    waiting = [wire.Connection(broker.address) for _ in range(50)]
    requests = []
    for one in waiting:
        request = wire.fetch_request(topic, 0, max_wait=300_000, min_bytes=1)
        one.send(request)
        requests.append(request)
    with wire.connect(broker) as other:
        wire.produce(other, topic, batches.batch([(None, b"now")]))
    for one, request in zip(waiting, requests, strict=True):
        assert batches.split(wire.only_partition(one.receive_response(request)).records)
        one.close()


def test_a_slow_consumer_blocks_no_one(broker, make_topic):
    topic = make_topic(1, max_message_bytes=2_000_000)
    with wire.connect(broker) as connection:
        for _ in range(20):
            wire.produce(connection, topic, batches.batch([(None, b"x" * 1_000_000)]))
    slow = wire.Connection(broker.address)
    slow.send(wire.fetch_request(topic, 0, partition_bytes=50 << 20))  # 20 MB that it does not read
    done = []

    def work():
        with wire.connect(broker) as connection:
            for _ in range(20):
                done.append(len(wire.fetch(connection, topic, 19, partition_bytes=2 << 20)[1]))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(30)
    assert done == [1] * 20
    (length,) = __import__("struct").unpack(">i", slow.receive_exactly(4))
    assert len(slow.receive_exactly(length)) > 19_000_000
    slow.close()


def test_both_isolation_levels_see_everything_without_transactions(connection, topic):
    fill(connection, topic, 2)
    for isolation in (0, 1):
        partition, found = wire.fetch(connection, topic, 0, isolation=isolation)
        assert (len(found), partition.last_stable_offset) == (2, 20)


# Sessions (KIP-227).


def test_a_session_tells_only_what_changed(connection, make_topic):
    topic = make_topic(4)
    for partition in range(4):
        fill(connection, topic, 1, partition=partition)
    full = fetch_many(connection, topic, [(number, 10) for number in range(4)], session=(0, 0))
    assert full.error_code == Error.NONE
    if full.session_id == 0:
        pytest.skip("the broker has no room for sessions")
    nothing = fetch_many(connection, topic, [], session=(full.session_id, 1))
    assert (nothing.error_code, partitions_of(nothing)) == (Error.NONE, {})
    fill(connection, topic, 1, partition=2)
    changed = partitions_of(fetch_many(connection, topic, [], session=(full.session_id, 2)))
    assert set(changed) == {2}
    assert batches.split(changed[2].records)[0].base_offset == 10
    # The client moves on in 2, forgets 0 and goes back in 1.
    moved = fetch_many(connection, topic, [(2, 20), (1, 0)], session=(full.session_id, 3), forget=[0])
    assert set(partitions_of(moved)) == {1}
    fill(connection, topic, 1, partition=0)
    after = fetch_many(connection, topic, [(1, 10)], session=(full.session_id, 4))
    assert partitions_of(after) == {}


def test_wrong_session_ids_and_epochs(connection, topic):
    response = fetch_many(connection, topic, [(0, 0)], session=(0x7FFFFFF0, 5))
    assert response.error_code == Error.FETCH_SESSION_ID_NOT_FOUND
    full = fetch_many(connection, topic, [(0, 0)], session=(0, 0))
    if full.session_id:
        response = fetch_many(connection, topic, [], session=(full.session_id, 7))
        assert response.error_code == Error.INVALID_FETCH_SESSION_EPOCH
        closed = fetch_many(connection, topic, [(0, 0)], session=(full.session_id, -1))
        assert (closed.error_code, closed.session_id) == (Error.NONE, 0)
        response = fetch_many(connection, topic, [], session=(full.session_id, 1))
        assert response.error_code == Error.FETCH_SESSION_ID_NOT_FOUND


def test_thousands_of_sessions_are_bounded(broker, connection, topic):
    """More than there are slots; the latest client still gets its records."""
    for _ in range(1500):
        response = fetch_many(connection, topic, [(0, 0)], session=(0, 0))
        assert response.error_code == Error.NONE
    fill(connection, topic, 1)
    response = fetch_many(connection, topic, [(0, 0)], session=(0, 0))
    assert len(batches.split(partitions_of(response)[0].records)) == 1


# Offsets by time.


@pytest.mark.parametrize("version", range(1, 12))
def test_list_offsets_in_every_version(connection, topic, version):
    start = batches.now() - 100_000
    for delta in (0, 20_000, 10_000):
        wire.produce(connection, topic, batches.batch([(None, b"v")], timestamp=start + delta))

    def ask(timestamp):
        return wire.list_offset(connection, topic, timestamp, version=version)

    assert (ask(-2).offset, ask(-1).offset) == (0, 3)
    assert ask(start + 5000).offset == 1
    assert ask(start + 15_000).offset == 1
    found = ask(start + 30_000)
    assert (found.error_code, found.offset, found.timestamp) == (Error.NONE, -1, -1)
    if version >= 7:
        found = ask(-3)
        assert (found.offset, found.timestamp) == (1, start + 20_000)
    assert ask(start).timestamp == start


def test_list_offsets_of_what_is_not_there(connection, topic):
    assert wire.list_offset(connection, topic, -1, partition=9).error_code == Error.UNKNOWN_TOPIC_OR_PARTITION
    missing = wire.list_offset(connection, topic + "-missing", -1)
    assert missing.error_code == Error.UNKNOWN_TOPIC_OR_PARTITION


def test_offset_for_leader_epoch(connection, topic):
    from kafka.protocol.consumer import OffsetForLeaderEpochRequest

    fill(connection, topic, 1)
    epoch = wire.fetch(connection, topic, 0)[1][0].leader_epoch
    Topic = OffsetForLeaderEpochRequest.OffsetForLeaderTopic
    for version in (2, 3, 4):
        one = Topic.OffsetForLeaderPartition(partition=0, current_leader_epoch=-1, leader_epoch=epoch, version=version)
        request = OffsetForLeaderEpochRequest(
            version=version, replica_id=-1, topics=[Topic(topic=topic, partitions=[one], version=version)]
        )
        (answer,) = connection.call(request).topics
        (found,) = answer.partitions
        assert (found.error_code, found.leader_epoch, found.end_offset) == (Error.NONE, epoch, 10)


def test_a_leader_epoch_from_the_future_is_refused(connection, topic):
    request = wire.fetch_request(topic, 0, version=11)
    request.topics[0].partitions[0].current_leader_epoch = 1_000_000
    answer = wire.only_partition(connection.call(request))
    assert answer.error_code == Error.UNKNOWN_LEADER_EPOCH


def test_an_unknown_id_next_to_a_known_one(connection, topic_name):
    made = wire.create_topic(connection, topic_name).topic_id
    fill(connection, topic_name, 1)
    from kafka.protocol.consumer import FetchRequest

    known = wire.fetch_request(None, 0, version=13, topic_id=made)
    unknown = wire.fetch_request(None, 0, version=13, topic_id=uuid.uuid4())
    request: FetchRequest = known
    request.topics = [*known.topics, *unknown.topics]
    response = connection.call(request)
    found = {one.topic_id: one.partitions[0] for one in response.responses}
    assert len(batches.split(found.pop(made).records)) == 1
    assert [one.error_code for one in found.values()] == [Error.UNKNOWN_TOPIC_ID]
