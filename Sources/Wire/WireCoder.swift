package import Model
package import NIOCore

/// Runs the fields of one message between memory and the wire: it reads, writes, samples or describes, and the
/// message's `code(_:)` is the same for all four (the idea is that of Sun RPC's XDR, RFC 4506).
///
/// A value, owned by whoever codes the message. Reading never traps: every length is checked against what is left.
package struct WireCoder {
    enum Mode {
        case read
        case write
        case sample
        case describe
    }

    let mode: Mode
    /// The version of the API in which the message travels.
    package let version: Int16
    /// Whether lengths are compact and structures end with tagged fields (KIP-482).
    package let isFlexible: Bool
    /// The bytes still to be read, or those written so far.
    var buffer: ByteBuffer
    var files: [(index: Int, slice: FileSlice)] = []
    private var elements = 0
    private var generator = SeededGenerator(seed: 0)
    /// The open objects and arrays of a description, outermost first.
    private var open: [[(name: String, value: WireDescription)]] = []

    private init(_ mode: Mode, version: Int16, isFlexible: Bool, buffer: ByteBuffer) {
        self.mode = mode
        self.version = version
        self.isFlexible = isFlexible
        self.buffer = buffer
    }

    package static func reader(_ bytes: ByteBuffer, version: Int16, isFlexible: Bool) -> WireCoder {
        WireCoder(.read, version: version, isFlexible: isFlexible, buffer: bytes)
    }

    /// Appends to `output`.
    package static func writer(_ output: WireOutput, version: Int16, isFlexible: Bool) -> WireCoder {
        var coder = WireCoder(.write, version: version, isFlexible: isFlexible, buffer: output.bytes)
        coder.files = output.files
        return coder
    }

    package static func sampler(seed: UInt64, version: Int16, isFlexible: Bool) -> WireCoder {
        var coder = WireCoder(.sample, version: version, isFlexible: isFlexible, buffer: ByteBuffer())
        coder.generator = SeededGenerator(seed: seed)
        return coder
    }

    package static func describer(version: Int16, isFlexible: Bool) -> WireCoder {
        var coder = WireCoder(.describe, version: version, isFlexible: isFlexible, buffer: ByteBuffer())
        coder.open = [[]]
        return coder
    }

    /// What was written.
    package var output: WireOutput {
        var output = WireOutput(bytes: buffer)
        output.files = files
        return output
    }

    /// What was described.
    package var description: WireDescription { .object(open.first ?? []) }

    /// The bytes that were not read.
    package var remaining: ByteBuffer { buffer }
}

