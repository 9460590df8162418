package import Model

/// What is wrong with bytes that should be a record batch, or with what should become one. Immutable.
package enum BatchError: Error, Equatable, Sendable {
    /// The bytes end before the batch does.
    case truncated(needed: Int, available: Int)
    /// The batch length cannot hold a header.
    case badLength(Int32)
    /// Bytes follow the one batch that there may be.
    case trailingBytes(Int)
    case unsupportedMagic(Int8)
    case checksumMismatch(stored: UInt32, computed: UInt32)
    case tooLarge(bytes: Int, limit: Int)
    /// The batch's offsets do not exist.
    case badOffsets(base: Int64, lastDelta: Int32)
    /// A produced batch has a base offset, which is not the client's to choose.
    case baseOffsetNotZero(Int64)
    case badCount(records: Int32, lastOffsetDelta: Int32)
    /// More records are announced than fit the bytes.
    case tooManyRecords(count: Int32, limit: Int)
    case controlFromClient
    /// A client has set an attribute that only a broker sets.
    case deleteHorizonFromClient
    case badProducer(ProducerProblem)
    case unsupportedCodec(UInt8)
    /// A client has sent a batch that claims to be stamped by the broker.
    case appendTimeFromClient
    /// A timestamp is too far from now.
    case timestampOutOfRange(record: Int32, timestamp: Timestamp, earliest: Timestamp, latest: Timestamp)
    case missingKey(record: Int32, count: Int32)
    case badRecord(record: Int32, count: Int32, problem: RecordProblem)
    /// Bytes follow the last record, inside the batch.
    case bytesAfterRecords(Int)
    /// The compressed records are not what the codec writes.
    case undecodable(Compression, reason: String)
    /// The records are larger than allowed once they are decompressed.
    case decompressedTooLarge(Compression, limit: Int)
    /// The codec's library refused to compress.
    case unencodable(Compression, reason: String)
    case badCompressionLevel(Compression, level: Int, allowed: ClosedRange<Int>?)
    /// A batch without records was to be finished.
    case empty

    /// What makes a batch's producer id, epoch and sequence contradict one another. Immutable.
    package enum ProducerProblem: Equatable, Sendable {
        case negativeEpoch(Int16, producer: ProducerID)
        case negativeSequence(Int32, producer: ProducerID)
        case transactionalWithoutID
    }
}

/// What is wrong with one record of a batch. Immutable.
package enum RecordProblem: Error, Equatable, Sendable {
    /// A field of a record, named as in the format's description.
    package enum Field: String, Sendable {
        case length
        case attributes
        case timestampDelta = "timestamp delta"
        case offsetDelta = "offset delta"
        case key
        case value
        case headerCount = "header count"
        case headerName = "header name"
        case headerValue = "header value"
    }

    /// The record, or the batch, ends inside the field.
    case truncated(Field)
    /// A variable-length integer has too many bytes or bits.
    case badVarint(Field)
    case badLength(Field, length: Int32, remaining: Int)
    case badOffsetDelta(Int32, expected: ClosedRange<Int32>)
    case timestampOverflow(base: Timestamp, delta: Int64)
    case tooManyHeaders(count: Int32, limit: Int)
    /// The record announces more bytes than its fields take.
    case trailingBytes(Int)
}

extension BatchError {
    /// The error as a response says it.
    package var errorCode: ErrorCode {
        switch self {
        case .truncated, .badLength, .checksumMismatch, .undecodable: .corruptMessage
        case .unsupportedMagic(let magic):
            magic == 0 || magic == 1 ? .unsupportedForMessageFormat : .corruptMessage
        case .tooLarge, .decompressedTooLarge: .messageTooLarge
        case .trailingBytes, .badOffsets, .baseOffsetNotZero, .badCount, .tooManyRecords, .controlFromClient,
            .deleteHorizonFromClient, .badProducer, .missingKey, .badRecord, .bytesAfterRecords, .empty:
            .invalidRecord
        case .unsupportedCodec: .unsupportedCompressionType
        case .appendTimeFromClient, .timestampOutOfRange: .invalidTimestamp
        case .unencodable: .unknownServerError
        case .badCompressionLevel: .invalidConfig
        }
    }

    /// The index in its batch of the record that is to blame, for the `record_errors` of a Produce response.
    package var recordIndex: Int32? {
        switch self {
        case .missingKey(let record, _), .badRecord(let record, _, _), .timestampOutOfRange(let record, _, _, _): record
        default: nil
        }
    }
}
