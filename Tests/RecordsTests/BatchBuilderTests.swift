import Model
import NIOCore
import Records
import Testing

@Suite struct BatchBuilderTests {
    @Test func aBatchNeedsARecord() {
        #expect(throws: BatchError.empty) { try BatchBuilder().finish() }
    }

    @Test func aTimestampTooFarFromTheFirstIsRefused() throws {
        var builder = BatchBuilder()
        try builder.append(key: nil, value: nil, timestamp: Timestamp(milliseconds: .min))
        #expect(throws: BatchError.self) {
            try builder.append(key: nil, value: nil, timestamp: Timestamp(milliseconds: 0))
        }
        #expect(builder.count == 1)
        #expect(try records(of: builder.finish()).count == 1)
    }

    @Test func aLevelThatTheCodecDoesNotHaveIsRefused() throws {
        for (compression, level) in [(.gzip, 10), (.gzip, 0), (.lz4, 18), (.zstd, 23), (.snappy, 1), (.none, 1)]
            as [(Compression, Int)]
        {
            var builder = BatchBuilder(compression: compression, level: level)
            try builder.append(key: nil, value: nil, timestamp: RawBatch.now)
            let error = #expect(throws: BatchError.self) { try builder.finish() }
            #expect(error?.errorCode == .invalidConfig)
        }
    }

    @Test(arguments: Compression.allCases)
    func whatIsBuiltIsValidAndReadBack(compression: Compression) throws {
        let validator = BatchValidator(BatchRules())
        for seed in 0..<60 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let count = seed < 50 ? Int.random(in: 1...20, using: &generator) : 1_000
            let (builder, expected) = try BatchBuilder.random(compression, count: count, using: &generator)
            let batch = try builder.finish()
            #expect(try records(of: batch) == expected, "seed \(seed)")
            let validated = try validator.inspect(batch, now: RawBatch.now)
            #expect(validated.maximumTimestamp == expected.map(\.timestamp).max(), "seed \(seed)")
            #expect(!validated.needsMaximumTimestamp, "seed \(seed)")
            #expect(builder.uncompressedSize >= batch.readableBytes, "seed \(seed)")
        }
    }

    @Test(
        arguments: [(.gzip, 1), (.gzip, 9), (.lz4, 1), (.lz4, 12), (.lz4, 17), (.zstd, -5), (.zstd, 1), (.zstd, 22)]
            as [(Compression, Int)]
    )
    func allLevelsAreReadBack(compression: Compression, level: Int) throws {
        var generator = SeededGenerator(seed: 3)
        let (builder, expected) = try BatchBuilder.random(compression, count: 200, level: level, using: &generator)
        #expect(try records(of: builder.finish()) == expected)
    }

    @Test func whatDoesNotGetSmallerIsNotCompressed() throws {
        var builder = BatchBuilder(compression: .gzip)
        try builder.append(key: nil, value: ByteBuffer(string: "x"), timestamp: RawBatch.now)
        #expect(try BatchHeader(builder.finish()).attributes.compression == Compression.none)
    }

    @Test func sizesAreKnownBefore() throws {
        var generator = SeededGenerator(seed: 11)
        let (_, records) = try BatchBuilder.random(.none, count: 300, using: &generator)
        var builder = BatchBuilder()
        #expect(builder.uncompressedSize == 61)
        for record in records {
            let expected = builder.uncompressedSize(
                appending: record.key,
                value: record.value,
                headers: record.headers,
                timestamp: record.timestamp
            )
            try builder.append(
                key: record.key,
                value: record.value,
                headers: record.headers,
                timestamp: record.timestamp
            )
            #expect(builder.uncompressedSize == expected)
        }
        #expect(try builder.finish().readableBytes == builder.uncompressedSize)
    }

    @Test func theProducerCanBeSetAfterTheRecords() throws {
        var builder = BatchBuilder()
        try builder.append(key: nil, value: nil, timestamp: RawBatch.now)
        let plain = try BatchHeader(builder.finish())
        #expect(!plain.hasProducerID && plain.baseSequence == .none && plain.leaderEpoch == .none)
        builder.producerID = ProducerID(3)
        builder.producerEpoch = 4
        builder.baseSequence = SequenceNumber(5)
        builder.isTransactional = true
        let batch = try builder.finish(baseOffset: Offset(70), leaderEpoch: LeaderEpoch(6))
        let header = try BatchHeader(batch)
        #expect(header.producerID == ProducerID(3) && header.producerEpoch == 4)
        #expect(header.baseSequence == SequenceNumber(5) && header.attributes.isTransactional)
        #expect(header.leaderEpoch == LeaderEpoch(6))
        #expect(try records(of: batch).map(\.offset) == [Offset(70)])
    }

    @Test func controlAndAppendTimeAreAttributes() throws {
        var builder = BatchBuilder(timestampType: .logAppendTime, isControl: true)
        try builder.append(key: nil, value: nil, timestamp: RawBatch.now)
        let attributes = try BatchHeader(builder.finish()).attributes
        #expect(attributes.isControl && attributes.timestampType == .logAppendTime)
    }
}
