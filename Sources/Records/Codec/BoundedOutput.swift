import Model
import NIOCore

/// Where a decompressor writes an unknown number of bytes: grows as they come, up to a limit. Owned by one call.
struct BoundedOutput {
    private(set) var bytes: ByteBuffer
    private let compression: Compression
    private let limit: Int

    /// Enough for most batches, little enough to be wasted.
    private static let smallestStep = 16 << 10

    /// - Parameter expected: A guess at the bytes to come, which may be the input's claim.
    init(_ compression: Compression, expected: Int, limit: Int) {
        self.compression = compression
        self.limit = limit
        bytes = ByteBuffer()
        bytes.reserveCapacity(min(max(expected, Self.smallestStep), limit))
    }

    /// Lets `body` write into at least one free byte; it returns how many it wrote.
    mutating func fill(_ body: (UnsafeMutableRawBufferPointer) throws(BatchError) -> Int) throws(BatchError) {
        if bytes.writableBytes == 0 { bytes.reserveCapacity(minimumWritableBytes: nextStep) }
        let room = limit - bytes.readableBytes + 1
        try bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: 1) { space throws(BatchError) in
            try body(UnsafeMutableRawBufferPointer(rebasing: space.prefix(room)))
        }
        guard bytes.readableBytes <= limit else { throw .decompressedTooLarge(compression, limit: limit) }
    }

    /// Doubles what is there, so that copying stays linear, but never asks for more than one byte above the limit:
    /// that byte tells an output that just fits from one that does not.
    private var nextStep: Int {
        min(max(bytes.readableBytes, Self.smallestStep), limit - bytes.readableBytes + 1)
    }
}
