package import Model
import NIOCore

/// Fields of a fixed length: booleans, integers, error codes and UUIDs.
extension WireCoder {
    package mutating func bool(_ field: StaticString, _ value: inout Bool) throws(WireError) {
        switch mode {
        case .read: value = try readInteger(field, as: UInt8.self) != 0
        case .write: buffer.writeInteger(value ? 1 : 0, as: UInt8.self)
        case .sample: value = Bool.random(using: &generator)
        case .describe: describe(field, .bool(value))
        }
    }

    package mutating func int8(_ field: StaticString, _ value: inout Int8) throws(WireError) {
        try integer(field, &value)
    }

    package mutating func int16(_ field: StaticString, _ value: inout Int16) throws(WireError) {
        try integer(field, &value)
    }

    package mutating func uint16(_ field: StaticString, _ value: inout UInt16) throws(WireError) {
        try integer(field, &value)
    }

    package mutating func int32(_ field: StaticString, _ value: inout Int32) throws(WireError) {
        try integer(field, &value)
    }

    package mutating func int64(_ field: StaticString, _ value: inout Int64) throws(WireError) {
        try integer(field, &value)
    }

    package mutating func float64(_ field: StaticString, _ value: inout Double) throws(WireError) {
        switch mode {
        case .read: value = Double(bitPattern: try readInteger(field))
        case .write: buffer.writeInteger(value.bitPattern)
        case .sample: value = Double(Int32.random(in: .min ... .max, using: &generator)) / 16
        case .describe: describe(field, .double(value))
        }
    }

    package mutating func errorCode(_ field: StaticString, _ value: inout ErrorCode) throws(WireError) {
        switch mode {
        case .read: value = ErrorCode(rawValue: try readInteger(field))
        case .write: buffer.writeInteger(value.rawValue)
        case .sample: value = ErrorCode(rawValue: Int16.random(in: -1...133, using: &generator))
        case .describe: describe(field, .int(Int64(value.rawValue)))
        }
    }

    package mutating func uuid(_ field: StaticString, _ value: inout TopicID) throws(WireError) {
        switch mode {
        case .read:
            let high: UInt64 = try readInteger(field)
            value = TopicID(high: high, low: try readInteger(field))
        case .write:
            buffer.writeInteger(value.high)
            buffer.writeInteger(value.low)
        case .sample: value = TopicID(high: generator.next(), low: generator.next())
        case .describe: describe(field, .string(value.description))
        }
    }

    private mutating func integer<Value: FixedWidthInteger>(
        _ field: StaticString,
        _ value: inout Value
    ) throws(WireError) {
        switch mode {
        case .read: value = try readInteger(field)
        case .write: buffer.writeInteger(value)
        case .sample: value = sampleInteger()
        case .describe: describe(field, .int(Int64(value)))
        }
    }

    mutating func readInteger<Value: FixedWidthInteger>(
        _ field: StaticString,
        as type: Value.Type = Value.self
    ) throws(WireError) -> Value {
        guard let value = buffer.readInteger(as: type) else {
            throw .truncated(
                field: field.description,
                needed: MemoryLayout<Value>.size,
                remaining: buffer.readableBytes
            )
        }
        return value
    }

    /// Small values, extremes and anything between: each a third.
    private mutating func sampleInteger<Value: FixedWidthInteger>() -> Value {
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: Value(Int.random(in: 0..<100, using: &generator))
        case 1: [Value.min, Value.max, 0].randomElement(using: &generator) ?? 0
        default: Value.random(in: .min ... .max, using: &generator)
        }
    }
}
