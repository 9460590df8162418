import NIOCore

extension ByteBuffer {
    /// The readable bytes after the first `count`; shares the storage. Empty if there are no more than that.
    func dropFirst(_ count: Int) -> ByteBuffer {
        let skipped = min(count, readableBytes)
        return getSlice(at: readerIndex + skipped, length: readableBytes - skipped) ?? ByteBuffer()
    }
}
