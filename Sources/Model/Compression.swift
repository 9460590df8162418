/// A codec of record batches, numbered as in the batch's attributes (record batch format v2). Immutable.
package enum Compression: UInt8, CaseIterable, Sendable {
    case none = 0
    case gzip = 1
    case snappy = 2
    case lz4 = 3
    case zstd = 4

    /// Kafka's name of the codec, as configurations spell it.
    package var name: String {
        switch self {
        case .none: "none"
        case .gzip: "gzip"
        case .snappy: "snappy"
        case .lz4: "lz4"
        case .zstd: "zstd"
        }
    }

    package init?(name: String) {
        guard let codec = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = codec
    }
}

/// Whose clock stamped a batch's records. Immutable.
package enum TimestampType: UInt8, Sendable {
    /// The producer's.
    case createTime = 0
    /// The broker's, at append.
    case logAppendTime = 1
}
