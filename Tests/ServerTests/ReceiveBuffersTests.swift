import NIOCore
import Testing

@testable import Server

@Suite("Receive buffers")
struct ReceiveBuffersTests {
    private let buffers = ReceiveBuffers()

    private func address(of buffer: ByteBuffer) -> UnsafeRawPointer? {
        buffer.withVeryUnsafeBytes { $0.baseAddress }
    }

    @Test("A slice that somebody still holds keeps its bytes when the buffer is used again")
    func heldSlice() {
        var first = buffers.takeSmall()
        first.writeString("first")
        let held = first.getSlice(at: 0, length: 5)
        buffers.giveBackSmall(first)
        first = ByteBuffer()
        var second = buffers.takeSmall()
        second.writeString("other")
        #expect(held == ByteBuffer(string: "first"))
        #expect(second == ByteBuffer(string: "other"))
    }

    @Test("The small buffer's memory is used again once nobody holds a slice of it, though it was held when given back")
    func smallAgain() {
        var first = buffers.takeSmall()
        first.writeString("first")
        let memory = address(of: first)
        buffers.giveBackSmall(first)
        first = ByteBuffer()
        let second = buffers.takeSmall()
        #expect(address(of: second) == memory)
        #expect(second.readableBytes == 0)
        #expect(second.writableBytes >= ReceiveBuffers.smallCapacity)
    }

    @Test("Large buffers are used again, those above the largest kept are not")
    func largeAgain() {
        var first = buffers.takeLarge(capacity: 1 << 20)
        first.writeString("first")
        let memory = address(of: first)
        buffers.giveBackLarge(first)
        first = ByteBuffer()
        let second = buffers.takeLarge(capacity: 1 << 19)
        #expect(address(of: second) == memory)
        #expect(second.readableBytes == 0)

        var huge = buffers.takeLarge(capacity: ReceiveBuffers.largestKept + 1)
        huge.writeString("huge")
        buffers.giveBackLarge(huge)
        #expect(buffers.takeLarge(capacity: 1 << 19).capacity <= ReceiveBuffers.largestKept)
    }
}
