public import NIOCore

/// A record as it was read. Its bytes are slices of what the broker sent. Immutable.
public struct ConsumedRecord: Equatable, Sendable {
    /// Whose clock a timestamp is from.
    public enum TimestampType: Equatable, Sendable {
        /// The producer's.
        case createTime
        /// The broker's, at the append.
        case logAppendTime
    }

    /// The topic.
    public let topic: String
    /// The partition.
    public let partition: Int32
    /// The position in the partition.
    public let offset: Int64
    /// Milliseconds since 1970-01-01T00:00Z; −1 if the producer gave none.
    public let timestamp: Int64
    /// Whose clock ``timestamp`` is from.
    public let timestampType: TimestampType
    /// The key; nil is different from empty.
    public let key: ByteBuffer?
    /// The payload; nil is a tombstone.
    public let value: ByteBuffer?
    /// Headers, in order.
    public let headers: [RecordHeader]

    /// A record by its parts, for tests of code that reads records.
    public init(
        topic: String,
        partition: Int32,
        offset: Int64,
        timestamp: Int64,
        timestampType: TimestampType = .createTime,
        key: ByteBuffer?,
        value: ByteBuffer?,
        headers: [RecordHeader] = []
    ) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.timestamp = timestamp
        self.timestampType = timestampType
        self.key = key
        self.value = value
        self.headers = headers
    }
}
