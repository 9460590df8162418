import NIOCore

/// Variable-length integers in zigzag form, see ``RecordBatchFormat``.
enum Varint {
    @inline(__always)
    static func zigzag(_ value: Int64) -> UInt64 { UInt64(bitPattern: (value &<< 1) ^ (value &>> 63)) }

    @inline(__always)
    static func unzigzag(_ value: UInt64) -> Int64 { Int64(bitPattern: value &>> 1) ^ -Int64(bitPattern: value & 1) }

    @inline(__always)
    static func unzigzag(_ value: UInt32) -> Int32 { Int32(bitPattern: value &>> 1) ^ -Int32(bitPattern: value & 1) }

    /// The bytes that ``write(_:to:)`` appends; the same for both widths.
    static func length(_ value: Int64) -> Int {
        let bits = UInt64.bitWidth - (zigzag(value) | 1).leadingZeroBitCount
        return (bits + 6) / 7
    }

    static func write(_ value: Int64, to buffer: inout ByteBuffer) {
        var rest = zigzag(value)
        while rest >= 0x80 {
            buffer.writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        buffer.writeInteger(UInt8(truncatingIfNeeded: rest))
    }
}
