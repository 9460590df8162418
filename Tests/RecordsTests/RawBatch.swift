import Model
import NIOCore
import Records

/// A batch written field by field, so that tests can make wrong ones that have the right checksum.
struct RawBatch {
    var baseOffset: Int64 = 0
    /// As the records require if nil.
    var batchLength: Int32?
    var leaderEpoch: Int32 = -1
    var magic: Int8 = 2
    var attributes: Int16 = 0
    /// As the count requires if nil.
    var lastOffsetDelta: Int32?
    var baseTimestamp = RawBatch.now.rawValue
    var maxTimestamp = RawBatch.now.rawValue
    var producerID: Int64 = -1
    var producerEpoch: Int16 = -1
    var baseSequence: Int32 = -1
    var count: Int32
    var payload: [UInt8]

    static let now = Timestamp(milliseconds: 1_700_000_000_000)

    init(_ records: [[UInt8]]) {
        count = Int32(records.count)
        payload = records.flatMap { $0 }
    }

    /// `count` records with keys and values.
    static func sample(count: Int32 = 3) -> RawBatch {
        RawBatch((0..<count).map { RawRecord(offsetDelta: $0).bytes })
    }

    var bytes: ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeInteger(baseOffset)
        buffer.writeInteger(batchLength ?? Int32(49 + payload.count))
        buffer.writeInteger(leaderEpoch)
        buffer.writeInteger(magic)
        buffer.writeInteger(UInt32(0))
        buffer.writeInteger(attributes)
        buffer.writeInteger(lastOffsetDelta ?? count &- 1)
        buffer.writeInteger(baseTimestamp)
        buffer.writeInteger(maxTimestamp)
        buffer.writeInteger(producerID)
        buffer.writeInteger(producerEpoch)
        buffer.writeInteger(baseSequence)
        buffer.writeInteger(count)
        buffer.writeBytes(payload)
        return buffer.withFreshChecksum
    }
}

/// A record written field by field.
struct RawRecord {
    /// As the fields require if nil.
    var length: Int64?
    var attributes: UInt8 = 0
    var timestampDelta: [UInt8] = [0]
    var offsetDelta: Int32 = 0
    var keyLength: Int64?
    var key: [UInt8]? = Array("key".utf8)
    var valueLength: Int64?
    var value: [UInt8]? = Array("value".utf8)
    var headerCount: Int64?
    var headers: [[UInt8]] = []
    var trailing: [UInt8] = []

    var bytes: [UInt8] {
        var body = [attributes] + timestampDelta + varint(Int64(offsetDelta))
        body += varint(keyLength ?? key.map { Int64($0.count) } ?? -1) + (key ?? [])
        body += varint(valueLength ?? value.map { Int64($0.count) } ?? -1) + (value ?? [])
        body += varint(headerCount ?? Int64(headers.count)) + headers.flatMap { $0 } + trailing
        return varint(length ?? Int64(body.count)) + body
    }
}

/// The zigzag form, written independently of the code under test.
func varint(_ value: Int64) -> [UInt8] {
    var rest = value >= 0 ? UInt64(value) * 2 : UInt64(-(value + 1)) * 2 + 1
    var bytes: [UInt8] = []
    while rest > 127 {
        bytes.append(UInt8(rest % 128) + 128)
        rest /= 128
    }
    return bytes + [UInt8(rest)]
}

extension ByteBuffer {
    /// The batch with the checksum that its bytes demand.
    var withFreshChecksum: ByteBuffer {
        var copy = self
        copy.setInteger(CRC32C.checksum(of: self), at: readerIndex + 17)
        return copy
    }

    init(hex: String) {
        self.init()
        var high: UInt8?
        for digit in hex.utf8.compactMap({ Character(Unicode.Scalar($0)).hexDigitValue }) {
            if let first = high {
                writeInteger(first << 4 | UInt8(digit))
                high = nil
            } else {
                high = UInt8(digit)
            }
        }
    }

    /// The same bytes, but not at index 0 of their storage.
    var shifted: ByteBuffer {
        var buffer = ByteBuffer(string: "front")
        buffer.writeImmutableBuffer(self)
        buffer.moveReaderIndex(forwardBy: 5)
        return buffer
    }
}

/// All records of the batch.
func records(of batch: ByteBuffer, limits: ReadLimits = ReadLimits()) throws(BatchError) -> [Record] {
    var reader = try RecordReader(batch: batch, limits: limits)
    var records: [Record] = []
    while let record = try reader.next() { records.append(record) }
    return records
}

extension BatchBuilder {
    /// `count` records whose sizes, nulls and headers follow from the generator's seed.
    static func random(
        _ compression: Compression,
        count: Int,
        level: Int? = nil,
        using generator: inout SeededGenerator
    ) throws(BatchError) -> (builder: BatchBuilder, records: [Record]) {
        var builder = BatchBuilder(compression: compression, level: level)
        var records: [Record] = []
        for index in 0..<count {
            let record = Record(
                offset: Offset(Int64(index)),
                timestamp: Timestamp(
                    milliseconds: RawBatch.now.rawValue + Int64.random(in: -100_000...100_000, using: &generator)
                ),
                key: Bool.random(using: &generator) ? nil : .random(upTo: 20, using: &generator),
                value: Int.random(in: 0..<8, using: &generator) == 0 ? nil : .random(upTo: 400, using: &generator),
                headers: (0..<max(0, Int.random(in: -4..<3, using: &generator))).map { number in
                    RecordHeaderField(
                        name: String(repeating: "näme", count: number),
                        value: Bool.random(using: &generator) ? nil : .random(upTo: 5, using: &generator)
                    )
                }
            )
            try builder.append(
                key: record.key,
                value: record.value,
                headers: record.headers,
                timestamp: record.timestamp
            )
            records.append(record)
        }
        return (builder, records)
    }
}

extension ByteBuffer {
    /// Half of it text that compresses well.
    static func random(upTo length: Int, using generator: inout SeededGenerator) -> ByteBuffer {
        let length = Int.random(in: 0...length, using: &generator)
        let isText = Bool.random(using: &generator)
        return ByteBuffer(
            bytes: (0..<length).map { isText ? UInt8(97 + $0 % 3) : UInt8.random(in: .min ... .max, using: &generator) }
        )
    }
}
