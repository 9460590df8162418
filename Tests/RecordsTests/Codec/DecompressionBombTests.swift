import Model
import NIOCore
import Records
import Testing

/// Small inputs that would like to become large: none gets past the limit, and none gets the memory it claims.
@Suite struct DecompressionBombTests {
    private static let limit = 1 << 20

    private func expectRefused(
        _ bomb: ByteBuffer,
        _ compression: Compression,
        _ code: ErrorCode = .messageTooLarge,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let error = #expect(throws: BatchError.self, sourceLocation: sourceLocation) {
            try Codec.decompress(bomb, with: compression, limit: Self.limit)
        }
        #expect(error?.errorCode == code, "\(String(describing: error))", sourceLocation: sourceLocation)
    }

    @Test(arguments: Compression.allCases)
    func zeroesAreRefusedByCodecReaderAndValidator(compression: Compression) throws {
        let zeroes = ByteBuffer(repeating: 0, count: 8 << 20)
        let bomb = try Codec.compress(zeroes, with: compression)
        expectRefused(bomb, compression)
        guard compression != .none else { return }

        var batch = RawBatch.sample()
        batch.payload = Array(bomb.readableBytesView)
        batch.attributes = Int16(compression.rawValue)
        let tooLarge = BatchError.decompressedTooLarge(compression, limit: Self.limit)
        #expect(throws: tooLarge) {
            try RecordReader(batch: batch.bytes, limits: ReadLimits(maximumDecompressedBytes: Self.limit))
        }
        let rules = BatchRules(requiresKeys: true, maximumDecompressedBytes: Self.limit)
        #expect(throws: tooLarge) { try BatchValidator(rules).validate(batch.bytes, now: RawBatch.now) }
    }

    /// Blocks that each repeat one byte 128 Ki times, in a frame that does not say its size.
    @Test func aZstdFrameOfUnknownSize() {
        var frame = zstdFrame(descriptor: 0x00, [0x38])
        for index in 0..<4_000 {
            let header = UInt32(index == 3_999 ? 1 : 0) | 1 << 1 | 131_072 << 3
            frame.writeBytes([UInt8(header & 0xff), UInt8(header >> 8 & 0xff), UInt8(header >> 16), 0x41])
        }
        expectRefused(frame, .zstd)
    }

    @Test func aZstdFrameThatAnnouncesMoreThanAllowed() {
        expectRefused(zstdFrame(descriptor: 0xe0, [0, 0, 0, 0, 0, 0, 0, 0x10]), .zstd)
    }

    @Test func aZstdFrameThatAnnouncesLessThanItHas() throws {
        // One byte announced, a block of 200 repeated.
        var frame = zstdFrame(descriptor: 0x20, [1])
        let header: UInt32 = 1 | 1 << 1 | 200 << 3
        frame.writeBytes([UInt8(header & 0xff), UInt8(header >> 8 & 0xff), 0, 0x41])
        let error = #expect(throws: BatchError.self) {
            try Codec.decompress(frame, with: .zstd, limit: Self.limit)
        }
        #expect(error != nil)
    }

    /// A window of 128 MiB, as clients at level 22 announce, costs nothing here.
    @Test func aZstdFrameWithALargeWindowIsRead() throws {
        var frame = zstdFrame(descriptor: 0x00, [17 << 3])
        frame.writeBytes([1 | 1 << 1 | 5 << 3, 0, 0, 0x41])
        #expect(try Codec.decompress(frame, with: .zstd, limit: 5) == ByteBuffer(string: "AAAAA"))
    }

    private func zstdFrame(descriptor: UInt8, _ rest: [UInt8]) -> ByteBuffer {
        ByteBuffer(bytes: [0x28, 0xb5, 0x2f, 0xfd, descriptor] + rest)
    }

    @Test func anLZ4FrameThatLiesAboutItsSize() throws {
        // A golden frame of kafka-python, which has a content size, with another size and its header's checksum gone.
        let golden = try #require(GoldenBatch.all.first { $0.compression == .lz4 })
        var frame = ByteBuffer(hex: golden.hex)
        frame.moveReaderIndex(forwardBy: 61)
        frame.setInteger(UInt64.max, at: frame.readerIndex + 6)
        expectRefused(frame, .lz4, .corruptMessage)
    }

    @Test func snappyBlocksThatAreTooLargeTogether() throws {
        let block = try Codec.compress(ByteBuffer(repeating: 0, count: 32 << 10), with: .snappy)
        var bomb = try #require(block.getSlice(at: 0, length: 16))
        let blockBytes = try #require(block.getSlice(at: 16, length: block.readableBytes - 16))
        for _ in 0..<33 { bomb.writeImmutableBuffer(blockBytes) }
        expectRefused(bomb, .snappy)
    }

    @Test func gzipMembersThatAreTooLargeTogether() throws {
        let member = try Codec.compress(ByteBuffer(repeating: 0, count: 64 << 10), with: .gzip)
        var bomb = ByteBuffer()
        for _ in 0..<17 { bomb.writeImmutableBuffer(member) }
        expectRefused(bomb, .gzip)
    }
}
