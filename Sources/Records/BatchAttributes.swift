package import Model

/// The 16 flags of a batch. Immutable.
///
///     bits 7-15          6                5             4                3                  0-2
///     unused (ignored)   delete horizon   control       transactional    timestamp type     codec
package struct BatchAttributes: RawRepresentable, Hashable, Sendable {
    package let rawValue: Int16

    package init(rawValue: Int16) { self.rawValue = rawValue }

    package init(
        compression: Compression = .none,
        timestampType: TimestampType = .createTime,
        isTransactional: Bool = false,
        isControl: Bool = false
    ) {
        var bits = Int16(compression.rawValue)
        if timestampType == .logAppendTime { bits |= Self.timestampTypeBit }
        if isTransactional { bits |= Self.transactionalBit }
        if isControl { bits |= Self.controlBit }
        rawValue = bits
    }

    private static let codecMask: Int16 = 0x07
    private static let timestampTypeBit: Int16 = 0x08
    private static let transactionalBit: Int16 = 0x10
    private static let controlBit: Int16 = 0x20
    private static let deleteHorizonBit: Int16 = 0x40

    /// The codec's number, known or not.
    package var codecNumber: UInt8 { UInt8(truncatingIfNeeded: rawValue & Self.codecMask) }

    /// The codec, or nil if this version does not know it.
    package var compression: Compression? { Compression(rawValue: codecNumber) }

    package var timestampType: TimestampType { rawValue & Self.timestampTypeBit == 0 ? .createTime : .logAppendTime }

    package var isTransactional: Bool { rawValue & Self.transactionalBit != 0 }

    /// Whether the batch holds transaction markers and the like instead of data.
    package var isControl: Bool { rawValue & Self.controlBit != 0 }

    /// Whether the base timestamp is the time after which tombstones may go (KIP-534).
    package var hasDeleteHorizon: Bool { rawValue & Self.deleteHorizonBit != 0 }

    /// The same flags, with a base timestamp that is a delete horizon.
    var withDeleteHorizon: BatchAttributes { BatchAttributes(rawValue: rawValue | Self.deleteHorizonBit) }

    /// The same flags for a batch without records, which has neither compressed data nor a delete horizon.
    var withoutRecords: BatchAttributes {
        BatchAttributes(rawValue: rawValue & ~(Self.codecMask | Self.deleteHorizonBit))
    }

    /// The same flags, but stamped by the broker.
    var withLogAppendTime: BatchAttributes { BatchAttributes(rawValue: rawValue | Self.timestampTypeBit) }
}
