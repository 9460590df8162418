import Model
import NIOCore
import Records
import Testing

@Suite struct BatchPatchTests {
    @Test func thePatchChangesOffsetAndEpochOnly() throws {
        let batch = RawBatch.sample().bytes.shifted
        let header = try BatchHeader(batch)
        var patched = batch
        BatchPatch(header, baseOffset: Offset(0x0102_0304_0506), leaderEpoch: LeaderEpoch(9)).apply(to: &patched)

        let changed = try BatchHeader(patched)
        #expect(changed.baseOffset == Offset(0x0102_0304_0506))
        #expect(changed.lastOffset == Offset(0x0102_0304_0508))
        #expect(changed.leaderEpoch == LeaderEpoch(9))
        #expect(changed.batchLength == header.batchLength)
        #expect(patched.readableBytesView.dropFirst(16).elementsEqual(batch.readableBytesView.dropFirst(16)))
        #expect(
            try records(of: patched).map(\.offset.rawValue) == [0x0102_0304_0506, 0x0102_0304_0507, 0x0102_0304_0508]
        )
        #expect(try BatchHeader(batch) == header, "the client's bytes are not written to")
    }

    @Test func thePatchIsTheFirstSixteenBytes() throws {
        let header = try BatchHeader(RawBatch.sample().bytes)
        let patch = BatchPatch(header, baseOffset: Offset(1), leaderEpoch: LeaderEpoch(2))
        let length = UInt8(truncatingIfNeeded: header.batchLength)
        let bytes = patch.withUnsafeBytes { Array($0) }
        #expect(bytes == [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, length, 0, 0, 0, 2])
        #expect(bytes.count == BatchPatch.length)
    }

    @Test func stampingGivesAllRecordsTheTimeOfAppend() throws {
        let now = Timestamp(milliseconds: 1_800_000_000_000)
        var batch = RawBatch.sample().bytes.shifted
        BatchPatch.stampAppendTime(&batch, now)
        let header = try BatchHeader(batch)
        #expect(header.attributes.timestampType == .logAppendTime)
        #expect(header.maxTimestamp == now)
        #expect(header.baseTimestamp == RawBatch.now)
        #expect(try records(of: batch).map(\.timestamp) == [now, now, now])
    }

    @Test func stampingKeepsTheOtherAttributes() throws {
        var raw = RawBatch.sample()
        raw.attributes = BatchAttributes(compression: .zstd, isTransactional: true).rawValue
        var batch = raw.bytes
        BatchPatch.stampAppendTime(&batch, RawBatch.now)
        let attributes = try BatchHeader(batch).attributes
        #expect(attributes.compression == .zstd && attributes.isTransactional && !attributes.isControl)
    }

    @Test func aWrongMaximumTimestampIsPutRight() throws {
        var raw = RawBatch.sample()
        raw.maxTimestamp = -1
        var batch = raw.bytes
        let validator = BatchValidator(BatchRules())
        let validated = try validator.inspect(batch, now: RawBatch.now)
        #expect(validated.needsMaximumTimestamp)
        BatchPatch.setMaximumTimestamp(&batch, validated.maximumTimestamp)
        #expect(try !validator.inspect(batch, now: RawBatch.now).needsMaximumTimestamp)
        #expect(try BatchHeader(batch).maxTimestamp == RawBatch.now)
    }
}
