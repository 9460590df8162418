import Model
import NIOCore
import Records
import Testing

@Suite struct CodecTests {
    private static let codecs = Compression.allCases.filter { $0 != .none }

    @Test(arguments: codecs)
    func nothingIsNotCompressedData(compression: Compression) {
        #expect(throws: BatchError.undecodable(compression, reason: "there is no data")) {
            try Codec.decompress(ByteBuffer(), with: compression, limit: 100)
        }
    }

    @Test(arguments: codecs)
    func garbageIsRefused(compression: Compression) {
        let garbage = ByteBuffer(repeating: 0xfe, count: 100)
        let error = #expect(throws: BatchError.self) {
            try Codec.decompress(garbage, with: compression, limit: 1_000)
        }
        #expect(error?.errorCode == .corruptMessage)
    }

    @Test(arguments: codecs)
    func everyTruncationIsRefused(compression: Compression) throws {
        let compressed = try Codec.compress(text(1_000), with: compression)
        for length in 0..<compressed.readableBytes {
            let part = try #require(compressed.getSlice(at: 0, length: length))
            // xerial's framing has no end: without any of its blocks it is whole.
            if compression == .snappy, length == 16 { continue }
            #expect(throws: BatchError.self, "\(length) of \(compressed.readableBytes) bytes") {
                try Codec.decompress(part, with: compression, limit: 10_000)
            }
        }
    }

    @Test(arguments: codecs)
    func bytesAfterTheDataAreRefused(compression: Compression) throws {
        var compressed = try Codec.compress(text(1_000), with: compression)
        compressed.writeBytes([1, 2, 3])
        #expect(throws: BatchError.self) { try Codec.decompress(compressed, with: compression, limit: 10_000) }
    }

    /// The limit is a promise in both directions, also where output grows in steps.
    @Test(arguments: Compression.allCases)
    func theLimitIsExact(compression: Compression) throws {
        for size in [1, 7, 16_383, 16_384, 16_385, 65_536, 300_000] {
            let input = text(size)
            let compressed = try Codec.compress(input, with: compression)
            #expect(try Codec.decompress(compressed.shifted, with: compression, limit: size) == input)
            #expect(throws: BatchError.decompressedTooLarge(compression, limit: size - 1), "\(size)") {
                try Codec.decompress(compressed, with: compression, limit: size - 1)
            }
        }
    }

    @Test(arguments: Compression.allCases)
    func nonsensicalLimitsAreLimitsToo(compression: Compression) throws {
        let compressed = try Codec.compress(text(10), with: compression)
        #expect(try Codec.decompress(compressed, with: compression, limit: .max) == text(10))
        #expect(throws: BatchError.decompressedTooLarge(compression, limit: 0)) {
            try Codec.decompress(compressed, with: compression, limit: -5)
        }
    }

    @Test(arguments: Compression.allCases)
    func randomBytesAreReadBack(compression: Compression) throws {
        for seed in 0..<40 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let input = ByteBuffer.random(upTo: seed < 35 ? 2_000 : 200_000, using: &generator)
            let compressed = try Codec.compress(input, with: compression)
            #expect(
                try Codec.decompress(compressed, with: compression, limit: 200_000) == input
                    || (compression == .snappy && input.readableBytes == 0),
                "seed \(seed)"
            )
        }
    }

    /// gzip, LZ4 and zstd define that streams in a row are one.
    @Test(arguments: [Compression.gzip, .lz4, .zstd])
    func streamsInARowAreOne(compression: Compression) throws {
        var compressed = try Codec.compress(text(5), with: compression)
        compressed.writeImmutableBuffer(try Codec.compress(text(100_000), with: compression))
        var expected = text(5)
        expected.writeImmutableBuffer(text(100_000))
        #expect(try Codec.decompress(compressed, with: compression, limit: 100_005) == expected)
        #expect(throws: BatchError.decompressedTooLarge(compression, limit: 100_004)) {
            try Codec.decompress(compressed, with: compression, limit: 100_004)
        }
    }

    private func text(_ length: Int) -> ByteBuffer {
        ByteBuffer(
            bytes: (0..<length).map { index -> UInt8 in
                let (letter, variation) = (index % 61, index / 977 % 8)
                return UInt8(letter ^ variation)
            }
        )
    }
}
