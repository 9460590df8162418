/// The record batch format v2 (magic 2, KIP-98), as it travels in Produce and Fetch and lies in segment files.
///
/// All integers are big-endian.
///
///      byte  bytes  field
///         0      8  base offset              of the first record; clients send 0, the broker fills it in
///         8      4  batch length             bytes that follow this field, so 12 less than the whole batch
///        12      4  partition leader epoch   the broker fills it in
///        16      1  magic                    2
///        17      4  checksum                 CRC32C of byte 21 up to the end
///        21      2  attributes               see ``BatchAttributes``
///        23      4  last offset delta        last offset - base offset
///        27      8  base timestamp           of the first record; with a delete horizon, that horizon (KIP-534)
///        35      8  max timestamp            the largest of the records', or the time of append
///        43      8  producer id              -1 if the producer is not idempotent
///        51      2  producer epoch           -1 if the producer is not idempotent
///        53      4  base sequence            of the first record, -1 if the producer is not idempotent
///        57      4  record count             fewer than last offset delta + 1 after compaction
///        61      …  records                  compressed as one piece if the attributes say so
///
/// The checksum leaves out the first 16 bytes, so that a broker can assign offsets without computing it again, and the
/// magic. A record is a length and a body of that many bytes:
///
///      varint   length                       bytes that follow this field
///      1        attributes                   unused, 0
///      varlong  timestamp delta              from the base timestamp
///      varint   offset delta                 from the base offset
///      varint   key length, then the key     -1: null
///      varint   value length, then the value -1: null
///      varint   header count, then per header:
///          varint   name length, then the name in UTF-8
///          varint   value length, then the value   -1: null
///
/// `varint` and `varlong` are 32 and 64 bits in zigzag form (0, -1, 1, -2 … as 0, 1, 2, 3 …), seven bits per byte, the
/// lowest first, the top bit set in all bytes but the last.
package enum RecordBatchFormat {
    package static let magic: Int8 = 2

    package static let baseOffsetPosition = 0
    package static let lengthPosition = 8
    package static let leaderEpochPosition = 12
    package static let magicPosition = 16
    package static let checksumPosition = 17
    package static let attributesPosition = 21
    package static let lastOffsetDeltaPosition = 23
    package static let baseTimestampPosition = 27
    package static let maxTimestampPosition = 35
    package static let producerIDPosition = 43
    package static let producerEpochPosition = 51
    package static let baseSequencePosition = 53
    package static let recordCountPosition = 57
    package static let recordsPosition = 61

    /// Bytes in front of what the batch length counts: base offset and the length itself.
    package static let lengthOverhead = 12
    /// The smallest batch length: a header without records.
    package static let minimumBatchLength = recordsPosition - lengthOverhead
    /// The first byte that the checksum covers; it goes on to the end of the batch.
    package static let checksummedPosition = attributesPosition

    /// The smallest record, its length included: seven fields of one byte.
    package static let minimumRecordBytes = 7
    /// The smallest header of a record: two empty fields.
    package static let minimumHeaderBytes = 2
    package static let maximumVarintBytes = 5
    package static let maximumVarlongBytes = 10
}
