import MartletClient
import NIOCore

/// Makes a record of a line: a value, or a key, a delimiter and a value. Immutable.
struct LineParser {
    let defaults: RecordDefaults
    /// What separates key and value; nil if records have no key of their own.
    let keyDelimiter: Delimiter?

    func record(_ line: ByteBuffer) throws(BadRecord) -> ProducerRecord {
        var key: ByteBuffer?
        var value = line
        if let keyDelimiter, let end = line.withUnsafeReadableBytes({ keyDelimiter.firstIndex(in: $0) }) {
            key = value.readSlice(length: end)
            value.moveReaderIndex(forwardBy: keyDelimiter.bytes.count)
        }
        return try defaults.record(key: key, value: value)
    }
}
