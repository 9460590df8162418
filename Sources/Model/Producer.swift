/// Identifies a producer across its sessions; the broker hands it out (KIP-98). Immutable.
package struct ProducerID: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: Int64

    @inlinable
    package init(rawValue: Int64) { self.rawValue = rawValue }

    @inlinable
    package init(_ value: Int64) { rawValue = value }

    /// "Not idempotent", as batches say it.
    package static let none = ProducerID(-1)

    package var description: String { String(rawValue) }
}

/// The number of an idempotent producer's record in one partition: 0 … 2³¹−1, then 0 again (KIP-98). Immutable.
package struct SequenceNumber: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: Int32

    @inlinable
    package init(rawValue: Int32) { self.rawValue = rawValue }

    @inlinable
    package init(_ value: Int32) { rawValue = value }

    /// "Not idempotent", as batches say it.
    package static let none = SequenceNumber(-1)

    /// The sequence number `count` records later; wraps to 0 after 2³¹−1.
    @inlinable
    package func advanced(by count: Int32) -> SequenceNumber {
        SequenceNumber(Int32(truncatingIfNeeded: (Int64(rawValue) + Int64(count)) & 0x7fff_ffff))
    }

    package var description: String { String(rawValue) }
}
