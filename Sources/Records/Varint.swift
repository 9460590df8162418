/// Variable-length integers in zigzag form, see ``RecordBatchFormat``.
enum Varint {
    @inline(__always)
    static func zigzag(_ value: Int64) -> UInt64 { UInt64(bitPattern: (value &<< 1) ^ (value &>> 63)) }

    @inline(__always)
    static func unzigzag(_ value: UInt64) -> Int64 { Int64(bitPattern: value &>> 1) ^ -Int64(bitPattern: value & 1) }

    @inline(__always)
    static func unzigzag(_ value: UInt32) -> Int32 { Int32(bitPattern: value &>> 1) ^ -Int32(bitPattern: value & 1) }

    /// The bytes that ``RecordWriter/varint(_:)`` writes; the same for both widths.
    static func length(_ value: Int64) -> Int {
        let bits = UInt64.bitWidth - (zigzag(value) | 1).leadingZeroBitCount
        return (bits + 6) / 7
    }
}
