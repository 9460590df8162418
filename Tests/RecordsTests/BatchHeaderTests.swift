import Model
import NIOCore
import Records
import Testing

@Suite struct BatchHeaderTests {
    @Test func lessThanAHeaderIsTruncated() {
        let bytes = RawBatch.sample().bytes
        for length in 0..<61 {
            let part = bytes.getSlice(at: 0, length: length) ?? ByteBuffer()
            #expect(throws: BatchError.truncated(needed: 61, available: length)) { try BatchHeader(part) }
        }
    }

    @Test func aHeaderIsEnough() throws {
        let batch = RawBatch.sample().bytes
        let header = try BatchHeader(try #require(batch.getSlice(at: 0, length: 61)))
        #expect(header.totalLength == batch.readableBytes)
    }

    @Test(arguments: [-128, -1, 0, 1, 3, 127] as [Int8])
    func otherMagicsAreRefused(magic: Int8) {
        var batch = RawBatch.sample()
        batch.magic = magic
        let error = #expect(throws: BatchError.unsupportedMagic(magic)) { try BatchHeader(batch.bytes) }
        #expect(error?.errorCode == (0...1 ~= magic ? .unsupportedForMessageFormat : .corruptMessage))
    }

    /// Old message formats are shorter than a header of v2, but must be recognised nevertheless.
    @Test func anOldMessageIsRecognisedByItsMagic() {
        var message = ByteBuffer()
        message.writeMultipleIntegers(Int64(0), Int32(14), UInt32(0), Int8(1), Int8(0), Int64(0))
        #expect(throws: BatchError.unsupportedMagic(1)) { try BatchHeader(message) }
    }

    @Test(arguments: [.min, -1, 0, 48] as [Int32])
    func aLengthThatCannotHoldAHeaderIsRefused(length: Int32) {
        var batch = RawBatch.sample()
        batch.batchLength = length
        #expect(throws: BatchError.badLength(length)) { try BatchHeader(batch.bytes) }
    }

    @Test func aLengthWithoutRecordsIsAllowed() throws {
        let batch = RawBatch([])
        var empty = batch
        empty.lastOffsetDelta = 4
        #expect(try BatchHeader(empty.bytes).totalLength == 61)
    }

    @Test func offsetsThatDoNotExistAreRefused() {
        for (base, last) in [(-1, 2), (0, -1), (.max, 0), (.max - 2, 2), (0, .min)] as [(Int64, Int32)] {
            var batch = RawBatch.sample()
            batch.baseOffset = base
            batch.lastOffsetDelta = last
            #expect(throws: BatchError.badOffsets(base: base, lastDelta: last)) { try BatchHeader(batch.bytes) }
        }
    }

    @Test func theLastPossibleOffsetsCanBeComputedWith() throws {
        var batch = RawBatch.sample()
        batch.baseOffset = .max - 3
        let header = try BatchHeader(batch.bytes)
        #expect(header.lastOffset == Offset(.max - 1))
        #expect(header.nextOffset == Offset(.max))
    }

    @Test func aNegativeCountIsRefused() {
        var batch = RawBatch.sample()
        batch.count = -1
        batch.lastOffsetDelta = 2
        #expect(throws: BatchError.badCount(records: -1, lastOffsetDelta: 2)) { try BatchHeader(batch.bytes) }
    }

    @Test func theLastSequenceNumberWrapsAround() throws {
        var batch = RawBatch.sample()
        #expect(try BatchHeader(batch.bytes).lastSequence == .none)
        batch.baseSequence = .max - 1
        #expect(try BatchHeader(batch.bytes).lastSequence == SequenceNumber(0))
    }

    @Test func attributesAreTheirBits() {
        #expect(BatchAttributes(compression: .zstd).rawValue == 4)
        #expect(BatchAttributes(timestampType: .logAppendTime).rawValue == 8)
        #expect(BatchAttributes(isTransactional: true).rawValue == 16)
        #expect(BatchAttributes(isControl: true).rawValue == 32)
        #expect(BatchAttributes(rawValue: 64).hasDeleteHorizon)
        #expect(BatchAttributes(rawValue: 7).compression == nil)
        #expect(BatchAttributes(rawValue: 7).codecNumber == 7)
        let all = BatchAttributes(rawValue: -1)
        #expect(all.isControl && all.isTransactional && all.timestampType == .logAppendTime)
    }
}
