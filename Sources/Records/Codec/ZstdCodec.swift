import CZstd
import Model
import NIOCore

/// Zstandard (RFC 8878). Several frames in a row are one stream.
///
/// Decompresses in one go into the output and not as a stream: a stream needs the window that the frame announces
/// (128 MiB from a client at level 22) beside the output, in one go the output is the window. What is paid is that a
/// frame without a content size may be started over with more room.
enum ZstdCodec {
    static let levels = Int(ZSTD_minCLevel())...Int(ZSTD_maxCLevel())
    /// A block of four bytes repeats one of them at most 128 Ki times.
    static let maximumRatio = 32 << 10

    /// Text becomes about a sixth; more room than needed is never touched.
    private static let expectedRatio = 8
    private static let smallestOutput = 64 << 10
    private static let growthFactor = 4

    // A context of its own per call costs 10 µs, ten times the decompression of a small batch.
    private static let decompressors = PerThread(
        make: { ZSTD_createDCtx() },
        free: { ZSTD_freeDCtx($0) },
        destroy: { ZSTD_freeDCtx($0.map { OpaquePointer($0) }) }
    )
    private static let compressors = PerThread(
        make: { ZSTD_createCCtx() },
        free: { ZSTD_freeCCtx($0) },
        destroy: { ZSTD_freeCCtx($0.map { OpaquePointer($0) }) }
    )
    /// What a thread may keep: the default level needs a few MiB at most, the highest hundreds.
    private static let keptCompressorBytes = 8 << 20

    static func compress(_ bytes: ByteBuffer, level: Int?) throws(BatchError) -> ByteBuffer {
        let bound = ZSTD_compressBound(bytes.readableBytes)
        let level = level.map { Int32($0) } ?? ZSTD_defaultCLevel()
        guard let context = compressors.current() else { throw .unencodable(.zstd, reason: noMemory) }
        defer { if ZSTD_sizeof_CCtx(context) > keptCompressorBytes { compressors.discard() } }
        var output = ByteBuffer()
        _ = try bytes.withUnsafeReadableBytes { input throws(BatchError) in
            try output.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { space throws(BatchError) in
                let written = ZSTD_compressCCtx(
                    context,
                    space.baseAddress,
                    space.count,
                    input.baseAddress,
                    input.count,
                    level
                )
                guard ZSTD_isError(written) == 0 else { throw .unencodable(.zstd, reason: name(of: written)) }
                return written
            }
        }
        return output
    }

    static func decompress(_ bytes: ByteBuffer, limit: Int) throws(BatchError) -> ByteBuffer {
        guard let context = decompressors.current() else { throw .undecodable(.zstd, reason: noMemory) }
        return try bytes.withUnsafeReadableBytes { input throws(BatchError) in
            var capacity = try firstCapacity(input, limit: limit)
            while true {
                var output = ByteBuffer()
                var status = 0
                output.writeWithUnsafeMutableBytes(minimumWritableBytes: capacity) { space in
                    // Not all the space: the buffer may have more than it was asked for.
                    status = ZSTD_decompressDCtx(context, space.baseAddress, capacity, input.baseAddress, input.count)
                    return ZSTD_isError(status) == 0 ? status : 0
                }
                if ZSTD_isError(status) == 0 { return output }
                guard ZSTD_getErrorCode(status) == ZSTD_error_dstSize_tooSmall else {
                    throw .undecodable(.zstd, reason: name(of: status))
                }
                guard capacity < limit else { throw .decompressedTooLarge(.zstd, limit: limit) }
                capacity = min(max(capacity * growthFactor, smallestOutput), limit)
            }
        }
    }

    /// The first frame's claim, if it makes one that is allowed; else a guess.
    private static func firstCapacity(_ input: UnsafeRawBufferPointer, limit: Int) throws(BatchError) -> Int {
        let claimed = ZSTD_getFrameContentSize(input.baseAddress, input.count)
        // The header has the two special values as 0 - 1 and 0 - 2, which Swift does not import.
        let isKnown = claimed < UInt64.max - 1
        guard isKnown else { return min(max(input.count * expectedRatio, smallestOutput), limit) }
        guard claimed <= UInt64(limit) else { throw .decompressedTooLarge(.zstd, limit: limit) }
        return Int(claimed)
    }

    private static let noMemory = "there is no memory for its context"

    private static func name(of code: Int) -> String { String(cString: ZSTD_getErrorName(code)) }
}
