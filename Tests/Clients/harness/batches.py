"""Record batches (magic 2) by hand: to write ones that no client would send, and to see the bounds of those fetched."""

import gzip
import struct
import time
from dataclasses import dataclass, field

import cramjam
import crc32c
from kafka.record.memory_records import MemoryRecords

NONE, GZIP, SNAPPY, LZ4, ZSTD = range(5)
CODECS = {"none": NONE, "gzip": GZIP, "snappy": SNAPPY, "lz4": LZ4, "zstd": ZSTD}

HEADER = struct.Struct(">qiibIhiqqqhii")
CRC_OFFSET = 17
ATTRIBUTES_OFFSET = 21


def now():
    """Milliseconds since 1970."""
    return int(time.time() * 1000)


def varint(value):
    """A zigzag varint."""
    value = (value << 1) ^ (value >> 63)
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def blob(value):
    return varint(-1) if value is None else varint(len(value)) + value


def record(index, key, value, headers=(), timestamp_delta=0, offset_delta=None):
    """One record, its length in front."""
    body = b"\0" + varint(timestamp_delta) + varint(index if offset_delta is None else offset_delta)
    body += blob(key) + blob(value) + varint(len(headers))
    for name, content in headers:
        body += blob(name.encode()) + blob(content)
    return varint(len(body)) + body


def compress(payload, codec):
    match codec:
        case 1:
            return gzip.compress(payload)
        case 2:
            return bytes(cramjam.snappy.compress_raw(payload))
        case 3:
            return bytes(cramjam.lz4.compress(payload))
        case 4:
            return bytes(cramjam.zstd.compress(payload))
        case _:
            return payload


def batch(records, *, codec=NONE, timestamp=None, producer_id=-1, producer_epoch=-1, base_sequence=-1, **lies):
    """A batch of (key, value) or (key, value, headers), correct but for the lies: payload, count, last_offset_delta,
    magic, attributes, crc_xor, length, max_timestamp, base_offset."""
    timestamp = now() if timestamp is None else timestamp
    payload = lies.get("payload")
    if payload is None:
        payload = b"".join(record(index, *fields) for index, fields in enumerate(records))
    payload = compress(payload, codec)
    header = HEADER.pack(
        lies.get("base_offset", 0),
        lies.get("length", HEADER.size - 12 + len(payload)),
        -1,
        lies.get("magic", 2),
        0,
        lies.get("attributes", codec),
        lies.get("last_offset_delta", len(records) - 1),
        timestamp,
        lies.get("max_timestamp", timestamp),
        producer_id,
        producer_epoch,
        base_sequence,
        lies.get("count", len(records)),
    )
    out = bytearray(header + payload)
    checksum = crc32c.crc32c(bytes(out[ATTRIBUTES_OFFSET:])) ^ lies.get("crc_xor", 0)
    struct.pack_into(">I", out, CRC_OFFSET, checksum)
    return bytes(out)


@dataclass
class Fetched:
    """The header of a batch as it was fetched, and its records."""

    base_offset: int
    leader_epoch: int
    attributes: int
    last_offset_delta: int
    max_timestamp: int
    producer_id: int
    count: int
    records: list = field(default_factory=list)

    @property
    def last_offset(self):
        return self.base_offset + self.last_offset_delta


def split(payload):
    """The batches in the records of a fetch response. Refuses a damaged or incomplete one."""
    payload = bytes(payload or b"")
    found = []
    while payload:
        fields = HEADER.unpack_from(payload)
        base, length, epoch, magic, checksum, attributes, last, _, maximum, producer, _, _, count = fields
        total = 12 + length
        assert magic == 2, f"magic {magic}"
        assert total <= len(payload), f"{len(payload)} bytes of a batch of {total}"
        actual = crc32c.crc32c(payload[ATTRIBUTES_OFFSET:total])
        assert actual == checksum, f"CRC {checksum:#x}, computed {actual:#x}"
        batch = Fetched(base, epoch, attributes, last, maximum, producer, count)
        memory = MemoryRecords(payload[:total])
        batch.records = list(memory.next_batch())
        found.append(batch)
        payload = payload[total:]
    return found
