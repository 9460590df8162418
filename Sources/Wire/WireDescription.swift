/// A message as a tree of Kafka's field names and values, for logs and for comparison with other implementations.
package indirect enum WireDescription: Equatable, Sendable {
    case null
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case string(String)
    /// Bytes, shown in hexadecimal.
    case bytes([UInt8])
    case array([WireDescription])
    case object([(name: String, value: WireDescription)])

    package static func == (left: WireDescription, right: WireDescription) -> Bool { left.json == right.json }

    /// The tree as JSON (RFC 8259) on one line; bytes become `{"hex": "…"}`.
    package var json: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .int(let value): String(value)
        case .double(let value): value.isFinite ? String(value) : "null"
        case .string(let value): Self.quoted(value)
        case .bytes(let value): "{\"hex\": \"\(Self.hex(value))\"}"
        case .array(let values): "[" + values.map(\.json).joined(separator: ", ") + "]"
        case .object(let fields):
            "{" + fields.map { "\(Self.quoted($0.name)): \($0.value.json)" }.joined(separator: ", ") + "}"
        }
    }

    private static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\u{0}"..."\u{1f}", "\u{7f}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
