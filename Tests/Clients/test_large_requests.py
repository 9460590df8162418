"""Produce requests so large that the broker appends them beside its event loops: in order, whole, in bounded memory."""

import threading

import pytest

from harness import batches, wire
from harness.errors import Error
from harness.neighbour import Neighbour

# More than an event loop appends itself.
LARGE = [(b"k", b"x" * (1 << 20))] * 6
TOPIC = {"max_message_bytes": 16 << 20}


@pytest.fixture
def topic(make_topic):
    return make_topic(**TOPIC)


def idempotent(producer, sequence, records):
    return batches.batch(records, producer_id=producer.producer_id, producer_epoch=0, base_sequence=sequence)


def test_what_follows_on_the_connection_does_not_overtake_it(broker, topic):
    with wire.connect(broker) as connection:
        producer = wire.init_producer(connection)
        requests, sequence = [], 0
        for records in (LARGE, [(b"k", b"small")], LARGE, LARGE, [(b"k", b"last")] * 2):
            requests.append(wire.produce_request(topic, idempotent(producer, sequence, records)))
            sequence += len(records)
        stream = b""
        for number, request in enumerate(requests):
            request.with_header(correlation_id=number, client_id="raw")
            stream += bytes(request.encode(header=True, framed=True))
        sending = threading.Thread(target=connection.send_bytes, args=[stream])
        sending.start()
        answers = [wire.only_partition(connection.receive_response(request)) for request in requests]
        sending.join()
        assert [answer.error_code for answer in answers] == [0] * 5
        assert [answer.base_offset for answer in answers] == [0, 6, 7, 13, 19]
        assert wire.list_offset(connection, topic, -1).offset == 21


@pytest.mark.parametrize("acks", [0, 1, -1])
def test_the_client_may_leave_when_it_has_sent_it(broker, make_topic, topic, acks):
    with Neighbour(broker, make_topic()) as neighbour:
        for _ in range(5):
            with wire.connect(broker) as connection:
                connection.send(wire.produce_request(topic, batches.batch(LARGE), acks=acks))
                connection.wait_until_sent()
        with wire.connect(broker) as connection:
            for _ in range(1000):
                end = wire.list_offset(connection, topic, -1).offset
                if end == 30:
                    break
                threading.Event().wait(0.01)
            assert end == 30
        neighbour.assert_goes_on()


def test_a_bad_one_is_refused_as_a_small_one_is(broker, topic):
    with wire.connect(broker) as connection:
        bad = wire.produce(connection, topic, batches.batch(LARGE, crc_xor=1))
        assert bad.error_code == Error.CORRUPT_MESSAGE
        assert wire.produce(connection, topic, batches.batch(LARGE)).base_offset == 0


def test_more_of_them_than_the_memory_for_requests_holds_all_get_through(start_broker):
    broker = start_broker("--set", f"queued.max.request.bytes={8 << 20}")
    with wire.connect(broker) as connection:
        wire.create_topic(connection, "large", 4, {"max.message.bytes": str(16 << 20)})
    answers = []

    def produce(partition):
        with wire.connect(broker) as connection:
            for _ in range(3):
                answers.append(wire.produce(connection, "large", batches.batch(LARGE), partition=partition).error_code)

    threads = [threading.Thread(target=produce, args=(partition,)) for partition in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [0] * 12
