public import NIOCore

/// A header of a record: a name and bytes that travel with it (KIP-82). A value.
public struct RecordHeader: Equatable, Sendable {
    /// The name; the same may occur several times in a record.
    public var name: String
    /// The value; nil is different from empty.
    public var value: ByteBuffer?

    /// A header with bytes, or without a value.
    public init(name: String, value: ByteBuffer?) {
        self.name = name
        self.value = value
    }

    /// A header with text.
    public init(name: String, value: String) { self.init(name: name, value: ByteBuffer(string: value)) }
}

/// A record to be produced. A value.
public struct ProducerRecord: Equatable, Sendable {
    /// The topic to append to.
    public var topic: String
    /// The partition to append to; nil leaves the choice to the key's hash or, without a key, to the producer.
    public var partition: Int32?
    /// What records belong together by: the same key goes to the same partition. nil means none.
    public var key: ByteBuffer?
    /// The payload; nil is a tombstone, which deletes the key's record in compacted topics.
    public var value: ByteBuffer?
    /// Headers, in order.
    public var headers: [RecordHeader]
    /// Milliseconds since 1970-01-01T00:00Z; nil means now.
    public var timestamp: Int64?

    /// A record of bytes.
    public init(
        topic: String,
        partition: Int32? = nil,
        key: ByteBuffer? = nil,
        value: ByteBuffer?,
        headers: [RecordHeader] = [],
        timestamp: Int64? = nil
    ) {
        self.topic = topic
        self.partition = partition
        self.key = key
        self.value = value
        self.headers = headers
        self.timestamp = timestamp
    }

    /// A record of text.
    public init(topic: String, key: String? = nil, value: String) {
        self.init(topic: topic, key: key.map { ByteBuffer(string: $0) }, value: ByteBuffer(string: value))
    }

    /// About how many bytes the record takes in a batch: its parts, and at most 21 bytes of lengths and deltas.
    var estimatedBytes: Int {
        let parts = (key?.readableBytes ?? 0) + (value?.readableBytes ?? 0)
        return headers.reduce(parts + 21) { $0 + $1.name.utf8.count + ($1.value?.readableBytes ?? 0) + 10 }
    }
}

/// Where a record was stored. Immutable.
public struct RecordMetadata: Equatable, Sendable {
    /// The topic.
    public let topic: String
    /// The partition.
    public let partition: Int32
    /// The record's offset; nil if the broker did not tell, as with acks=0.
    public let offset: Int64?
    /// The broker's time of the append in milliseconds since 1970-01-01T00:00Z, if the topic keeps that
    /// (`message.timestamp.type=LogAppendTime`); nil if it keeps the producer's.
    public let logAppendTime: Int64?
}
