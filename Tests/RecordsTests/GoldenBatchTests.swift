import Model
import NIOCore
import Records
import Testing

/// The format as others write it.
@Suite struct GoldenBatchTests {
    private static let expected: [Record] = (0..<3).map { index in
        Record(
            offset: Offset(Int64(index)),
            timestamp: Timestamp(milliseconds: 1_700_000_000_000 + Int64(index) * 10),
            key: index == 1 ? nil : ByteBuffer(string: "key-\(index)"),
            value: ByteBuffer(string: String(repeating: "martlet ", count: 12) + "\(index)"),
            headers: index > 0
                ? []
                : [
                    RecordHeaderField(name: "source", value: ByteBuffer(string: "golden")),
                    RecordHeaderField(name: "empty", value: ByteBuffer()),
                ]
        )
    }

    @Test(arguments: GoldenBatch.all)
    func batchesOfForeignClientsAreReadAsTheyWereMeant(golden: GoldenBatch) throws {
        let batch = ByteBuffer(hex: golden.hex)
        #expect(try records(of: batch) == Self.expected)
        #expect(try BatchHeader(batch).attributes.compression == golden.compression)
    }

    @Test(arguments: GoldenBatch.all)
    func batchesOfForeignClientsAreValid(golden: GoldenBatch) throws {
        let validator = BatchValidator(BatchRules())
        let batch = ByteBuffer(hex: golden.hex).shifted
        let validated = try validator.inspect(batch, now: RawBatch.now)
        #expect(validated.header.recordCount == 3)
        #expect(validated.maximumTimestamp == Timestamp(milliseconds: 1_700_000_000_020))
        #expect(validated.offsetDeltaOfMaximumTimestamp == 2)
        #expect(!validated.needsMaximumTimestamp)
        #expect(validated.header.hasProducerID == golden.isIdempotent)
        #expect(validated.header.baseSequence != .none || !golden.isIdempotent)
    }

    @Test(arguments: GoldenBatch.all)
    func keylessRecordsOfForeignClientsAreFoundThroughAnyCompression(golden: GoldenBatch) throws {
        let validator = BatchValidator(BatchRules(requiresKeys: true))
        #expect(throws: BatchError.missingKey(record: 1, count: 3)) {
            try validator.validate(ByteBuffer(hex: golden.hex), now: RawBatch.now)
        }
    }

    /// The same records give the same bytes as in librdkafka and in kafka-python.
    @Test func uncompressedBatchesAreBuiltAsByForeignClients() throws {
        for golden in GoldenBatch.all where golden.compression == .none {
            let theirs = ByteBuffer(hex: golden.hex)
            let header = try BatchHeader(theirs)
            var builder = BatchBuilder(
                producerID: header.producerID,
                producerEpoch: header.producerEpoch,
                baseSequence: header.baseSequence
            )
            for record in Self.expected {
                try builder.append(
                    key: record.key,
                    value: record.value,
                    headers: record.headers,
                    timestamp: record.timestamp
                )
            }
            let ours = try builder.finish(leaderEpoch: header.leaderEpoch)
            #expect(ours == theirs, "\(golden.client)")
        }
    }

    @Test func headerFieldsAreWhereTheFormatPutsThem() throws {
        let golden = try #require(GoldenBatch.all.first { $0.client.hasPrefix("kafka-python") && $0.isIdempotent })
        let header = try BatchHeader(ByteBuffer(hex: golden.hex))
        #expect(header.baseOffset == .zero)
        #expect(header.totalLength == 410)
        #expect(header.batchLength == 398)
        #expect(header.recordsLength == 349)
        #expect(header.magic == 2)
        #expect(header.attributes == BatchAttributes())
        #expect(header.lastOffsetDelta == 2)
        #expect(header.baseTimestamp == RawBatch.now)
        #expect(header.maxTimestamp == Timestamp(milliseconds: 1_700_000_000_020))
        #expect(header.producerID == ProducerID(4711))
        #expect(header.producerEpoch == 2)
        #expect(header.baseSequence == SequenceNumber(99))
        #expect(header.lastSequence == SequenceNumber(101))
        #expect(header.recordCount == 3)
    }
}
