package import Model
package import NIOCore
import Records

/// The batch of a test: only what matters to it is said.
package struct Batch {
    package var values: [String]
    /// The key of every record.
    package var key: String?
    /// In milliseconds, one for all records.
    package var timestamp: Int64
    package var compression = Compression.none
    package var producer = ProducerID.none
    package var epoch: Int16 = -1
    package var sequence: Int32 = -1
    package var isTransactional = false

    package init(_ values: [String] = ["value"], key: String? = "key", timestamp: Int64 = 1_700_000_000_000) {
        self.values = values
        self.key = key
        self.timestamp = timestamp
    }

    /// The batch as a producer sends it.
    package var bytes: ByteBuffer {
        get throws {
            var builder = BatchBuilder(
                compression: compression,
                producerID: producer,
                producerEpoch: epoch,
                baseSequence: SequenceNumber(sequence),
                isTransactional: isTransactional
            )
            for value in values {
                try builder.append(
                    key: key.map { ByteBuffer(string: $0) },
                    value: ByteBuffer(string: value),
                    timestamp: Timestamp(milliseconds: timestamp)
                )
            }
            return try builder.finish()
        }
    }
}
