import CommitLog
import Model
import NIOCore
import Records

/// One line of a dump: fields with names, for people or as JSON. A value.
struct DumpedItem {
    /// What the line is about: the member `type` of the JSON object.
    let type: String
    private(set) var fields: [JSON.Field] = []

    init(_ type: String, _ fields: KeyValuePairs<String, JSON> = [:]) {
        self.type = type
        self.fields = fields.map { JSON.Field($0.key, $0.value) }
    }

    mutating func add(_ name: String, _ value: JSON) { fields.append(JSON.Field(name, value)) }

    var json: JSON { .object([JSON.Field("type", .string(type))] + fields) }

    /// `batch base_offset 0 last_offset 9 …`; texts that could be mistaken for the next field are quoted.
    var text: String {
        ([type] + fields.map { "\($0.name) \(Self.text($0.value))" }).joined(separator: " ")
    }

    private static func text(_ value: JSON) -> String {
        guard case .string(let text) = value else { return value.text }
        let isPlain = !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\"") }
        return isPlain ? text : value.text
    }
}

extension DumpedItem {
    init(_ batch: InspectedBatch) {
        let header = batch.header
        let attributes = header.attributes
        self.init(
            "batch",
            [
                "base_offset": .int(header.baseOffset.rawValue),
                "last_offset": .int(header.lastOffset.rawValue),
                "records": .int(header.recordCount),
                "position": .int(batch.position.bytes),
                "size": .int(header.totalLength),
                "codec": .string(attributes.compression.map { "\($0)" } ?? "unknown-\(attributes.codecNumber)"),
                "leader_epoch": .int(header.leaderEpoch.rawValue),
                "base_timestamp": .int(header.baseTimestamp.milliseconds),
                "max_timestamp": .int(header.maxTimestamp.milliseconds),
                "timestamp_type": .string(attributes.timestampType == .createTime ? "create" : "append"),
            ]
        )
        if header.hasProducerID {
            add("producer_id", .int(header.producerID.rawValue))
            add("producer_epoch", .int(header.producerEpoch))
            add("base_sequence", .int(header.baseSequence.rawValue))
            add("last_sequence", .int(header.lastSequence.rawValue))
        }
        if attributes.isTransactional { add("transactional", .bool(true)) }
        if attributes.isControl { add("control", .bool(true)) }
        if attributes.hasDeleteHorizon { add("delete_horizon", .bool(true)) }
        add("crc", .string(Self.hexadecimal(header.checksum)))
        add("crc_ok", .bool(batch.isIntact))
    }

    init(_ record: Record) {
        self.init(
            "record",
            ["offset": .int(record.offset.rawValue), "timestamp": .int(record.timestamp.milliseconds)]
        )
        fields += RecordJSON.bytes("key", record.key) + RecordJSON.bytes("value", record.value)
        guard !record.headers.isEmpty else { return }
        let headers = record.headers.map { header in
            JSON.object([JSON.Field("name", .string(header.name))] + RecordJSON.bytes("value", header.value))
        }
        add("headers", .array(headers))
    }

    init(_ entry: InspectedEntry) {
        self.init(entry.kind)
        for field in entry.fields {
            switch field.value {
            case .number(let number): add(field.name, .int(number))
            case .text(let text): add(field.name, .string(text))
            case .flag(let flag): add(field.name, .bool(flag))
            case .none: add(field.name, .null)
            }
        }
    }

    init(_ producer: InspectedSnapshot.Producer) {
        self.init(
            "producer",
            [
                "producer_id": .int(producer.id.rawValue),
                "producer_epoch": .int(producer.epoch),
                "last_sequence": .optional(producer.lastSequence) { .int($0.rawValue) },
                "last_offset": .optional(producer.lastOffset) { .int($0.rawValue) },
                "last_timestamp": .int(producer.lastTimestamp.milliseconds),
                "coordinator_epoch": .int(producer.coordinatorEpoch),
                "transaction_start": .optional(producer.transactionStart) { .int($0.rawValue) },
                "batches": .int(producer.batches),
            ]
        )
    }

    /// Damage at a place of the file, or of the file as a whole.
    init(damage reason: String, position: Int? = nil, length: Int? = nil) {
        self.init("damage")
        if let position { add("position", .int(position)) }
        if let length { add("size", .int(length)) }
        add("reason", .string(reason))
    }

    private static func hexadecimal(_ value: UInt32) -> String {
        let digits = String(value, radix: 16)
        return "0x" + String(repeating: "0", count: 8 - digits.utf8.count) + digits
    }
}
