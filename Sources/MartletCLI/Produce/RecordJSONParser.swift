import MartletClient
import NIOCore

/// Makes a record of a JSON object, as `martlet consume --json` writes them. Immutable.
///
///     {"key": …, "value": …, "headers": [{"name": …, "value": …}, …] or {name: value, …}, "partition": …, "timestamp": …}
///
/// All members may be left out. Key and value may be any JSON: what is neither a text nor null becomes its JSON text.
/// `key_encoding` and `value_encoding` may be `base64`. Topic, offset and timestamp_type are read over.
struct RecordJSONParser {
    let defaults: RecordDefaults

    private static let known: Set<String> = [
        "key", "key_encoding", "value", "value_encoding", "headers", "partition", "timestamp", "topic", "offset",
        "timestamp_type",
    ]

    func record(_ line: ByteBuffer) throws(BadRecord) -> ProducerRecord {
        let object: JSON
        do throws(JSON.Problem) { object = try JSON(parsing: Array(line.readableBytesView)) } catch {
            throw BadRecord(description: "no JSON: \(error.description)")
        }
        guard case .object(let fields) = object else { throw BadRecord(description: "no JSON object") }
        // A name that is mistyped would otherwise be lost without a word.
        if let unknown = fields.first(where: { !Self.known.contains($0.name) }) {
            throw BadRecord(
                description: "the member \"\(unknown.name)\" is unknown; known are "
                    + Self.known.sorted().joined(separator: ", ")
            )
        }
        return try defaults.record(
            key: try bytes("key", of: object),
            value: try bytes("value", of: object),
            headers: try headers(object["headers"]),
            partition: try partition(object["partition"]),
            timestamp: try timestamp(object["timestamp"])
        )
    }

    private func bytes(_ name: String, of object: JSON) throws(BadRecord) -> ByteBuffer? {
        guard let value = object[name], value != .null else { return nil }
        let encoding = object["\(name)_encoding"]
        guard let encoding, encoding != .string("text") else {
            if case .string(let text) = value { return ByteBuffer(string: text) }
            return ByteBuffer(string: value.text)
        }
        guard encoding == .string("base64") else {
            throw BadRecord(description: "\(name)_encoding is \(encoding.text), but must be \"base64\" or \"text\"")
        }
        // Defaults decode the rest, all at once.
        guard case .string(let text) = value, let bytes = Base64.decode(text.utf8) else {
            throw BadRecord(description: "the \(name) is not in base 64")
        }
        return defaults.isBase64 ? ByteBuffer(string: text) : ByteBuffer(bytes: bytes)
    }

    private func headers(_ value: JSON?) throws(BadRecord) -> [RecordHeader] {
        switch value {
        case nil, .null: return []
        case .object(let fields):
            var headers: [RecordHeader] = []
            for field in fields {
                let object = JSON.object([JSON.Field("value", field.value)])
                headers.append(try header(field.name, object))
            }
            return headers
        case .array(let elements):
            var headers: [RecordHeader] = []
            for element in elements {
                guard case .string(let name) = element["name"] else {
                    throw BadRecord(description: "a header without the member \"name\"")
                }
                headers.append(try header(name, element))
            }
            return headers
        default: throw BadRecord(description: "headers are neither an array nor an object")
        }
    }

    private func header(_ name: String, _ object: JSON) throws(BadRecord) -> RecordHeader {
        let value = try defaults.decoded(try bytes("value", of: object), "the header '\(name)'")
        return RecordHeader(name: name, value: value)
    }

    private func partition(_ value: JSON?) throws(BadRecord) -> Int32? {
        switch value {
        case nil, .null: return nil
        case .int(let number):
            guard let partition = Int32(exactly: number), partition >= 0 else { break }
            return partition
        default: break
        }
        throw BadRecord(
            description: "the partition is \(value?.text ?? ""), but must be a number from 0 to \(Int32.max)"
        )
    }

    private func timestamp(_ value: JSON?) throws(BadRecord) -> Int64? {
        switch value {
        // −1 stands for none.
        case nil, .null, .int(-1): return nil
        case .int(let number) where number >= 0: return number
        case .string(let text):
            guard let time = TimeParser.milliseconds(text) else { break }
            return time
        default: break
        }
        throw BadRecord(
            description: "the timestamp \(value?.text ?? "") is neither milliseconds since 1970 nor ISO 8601"
        )
    }
}
