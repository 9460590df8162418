package import Model
package import NIOCore

/// The compression of record batches, by the codecs' own libraries.
///
/// What comes in is not trusted: sizes that it announces are hints, and the output never grows beyond the limit.
package enum Codec {
    /// What no limit can exceed: a `ByteBuffer` counts in 32 bits.
    package static let maximumOutputBytes = Int(Int32.max)

    /// The levels that a codec has, nil if it has none.
    package static func levels(of compression: Compression) -> ClosedRange<Int>? {
        switch compression {
        case .none, .snappy: nil
        case .gzip: GzipCodec.levels
        case .lz4: LZ4Codec.levels
        case .zstd: ZstdCodec.levels
        }
    }

    /// The most that `count` compressed bytes can become, by the codec's format alone.
    static func maximumOutputBytes(from count: Int, with compression: Compression) -> Int {
        let ratio =
            switch compression {
            case .none: 1
            case .gzip: GzipCodec.maximumRatio
            case .snappy: SnappyCodec.maximumRatio
            case .lz4: LZ4Codec.maximumRatio
            case .zstd: ZstdCodec.maximumRatio
            }
        let (product, overflow) = count.multipliedReportingOverflow(by: ratio)
        return overflow ? maximumOutputBytes : min(product, maximumOutputBytes)
    }

    /// Compresses the readable bytes.
    ///
    /// - Parameter level: One of ``levels(of:)``; nil is the codec's default.
    package static func compress(
        _ bytes: ByteBuffer,
        with compression: Compression,
        level: Int? = nil
    ) throws(BatchError) -> ByteBuffer {
        if let level {
            let allowed = levels(of: compression)
            guard let allowed, allowed.contains(level) else {
                throw .badCompressionLevel(compression, level: level, allowed: allowed)
            }
        }
        return switch compression {
        case .none: bytes
        case .gzip: try GzipCodec.compress(bytes, level: level)
        case .snappy: try SnappyCodec.compress(bytes)
        case .lz4: try LZ4Codec.compress(bytes, level: level)
        case .zstd: try ZstdCodec.compress(bytes, level: level)
        }
    }

    /// Decompresses the readable bytes, all of which must belong to the compressed data.
    ///
    /// - Parameter limit: The most bytes that may come out; ``maximumOutputBytes`` if it is more.
    package static func decompress(
        _ bytes: ByteBuffer,
        with compression: Compression,
        limit: Int
    ) throws(BatchError) -> ByteBuffer {
        let limit = min(max(limit, 0), maximumOutputBytes)
        guard compression == .none || bytes.readableBytes > 0 else {
            throw .undecodable(compression, reason: "there is no data")
        }
        switch compression {
        case .none:
            guard bytes.readableBytes <= limit else { throw .decompressedTooLarge(.none, limit: limit) }
            return bytes
        case .gzip: return try GzipCodec.decompress(bytes, limit: limit)
        case .snappy: return try SnappyCodec.decompress(bytes, limit: limit)
        case .lz4: return try LZ4Codec.decompress(bytes, limit: limit)
        case .zstd: return try ZstdCodec.decompress(bytes, limit: limit)
        }
    }
}
