"""Requests and record batches by hand, so that a benchmark needs no client library and pays for none."""

import struct
import time

PRODUCE, FETCH, METADATA, OFFSET_COMMIT, API_VERSIONS = 0, 1, 3, 8, 18
NONE, ZSTD = 0, 4
ATTRIBUTES = 21
CRC = 17


def crc32c_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


TABLE = crc32c_table()


def crc32c(data):
    checksum = 0xFFFFFFFF
    for byte in data:
        checksum = TABLE[(checksum ^ byte) & 0xFF] ^ checksum >> 8
    return checksum ^ 0xFFFFFFFF


def text(value):
    if value is None:
        return struct.pack(">h", -1)
    encoded = value.encode()
    return struct.pack(">h", len(encoded)) + encoded


def array(items):
    items = list(items)
    return struct.pack(">i", len(items)) + b"".join(items)


def varint(value):
    """A zigzag varint."""
    value = value << 1 ^ value >> 63
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def record(index, size):
    """One record without a key and with a value of `size` bytes."""
    body = b"\0\0" + varint(index) + varint(-1) + varint(size) + bytes(size) + varint(0)
    return varint(len(body)) + body


def zstd_frame(content):
    """The content as a frame of zstd, which may hold it as it is (RFC 8878)."""
    blocks = b""
    for start in range(0, len(content), 1 << 16):
        part = content[start : start + (1 << 16)]
        is_last = start + (1 << 16) >= len(content)
        blocks += (len(part) << 3 | is_last).to_bytes(3, "little") + part
    return struct.pack("<IBI", 0xFD2FB528, 0xA0, len(content)) + blocks


def batch(records, size, codec=NONE, producer_id=-1, sequence=-1):
    """A record batch with `records` records of `size` bytes each."""
    payload = b"".join(record(index, size) for index in range(records))
    if codec == ZSTD:
        payload = zstd_frame(payload)
    now = int(time.time() * 1000)
    epoch = -1 if producer_id < 0 else 0
    checked = struct.pack(">hiqqqhii", codec, records - 1, now, now, producer_id, epoch, sequence, records) + payload
    return struct.pack(">qiibI", 0, 9 + len(checked), -1, 2, crc32c(checked)) + checked


def frame(key, version, body, correlation=1):
    """A request with an inflexible header, its length in front."""
    request = struct.pack(">hhi", key, version, correlation) + text("bench") + body
    return struct.pack(">i", len(request)) + request


def produce(topic, batches, acks, version=8):
    """Produce 3 to 8, with the batches for the partitions 0 and on."""
    partitions = array(struct.pack(">ii", index, len(content)) + content for index, content in enumerate(batches))
    return frame(PRODUCE, version, text(None) + struct.pack(">hi", acks, 30000) + array([text(topic) + partitions]))


def fetch(topic, offsets, *, wait=0, least=0, most=50 << 20, each=1 << 20, session=(0, -1)):
    """Fetch 11, of the partitions and offsets in `offsets`."""
    partitions = array(struct.pack(">iiqqi", index, -1, offset, -1, each) for index, offset in offsets.items())
    topics = array([text(topic) + partitions] if offsets else [])
    head = struct.pack(">iiiibii", -1, wait, least, most, 0, *session)
    return frame(FETCH, 11, head + topics + array([]) + text(""))


def metadata(topic):
    return frame(METADATA, 8, array([text(topic)]) + b"\0\0\0")


def api_versions():
    return frame(API_VERSIONS, 0, b"")


def commit(group, topic, offset):
    """OffsetCommit 7, from outside of any membership."""
    partitions = array([struct.pack(">iqi", 0, offset, -1) + text("")])
    member = struct.pack(">i", -1) + text("") + text(None)
    return frame(OFFSET_COMMIT, 7, text(group) + member + array([text(topic) + partitions]))
