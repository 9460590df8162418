"""Idempotent producers: ids, the order of sequences, duplicates and the window of five."""

import pytest

from harness import batches, wire
from harness.errors import Error


class Producer:
    """An idempotent producer that can be told to misbehave."""

    def __init__(self, connection, topic, version=4):
        given = wire.init_producer(connection, version=version)
        assert given.error_code == Error.NONE
        self.connection, self.topic = connection, topic
        self.id, self.epoch = given.producer_id, given.producer_epoch

    def send(self, sequence, count=1, epoch=None, text=b"v"):
        payload = batches.batch(
            [(None, b"%s%d" % (text, sequence + index)) for index in range(count)],
            producer_id=self.id,
            producer_epoch=self.epoch if epoch is None else epoch,
            base_sequence=sequence,
        )
        return wire.produce(self.connection, self.topic, payload)


@pytest.fixture
def producer(connection, topic):
    return Producer(connection, topic)


def values(connection, topic):
    _, found = wire.fetch(connection, topic, 0, partition_bytes=10 << 20)
    return [record.value for one in found for record in one.records]


@pytest.mark.parametrize("version", range(6))
def test_each_producer_gets_an_id_of_its_own(connection, version):
    ids = set()
    for _ in range(20):
        given = wire.init_producer(connection, version=version)
        assert (given.error_code, given.producer_epoch) == (Error.NONE, 0)
        assert given.producer_id >= 0
        ids.add(given.producer_id)
    assert len(ids) == 20


def test_a_duplicate_is_answered_with_its_first_offset_and_stored_once(connection, topic, producer):
    first = producer.send(0, 3)
    second = producer.send(3, 2)
    assert [(one.error_code, one.base_offset) for one in (first, second)] == [(0, 0), (0, 3)]
    for _ in range(3):
        again = producer.send(0, 3)
        assert (again.error_code, again.base_offset) == (Error.NONE, 0)
        again = producer.send(3, 2)
        assert (again.error_code, again.base_offset) == (Error.NONE, 3)
    assert values(connection, topic) == [b"v0", b"v1", b"v2", b"v3", b"v4"]


def test_all_of_the_last_five_batches_are_known(connection, topic, producer):
    for sequence in range(10):
        assert producer.send(sequence).base_offset == sequence
    for sequence in range(5, 10):
        again = producer.send(sequence)
        assert (again.error_code, again.base_offset) == (Error.NONE, sequence)
    # Older ones are not stored again either; what the client is told is that it is late.
    old = producer.send(0)
    assert old.error_code in (Error.DUPLICATE_SEQUENCE_NUMBER, Error.OUT_OF_ORDER_SEQUENCE_NUMBER)
    assert len(values(connection, topic)) == 10


def test_a_gap_is_refused_until_it_is_filled(connection, topic, producer):
    assert producer.send(0).error_code == Error.NONE
    assert producer.send(2).error_code == Error.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert producer.send(1).error_code == Error.NONE
    assert producer.send(2).error_code == Error.NONE
    assert values(connection, topic) == [b"v0", b"v1", b"v2"]


def test_five_in_flight_with_a_refused_one_in_front(connection, topic, producer):
    """What a client with five batches in flight sends when the first was lost: all are refused, then all sent again."""
    assert producer.send(0).error_code == Error.NONE
    assert {producer.send(sequence).error_code for sequence in (2, 3, 4, 5)} == {Error.OUT_OF_ORDER_SEQUENCE_NUMBER}
    assert {producer.send(sequence).error_code for sequence in (1, 2, 3, 4, 5)} == {Error.NONE}
    assert values(connection, topic) == [b"v%d" % number for number in range(6)]


def test_a_producer_new_to_the_partition_may_start_anywhere_but_only_once(connection, topic, producer):
    """Kafka accepts any first sequence of a producer it does not know, since its state may have expired."""
    first = producer.send(17)
    if first.error_code == Error.NONE:
        assert producer.send(19).error_code == Error.OUT_OF_ORDER_SEQUENCE_NUMBER
        assert producer.send(18).error_code == Error.NONE
    else:
        assert first.error_code in (Error.OUT_OF_ORDER_SEQUENCE_NUMBER, Error.UNKNOWN_PRODUCER_ID)


def test_an_old_epoch_is_fenced_and_a_new_one_starts_at_0(connection, topic, producer):
    assert producer.send(0).error_code == Error.NONE
    assert producer.send(0, epoch=1).error_code == Error.NONE
    assert producer.send(1, epoch=0).error_code == Error.INVALID_PRODUCER_EPOCH
    assert producer.send(5, epoch=2).error_code == Error.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert producer.send(1, epoch=1).error_code == Error.NONE
    assert len(values(connection, topic)) == 3


def test_sequences_wrap_at_the_largest_int32(connection, topic, producer):
    largest = 0x7FFFFFFF
    first = producer.send(largest - 1, 2)
    if first.error_code != Error.NONE:
        pytest.skip("it does not let an unknown producer start there")
    assert producer.send(0, 1).error_code == Error.NONE
    assert producer.send(1, 1).error_code == Error.NONE


def test_partitions_are_independent(connection, make_topic):
    topic = make_topic(2)
    producer = Producer(connection, topic)
    for partition in (0, 1):
        payload = batches.batch([(None, b"v")], producer_id=producer.id, producer_epoch=producer.epoch, base_sequence=0)
        answer = wire.produce(connection, topic, payload, partition=partition)
        assert (answer.error_code, answer.base_offset) == (Error.NONE, 0)


def test_a_transaction_timeout_over_the_maximum_is_refused(connection):
    given = wire.init_producer(connection, transactional_id="tx", timeout=900_001)
    assert given.error_code == Error.INVALID_TRANSACTION_TIMEOUT
    given = wire.init_producer(connection, transactional_id="tx", timeout=0)
    assert given.error_code == Error.INVALID_TRANSACTION_TIMEOUT


def test_the_window_survives_restart_and_kill(start_broker, topic_name):
    broker = start_broker()
    with wire.connect(broker) as connection:
        wire.create_topic(connection, topic_name)
        producer = Producer(connection, topic_name)
        for sequence in range(3):
            assert producer.send(sequence).base_offset == sequence
    for end in (broker.stop, broker.kill9):
        end()
        broker.start()
        with wire.connect(broker) as connection:
            producer.connection = connection
            for sequence in range(3):
                again = producer.send(sequence)
                assert (again.error_code, again.base_offset) == (Error.NONE, sequence)
            assert len(values(connection, topic_name)) == 3
            assert wire.init_producer(connection).producer_id != producer.id
