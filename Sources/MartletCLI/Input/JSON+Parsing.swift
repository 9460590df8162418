extension JSON {
    /// Why a text is no JSON.
    struct Problem: Error, Equatable, CustomStringConvertible {
        let description: String
    }

    /// Deeper values are refused: nobody writes them, and each level costs stack.
    private static let maximumDepth = 64

    /// Reads a JSON text (RFC 8259). Whole numbers that fit 64 bits become ``int(_:)``, others ``double(_:)``.
    init(parsing bytes: [UInt8]) throws(Problem) {
        var parser = JSONParser(bytes: bytes, maximumDepth: Self.maximumDepth)
        self = try parser.document()
    }

    /// The value of an object's member; nil if there is none, or this is no object.
    subscript(name: String) -> JSON? {
        guard case .object(let fields) = self else { return nil }
        return fields.first { $0.name == name }?.value
    }
}

/// What is left of a JSON text. A value.
private struct JSONParser {
    private let bytes: [UInt8]
    private var index = 0
    private var depth = 0
    private let maximumDepth: Int

    init(bytes: [UInt8], maximumDepth: Int) {
        self.bytes = bytes
        self.maximumDepth = maximumDepth
    }

    mutating func document() throws(JSON.Problem) -> JSON {
        let value = try value()
        skipSpace()
        if index < bytes.count { throw problem("something follows the value") }
        return value
    }

    private func problem(_ what: String) -> JSON.Problem {
        let line = bytes.prefix(index).count { $0 == UInt8(ascii: "\n") } + 1
        return JSON.Problem(description: "line \(line), byte \(index): \(what)")
    }

    private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func skipSpace() {
        while let byte = next, [0x20, 0x09, 0x0a, 0x0d].contains(byte) { index += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard next == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private mutating func value() throws(JSON.Problem) -> JSON {
        skipSpace()
        guard let byte = next else { throw problem("the text ends where a value should be") }
        switch byte {
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            depth += 1
            defer { depth -= 1 }
            if depth > maximumDepth { throw problem("nested deeper than \(maximumDepth) levels") }
            return byte == UInt8(ascii: "{") ? try object() : try array()
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func word(_ word: String, _ value: JSON) throws(JSON.Problem) -> JSON {
        guard bytes[index...].starts(with: word.utf8) else { throw problem("no value begins like this") }
        index += word.utf8.count
        return value
    }

    private mutating func array() throws(JSON.Problem) -> JSON {
        index += 1
        var values: [JSON] = []
        if take("]") { return .array(values) }
        repeat { values.append(try value()) } while take(",")
        guard take("]") else { throw problem("a ',' or ']' is missing") }
        return .array(values)
    }

    private mutating func object() throws(JSON.Problem) -> JSON {
        index += 1
        var fields: [JSON.Field] = []
        if take("}") { return .object(fields) }
        repeat {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw problem("the name of a member is missing") }
            let name = try string()
            guard take(":") else { throw problem("a ':' is missing behind \"\(name)\"") }
            fields.append(JSON.Field(name, try value()))
        } while take(",")
        guard take("}") else { throw problem("a ',' or '}' is missing") }
        return .object(fields)
    }

    private mutating func number() throws(JSON.Problem) -> JSON {
        let allowed = Array("+-0123456789.eE".utf8)
        let digits = bytes[index...].prefix { allowed.contains($0) }
        let text = String(decoding: digits, as: UTF8.self)
        let isNumber = text.first?.isNumber ?? false || (text.first == "-" && text.dropFirst().first?.isNumber ?? false)
        guard isNumber else { throw problem("no value begins like this") }
        guard let value = Int64(text).map(JSON.int) ?? Double(text).map(JSON.double) else {
            throw problem("'\(text)' is no number")
        }
        index += digits.count
        return value
    }

    private mutating func string() throws(JSON.Problem) -> String {
        index += 1
        var text: [UInt8] = []
        while let byte = next {
            index += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let result = String(validating: text, as: UTF8.self) else {
                    throw problem("text that is no UTF-8")
                }
                return result
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20: throw problem("a control character inside a string")
            default: text.append(byte)
            }
        }
        throw problem("a string without end")
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSON.Problem) {
        guard let letter = next else { throw problem("a string without end") }
        index += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(letter)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0c)
        case UInt8(ascii: "n"): text.append(0x0a)
        case UInt8(ascii: "r"): text.append(0x0d)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            var units = [try unit()]
            // A character beyond the first 65,536 is written as two.
            if (0xd800..<0xdc00).contains(units[0]), bytes[index...].starts(with: "\\u".utf8) {
                index += 2
                units.append(try unit())
            }
            text.append(contentsOf: String(decoding: units, as: UTF16.self).utf8)
        default: throw problem("an unknown escape")
        }
    }

    private mutating func unit() throws(JSON.Problem) -> UInt16 {
        let digits = bytes[index...].prefix(4)
        guard digits.count == 4, let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16) else {
            throw problem("\\u without four hexadecimal digits")
        }
        index += 4
        return unit
    }
}
