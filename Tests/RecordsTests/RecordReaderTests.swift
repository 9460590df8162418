import Model
import NIOCore
import Records
import Testing

@Suite struct RecordReaderTests {
    @Test func aWrongChecksumIsRefusedUnlessTheCallerKnowsBetter() throws {
        var batch = RawBatch.sample().bytes
        batch.setInteger(UInt32(0), at: 17)
        #expect(throws: BatchError.self) { try records(of: batch) }
        #expect(try records(of: batch, limits: ReadLimits(verifiesChecksum: false)).count == 3)
    }

    @Test func aBatchThatIsCutOffIsRefused() throws {
        let batch = RawBatch.sample().bytes
        let part = try #require(batch.getSlice(at: 0, length: batch.readableBytes - 1))
        #expect(throws: BatchError.truncated(needed: batch.readableBytes, available: batch.readableBytes - 1)) {
            try RecordReader(batch: part)
        }
    }

    @Test func anUnknownCodecIsRefused() {
        var batch = RawBatch.sample()
        batch.attributes = 6
        #expect(throws: BatchError.unsupportedCodec(6)) { try RecordReader(batch: batch.bytes) }
    }

    @Test func aBadRecordIsReportedAfterTheGoodOnes() throws {
        let batch = RawBatch([
            RawRecord().bytes, RawRecord(offsetDelta: 1).bytes, RawRecord(offsetDelta: 2, valueLength: 99).bytes,
        ])
        var reader = try RecordReader(batch: batch.bytes)
        #expect(try reader.next()?.offset == Offset(0))
        #expect(try reader.next()?.offset == Offset(1))
        #expect(
            throws: BatchError.badRecord(
                record: 2,
                count: 3,
                problem: .badLength(.value, length: 99, remaining: 6)
            )
        ) { try reader.next() }
    }

    @Test func fewerRecordsThanBytesAreReported() {
        var batch = RawBatch.sample()
        batch.count = 2
        #expect(throws: BatchError.bytesAfterRecords(15)) { try records(of: batch.bytes) }
    }

    @Test func offsetsMustRiseAndStayInsideTheBatch() {
        for deltas in [[0, 0], [1, 0], [0, 5]] as [[Int32]] {
            var batch = RawBatch(deltas.map { RawRecord(offsetDelta: $0).bytes })
            batch.lastOffsetDelta = 4
            #expect(throws: BatchError.self, "\(deltas)") { try records(of: batch.bytes) }
        }
    }

    @Test func moreHeadersThanAllowedAreRefused() {
        let header = varint(0) + varint(-1)
        let batch = RawBatch([RawRecord(headers: [header, header]).bytes])
        #expect(throws: BatchError.badRecord(record: 0, count: 1, problem: .tooManyHeaders(count: 2, limit: 1))) {
            try records(of: batch.bytes, limits: ReadLimits(maximumHeaders: 1))
        }
    }

    @Test func compactedBatchesHaveGaps() throws {
        var batch = RawBatch([RawRecord(offsetDelta: 2).bytes, RawRecord(offsetDelta: 7).bytes])
        batch.baseOffset = 100
        batch.lastOffsetDelta = 9
        #expect(try records(of: batch.bytes).map(\.offset.rawValue) == [102, 107])
        #expect(try BatchHeader(batch.bytes).nextOffset == Offset(110))
    }

    /// Compaction keeps the header of a batch whose records are all gone, for the producer's sequence.
    @Test(arguments: Compression.allCases)
    func anEmptiedBatchHasNoRecords(compression: Compression) throws {
        var batch = RawBatch([])
        batch.lastOffsetDelta = 9
        batch.attributes = Int16(compression.rawValue)
        #expect(try records(of: batch.bytes).isEmpty)
    }

    @Test func nullsAndEmptyFieldsAreDifferent() throws {
        let batch = RawBatch([
            RawRecord(key: nil, value: nil).bytes,
            RawRecord(offsetDelta: 1, key: [], value: [], headers: [varint(0) + varint(0), varint(0) + varint(-1)])
                .bytes,
        ])
        let read = try records(of: batch.bytes)
        #expect(read.map(\.key) == [nil, ByteBuffer()])
        #expect(read.map(\.value) == [nil, ByteBuffer()])
        #expect(
            read[1].headers == [
                RecordHeaderField(name: "", value: ByteBuffer()), RecordHeaderField(name: "", value: nil),
            ]
        )
    }

    @Test func whatFollowsTheBatchIsNotRead() throws {
        var two = RawBatch.sample().bytes
        two.writeImmutableBuffer(RawBatch.sample(count: 1).bytes)
        #expect(try records(of: two).count == 3)
    }

    @Test func recordsAreSlicesOfTheBatch() throws {
        let batch = RawBatch.sample().bytes.shifted
        let value = try #require(try records(of: batch).first?.value)
        let isInside = batch.withUnsafeReadableBytes { outer in
            value.withUnsafeReadableBytes { inner in
                guard let start = inner.baseAddress, let whole = outer.baseAddress else { return false }
                return start >= whole && start < whole + outer.count
            }
        }
        #expect(isInside)
    }
}
