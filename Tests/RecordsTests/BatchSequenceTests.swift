import Model
import NIOCore
import Records
import Testing

@Suite struct BatchSequenceTests {
    private static let batches = [RawBatch.sample(count: 2).bytes, RawBatch.sample(count: 5).bytes]

    private func batches(in bytes: ByteBuffer) throws(BatchError) -> (batches: [ByteBuffer], remaining: Int) {
        var sequence = BatchSequence(bytes)
        var found: [ByteBuffer] = []
        while let next = try sequence.next() { found.append(next.bytes) }
        return (found, sequence.remainingBytes)
    }

    @Test func nothingIsAnEmptySequence() throws {
        #expect(try batches(in: ByteBuffer()).batches.isEmpty)
    }

    @Test func aDamagedBatchEndsTheSequenceWithAnError() throws {
        var second = RawBatch.sample()
        second.magic = 7
        var bytes = Self.batches[0]
        bytes.writeImmutableBuffer(second.bytes)
        var sequence = BatchSequence(bytes)
        #expect(try sequence.next()?.bytes == Self.batches[0])
        #expect(throws: BatchError.unsupportedMagic(7)) { try sequence.next() }
    }

    @Test func aBatchCutOffAnywhereIsLeftOut() throws {
        var bytes = Self.batches[0]
        bytes.writeImmutableBuffer(Self.batches[1])
        let first = Self.batches[0].readableBytes
        for length in 0...bytes.readableBytes {
            let (found, remaining) = try batches(in: try #require(bytes.getSlice(at: 0, length: length)))
            let whole = length < first ? 0 : length < bytes.readableBytes ? 1 : 2
            #expect(found == Array(Self.batches.prefix(whole)), "\(length) bytes")
            #expect(remaining == length - found.reduce(0) { $0 + $1.readableBytes })
        }
    }
}
