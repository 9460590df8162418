package import Model
import NIOCore

/// Structures, and arrays of structures and of scalars.
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
            let marker: Int8 = try readInteger(field)
            value = marker < 0 ? nil : try coded(Value())
        case .write:
            buffer.writeInteger(value == nil ? -1 : 1, as: Int8.self)
            try value?.code(&self)
        case .sample: value = isSampledNull() ? nil : try coded(Value())
        case .describe:
            if var present = value ?? (showsDefaults ? Value() : nil) {
                try structure(field, &present)
            } else {
                describe(field, .null)
            }
        }
    }

    private mutating func coded<Value: WireStruct>(_ initial: Value) throws(WireError) -> Value {
        var value = initial
        try value.code(&self)
        return value
    }

    package mutating func array<Element: WireStruct>(
        _ field: StaticString,
        _ values: inout [Element]
    ) throws(WireError) {
        try elements(field, &values) { (element, coder) throws(WireError) in try coder.structure("", &element) }
    }

    /// - Parameter firstNullable: The first version in which the field may be null.
    package mutating func nullableArray<Element: WireStruct>(
        _ field: StaticString,
        _ values: inout [Element]?,
        from firstNullable: Int16 = 0
    ) throws(WireError) {
        try elements(field, &values, isNullable: version >= firstNullable) { (element, coder) throws(WireError) in
            try coder.structure("", &element)
        }
    }

    package mutating func int8s(_ field: StaticString, _ values: inout [Int8]) throws(WireError) {
        try elements(field, &values) { (value, coder) throws(WireError) in try coder.int8("", &value) }
    }

    package mutating func int32s(_ field: StaticString, _ values: inout [Int32]) throws(WireError) {
        try elements(field, &values) { (value, coder) throws(WireError) in try coder.int32("", &value) }
    }

    package mutating func nullableInt32s(_ field: StaticString, _ values: inout [Int32]?) throws(WireError) {
        try elements(field, &values, isNullable: true) { (value, coder) throws(WireError) in
            try coder.int32("", &value)
        }
    }

    package mutating func int64s(_ field: StaticString, _ values: inout [Int64]) throws(WireError) {
        try elements(field, &values) { (value, coder) throws(WireError) in try coder.int64("", &value) }
    }

    package mutating func uuids(_ field: StaticString, _ values: inout [TopicID]) throws(WireError) {
        try elements(field, &values) { (value, coder) throws(WireError) in try coder.uuid("", &value) }
    }

    package mutating func strings(_ field: StaticString, _ values: inout [String]) throws(WireError) {
        try elements(field, &values) { (value, coder) throws(WireError) in try coder.string("", &value) }
    }

    package mutating func nullableStrings(_ field: StaticString, _ values: inout [String]?) throws(WireError) {
        try elements(field, &values, isNullable: true) { (value, coder) throws(WireError) in
            try coder.string("", &value)
        }
    }
}

extension WireCoder {
    private mutating func elements<Element: WireElement>(
        _ field: StaticString,
        _ values: inout [Element],
        _ body: (inout Element, inout WireCoder) throws(WireError) -> Void
    ) throws(WireError) {
        switch mode {
        case .read:
            guard let count = try readLength(field, lengthFormat) else {
                throw .unexpectedNull(field: field.description)
            }
            values = try readElements(field, count, body)
        case .write: try writeElements(field, values, body)
        case .sample: values = try sampleElements(body)
        case .describe: try describeElements(field, values, body)
        }
    }

    private mutating func elements<Element: WireElement>(
        _ field: StaticString,
        _ values: inout [Element]?,
        isNullable: Bool,
        _ body: (inout Element, inout WireCoder) throws(WireError) -> Void
    ) throws(WireError) {
        switch mode {
        case .read:
            let count = try readLength(field, lengthFormat)
            if let count { values = try readElements(field, count, body) } else { values = nil }
        case .write:
            if let values {
                try writeElements(field, values, body)
            } else {
                try writeLength(field, nil, lengthFormat)
            }
        case .sample: values = isNullable && isSampledNull() ? nil : try sampleElements(body)
        case .describe:
            if let shown = values ?? (showsDefaults ? [] : nil) {
                try describeElements(field, shown, body)
            } else {
                describe(field, .null)
            }
        }
        if values == nil, !isNullable, mode != .describe { throw .unexpectedNull(field: field.description) }
    }

    private mutating func readElements<Element: WireElement>(
        _ field: StaticString,
        _ count: Int,
        _ body: (inout Element, inout WireCoder) throws(WireError) -> Void
    ) throws(WireError) -> [Element] {
        // A count that cannot be true is refused before anything is allocated.
        guard count <= buffer.readableBytes / Element.minimumWireLength else {
            throw .badLength(field: field.description, length: count, remaining: buffer.readableBytes)
        }
        // Scalars take no more memory than bytes on the wire; all else is counted.
        if Element.minimumWireLength == 1 {
            elementCount += count
            guard elementCount <= WireLimits.elements else {
                throw .tooManyElements(field: field.description, limit: WireLimits.elements)
            }
        }
        var result: [Element] = []
        result.reserveCapacity(min(count, WireLimits.reservedElements))
        for _ in 0..<count {
            var element = Element()
            try body(&element, &self)
            result.append(element)
        }
        return result
    }

    private mutating func writeElements<Element: WireElement>(
        _ field: StaticString,
        _ values: [Element],
        _ body: (inout Element, inout WireCoder) throws(WireError) -> Void
    ) throws(WireError) {
        try writeLength(field, values.count, lengthFormat)
        // Elements are copied one by one: mutating them in place would copy an array that others still hold.
        for value in values {
            var value = value
            try body(&value, &self)
        }
    }

    private mutating func sampleElements<Element: WireElement>(
        _ body: (inout Element, inout WireCoder) throws(WireError) -> Void
    ) throws(WireError) -> [Element] {
        var samples: [Element] = []
        for _ in 0..<Int.random(in: 0..<4, using: &generator) {
            var sample = Element()
            try body(&sample, &self)
            samples.append(sample)
        }
        return samples
    }

    private mutating func describeElements<Element: WireElement>(
        _ field: StaticString,
        _ values: [Element],
        _ body: (inout Element, inout WireCoder) throws(WireError) -> Void
    ) throws(WireError) {
        open.append([])
        for value in values.isEmpty && showsDefaults ? [Element()] : values {
            var value = value
            try body(&value, &self)
        }
        describe(field, .array((open.popLast() ?? []).map(\.value)))
    }
}

/// What an array can hold: anything that can be made empty and then read.
package protocol WireElement {
    init()
    /// The least number of bytes that one takes on the wire.
    static var minimumWireLength: Int { get }
}

extension WireElement {
    package static var minimumWireLength: Int { 1 }
}

extension String: WireElement {}

extension Int8: WireElement {
    // Not more than one byte in memory either, but counting them costs nothing: no request has an array of them.
    package static var minimumWireLength: Int { 1 }
}

extension Int32: WireElement {
    package static var minimumWireLength: Int { 4 }
}

extension Int64: WireElement {
    package static var minimumWireLength: Int { 8 }
}

extension TopicID: WireElement {
    package static var minimumWireLength: Int { 16 }

    package init() { self = .zero }
}
