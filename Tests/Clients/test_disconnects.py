"""Clients that go away in every phase of a conversation."""

import socket
import struct

import pytest

from harness import batches, wire
from harness.errors import Error
from harness.neighbour import Neighbour


def reset(connection):
    """Closes with RST, as a crashed client's machine does."""
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def close(connection):
    connection.close()


def half_close(connection):
    """Sends its end of stream and goes away only then."""
    connection.socket.shutdown(socket.SHUT_WR)
    connection.close()


ENDINGS = [reset, close, half_close]


@pytest.fixture
def neighbour(broker, make_topic):
    with Neighbour(broker, make_topic()) as beside:
        yield beside
        beside.assert_goes_on()
        beside.assert_everything_is_stored()
    if hasattr(broker, "assert_running"):
        broker.assert_running()


@pytest.mark.parametrize("ending", ENDINGS)
def test_at_once(broker, neighbour, ending):
    for _ in range(100):
        ending(wire.Connection(broker.address))


@pytest.mark.parametrize("ending", ENDINGS)
def test_after_every_byte_of_a_produce_request(broker, neighbour, make_topic, ending):
    topic = make_topic()
    request = wire.produce_request(topic, batches.batch([(b"k", b"v")]))
    request.with_header(correlation_id=1, client_id="raw")
    whole = bytes(request.encode(header=True, framed=True))
    for cut in range(len(whole)):
        connection = wire.Connection(broker.address)
        connection.send_bytes(whole[:cut])
        ending(connection)
    with wire.connect(broker) as connection:
        assert wire.list_offset(connection, topic, -1).offset == 0


@pytest.mark.parametrize("ending", ENDINGS)
def test_before_reading_the_answer(broker, neighbour, make_topic, ending):
    """Requests that arrived whole are handled, whatever becomes of their answers. Kafka does the same."""
    topic = make_topic()
    values = [b"%d" % number for number in range(50)]
    for value in values:
        connection = wire.Connection(broker.address)
        connection.send(wire.produce_request(topic, batches.batch([(b"k", value)])))
        connection.wait_until_sent()
        ending(connection)
    assert sorted(values_when_there_are(broker, topic, len(values))) == sorted(values)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_burst_without_acknowledgements(broker, neighbour, make_topic, ending):
    """A producer that wants no answers sends and goes. With an answer left unread, the end is a reset in any case; an
    answer that cannot be sent ends the connection at once, with Kafka too."""
    topic = make_topic()
    values = [b"%d" % number for number in range(200)]
    connection = wire.Connection(broker.address)
    if ending is not reset:
        connection.send(wire.metadata([topic]))
    for value in values:
        connection.send(wire.produce_request(topic, batches.batch([(b"k", value)]), acks=0))
    connection.wait_until_sent()
    ending(connection)
    assert values_when_there_are(broker, topic, len(values)) == values


def values_when_there_are(broker, topic, count):
    """The values of a topic's records, once there are so many: other connections are other threads of the broker."""
    wire.wait_for_end(broker, topic, {0: count})
    with wire.connect(broker) as connection:
        _, found = wire.fetch(connection, topic, 0)
    assert [one.base_offset for one in found] == list(range(count))
    return [record.value for one in found for record in one.records]


@pytest.mark.parametrize("ending", ENDINGS)
def test_while_a_fetch_waits(broker, neighbour, make_topic, ending):
    topic = make_topic()
    for _ in range(50):
        connection = wire.Connection(broker.address)
        connection.send(wire.fetch_request(topic, 0, max_wait=300_000, min_bytes=1))
        ending(connection)
    with wire.connect(broker) as connection:
        assert wire.produce(connection, topic, batches.batch([(None, b"v")])).error_code == Error.NONE
        assert len(wire.fetch(connection, topic, 0)[1]) == 1


@pytest.mark.parametrize("ending", ENDINGS)
def test_in_the_middle_of_a_large_answer(broker, neighbour, make_topic, ending):
    topic = make_topic(1, max_message_bytes=2_000_000)
    with wire.connect(broker) as connection:
        for _ in range(8):
            wire.produce(connection, topic, batches.batch([(None, b"x" * 1_000_000)]))
    for taken in (4, 100, 100_000, 1_500_000):
        connection = wire.Connection(broker.address)
        connection.send(wire.fetch_request(topic, 0, partition_bytes=50 << 20))
        connection.receive_exactly(taken)
        ending(connection)
    with wire.connect(broker) as connection:
        assert len(wire.fetch(connection, topic, 0, partition_bytes=50 << 20)[1]) == 8


def test_a_client_that_only_half_closes_still_gets_its_answers(broker, topic):
    with wire.connect(broker) as connection:
        request = wire.api_versions(3)
        connection.send(request)
        connection.socket.shutdown(socket.SHUT_WR)
        try:
            assert connection.receive_response(request).error_code == Error.NONE
        except wire.Closed:
            pytest.fail("the answer was dropped")


def test_connections_are_not_leaked(broker, topic):
    if not hasattr(broker, "descriptors"):
        pytest.skip("only for a broker we can look into")
    with wire.connect(broker) as connection:
        connection.call(wire.api_versions())
        before = broker.descriptors()
        for ending in ENDINGS * 20:
            other = wire.Connection(broker.address)
            other.send(wire.fetch_request(topic, 0, max_wait=300_000, min_bytes=1))
            ending(other)
        for _ in range(2000):
            connection.call(wire.api_versions())
            if broker.descriptors() <= before:
                break
        assert broker.descriptors() <= before
