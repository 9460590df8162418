package import Model
package import NIOCore

/// One record, its bytes slices of the batch it came from. Immutable.
package struct Record: Equatable, Sendable {
    package let offset: Offset
    /// The producer's or the broker's, whichever the batch has.
    package let timestamp: Timestamp
    package let key: ByteBuffer?
    package let value: ByteBuffer?
    package let headers: [RecordHeaderField]

    package init(
        offset: Offset,
        timestamp: Timestamp,
        key: ByteBuffer?,
        value: ByteBuffer?,
        headers: [RecordHeaderField] = []
    ) {
        self.offset = offset
        self.timestamp = timestamp
        self.key = key
        self.value = value
        self.headers = headers
    }
}

/// A header of a record: names may repeat and keep their order (KIP-82). Immutable.
package struct RecordHeaderField: Equatable, Sendable {
    package let name: String
    package let value: ByteBuffer?

    package init(name: String, value: ByteBuffer?) {
        self.name = name
        self.value = value
    }
}
