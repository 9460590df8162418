"""Produce, byte by byte: what is stored, what is refused, and with which error."""

import struct

import pytest

from harness import batches, wire
from harness.errors import Error


@pytest.mark.parametrize("version", range(3, 13))
def test_every_version_stores_and_answers(connection, topic, version):
    answer = wire.produce(connection, topic, batches.batch([(b"k", b"v"), (None, b"w")]), version=version)
    assert (answer.error_code, answer.base_offset) == (Error.NONE, 0)
    assert answer.log_append_time_ms == -1
    if version >= 5:
        assert answer.log_start_offset == 0
    again = wire.produce(connection, topic, batches.batch([(b"k", b"v")]), version=version)
    assert (again.error_code, again.base_offset) == (Error.NONE, 2)


def test_acks_0_has_no_answer(broker, connection, topic):
    for number in range(5):
        connection.send(wire.produce_request(topic, batches.batch([(None, b"%d" % number)]), acks=0))
    # The next answer on the connection belongs to the next request that has one.
    assert connection.call(wire.api_versions(4)).error_code == Error.NONE
    wire.wait_for_end(broker, topic, {0: 5})
    _, found = wire.fetch(connection, topic, 0)
    assert [record.value for one in found for record in one.records] == [b"0", b"1", b"2", b"3", b"4"]


def test_acks_0_with_an_error_closes_the_connection(broker, topic):
    """The client has no other way to learn of it; this is what Kafka does."""
    with wire.connect(broker, timeout=5) as connection:
        connection.send(wire.produce_request(topic, batches.batch([(None, b"v")], crc_xor=1), acks=0))
        assert connection.is_closed_by_peer()


@pytest.mark.parametrize("acks", [2, -2, 100])
def test_other_acks_are_refused(connection, topic, acks):
    answer = wire.produce(connection, topic, batches.batch([(None, b"v")]), acks=acks)
    assert answer.error_code == Error.INVALID_REQUIRED_ACKS
    assert wire.list_offset(connection, topic, -1).offset == 0


@pytest.mark.parametrize("partition", [1, -1, 1 << 30])
def test_an_unknown_partition(connection, topic, partition):
    answer = wire.produce(connection, topic, batches.batch([(None, b"v")]), partition=partition)
    assert answer.error_code == Error.UNKNOWN_TOPIC_OR_PARTITION


def test_producing_does_not_make_topics(connection, topic_name):
    answer = wire.produce(connection, topic_name, batches.batch([(None, b"v")]))
    assert answer.error_code == Error.UNKNOWN_TOPIC_OR_PARTITION
    assert wire.topic_metadata(connection, topic_name).error_code == Error.UNKNOWN_TOPIC_OR_PARTITION