// MARK: Integers

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

    private mutating func readInteger<Value: FixedWidthInteger>(
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

// MARK: Strings and bytes

extension WireCoder {
    package mutating func string(_ field: StaticString, _ value: inout String) throws(WireError) {
        var optional: String? = value
        try string(field, &optional, isNullable: false)
        guard let text = optional else { throw .unexpectedNull(field: field.description) }
        value = text
    }

    package mutating func nullableString(_ field: StaticString, _ value: inout String?) throws(WireError) {
        try string(field, &value, isNullable: true)
    }

    package mutating func bytes(_ field: StaticString, _ value: inout ByteBuffer) throws(WireError) {
        var optional: ByteBuffer? = value
        try bytes(field, &optional, isNullable: false)
        guard let bytes = optional else { throw .unexpectedNull(field: field.description) }
        value = bytes
    }

    package mutating func nullableBytes(_ field: StaticString, _ value: inout ByteBuffer?) throws(WireError) {
        try bytes(field, &value, isNullable: true)
    }

    /// Record batches, nullable in every message that carries them.
    package mutating func records(_ field: StaticString, _ value: inout RecordsField) throws(WireError) {
        switch mode {
        case .read:
            guard let length = try readLength(field, isCompact: isFlexible, isShort: false) else {
                value = .null
                return
            }
            value = .bytes(try readSlice(field, length))
        case .write:
            switch value {
            case .null: writeLength(nil, isCompact: isFlexible, isShort: false)
            case .bytes(var batch):
                writeLength(batch.readableBytes, isCompact: isFlexible, isShort: false)
                buffer.writeBuffer(&batch)
            case .file(let slice):
                writeLength(slice.length, isCompact: isFlexible, isShort: false)
                files.append((buffer.writerIndex, slice))
            }
        case .sample: value = isSampledNull() ? .null : .bytes(sampleBytes())
        case .describe:
            switch value {
            case .null: describe(field, .null)
            case .bytes(let batch): describe(field, .bytes(Array(batch.readableBytesView)))
            case .file(let slice):
                describe(field, .string("\(slice.length) bytes of \(slice.file.path) from \(slice.position)"))
            }
        }
    }

    /// A string whose length is always two bytes, also in flexible versions: the client id of a request's header.
    mutating func nullableShortString(_ field: StaticString, _ value: inout String?) throws(WireError) {
        try string(field, &value, isNullable: true, isCompact: false)
    }

    private mutating func string(
        _ field: StaticString,
        _ value: inout String?,
        isNullable: Bool,
        isCompact: Bool? = nil
    ) throws(WireError) {
        switch mode {
        case .read:
            guard let length = try readLength(field, isCompact: isCompact ?? isFlexible, isShort: true) else {
                value = nil
                return
            }
            value = try readString(field, length)
        case .write:
            let length = value?.utf8.count
            if let length, length > Int(Int16.max) {
                throw .valueTooLong(field: field.description, length: length, limit: Int(Int16.max))
            }
            writeLength(length, isCompact: isCompact ?? isFlexible, isShort: true)
            if let value { buffer.writeString(value) }
        case .sample: value = isNullable && isSampledNull() ? nil : sampleString()
        case .describe: describe(field, value.map { .string($0) } ?? .null)
        }
    }

    private mutating func bytes(
        _ field: StaticString,
        _ value: inout ByteBuffer?,
        isNullable: Bool
    ) throws(WireError) {
        switch mode {
        case .read:
            guard let length = try readLength(field, isCompact: isFlexible, isShort: false) else {
                value = nil
                return
            }
            value = try readSlice(field, length)
        case .write:
            writeLength(value?.readableBytes, isCompact: isFlexible, isShort: false)
            if var bytes = value { buffer.writeBuffer(&bytes) }
        case .sample: value = isNullable && isSampledNull() ? nil : sampleBytes()
        case .describe: describe(field, value.map { .bytes(Array($0.readableBytesView)) } ?? .null)
        }
    }

    private mutating func readString(_ field: StaticString, _ length: Int) throws(WireError) -> String {
        guard length <= buffer.readableBytes else {
            throw .badLength(field: field.description, length: length, remaining: buffer.readableBytes)
        }
        do {
            return try buffer.readUTF8ValidatedString(length: length) ?? ""
        } catch {
            throw .invalidUTF8(field: field.description)
        }
    }

    private mutating func readSlice(_ field: StaticString, _ length: Int) throws(WireError) -> ByteBuffer {
        guard let slice = buffer.readSlice(length: length) else {
            throw .badLength(field: field.description, length: length, remaining: buffer.readableBytes)
        }
        return slice
    }

    private mutating func sampleString() -> String {
        let alphabet = ["a", "b", "z", "0", ".", "-", "ü", "語", "🐦"]
        let count = Int.random(in: 0..<12, using: &generator)
        return (0..<count).map { _ in alphabet.randomElement(using: &generator) ?? "" }.joined()
    }

    private mutating func sampleBytes() -> ByteBuffer {
        let count = Int.random(in: 0..<24, using: &generator)
        return ByteBuffer(bytes: (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }

    private mutating func isSampledNull() -> Bool { Int.random(in: 0..<5, using: &generator) == 0 }
}

// MARK: Lengths

extension WireCoder {
    /// The length or count in front of a field; nil for null.
    private mutating func readLength(
        _ field: StaticString,
        isCompact: Bool,
        isShort: Bool
    ) throws(WireError) -> Int? {
        if isCompact {
            let raw = try readVarint(field)
            return raw == 0 ? nil : Int(raw) - 1
        }
        let length = isShort ? Int(try readInteger(field, as: Int16.self)) : Int(try readInteger(field, as: Int32.self))
        if length == -1 { return nil }
        guard length >= 0 else {
            throw .badLength(field: field.description, length: length, remaining: buffer.readableBytes)
        }
        return length
    }

    private mutating func writeLength(_ length: Int?, isCompact: Bool, isShort: Bool) {
        if isCompact {
            writeVarint(length.map { UInt32(clamping: $0 + 1) } ?? 0)
        } else if isShort {
            buffer.writeInteger(length.map { Int16(clamping: $0) } ?? -1)
        } else {
            buffer.writeInteger(length.map { Int32(clamping: $0) } ?? -1)
        }
    }

    /// An unsigned variable-length integer of at most 32 bits in at most five bytes.
    private mutating func readVarint(_ field: StaticString) throws(WireError) -> UInt32 {
        var value: UInt64 = 0
        for index in 0..<5 {
            let byte: UInt8 = try readInteger(field)
            value |= UInt64(byte & 0x7f) << UInt64(7 * index)
            if byte & 0x80 == 0 {
                guard let narrow = UInt32(exactly: value) else { break }
                return narrow
            }
        }
        throw .badVarint(field: field.description)
    }

    private mutating func writeVarint(_ value: UInt32) {
        var rest = value
        while rest >= 0x80 {
            buffer.writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        buffer.writeInteger(UInt8(rest))
    }
}

// MARK: Structures and arrays

extension WireCoder {
    package mutating func structure<Value: WireStruct>(
        _ field: StaticString,
        _ value: inout Value
    ) throws(WireError) {
        if mode == .describe { open.append([]) }
        try value.code(&self)
        if mode == .describe, let fields = open.popLast() { describe(field, .object(fields)) }
    }

    /// A structure that may be absent: one byte, −1 for null and 1 otherwise, in front of it.
    package mutating func nullableStructure<Value: WireStruct>(
        _ field: StaticString,
        _ value: inout Value?
    ) throws(WireError) {
        switch mode {
        case .read:
            if try readInteger(field, as: Int8.self) < 0 {
                value = nil
            } else {
                var read = Value()
                try read.code(&self)
                value = read
            }
        case .write:
            buffer.writeInteger(value == nil ? -1 : 1, as: Int8.self)
            try value?.code(&self)
        case .sample:
            if isSampledNull() {
                value = nil
            } else {
                var sample = Value()
                try sample.code(&self)
                value = sample
            }
        case .describe:
            guard var present = value else { return describe(field, .null) }
            try structure(field, &present)
        }
    }

    package mutating func array<Element: WireStruct>(
        _ field: StaticString,
        _ values: inout [Element]
    ) throws(WireError) {
        var optional: [Element]? = values
        try elements(field, &optional, isNullable: false) { (element, coder) throws(WireError) in
            try coder.element(&element)
        }
        guard let array = optional else { throw .unexpectedNull(field: field.description) }
        if mode == .read || mode == .sample { values = array }
    }

    package mutating func nullableArray<Element: WireStruct>(
        _ field: StaticString,
        _ values: inout [Element]?
    ) throws(WireError) {
        try elements(field, &values, isNullable: true) { (element, coder) throws(WireError) in
            try coder.element(&element)
        }
    }

    package mutating func int32s(_ field: StaticString, _ values: inout [Int32]) throws(WireError) {
        try scalars(field, &values) { (value, coder) throws(WireError) in try coder.int32("", &value) }
    }

    package mutating func nullableInt32s(_ field: StaticString, _ values: inout [Int32]?) throws(WireError) {
        try elements(field, &values, isNullable: true) { (value, coder) throws(WireError) in
            try coder.int32("", &value)
        }
    }

    package mutating func int64s(_ field: StaticString, _ values: inout [Int64]) throws(WireError) {
        try scalars(field, &values) { (value, coder) throws(WireError) in try coder.int64("", &value) }
    }

    package mutating func int8s(_ field: StaticString, _ values: inout [Int8]) throws(WireError) {
        try scalars(field, &values) { (value, coder) throws(WireError) in try coder.int8("", &value) }
    }

    package mutating func uuids(_ field: StaticString, _ values: inout [TopicID]) throws(WireError) {
        try scalars(field, &values) { (value, coder) throws(WireError) in try coder.uuid("", &value) }
    }

    package mutating func strings(_ field: StaticString, _ values: inout [String]) throws(WireError) {
        try scalars(field, &values) { (value, coder) throws(WireError) in try coder.string("", &value) }
    }

    package mutating func nullableStrings(_ field: StaticString, _ values: inout [String]?) throws(WireError) {
        try elements(field, &values, isNullable: true) { (value, coder) throws(WireError) in
            try coder.string("", &value)
        }
    }

    private mutating func scalars<Element: WireScalar>(
        _ field: StaticString,
        _ values: inout [Element],
        _ body: (inout Element, inout WireCoder) throws(WireError) -> Void
    ) throws(WireError) {
        var optional: [Element]? = values
        try elements(field, &optional, isNullable: false, body)
        guard let array = optional else { throw .unexpectedNull(field: field.description) }
        values = array
    }

    /// An array's element: a nameless structure.
    private mutating func element<Element: WireStruct>(_ value: inout Element) throws(WireError) {
        try structure("", &value)
    }

    private mutating func elements<Element: WireElement>(
        _ field: StaticString,
        _ values: inout [Element]?,
        isNullable: Bool,
        _ body: (inout Element, inout WireCoder) throws(WireError) -> Void
    ) throws(WireError) {
        switch mode {
        case .read:
            guard let count = try readLength(field, isCompact: isFlexible, isShort: false) else {
                values = nil
                return
            }
            values = try readElements(field, count, body)
        case .write:
            writeLength(values?.count, isCompact: isFlexible, isShort: false)
            // Elements are copied one by one: mutating them in place would copy an array that others still hold.
            for value in values ?? [] {
                var value = value
                try body(&value, &self)
            }
        case .sample:
            if isNullable, isSampledNull() {
                values = nil
                return
            }
            var samples: [Element] = []
            for _ in 0..<Int.random(in: 0..<4, using: &generator) {
                var sample = Element()
                try body(&sample, &self)
                samples.append(sample)
            }
            values = samples
        case .describe:
            guard let values else { return describe(field, .null) }
            open.append([])
            for value in values {
                var value = value
                try body(&value, &self)
            }
            describe(field, .array((open.popLast() ?? []).map(\.value)))
        }
    }

    private mutating func readElements<Element: WireElement>(
        _ field: StaticString,
        _ count: Int,
        _ body: (inout Element, inout WireCoder) throws(WireError) -> Void
    ) throws(WireError) -> [Element] {
        // Every element is at least one byte: a larger count is a lie, refused before anything is allocated.
        guard count <= buffer.readableBytes else {
            throw .badLength(field: field.description, length: count, remaining: buffer.readableBytes)
        }
        elements += count
        guard elements <= WireLimits.elements else {
            throw .tooManyElements(field: field.description, limit: WireLimits.elements)
        }
        var result: [Element] = []
        result.reserveCapacity(min(count, 1024))
        for _ in 0..<count {
            var element = Element()
            try body(&element, &self)
            result.append(element)
        }
        return result
    }

    private mutating func describe(_ field: StaticString, _ value: WireDescription) {
        open[open.count - 1].append((field.description, value))
    }
}

/// What an array can hold: anything that can be made empty and then read.
package protocol WireElement {
    init()
}

/// An array element that is not a structure.
package protocol WireScalar: WireElement {}

extension Int8: WireScalar {}
extension Int32: WireScalar {}
extension Int64: WireScalar {}
extension String: WireScalar {}

extension TopicID: WireScalar {
    package init() { self = .zero }
}

// MARK: Tagged fields

/// A set of tags below 32, one bit each. Immutable.
package struct TagSet: OptionSet, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// The set of one tag, or the empty set if the condition does not hold.
    package static func tag(_ tag: Int, if condition: Bool = true) -> TagSet {
        TagSet(rawValue: condition ? 1 << UInt32(tag) : 0)
    }
}

extension WireCoder {
    /// The end of a structure that knows no tagged fields: skips those of newer peers. Nothing before flexible versions.
    package mutating func taggedFields() throws(WireError) {
        try taggedFields(known: [], present: []) { (_, _) throws(WireError) in }
    }

    /// The end of a structure with tagged fields (KIP-482). Nothing before flexible versions.
    ///
    /// - Parameters:
    ///   - known: The tags that exist in this version.
    ///   - present: The tags to write: those whose value is not the default.
    ///   - body: Codes the field of one tag.
    package mutating func taggedFields(
        known: TagSet,
        present: TagSet,
        _ body: (_ tag: Int, _ wire: inout WireCoder) throws(WireError) -> Void
    ) throws(WireError) {
        guard isFlexible else { return }
        switch mode {
        case .read: try readTags(known: known, body)
        case .write: try writeTags(present.intersection(known), body)
        case .sample:
            for tag in 0..<32 where known.contains(.tag(tag)) && Bool.random(using: &generator) {
                try body(tag, &self)
            }
        case .describe:
            for tag in 0..<32 where known.contains(.tag(tag)) { try body(tag, &self) }
        }
    }

    private mutating func readTags(
        known: TagSet,
        _ body: (Int, inout WireCoder) throws(WireError) -> Void
    ) throws(WireError) {
        let count = Int(try readVarint("tagged field count"))
        if count == 0 { return }
        guard count <= WireLimits.tags else { throw .badTag(tag: 0, reason: "\(count) tagged fields in one structure") }
        var previous = -1
        for _ in 0..<count {
            let tag = Int(try readVarint("tag"))
            guard tag > previous else { throw .badTag(tag: tag, reason: "follows tag \(previous)") }
            previous = tag
            let size = Int(try readVarint("tagged field size"))
            let slice = try readSlice("tagged field", size)
            guard tag < 32, known.contains(.tag(tag)) else { continue }
            let rest = buffer
            buffer = slice
            try body(tag, &self)
            buffer = rest
        }
    }

    private mutating func writeTags(
        _ present: TagSet,
        _ body: (Int, inout WireCoder) throws(WireError) -> Void
    ) throws(WireError) {
        writeVarint(UInt32(present.rawValue.nonzeroBitCount))
        if present.isEmpty { return }
        for tag in 0..<32 where present.contains(.tag(tag)) {
            let written = buffer
            buffer = ByteBuffer()
            try body(tag, &self)
            var field = buffer
            buffer = written
            writeVarint(UInt32(tag))
            writeVarint(UInt32(clamping: field.readableBytes))
            buffer.writeBuffer(&field)
        }
    }
}
