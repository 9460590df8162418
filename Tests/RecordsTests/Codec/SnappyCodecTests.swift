import Model
import NIOCore
import Records
import Testing

@Suite struct SnappyCodecTests {
    /// "abc": its length, then a literal of three bytes.
    private static let raw: [UInt8] = [3, 0x08, 0x61, 0x62, 0x63]
    private static let header: [UInt8] = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1]

    private func decompress(_ bytes: [UInt8], limit: Int = 1_000) throws(BatchError) -> String {
        String(buffer: try Codec.decompress(ByteBuffer(bytes: bytes), with: .snappy, limit: limit))
    }

    @Test func blockLengthsMustFit() {
        for length in [[0, 0, 0, 6], [0x7f, 0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0xff], [0, 0, 0, 0]] as [[UInt8]] {
            #expect(throws: BatchError.self, "\(length)") { try decompress(Self.header + length + Self.raw) }
        }
        #expect(throws: BatchError.self) { try decompress(Self.header + [0, 0]) }
    }

    @Test func aLengthThatNoInputCanHaveIsRefusedBeforeItIsAllocated() {
        let error = #expect(throws: BatchError.self) {
            try decompress([0xff, 0xff, 0xff, 0xff, 0x0f, 0x08, 0x61], limit: .max)
        }
        #expect(error?.errorCode == .corruptMessage)
    }

    @Test func rawBlocksAreRead() throws {
        #expect(try decompress(Self.raw) == "abc")
        #expect(try decompress([0]) == "")
    }

    @Test func framedBlocksAreJoined() throws {
        #expect(try decompress(Self.header) == "")
        let block = [0, 0, 0, 5] + Self.raw
        #expect(try decompress(Self.header + block + block) == "abcabc")
    }

    /// snappy-java's block of 32 KiB; it reads no larger ones than its buffer.
    @Test func whatIsWrittenIsFramedInBlocks() throws {
        let compressed = try Codec.compress(ByteBuffer(repeating: 7, count: 70_000), with: .snappy)
        #expect(compressed.readableBytesView.starts(with: Self.header))
        var rest = compressed
        rest.moveReaderIndex(forwardBy: 16)
        var blocks = 0
        while let length = rest.readInteger(as: Int32.self) {
            #expect(rest.readSlice(length: Int(length)) != nil)
            blocks += 1
        }
        #expect(blocks == 3)
    }
}
