import CLZ4
import Model
import NIOCore

/// The LZ4 frame format, with or without content size and checksums.
enum LZ4Codec {
    /// Kafka's, whose Java library goes higher than the C library; that one takes what is above its 12 as 12.
    static let levels = 1...17
    /// A byte of length repeats at most 255 bytes.
    static let maximumRatio = 255

    /// Text becomes about a third.
    private static let expectedRatio = 3

    static func compress(_ bytes: ByteBuffer, level: Int?) throws(BatchError) -> ByteBuffer {
        var preferences = LZ4F_preferences_t()
        // What Java writes and expects: independent blocks of 64 KiB.
        preferences.frameInfo.blockSizeID = LZ4F_max64KB
        preferences.frameInfo.blockMode = LZ4F_blockIndependent
        preferences.compressionLevel = Int32(level ?? 0)
        let bound = LZ4F_compressFrameBound(bytes.readableBytes, &preferences)
        var output = ByteBuffer()
        _ = try bytes.withUnsafeReadableBytes { input throws(BatchError) in
            try output.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { space throws(BatchError) in
                let written = LZ4F_compressFrame(
                    space.baseAddress,
                    space.count,
                    input.baseAddress,
                    input.count,
                    &preferences
                )
                guard LZ4F_isError(written) == 0 else { throw .unencodable(.lz4, reason: name(of: written)) }
                return written
            }
        }
        return output
    }

    static func decompress(_ bytes: ByteBuffer, limit: Int) throws(BatchError) -> ByteBuffer {
        var context: OpaquePointer?
        let status = LZ4F_createDecompressionContext(&context, UInt32(LZ4F_VERSION))
        guard LZ4F_isError(status) == 0, let context else { throw .undecodable(.lz4, reason: name(of: status)) }
        defer { LZ4F_freeDecompressionContext(context) }

        var output = BoundedOutput(.lz4, expected: bytes.readableBytes * expectedRatio, limit: limit)
        try bytes.withUnsafeReadableBytes { input throws(BatchError) in
            var rest = input
            var isInsideFrame = true
            while isInsideFrame || rest.count > 0 {
                try output.fill { space throws(BatchError) in
                    var written = space.count
                    var read = rest.count
                    let hint = LZ4F_decompress(context, space.baseAddress, &written, rest.baseAddress, &read, nil)
                    guard LZ4F_isError(hint) == 0 else { throw .undecodable(.lz4, reason: name(of: hint)) }
                    // There is always room for output, so what is missing is input.
                    guard hint == 0 || read > 0 || written > 0 else {
                        throw .undecodable(.lz4, reason: "the data ends too early")
                    }
                    isInsideFrame = hint != 0
                    rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(read))
                    return written
                }
            }
        }
        return output.bytes
    }

    private static func name(of code: LZ4F_errorCode_t) -> String { String(cString: LZ4F_getErrorName(code)) }
}
