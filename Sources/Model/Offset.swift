/// The position of a record in its partition: 0 for the first ever appended, never reused. Immutable.
package struct Offset: RawRepresentable, Comparable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: Int64

    @inlinable
    package init(rawValue: Int64) { self.rawValue = rawValue }

    @inlinable
    package init(_ value: Int64) { rawValue = value }

    package static let zero = Offset(0)

    @inlinable
    package static func < (left: Offset, right: Offset) -> Bool { left.rawValue < right.rawValue }

    /// The offset `count` records later. Traps on overflow: callers check foreign values first.
    @inlinable
    package static func + (offset: Offset, count: Int64) -> Offset { Offset(offset.rawValue + count) }

    /// How many offsets lie between the two.
    @inlinable
    package static func - (left: Offset, right: Offset) -> Int64 { left.rawValue - right.rawValue }

    package var description: String { String(rawValue) }
}

/// A byte position in a segment file. Immutable.
package struct FilePosition: Comparable, Hashable, Sendable, CustomStringConvertible {
    package let bytes: Int

    @inlinable
    package init(_ bytes: Int) { self.bytes = bytes }

    package static let zero = FilePosition(0)

    @inlinable
    package static func < (left: FilePosition, right: FilePosition) -> Bool { left.bytes < right.bytes }

    @inlinable
    package static func + (position: FilePosition, count: Int) -> FilePosition { FilePosition(position.bytes + count) }

    @inlinable
    package static func - (left: FilePosition, right: FilePosition) -> Int { left.bytes - right.bytes }

    package var description: String { String(bytes) }
}

/// Counts the leaders a partition has had, so that replicas and clients notice a changed history (KIP-101). Immutable.
package struct LeaderEpoch: RawRepresentable, Comparable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: Int32

    @inlinable
    package init(rawValue: Int32) { self.rawValue = rawValue }

    @inlinable
    package init(_ value: Int32) { rawValue = value }

    /// "Not known", as requests say it.
    package static let none = LeaderEpoch(-1)

    @inlinable
    package static func < (left: LeaderEpoch, right: LeaderEpoch) -> Bool { left.rawValue < right.rawValue }

    package var description: String { String(rawValue) }
}

/// Milliseconds since 1970-01-01T00:00Z on the wall clock. Immutable.
package struct Timestamp: RawRepresentable, Comparable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: Int64

    @inlinable
    package init(rawValue: Int64) { self.rawValue = rawValue }

    @inlinable
    package init(milliseconds: Int64) { rawValue = milliseconds }

    /// "No timestamp", as Kafka writes it.
    package static let none = Timestamp(milliseconds: -1)

    @inlinable
    package var milliseconds: Int64 { rawValue }

    /// So many milliseconds later, clamped.
    package func advanced(milliseconds: Int64) -> Timestamp {
        let (sum, overflow) = self.milliseconds.addingReportingOverflow(milliseconds)
        return Timestamp(milliseconds: overflow ? (milliseconds < 0 ? .min : .max) : sum)
    }

    @inlinable
    package static func < (left: Timestamp, right: Timestamp) -> Bool { left.rawValue < right.rawValue }

    package var description: String { String(rawValue) }
}
