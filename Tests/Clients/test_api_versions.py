"""ApiVersions, the first thing every client asks, in the forms that once broke real clients."""

import contextlib
import struct

import pytest
from kafka.protocol.metadata import ApiVersionsResponse

from harness import batches, wire
from harness.errors import Error

# Key: lowest announced and highest version, as of Kafka 4.3.
ANNOUNCED = {
    0: (0, 13),
    1: (4, 18),
    2: (1, 11),
    3: (0, 13),
    10: (0, 6),
    18: (0, 4),
    19: (2, 7),
    20: (1, 6),
    21: (0, 2),
    22: (0, 5),
    23: (2, 4),
    32: (1, 4),
    37: (0, 3),
    44: (0, 1),
    60: (0, 2),
    75: (0, 0),
    # Martlet's own, see test_private_apis.
    10001: (0, 0),
    10002: (0, 0),
    10003: (0, 0),
    10004: (0, 0),
    10005: (0, 0),
}
# Only brokers and controllers speak these to each other; clients believe in whatever is announced.
INTERNAL = (4, 5, 6, 7, 27, 52, 53, 54, 56, 58, 59, 62, 63, 67, 70, 73, 82)


def ranges(response):
    return {one.api_key: (one.min_version, one.max_version) for one in response.api_keys}


@pytest.mark.parametrize("version", range(5))
def test_all_versions_announce_the_same_ranges(connection, version):
    response = connection.call(wire.api_versions(version))
    assert response.error_code == Error.NONE
    found = ranges(response)
    # ApiVersions 5 may be announced as well, it is answered.
    assert found.pop(18) in ((0, 4), (0, 5))
    expected = {key: value for key, value in ANNOUNCED.items() if key != 18}
    assert {key: found.get(key) for key in expected} == expected
    assert not set(found) & set(INTERNAL)


def test_produce_is_announced_from_0(connection):
    """Old librdkafka switches features off otherwise (KAFKA-18659)."""
    assert ranges(connection.call(wire.api_versions(0)))[0][0] == 0


@pytest.mark.parametrize("version", [6, 99, 32767])
def test_an_unknown_version_is_answered_in_version_0_with_the_range(connection, version):
    correlation_id = connection.send_raw(18, version, b"\x04raw\x021\x00", tags=b"\0")
    frame = connection.receive()
    assert struct.unpack_from(">i", frame) == (correlation_id,)
    # The header has no tagged fields and the body is version 0: error, then an array with a 4-byte count.
    error, count = struct.unpack_from(">hi", frame, 4)
    assert error == Error.UNSUPPORTED_VERSION
    assert len(frame) == 4 + 2 + 4 + count * 6
    response = ApiVersionsResponse.decode(frame[4:], version=0)
    assert ranges(response)[18][1] >= 4
    # And the connection goes on with a version that the answer named.
    assert connection.call(wire.api_versions(4)).error_code == Error.NONE


def test_version_5_is_answered(connection):
    """The Java client of Kafka 4.4 opens with it (KIP-1242: cluster id and node id)."""
    # ClientSoftwareName, ClientSoftwareVersion, ClusterId null, NodeId -1, no tagged fields.
    body = b"\x04raw" + b"\x021" + b"\0" + struct.pack(">i", -1) + b"\0"
    correlation_id = connection.send_raw(18, 5, body, tags=b"\0")
    frame = connection.receive()
    assert struct.unpack_from(">i", frame) == (correlation_id,)
    (error,) = struct.unpack_from(">h", frame, 4)
    assert error in (Error.NONE, Error.UNSUPPORTED_VERSION)
    assert connection.call(wire.api_versions(4)).error_code == Error.NONE


def test_flexible_header_keeps_the_two_byte_client_id(connection):
    for client_id in ("", "x" * 300, "naïve ünïcode"):
        request = wire.api_versions(3)
        assert connection.call(request, client_id=client_id).error_code == Error.NONE
    connection.send_raw(18, 0, b"", client_id=b"")
    connection.receive()


def test_a_null_client_id_is_fine(connection):
    body = struct.pack(">hhih", 18, 3, 77, -1) + b"\0" + b"\x04raw\x021\x00"
    connection.send_bytes(wire.framed(body))
    assert struct.unpack_from(">ih", connection.receive()) == (77, 0)


def test_unknown_tagged_fields_are_skipped(connection, topic):
    tags = b"\x02" + b"\x05\x03abc" + b"\x64\x01z"  # two fields: tag 5 of 3 bytes, tag 100 of one
    connection.send_raw(18, 3, b"\x04raw\x021" + tags, tags=tags)
    assert struct.unpack_from(">h", connection.receive(), 4) == (0,)
    request = wire.metadata([topic])
    body = bytes(request.encode())
    assert body.endswith(b"\0")
    correlation_id = connection.send_raw(3, request.API_VERSION, body[:-1] + tags, tags=tags)
    assert struct.unpack_from(">i", connection.receive()) == (correlation_id,)


@pytest.mark.parametrize("version", [0, 1, 2])
def test_produce_below_3_is_refused_and_the_broker_stays(broker, topic, version):
    payload = batches.batch([(b"k", b"v")])
    name = topic.encode()
    body = struct.pack(">hi", 1, 1000) + struct.pack(">i", 1) + struct.pack(">h", len(name)) + name
    body += struct.pack(">iii", 1, 0, len(payload)) + payload
    with wire.connect(broker, timeout=5) as connection:
        connection.send_raw(0, version, body)
        # An answer must carry the error; closing the connection is what Kafka does.
        with contextlib.suppress(wire.Closed):
            assert struct.pack(">h", Error.UNSUPPORTED_VERSION) in connection.receive()
    with wire.connect(broker) as connection:
        assert wire.list_offset(connection, topic, -1).offset == 0


@pytest.mark.parametrize(("key", "version"), [(1, 3), (1, 19), (3, 14), (2, 0), (19, 1), (22, 6)])
def test_versions_outside_the_range_close_only_that_connection(broker, key, version):
    with wire.connect(broker, timeout=5) as connection:
        connection.send_raw(key, version, b"\0" * 32, tags=b"\0")
        with contextlib.suppress(wire.Closed):
            connection.receive()
    with wire.connect(broker) as connection:
        assert connection.call(wire.api_versions(4)).error_code == Error.NONE


def test_requests_on_one_connection_are_answered_in_their_order(connection, topic):
    """Also when the first waits for data and the others could be answered at once."""
    waiting = wire.fetch_request(topic, 0, max_wait=400, min_bytes=1)
    sent = [waiting, wire.api_versions(4), wire.metadata([topic]), wire.api_versions(2), wire.metadata(None)]
    for request in sent:
        connection.send(request)
    for request in sent:
        connection.receive_response(request)
