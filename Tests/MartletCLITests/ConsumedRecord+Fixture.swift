import MartletClient
import NIOCore

extension ConsumedRecord {
    static func fixture(
        key: String? = nil,
        value: String? = nil,
        bytes: [UInt8]? = nil,
        headers: [(String, String?)] = []
    ) -> ConsumedRecord {
        ConsumedRecord(
            topic: "orders",
            partition: 3,
            offset: 42,
            timestamp: 1_700_000_000_000,
            timestampType: .createTime,
            key: key.map { ByteBuffer(string: $0) },
            value: bytes.map { ByteBuffer(bytes: $0) } ?? value.map { ByteBuffer(string: $0) },
            headers: headers.map { RecordHeader(name: $0.0, value: $0.1.map { ByteBuffer(string: $0) }) }
        )
    }
}
