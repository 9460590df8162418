import NIOCore

/// The receive buffers of one event loop, so that the memory that frames arrive in stays warm. Owned by the event loop.
final class ReceiveBuffers {
    /// The size of the buffer that small requests are read into, many at a time.
    static let smallCapacity = 64 * 1024
    /// Larger buffers than this go back to the allocator.
    static let largestKept = 2 * 1024 * 1024
    /// How many large buffers are kept.
    static let kept = 2

    private let allocator = ByteBufferAllocator()
    private var small: ByteBuffer?
    private var large: [ByteBuffer] = []

    /// An empty buffer for whatever arrives next.
    func takeSmall() -> ByteBuffer {
        defer { small = nil }
        return small ?? allocator.buffer(capacity: Self.smallCapacity)
    }

    /// Takes a small buffer back; its memory is used again if nobody holds a slice of it.
    func giveBackSmall(_ buffer: consuming ByteBuffer) {
        buffer.clear()
        small = buffer
    }

    /// An empty buffer for a frame of `capacity` bytes.
    func takeLarge(capacity: Int) -> ByteBuffer {
        guard capacity > Self.smallCapacity else { return allocator.buffer(capacity: capacity) }
        if let index = large.lastIndex(where: { $0.capacity >= capacity }) { return large.remove(at: index) }
        return allocator.buffer(capacity: capacity)
    }

    /// Takes a large buffer back.
    func giveBackLarge(_ buffer: consuming ByteBuffer) {
        let isKept = buffer.capacity > Self.smallCapacity && buffer.capacity <= Self.largestKept
        guard isKept, large.count < Self.kept else { return }
        buffer.clear()
        large.append(buffer)
    }
}
