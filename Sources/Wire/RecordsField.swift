import Glibc
package import Model
package import NIOCore

/// The `records` of a Produce request or a Fetch response: batches that are never copied on their way. Immutable.
///
/// Reading yields a slice of the frame; writing takes bytes, or a range of a file that the transport sends by
/// sendfile(2).
package enum RecordsField: Equatable, Sendable {
    case null
    case bytes(ByteBuffer)
    case file(FileSlice)

    /// The number of bytes on the wire.
    package var length: Int {
        switch self {
        case .null: 0
        case .bytes(let buffer): buffer.readableBytes
        case .file(let slice): slice.length
        }
    }
}

/// What a transport sends for one frame: bytes, with ranges of files between them.
package struct WireOutput: Sendable {
    /// All bytes of the frame but those of the files.
    package var bytes: ByteBuffer
    /// File ranges, each with the index in ``bytes`` in front of which it belongs, in ascending order.
    package var files: [(index: Int, slice: FileSlice)] = []

    package init(bytes: ByteBuffer) { self.bytes = bytes }

    /// The frame's length in bytes, file ranges included.
    package var length: Int { files.reduce(bytes.readableBytes) { $0 + $1.slice.length } }
}

extension FileSlice {
    /// The slice's bytes in memory. Waits for the disk if they are not in the page cache.
    package func read() throws(FileError) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: length)
        var failure: FileError?
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { space in
            let wanted = UnsafeMutableRawBufferPointer(rebasing: space.prefix(length))
            do throws(FileError) {
                return try file.read(into: wanted, at: position)
            } catch {
                failure = error
                return 0
            }
        }
        if let failure { throw failure }
        guard buffer.readableBytes == length else {
            throw FileError("read \(length) bytes from \(position) on of", file.path, code: EIO)
        }
        return buffer
    }
}
