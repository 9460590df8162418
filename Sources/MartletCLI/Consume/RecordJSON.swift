import MartletClient
import NIOCore

/// A record as a JSON object. Bytes that are not UTF-8 are given in base 64, and a member says so. Stateless.
enum RecordJSON {
    /// - Parameter inBase64: Whether to encode also what is UTF-8.
    static func object(_ record: ConsumedRecord, inBase64: Bool = false) -> JSON {
        var fields = [
            JSON.Field("topic", .string(record.topic)),
            JSON.Field("partition", .int(record.partition)),
            JSON.Field("offset", .int(record.offset)),
            JSON.Field("timestamp", .int(record.timestamp)),
            JSON.Field("timestamp_type", .string(record.timestampType == .createTime ? "create" : "append")),
        ]
        fields += bytes("key", record.key, inBase64)
        fields += bytes("value", record.value, inBase64)
        fields.append(
            JSON.Field(
                "headers",
                .array(
                    record.headers.map {
                        .object([JSON.Field("name", .string($0.name))] + bytes("value", $0.value, inBase64))
                    }
                )
            )
        )
        return .object(fields)
    }

    /// A member for a field's bytes, and one more if they had to be encoded.
    static func bytes(_ name: String, _ field: ByteBuffer?, _ inBase64: Bool = false) -> [JSON.Field] {
        guard let field else { return [JSON.Field(name, .null)] }
        if !inBase64, let text = String(validating: field.readableBytesView, as: UTF8.self) {
            return [JSON.Field(name, .string(text))]
        }
        return [
            JSON.Field(name, .string(Base64.encode(field.readableBytesView))),
            JSON.Field("\(name)_encoding", .string("base64")),
        ]
    }
}