GOOD = [(b"k", b"v"), (b"l", b"w")]
# What is wrong: the batch, and the errors that say so. Kafka's own choice comes first.
LIES = {
    "checksum": (batches.batch(GOOD, crc_xor=1), [Error.CORRUPT_MESSAGE]),
    "magic 0": (
        batches.batch(GOOD, magic=0),
        [Error.INVALID_RECORD, Error.CORRUPT_MESSAGE, Error.UNSUPPORTED_FOR_MESSAGE_FORMAT],
    ),
    "magic 1": (
        batches.batch(GOOD, magic=1),
        [Error.INVALID_RECORD, Error.CORRUPT_MESSAGE, Error.UNSUPPORTED_FOR_MESSAGE_FORMAT],
    ),
    "magic 3": (batches.batch(GOOD, magic=3), [Error.INVALID_RECORD, Error.CORRUPT_MESSAGE]),
    "length beyond the request": (batches.batch(GOOD, length=1 << 20), [Error.CORRUPT_MESSAGE, Error.INVALID_RECORD]),
    "length below a header": (batches.batch(GOOD, length=10), [Error.CORRUPT_MESSAGE, Error.INVALID_RECORD]),
    "negative length": (batches.batch(GOOD, length=-1), [Error.CORRUPT_MESSAGE, Error.INVALID_RECORD]),
    "largest length": (batches.batch(GOOD, length=0x7FFFFFFF), [Error.CORRUPT_MESSAGE, Error.INVALID_RECORD]),
    "count too high": (batches.batch(GOOD, count=3), [Error.INVALID_RECORD, Error.CORRUPT_MESSAGE]),
    "count too low": (batches.batch(GOOD, count=1), [Error.INVALID_RECORD, Error.CORRUPT_MESSAGE]),
    "count and last offset too high": (
        batches.batch(GOOD, count=9, last_offset_delta=8),
        [Error.INVALID_RECORD, Error.CORRUPT_MESSAGE],
    ),
    "no records": (batches.batch([], last_offset_delta=-1), [Error.INVALID_RECORD, Error.CORRUPT_MESSAGE]),
    "negative count": (batches.batch(GOOD, count=-1), [Error.INVALID_RECORD, Error.CORRUPT_MESSAGE]),
    "enormous count": (
        batches.batch(GOOD, count=0x7FFFFFFF, last_offset_delta=0x7FFFFFFE),
        [Error.INVALID_RECORD, Error.CORRUPT_MESSAGE],
    ),
    "last offset does not fit the count": (
        batches.batch(GOOD, last_offset_delta=5),
        [Error.INVALID_RECORD, Error.CORRUPT_MESSAGE],
    ),
    "control batch": (batches.batch(GOOD, attributes=0x20), [Error.INVALID_RECORD]),
    "unknown codec": (
        batches.batch(GOOD, attributes=7),
        [Error.UNSUPPORTED_COMPRESSION_TYPE, Error.CORRUPT_MESSAGE, Error.INVALID_RECORD],
    ),
    "offsets inside out of order": (
        batches.batch(GOOD, payload=batches.record(1, b"k", b"v") + batches.record(0, b"l", b"w")),
        [Error.INVALID_RECORD, Error.CORRUPT_MESSAGE],
    ),
    "record length beyond the batch": (
        batches.batch([GOOD[0]], payload=batches.varint(500) + b"\0" * 20),
        [Error.INVALID_RECORD, Error.CORRUPT_MESSAGE],
    ),
    "record length negative": (
        batches.batch([GOOD[0]], payload=batches.varint(-5) + b"\0" * 20),
        [Error.INVALID_RECORD, Error.CORRUPT_MESSAGE],
    ),
    "key length beyond the record": (
        batches.batch([GOOD[0]], payload=batches.varint(6) + b"\0\0\0" + batches.varint(1 << 30) + b"\0"),
        [Error.INVALID_RECORD, Error.CORRUPT_MESSAGE],
    ),
    "header count beyond the record": (
        batches.batch([GOOD[0]], payload=batches.varint(10) + b"\0\0\0\1\1" + batches.varint(1 << 30) + b"\0"),
        [Error.INVALID_RECORD, Error.CORRUPT_MESSAGE],
    ),
    "endless varint": (
        batches.batch([GOOD[0]], payload=b"\xff" * 20),
        [Error.INVALID_RECORD, Error.CORRUPT_MESSAGE],
    ),
    "two batches": (batches.batch(GOOD) + batches.batch(GOOD), [Error.INVALID_RECORD]),
    "bytes after the batch": (batches.batch(GOOD) + b"\0" * 7, [Error.INVALID_RECORD, Error.CORRUPT_MESSAGE]),
    "half a header": (batches.batch(GOOD)[:40], [Error.CORRUPT_MESSAGE, Error.INVALID_RECORD]),
    "half a batch": (batches.batch(GOOD)[:-3], [Error.CORRUPT_MESSAGE, Error.INVALID_RECORD]),
    "nothing": (b"", [Error.INVALID_RECORD, Error.CORRUPT_MESSAGE, Error.NONE]),
    "one day in the future": (
        batches.batch(GOOD, timestamp=batches.now() + 86_400_000),
        [Error.INVALID_TIMESTAMP],
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_batch_that_lies_is_refused_and_not_stored(connection, topic, lie):
    payload, errors = LIES[lie]
    assert wire.produce(connection, topic, batches.batch([(b"before", b"v")])).error_code == Error.NONE
    answer = wire.produce(connection, topic, payload)
    assert answer.error_code in errors, f"error {answer.error_code}: {answer.error_message}"
    after = wire.produce(connection, topic, batches.batch([(b"after", b"v")]))
    assert (after.error_code, after.base_offset) == (Error.NONE, 1)
    _, found = wire.fetch(connection, topic, 0)
    assert [record.key for one in found for record in one.records] == [b"before", b"after"]


def test_a_broken_partition_does_not_harm_the_others_of_its_request(connection, make_topic):
    from kafka.protocol.producer import ProduceRequest

    topic = make_topic(3)
    Topic = ProduceRequest.TopicProduceData
    payloads = [batches.batch(GOOD), batches.batch(GOOD, crc_xor=1), batches.batch(GOOD)]
    data = [
        Topic.PartitionProduceData(index=index, records=payload, version=9) for index, payload in enumerate(payloads)
    ]
    request = ProduceRequest(
        version=9,
        transactional_id=None,
        acks=-1,
        timeout_ms=1000,
        topic_data=[Topic(name=topic, partition_data=data, version=9)],
    )
    (answer,) = connection.call(request).responses
    assert [one.error_code for one in answer.partition_responses] == [0, Error.CORRUPT_MESSAGE, 0]


def test_a_refusal_says_why(connection, topic):
    answer = wire.produce(connection, topic, batches.batch(GOOD, crc_xor=1), version=9)
    assert answer.error_message


def test_a_batch_over_max_message_bytes(connection, make_topic):
    topic = make_topic(max_message_bytes=1000)
    answer = wire.produce(connection, topic, batches.batch([(None, b"x" * 2000)]))
    assert answer.error_code == Error.MESSAGE_TOO_LARGE
    answer = wire.produce(connection, topic, batches.batch([(None, b"x" * 900)]))
    assert answer.error_code == Error.NONE


@pytest.mark.parametrize("codec", batches.CODECS)
def test_a_record_without_key_on_a_compacted_topic(connection, make_topic, codec):
    topic = make_topic(cleanup_policy="compact")
    number = batches.CODECS[codec]
    without = batches.batch([(b"k", b"v" * 100), (None, b"w" * 100)], codec=number)
    answer = wire.produce(connection, topic, without)
    assert answer.error_code == Error.INVALID_RECORD
    assert [one.batch_index for one in answer.record_errors] == [1]
    answer = wire.produce(connection, topic, batches.batch([(b"k", b"v"), (b"l", None)], codec=number))
    assert answer.error_code == Error.NONE


def test_timestamps_are_held_against_the_topics_limits(connection, make_topic):
    topic = make_topic(message_timestamp_before_max_ms=60_000, message_timestamp_after_max_ms=1000)

    def produce(delta):
        return wire.produce(connection, topic, batches.batch(GOOD, timestamp=batches.now() + delta)).error_code

    assert produce(0) == Error.NONE
    assert produce(-50_000) == Error.NONE
    assert produce(-120_000) == Error.INVALID_TIMESTAMP
    assert produce(60_000) == Error.INVALID_TIMESTAMP


def test_log_append_time(connection, make_topic):
    topic = make_topic(message_timestamp_type="LogAppendTime")
    before = batches.now()
    answer = wire.produce(connection, topic, batches.batch(GOOD, timestamp=5))
    assert before <= answer.log_append_time_ms <= batches.now()
    _, (found,) = wire.fetch(connection, topic, 0)  # which checks the CRC
    assert found.attributes & 8
    assert found.max_timestamp == answer.log_append_time_ms
    assert {record.timestamp for record in found.records} == {answer.log_append_time_ms}


@pytest.mark.parametrize("codec", batches.CODECS)
def test_a_compressed_batch_is_stored_as_received(connection, topic, codec):
    records = [(b"key %d" % number, b"value " * 50) for number in range(100)]
    payload = batches.batch(records, codec=batches.CODECS[codec])
    for base_offset in (0, 100):
        assert wire.produce(connection, topic, payload).base_offset == base_offset
        partition, _ = wire.fetch(connection, topic, base_offset)
        stored = bytes(partition.records)
        # The broker writes the base offset and the leader epoch; both lie in front of what the checksum covers.
        assert struct.unpack_from(">q", stored) == (base_offset,)
        assert stored[batches.CRC_OFFSET :] == payload[batches.CRC_OFFSET :]
        assert len(stored) == len(payload)


def test_a_fetched_batch_can_be_produced_again_once_its_base_offset_is_0(connection, make_topic):
    """As tools do that copy topics. Kafka takes a client's batch with base offset 0 only, whatever a log holds."""
    source, copy = make_topic(), make_topic()
    for _ in range(2):
        assert wire.produce(connection, source, batches.batch(GOOD)).error_code == Error.NONE
    fetched = bytes(wire.fetch(connection, source, 2)[0].records)
    answer = wire.produce(connection, copy, fetched)
    assert answer.error_code == Error.INVALID_RECORD
    assert "base offset" in answer.error_message
    rebased = struct.pack(">q", 0) + fetched[8:]
    assert wire.produce(connection, copy, rebased).error_code == Error.NONE
    assert len(wire.fetch(connection, copy, 0)[1]) == 1


def test_rubbish_in_a_compressed_batch_reaches_no_one_but_its_reader(connection, make_topic):
    """A broker need not decompress what it stores, but where it must look inside it says what it found."""
    topic = make_topic(cleanup_policy="compact")
    for codec in (1, 2, 3, 4):
        payload = batches.batch(GOOD, payload=b"\xff\x00rubbish" * 10, attributes=codec)
        answer = wire.produce(connection, topic, payload)
        assert answer.error_code in (Error.CORRUPT_MESSAGE, Error.INVALID_RECORD), codec


def test_a_decompression_bomb_is_refused(connection, make_topic):
    topic = make_topic(cleanup_policy="compact")
    for codec in (1, 3, 4):
        payload = batches.batch([(b"k", b"")], payload=b"\0" * (300 << 20), codec=codec)
        if len(payload) > 1_048_588:
            continue
        answer = wire.produce(connection, topic, payload)
        assert answer.error_code != Error.NONE, codec
