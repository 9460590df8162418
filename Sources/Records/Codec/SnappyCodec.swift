import CSnappy
import Model
import NIOCore

/// Snappy, raw (librdkafka and others) or in the framing of xerial's snappy-java (Java and most other clients).
///
/// The framing is, big-endian:
///
///     8  82 53 4e 41 50 50 59 00       "\x82SNAPPY\0"
///     4  version                       1
///     4  lowest compatible version     1
///     then per block: 4 length, the raw block
///
/// A raw block cannot start so: it would announce 10,626 bytes and begin with a copy of bytes that are not there yet.
enum SnappyCodec {
    private static let magic: [UInt8] = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]
    private static let version: Int32 = 1
    private static let headerBytes = 16
    private static let lengthBytes = 4
    /// snappy-java's default block.
    private static let blockBytes = 32 << 10
    /// No element of the format makes more out of a byte: two or three bytes copy at most 64.
    static let maximumRatio = 32

    static func compress(_ bytes: ByteBuffer) throws(BatchError) -> ByteBuffer {
        var output = ByteBuffer()
        let blocks = bytes.readableBytes / blockBytes + 1
        output.reserveCapacity(
            headerBytes + blocks * lengthBytes + snappy_max_compressed_length(bytes.readableBytes)
        )
        output.writeBytes(magic)
        output.writeMultipleIntegers(version, version)
        var input = bytes
        while let block = input.readSlice(length: min(blockBytes, input.readableBytes)), block.readableBytes > 0 {
            let lengthIndex = output.writerIndex
            output.writeInteger(Int32(0))
            let written = try compress(block: block, to: &output)
            output.setInteger(Int32(written), at: lengthIndex)
        }
        return output
    }

    private static func compress(block: ByteBuffer, to output: inout ByteBuffer) throws(BatchError) -> Int {
        try block.withUnsafeReadableBytes { input throws(BatchError) in
            let bound = snappy_max_compressed_length(input.count)
            return try output.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { space throws(BatchError) in
                var length = space.count
                let status = snappy_compress(
                    input.baseAddress?.assumingMemoryBound(to: CChar.self),
                    input.count,
                    space.baseAddress?.assumingMemoryBound(to: CChar.self),
                    &length
                )
                guard status == SNAPPY_OK else { throw .unencodable(.snappy, reason: "status \(status.rawValue)") }
                return length
            }
        }
    }

    static func decompress(_ bytes: ByteBuffer, limit: Int) throws(BatchError) -> ByteBuffer {
        var output = ByteBuffer()
        guard bytes.readableBytes >= headerBytes, bytes.readableBytesView.starts(with: magic) else {
            try decompress(block: bytes, to: &output, limit: limit)
            return output
        }
        var input = bytes.dropFirst(headerBytes)
        while input.readableBytes > 0 {
            guard let length = input.readInteger(as: Int32.self) else {
                throw .undecodable(.snappy, reason: "the data ends inside a block's length")
            }
            guard length >= 0, let block = input.readSlice(length: Int(length)) else {
                throw .undecodable(
                    .snappy,
                    reason: "block length \(length) does not fit the \(input.readableBytes) bytes that are left"
                )
            }
            try decompress(block: block, to: &output, limit: limit)
        }
        return output
    }

    /// Appends the decompressed block. Its own claim sizes the output, after it has been found possible.
    private static func decompress(block: ByteBuffer, to output: inout ByteBuffer, limit: Int) throws(BatchError) {
        try block.withUnsafeReadableBytes { input throws(BatchError) in
            let start = input.baseAddress?.assumingMemoryBound(to: CChar.self)
            var claimed = 0
            guard snappy_uncompressed_length(start, input.count, &claimed) == SNAPPY_OK,
                claimed <= input.count * maximumRatio
            else {
                throw .undecodable(.snappy, reason: "a block of \(input.count) bytes announces an impossible length")
            }
            guard claimed <= limit - output.readableBytes else { throw .decompressedTooLarge(.snappy, limit: limit) }
            try output.writeWithUnsafeMutableBytes(minimumWritableBytes: claimed) { space throws(BatchError) in
                var length = space.count
                let status = snappy_uncompress(
                    start,
                    input.count,
                    space.baseAddress?.assumingMemoryBound(to: CChar.self),
                    &length
                )
                guard status == SNAPPY_OK else { throw .undecodable(.snappy, reason: "a block is damaged") }
                return length
            }
        }
    }
}
