import MartletClient
import NIOCore

/// Why a piece of input is no record. Immutable.
struct BadRecord: Error, Equatable, CustomStringConvertible {
    let description: String
}

/// What records get that the input does not say. Immutable.
struct RecordDefaults {
    let topic: String
    var partition: Int32?
    /// The key of records without their own.
    var key: ByteBuffer?
    var headers: [RecordHeader] = []
    /// Milliseconds since 1970-01-01T00:00Z; nil means the moment of sending.
    var timestamp: Int64?
    /// Whether an empty value is null, a tombstone.
    var isEmptyNull = false
    /// Whether keys, values and the values of headers of the input are in base 64.
    var isBase64 = false

    /// A record of an input's fields.
    func record(
        key own: ByteBuffer?,
        value: ByteBuffer?,
        headers more: [RecordHeader] = [],
        partition chosen: Int32? = nil,
        timestamp said: Int64? = nil
    ) throws(BadRecord) -> ProducerRecord {
        let value = try decoded(value, "the value")
        return ProducerRecord(
            topic: topic,
            partition: partition ?? chosen,
            key: try decoded(own, "the key") ?? key,
            value: isEmptyNull && value?.readableBytes == 0 ? nil : value,
            headers: headers + more,
            timestamp: timestamp ?? said
        )
    }

    /// A field's bytes, as they are or out of base 64.
    func decoded(_ field: ByteBuffer?, _ name: @autoclosure () -> String) throws(BadRecord) -> ByteBuffer? {
        guard isBase64, let field else { return field }
        guard let bytes = Base64.decode(field.readableBytesView) else {
            throw BadRecord(description: "\(name()) is not in base 64")
        }
        return ByteBuffer(bytes: bytes)
    }
}

/// Makes a record of an input's bytes, in one of the ways there are. Immutable.
enum RecordParser {
    case lines(LineParser)
    case template(InputTemplate, RecordDefaults)
    case json(RecordJSONParser)

    func record(_ line: ByteBuffer) throws(BadRecord) -> ProducerRecord {
        switch self {
        case .lines(let parser): try parser.record(line)
        case .template(let template, let defaults): try template.record(line, defaults)
        case .json(let parser): try parser.record(line)
        }
    }
}
