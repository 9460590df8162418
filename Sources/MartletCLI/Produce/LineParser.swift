import MartletClient
import NIOCore

/// Makes a record of an input's bytes. Immutable.
struct LineParser {
    let topic: String
    let partition: Int32?
    /// What separates key and value; nil if records have no key of their own.
    let keyDelimiter: Delimiter?
    /// The key of records without their own.
    let fixedKey: ByteBuffer?
    let headers: [RecordHeader]
    /// Whether an empty value is null, a tombstone.
    let isEmptyNull: Bool

    func record(_ line: ByteBuffer) -> ProducerRecord {
        var key = fixedKey
        var value = line
        if let keyDelimiter, let end = line.withUnsafeReadableBytes({ keyDelimiter.firstIndex(in: $0) }) {
            key = value.readSlice(length: end)
            value.moveReaderIndex(forwardBy: keyDelimiter.bytes.count)
        }
        return ProducerRecord(
            topic: topic,
            partition: partition,
            key: key,
            value: isEmptyNull && value.readableBytes == 0 ? nil : value,
            headers: headers
        )
    }
}
