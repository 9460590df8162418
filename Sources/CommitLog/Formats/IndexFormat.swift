package import Model

/// One entry of an offset index (Kafka's `OffsetIndex`): where the batch that ends with an offset begins. Immutable.
///
///     byte  bytes  field (big-endian)
///        0      4  relative offset   last offset of the batch - base offset of the segment
///        4      4  position          of the batch's first byte in the segment
///
/// Entries grow strictly in both fields. The file is not checksummed: an entry is only a hint, and whoever follows it
/// checks the batch it lands on.
package struct OffsetIndexEntry: Equatable, Sendable {
    package let offset: Offset
    package let position: FilePosition
}

/// The layout of ``OffsetIndexEntry``.
enum OffsetIndexFormat {
    static let entrySize = 8
    static let offsetPosition = 0
    static let filePosition = 4

    /// The entry's bytes; nil if the values do not fit the format.
    static func encode(_ entry: OffsetIndexEntry, base: Offset) -> [UInt8]? {
        guard let relative = Int32(exactly: entry.offset - base), relative >= 0,
            let position = Int32(exactly: entry.position.bytes)
        else { return nil }
        return bigEndianBytes(relative) + bigEndianBytes(position)
    }

    static func decode(_ bytes: UnsafeRawBufferPointer, base: Offset) -> OffsetIndexEntry? {
        let relative: Int32 = bigEndian(bytes, offsetPosition)
        let position: Int32 = bigEndian(bytes, filePosition)
        guard relative >= 0, position >= 0 else { return nil }
        return OffsetIndexEntry(offset: base + Int64(relative), position: FilePosition(Int(position)))
    }
}

/// One entry of a time index (Kafka's `TimeIndex`): all records above the offset are the only ones that may be younger
/// than the timestamp. Immutable.
///
///     byte  bytes  field (big-endian)
///        0      8  timestamp         the largest up to and including the offset
///        8      4  relative offset   last offset of the batch that has it - base offset of the segment
///
/// Timestamps grow strictly, offsets grow.
package struct TimeIndexEntry: Equatable, Sendable {
    package let timestamp: Timestamp
    package let offset: Offset
}

/// The layout of ``TimeIndexEntry``.
enum TimeIndexFormat {
    static let entrySize = 12
    static let timestampPosition = 0
    static let offsetPosition = 8

    /// The entry's bytes; nil if the values do not fit the format.
    static func encode(_ entry: TimeIndexEntry, base: Offset) -> [UInt8]? {
        guard let relative = Int32(exactly: entry.offset - base), relative >= 0 else { return nil }
        return bigEndianBytes(entry.timestamp.milliseconds) + bigEndianBytes(relative)
    }

    static func decode(_ bytes: UnsafeRawBufferPointer, base: Offset) -> TimeIndexEntry? {
        let timestamp: Int64 = bigEndian(bytes, timestampPosition)
        let relative: Int32 = bigEndian(bytes, offsetPosition)
        guard relative >= 0 else { return nil }
        return TimeIndexEntry(timestamp: Timestamp(milliseconds: timestamp), offset: base + Int64(relative))
    }
}

/// The big-endian integer at `position`, which lies inside.
func bigEndian<Value: FixedWidthInteger>(_ bytes: UnsafeRawBufferPointer, _ position: Int) -> Value {
    Value(bigEndian: bytes.loadUnaligned(fromByteOffset: position, as: Value.self))
}

func bigEndianBytes(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.bigEndian) { Array($0) }
}
