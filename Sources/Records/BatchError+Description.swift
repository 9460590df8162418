import Model

extension BatchError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .truncated(let needed, let available):
            "the record batch needs \(needed) bytes, but only \(available) are there"
        case .badLength(let length):
            "batch length \(length) cannot hold a batch header, at least \(RecordBatchFormat.minimumBatchLength) is needed"
        case .trailingBytes(let count): "\(count) bytes follow the record batch, but exactly one batch is allowed"
        case .unsupportedMagic(let magic):
            "record batch magic \(magic) is not supported, only \(RecordBatchFormat.magic) is: use a client of Kafka 0.11 or later"
        case .checksumMismatch(let stored, let computed):
            "the record batch's checksum is \(Self.hexadecimal(stored)), but its bytes give \(Self.hexadecimal(computed))"
        case .tooLarge(let bytes, let limit):
            "the record batch has \(bytes) bytes, at most \(limit) are allowed (max.message.bytes)"
        case .badOffsets, .baseOffsetNotZero, .badCount, .tooManyRecords: offsetsDescription
        case .controlFromClient: "clients must not write control batches"
        case .deleteHorizonFromClient: "clients must not set a batch's delete horizon"
        case .badProducer(let problem): problem.description
        case .unsupportedCodec(let number): "compression type \(number) is not known, 0 to 4 are"
        case .appendTimeFromClient: "clients must not send batches with timestamp type LogAppendTime"
        case .timestampOutOfRange(let record, let timestamp, let earliest, let latest):
            "timestamp \(timestamp) of record \(record) is not within \(earliest) to \(latest) (message.timestamp.before.max.ms, message.timestamp.after.max.ms)"
        case .missingKey(let record, let count): "record \(record) of \(count) has no key, but the topic is compacted"
        case .badRecord(let record, let count, let problem): "record \(record) of \(count): \(problem)"
        case .bytesAfterRecords(let count): "\(count) bytes follow the batch's last record"
        case .undecodable, .decompressedTooLarge, .unencodable, .badCompressionLevel: compressionDescription
        case .empty: "a record batch needs at least one record"
        }
    }

    private var offsetsDescription: String {
        switch self {
        case .badOffsets(let base, let lastDelta):
            "base offset \(base) with last offset delta \(lastDelta) is not a range of offsets"
        case .baseOffsetNotZero(let base): "the base offset of a produced batch must be 0, this one's is \(base)"
        case .badCount(let records, let lastOffsetDelta):
            "the batch announces \(records) records, but its last offset delta is \(lastOffsetDelta)"
        case .tooManyRecords(let count, let limit):
            "the batch announces \(count) records, but at most \(limit) fit its bytes"
        default: ""
        }
    }

    private var compressionDescription: String {
        switch self {
        case .undecodable(let codec, let reason): "the records cannot be decompressed with \(codec.name): \(reason)"
        case .decompressedTooLarge(let codec, let limit):
            "the records decompressed with \(codec.name) are larger than the \(limit) bytes that are allowed"
        case .unencodable(let codec, let reason): "the records cannot be compressed with \(codec.name): \(reason)"
        case .badCompressionLevel(let codec, let level, let allowed):
            if let allowed {
                "compression level \(level) is not one of \(codec.name)'s, which are \(allowed.lowerBound) to \(allowed.upperBound)"
            } else {
                "\(codec.name) has no compression levels, but \(level) is set"
            }
        default: ""
        }
    }

    private static func hexadecimal(_ checksum: UInt32) -> String { "0x" + String(checksum, radix: 16) }
}

extension BatchError.ProducerProblem: CustomStringConvertible {
    package var description: String {
        switch self {
        case .negativeEpoch(let epoch, let producer): "producer \(producer) needs an epoch of 0 or more, not \(epoch)"
        case .negativeSequence(let sequence, let producer):
            "producer \(producer) needs a base sequence of 0 or more, not \(sequence)"
        case .transactionalWithoutID: "a transactional batch needs a producer id"
        }
    }
}

extension RecordProblem: CustomStringConvertible {
    package var description: String {
        switch self {
        case .truncated(let field): "the bytes end inside the \(field.rawValue)"
        case .badVarint(let field): "the variable-length integer of the \(field.rawValue) is too long"
        case .badLength(let field, let length, let remaining):
            "\(field.lengthName) \(length) does not fit the \(remaining) bytes that are left"
        case .badOffsetDelta(let delta, let expected):
            expected.count == 1
                ? "offset delta \(delta) instead of \(expected.lowerBound)"
                : "offset delta \(delta) is not within \(expected.lowerBound) to \(expected.upperBound)"
        case .timestampOverflow(let base, let delta):
            "timestamp delta \(delta) from base timestamp \(base) is not a timestamp"
        case .tooManyHeaders(let count, let limit): "\(count) headers, at most \(limit) are allowed"
        case .trailingBytes(let count): "its length is \(count) bytes more than its fields take"
        }
    }
}

extension RecordProblem.Field {
    /// What the number in front of the field is called.
    fileprivate var lengthName: String {
        switch self {
        case .length, .headerCount: rawValue
        default: rawValue + " length"
        }
    }
}
