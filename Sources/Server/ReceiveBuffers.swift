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
        guard var buffer = small else { return allocator.buffer(capacity: Self.smallCapacity) }
        small = nil
        buffer.clear()
        return buffer
    }

    /// Takes a small buffer back; its memory is used again if nobody holds a slice of it when it is taken.
    ///
    /// It is not cleared here: whoever gives it back still has a copy until the call returns, and clearing a buffer that is
    /// not alone with its memory allocates new memory.
    func giveBackSmall(_ buffer: ByteBuffer) { small = buffer }

    /// An empty buffer for a frame of `capacity` bytes.
    func takeLarge(capacity: Int) -> ByteBuffer {
        guard capacity > Self.smallCapacity, let index = large.lastIndex(where: { $0.capacity >= capacity }) else {
            return allocator.buffer(capacity: capacity)
        }
        var buffer = large.remove(at: index)
        buffer.clear()
        return buffer
    }

    /// Takes a large buffer back, which is not cleared here for the same reason.
    func giveBackLarge(_ buffer: ByteBuffer) {
        let isKept = buffer.capacity > Self.smallCapacity && buffer.capacity <= Self.largestKept
        guard isKept, large.count < Self.kept else { return }
        large.append(buffer)
    }
}
