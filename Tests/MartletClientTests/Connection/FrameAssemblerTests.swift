import Model
import NIOCore
import Testing

@testable import MartletClient

@Suite struct FrameAssemblerTests {
    func refusal(of bytes: [UInt8]) -> ClientError? {
        var assembler = FrameAssembler(maximumLength: 1 << 20)
        assembler.append(ByteBuffer(bytes: bytes))
        do throws(ClientError) {
            let frame = try assembler.next()
            Issue.record("accepted: \(String(describing: frame))")
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [
        ("HTTP/1.1 400 Bad Request", "HTTP"), ("SSH-2.0-OpenSSH_9.2", "SSH"), ("\u{15}\u{3}\u{1}\u{0}\u{2}", "TLS"),
    ])
    func otherProtocolsAreNamed(start: String, name: String) {
        let error = refusal(of: Array(start.utf8))
        #expect(error?.kind == .protocolViolation)
        #expect(error?.message.contains(name) == true)
    }

    @Test(arguments: [Int32.min, -1, 0, 3, 1 << 20 + 1, .max])
    func impossibleLengthsAreRefused(length: Int32) {
        var buffer = ByteBuffer(integer: length)
        buffer.writeInteger(0 as Int32)
        #expect(refusal(of: Array(buffer.readableBytesView))?.message.contains("\(length) bytes") == true)
    }

    /// Frames of all sizes cut into pieces of all sizes come out as they went in.
    @Test(arguments: 0..<50 as Range<UInt64>)
    func framesSurviveBeingCutUp(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var frames: [[UInt8]] = []
        var stream: [UInt8] = []
        for _ in 0..<20 {
            let length = Int.random(in: 4...300, using: &generator)
            let frame = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
            frames.append(frame)
            stream += ByteBuffer(integer: Int32(length)).readableBytesView
            stream += frame
        }
        var assembler = FrameAssembler(maximumLength: 300)
        var result: [[UInt8]] = []
        while !stream.isEmpty {
            let count = min(stream.count, Int.random(in: 1...400, using: &generator))
            assembler.append(ByteBuffer(bytes: stream.prefix(count)))
            stream.removeFirst(count)
            while let frame = try assembler.next() { result.append(Array(frame.readableBytesView)) }
        }
        #expect(result == frames, "seed \(seed)")
    }
}
