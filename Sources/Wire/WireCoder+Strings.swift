import Model
package import NIOCore

/// Fields of a variable length: strings, bytes and records.
extension WireCoder {
    package mutating func string(_ field: StaticString, _ value: inout String) throws(WireError) {
        switch mode {
        case .read:
            guard let text = try readString(field, stringLengthFormat) else {
                throw .unexpectedNull(field: field.description)
            }
            value = text
        case .write: try writeString(field, value, stringLengthFormat)
        case .sample: value = sampleString()
        case .describe: describe(field, .string(value))
        }
    }

    /// - Parameter firstNullable: The first version in which the field may be null.
    package mutating func nullableString(
        _ field: StaticString,
        _ value: inout String?,
        from firstNullable: Int16 = 0
    ) throws(WireError) {
        try nullableString(field, &value, isNullable: version >= firstNullable, stringLengthFormat)
    }

    /// A string whose length is always two bytes, also in flexible versions: the client id of a request's header.
    mutating func nullableShortString(_ field: StaticString, _ value: inout String?) throws(WireError) {
        try nullableString(field, &value, isNullable: true, .short)
    }

    package mutating func bytes(_ field: StaticString, _ value: inout ByteBuffer) throws(WireError) {
        switch mode {
        case .read:
            guard let bytes = try readBytes(field) else { throw .unexpectedNull(field: field.description) }
            value = bytes
        case .write: try writeBytes(field, value)
        case .sample: value = sampleBytes()
        case .describe: describe(field, .bytes(Array(value.readableBytesView)))
        }
    }

    package mutating func nullableBytes(_ field: StaticString, _ value: inout ByteBuffer?) throws(WireError) {
        switch mode {
        case .read: value = try readBytes(field)
        case .write: try writeBytes(field, value)
        case .sample: value = isSampledNull() ? nil : sampleBytes()
        case .describe: describe(field, value.map { .bytes(Array($0.readableBytesView)) } ?? .null)
        }
    }

    /// Record batches, nullable in every message that carries them.
    package mutating func records(_ field: StaticString, _ value: inout RecordsField) throws(WireError) {
        switch mode {
        case .read:
            if let bytes = try readBytes(field) { value = .bytes(bytes) } else { value = .null }
        case .write:
            switch value {
            case .null: try writeBytes(field, nil)
            case .bytes(let batches): try writeBytes(field, batches)
            case .file(let slice):
                try writeLength(field, slice.length, lengthFormat)
                files.append((buffer.writerIndex, slice))
            }
        case .sample: value = isSampledNull() ? .null : .bytes(sampleBytes())
        case .describe:
            switch value {
            case .null: describe(field, .null)
            case .bytes(let batches): describe(field, .bytes(Array(batches.readableBytesView)))
            case .file(let slice):
                describe(field, .string("\(slice.length) bytes of \(slice.file.path) from \(slice.position)"))
            }
        }
    }

    private mutating func nullableString(
        _ field: StaticString,
        _ value: inout String?,
        isNullable: Bool,
        _ format: LengthFormat
    ) throws(WireError) {
        switch mode {
        case .read: value = try readString(field, format)
        case .write: try writeString(field, value, format)
        case .sample: value = isNullable && isSampledNull() ? nil : sampleString()
        case .describe: describe(field, value.map { .string($0) } ?? .null)
        }
        if value == nil, !isNullable, mode != .describe { throw .unexpectedNull(field: field.description) }
    }
}

extension WireCoder {
    private mutating func readString(_ field: StaticString, _ format: LengthFormat) throws(WireError) -> String? {
        guard let length = try readLength(field, format) else { return nil }
        // The bound of the short form holds for the compact one too, as in Kafka.
        guard length <= buffer.readableBytes, length <= Int(Int16.max) else {
            throw .badLength(field: field.description, length: length, remaining: buffer.readableBytes)
        }
        do {
            return try buffer.readUTF8ValidatedString(length: length)
        } catch {
            throw .invalidUTF8(field: field.description)
        }
    }

    private mutating func writeString(
        _ field: StaticString,
        _ value: String?,
        _ format: LengthFormat
    ) throws(WireError) {
        guard let value else { return try writeLength(field, nil, format) }
        let length = value.utf8.count
        guard length <= Int(Int16.max) else {
            throw .valueTooLong(field: field.description, length: length, limit: Int(Int16.max))
        }
        try writeLength(field, length, format)
        buffer.writeString(value)
    }

    private mutating func readBytes(_ field: StaticString) throws(WireError) -> ByteBuffer? {
        guard let length = try readLength(field, lengthFormat) else { return nil }
        return try readSlice(field, length)
    }

    private mutating func writeBytes(_ field: StaticString, _ value: ByteBuffer?) throws(WireError) {
        try writeLength(field, value?.readableBytes, lengthFormat)
        if let value { buffer.writeImmutableBuffer(value) }
    }

    mutating func readSlice(_ field: StaticString, _ length: Int) throws(WireError) -> ByteBuffer {
        guard let slice = buffer.readSlice(length: length) else {
            throw .badLength(field: field.description, length: length, remaining: buffer.readableBytes)
        }
        return slice
    }

    private mutating func sampleString() -> String {
        let alphabet = ["a", "b", "z", "0", ".", "-", "ü", "語", "🐦"]
        return (0..<sampleLength()).map { _ in alphabet.randomElement(using: &generator) ?? "" }.joined()
    }

    private mutating func sampleBytes() -> ByteBuffer {
        ByteBuffer(bytes: (0..<sampleLength()).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }

    /// Short, but one time in sixteen around the length from which on a compact length takes two bytes.
    private mutating func sampleLength() -> Int {
        let isLong = Int.random(in: 0..<16, using: &generator) == 0
        return Int.random(in: isLong ? 120..<136 : 0..<12, using: &generator)
    }
}
