import NIOCore

/// The lengths and counts in front of strings, bytes and arrays.
extension WireCoder {
    /// How a length is written. Null is −1, in the compact form 0.
    enum LengthFormat {
        /// Two bytes: strings before flexible versions.
        case short
        /// Four bytes: all else before flexible versions.
        case long
        /// The length plus one as a variable-length integer: flexible versions (KIP-482).
        case compact
    }

    /// The format of the length of bytes and of the count of an array.
    var lengthFormat: LengthFormat { isFlexible ? .compact : .long }

    /// The format of the length of a string.
    var stringLengthFormat: LengthFormat { isFlexible ? .compact : .short }

    /// The length or count in front of a field; nil for null.
    mutating func readLength(_ field: StaticString, _ format: LengthFormat) throws(WireError) -> Int? {
        let length: Int
        switch format {
        case .compact: length = Int(try readVarint(field)) - 1
        case .short: length = Int(try readInteger(field, as: Int16.self))
        case .long: length = Int(try readInteger(field, as: Int32.self))
        }
        if length == -1 { return nil }
        guard length >= 0 else {
            throw .badLength(field: field.description, length: length, remaining: buffer.readableBytes)
        }
        return length
    }

    mutating func writeLength(_ field: StaticString, _ length: Int?, _ format: LengthFormat) throws(WireError) {
        let limit = format == .short ? Int(Int16.max) : Int(Int32.max)
        if let length, length > limit {
            throw .valueTooLong(field: field.description, length: length, limit: limit)
        }
        switch format {
        case .compact: writeVarint(length.map { UInt32($0) + 1 } ?? 0)
        case .short: buffer.writeInteger(length.map { Int16($0) } ?? -1)
        case .long: buffer.writeInteger(length.map { Int32($0) } ?? -1)
        }
    }

    /// An unsigned variable-length integer of at most 32 bits in at most five bytes.
    mutating func readVarint(_ field: StaticString) throws(WireError) -> UInt32 {
        let first: UInt8 = try readInteger(field)
        // Nearly all are this short.
        if first < 0x80 { return UInt32(first) }
        var value = UInt64(first & 0x7f)
        for index in 1..<5 {
            let byte: UInt8 = try readInteger(field)
            value |= UInt64(byte & 0x7f) << UInt64(7 * index)
            if byte & 0x80 == 0 {
                guard let narrow = UInt32(exactly: value) else { break }
                return narrow
            }
        }
        throw .badVarint(field: field.description)
    }

    mutating func writeVarint(_ value: UInt32) {
        var rest = value
        while rest >= 0x80 {
            buffer.writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        buffer.writeInteger(UInt8(truncatingIfNeeded: rest))
    }
}
