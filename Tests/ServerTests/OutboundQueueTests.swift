import Glibc
import Model
import NIOCore
import Testing
import Wire

@testable import Server

/// Bytes and file ranges through a real socket pair.
struct OutboundQueueTests {
    /// Two connected sockets, the first one non-blocking, closed in the end.
    private final class Pair {
        let near: CInt
        let far: CInt

        init() {
            var sockets: [CInt] = [0, 0]
            socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &sockets)
            (near, far) = (sockets[0], sockets[1])
            _ = fcntl(near, F_SETFL, O_NONBLOCK)
        }

        deinit {
            close(near)
            close(far)
        }

        func receive(_ count: Int) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: count)
            let received = recv(far, &bytes, count, 0)
            return Array(bytes.prefix(max(received, 0)))
        }
    }

    private func temporaryFile(_ contents: [UInt8]) throws -> any File {
        let path = "/tmp/martlet-outbound-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        let file = try PosixFileSystem().open(path, .createNew)
        try contents.withUnsafeBytes { try file.write($0, UnsafeRawBufferPointer(start: nil, count: 0), at: .zero) }
        try PosixFileSystem().remove(path)
        return file
    }

    private func output(_ head: String, _ slice: FileSlice, _ tail: String) -> WireOutput {
        var output = WireOutput(bytes: ByteBuffer(string: head))
        output.files = [(output.bytes.writerIndex, slice)]
        output.bytes.writeString(tail)
        return output
    }

    @Test(arguments: [100, OutboundQueue.largestCopiedFile, OutboundQueue.largestCopiedFile + 1, 60_000])
    func fileRangesStandBetweenTheBytesAroundThem(length: Int) throws {
        let contents = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let slice = FileSlice(file: try temporaryFile(contents), position: FilePosition(7), length: length)
        let pair = Pair()
        var queue = OutboundQueue()
        try queue.append(output("head", slice, "tail"))
        var sent = 0
        let progress = queue.write(to: pair.near, sent: &sent)
        #expect(progress == .drained)
        #expect(sent == length + 8)
        let expected = Array("head".utf8) + contents[7..<(7 + length)] + Array("tail".utf8)
        var received: [UInt8] = []
        while received.count < expected.count { received += pair.receive(expected.count - received.count) }
        #expect(received == expected)
    }

    @Test func aFullSocketBlocksAndNothingIsLost() throws {
        let contents = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
        let file = try temporaryFile(contents)
        let pair = Pair()
        var queue = OutboundQueue()
        try queue.append(output("a", FileSlice(file: file, position: .zero, length: contents.count), "z"))
        var received: [UInt8] = []
        var blocked = 0
        while true {
            var sent = 0
            let progress = queue.write(to: pair.near, sent: &sent)
            if progress == .blocked { blocked += 1 }
            if progress == .drained, queue.isEmpty, received.count + sent == contents.count + 2 {
                while received.count < contents.count + 2 { received += pair.receive(1 << 20) }
                break
            }
            received += pair.receive(1 << 16)
        }
        #expect(blocked > 0)
        #expect(received == [UInt8(ascii: "a")] + contents + [UInt8(ascii: "z")])
    }

    @Test func aFileThatEndsEarlyIsAFailureAndNotAnEndlessLoop() throws {
        let file = try temporaryFile([UInt8](repeating: 1, count: 10_000))
        let pair = Pair()
        var queue = OutboundQueue()
        try queue.append(output("", FileSlice(file: file, position: .zero, length: 50_000), ""))
        var sent = 0
        guard case .failed = queue.write(to: pair.near, sent: &sent) else {
            Issue.record("a file of 10,000 bytes cannot yield 50,000")
            return
        }
    }

    @Test func aClosedPeerIsAFailureAndNotASignal() throws {
        let pair = Pair()
        shutdown(pair.far, CInt(SHUT_RDWR))
        var queue = OutboundQueue()
        queue.append(ByteBuffer(string: "anyone?"))
        var sent = 0
        guard case .failed = queue.write(to: pair.near, sent: &sent) else {
            Issue.record("writing to a closed peer must fail")
            return
        }
    }

    @Test func smallResponsesThatWaitTogetherLeaveTogether() {
        let pair = Pair()
        var queue = OutboundQueue()
        for number in 0..<100 { queue.append(ByteBuffer(string: "\(number),")) }
        #expect(queue.bufferedBytes == 290)
        var sent = 0
        let progress = queue.write(to: pair.near, sent: &sent)
        #expect(progress == .drained)
        #expect(queue.bufferedBytes == 0)
        #expect(String(decoding: pair.receive(1000), as: UTF8.self) == (0..<100).map { "\($0)," }.joined())
    }
}
