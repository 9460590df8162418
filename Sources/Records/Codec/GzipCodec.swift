import CZlib
import Model
import NIOCore

/// gzip (RFC 1952) by zlib. Several members in a row are one stream, as in `gzip` itself and in Java.
enum GzipCodec {
    static let levels = 1...9
    /// Two bits repeat at most 258 bytes.
    static let maximumRatio = 1_032

    /// Windows of 32 KiB with gzip's header and trailer, not zlib's.
    private static let windowBits: Int32 = 15 + 16
    private static let memoryLevel: Int32 = 8
    /// Text becomes about a quarter.
    private static let expectedRatio = 4

    static func compress(_ bytes: ByteBuffer, level: Int?) throws(BatchError) -> ByteBuffer {
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        defer { stream.deallocate() }
        stream.initialize(to: z_stream())
        let status = deflateInit2_(
            stream,
            level.map { Int32($0) } ?? Z_DEFAULT_COMPRESSION,
            Z_DEFLATED,
            windowBits,
            memoryLevel,
            Z_DEFAULT_STRATEGY,
            ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size)
        )
        guard status == Z_OK else { throw .unencodable(.gzip, reason: "zlib status \(status)") }
        defer { deflateEnd(stream) }

        let bound = Int(deflateBound(stream, UInt(bytes.readableBytes)))
        var output = ByteBuffer()
        try bytes.withUnsafeReadableBytes { input throws(BatchError) in
            stream.pointee.setInput(input)
            try output.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { space throws(BatchError) in
                stream.pointee.setOutput(space)
                let status = deflate(stream, Z_FINISH)
                guard status == Z_STREAM_END else { throw .unencodable(.gzip, reason: "zlib status \(status)") }
                return space.count - Int(stream.pointee.avail_out)
            }
        }
        return output
    }

    static func decompress(_ bytes: ByteBuffer, limit: Int) throws(BatchError) -> ByteBuffer {
        // On the heap, because the library's state points back at it.
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        defer { stream.deallocate() }
        stream.initialize(to: z_stream())
        let status = inflateInit2_(stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else { throw .undecodable(.gzip, reason: "zlib status \(status)") }
        defer { inflateEnd(stream) }

        var output = BoundedOutput(.gzip, expected: bytes.readableBytes * expectedRatio, limit: limit)
        try bytes.withUnsafeReadableBytes { input throws(BatchError) in
            stream.pointee.setInput(input)
            var isFinished = false
            while !isFinished {
                try output.fill { space throws(BatchError) in
                    stream.pointee.setOutput(space)
                    isFinished = try inflateOnce(stream)
                    return space.count - Int(stream.pointee.avail_out)
                }
            }
        }
        return output.bytes
    }

    /// Returns whether the last member has ended.
    private static func inflateOnce(_ stream: UnsafeMutablePointer<z_stream>) throws(BatchError) -> Bool {
        let status = inflate(stream, Z_NO_FLUSH)
        switch status {
        case Z_OK: return false
        case Z_STREAM_END:
            if stream.pointee.avail_in == 0 { return true }
            inflateReset(stream)
            return false
        // There is always room for output, so what is missing is input.
        case Z_BUF_ERROR: throw .undecodable(.gzip, reason: "the data ends too early")
        default:
            let message = stream.pointee.msg.map { String(cString: $0) }
            throw .undecodable(.gzip, reason: message ?? "zlib status \(status)")
        }
    }
}

extension z_stream {
    fileprivate mutating func setInput(_ bytes: UnsafeRawBufferPointer) {
        // The library does not write there; its declaration predates `const`.
        next_in = UnsafeMutablePointer(mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
        avail_in = UInt32(clamping: bytes.count)
    }

    fileprivate mutating func setOutput(_ space: UnsafeMutableRawBufferPointer) {
        next_out = space.baseAddress?.assumingMemoryBound(to: UInt8.self)
        avail_out = UInt32(clamping: space.count)
    }
}
