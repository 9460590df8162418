import NIOCore
import Wire

/// Cuts a stream of bytes into frames without their length. A value, owned by the connection's handler.
///
/// A frame that arrives whole is a slice of what was read; one that does not is copied once, into a buffer of its size.
struct FrameAssembler {
    /// The longest frame accepted: a longer one is not read at all.
    let maximumLength: Int
    private var incoming = ByteBuffer()
    /// The beginning of a frame, length included, that is still incomplete.
    private var partial: ByteBuffer?

    init(maximumLength: Int) { self.maximumLength = maximumLength }

    /// Takes what was read. Call ``next()`` until it returns nil before the next call.
    mutating func append(_ bytes: ByteBuffer) {
        if incoming.readableBytes == 0 {
            incoming = bytes
        } else {
            incoming.writeImmutableBuffer(bytes)
        }
    }

    /// The next whole frame, or nil if more bytes are needed.
    mutating func next() throws(ClientError) -> ByteBuffer? {
        if partial != nil { return try continuePartial() }
        guard incoming.readableBytes > 0 else { return nil }
        guard let length = try frameLength(incoming) else {
            partial = ByteBuffer()
            return try continuePartial()
        }
        guard incoming.readableBytes >= Frame.lengthBytes + length else {
            var buffer = ByteBuffer()
            buffer.reserveCapacity(Frame.lengthBytes + length)
            partial = buffer
            return try continuePartial()
        }
        incoming.moveReaderIndex(forwardBy: Frame.lengthBytes)
        return incoming.readSlice(length: length)
    }

    private mutating func continuePartial() throws(ClientError) -> ByteBuffer? {
        guard var frame = partial.take() else { return nil }
        if frame.readableBytes < Frame.lengthBytes {
            move(Frame.lengthBytes - frame.readableBytes, to: &frame)
        }
        guard let length = try frameLength(frame) else {
            partial = frame
            return nil
        }
        let missing = Frame.lengthBytes + length - frame.readableBytes
        frame.reserveCapacity(minimumWritableBytes: missing)
        move(missing, to: &frame)
        guard frame.readableBytes == Frame.lengthBytes + length else {
            partial = frame
            return nil
        }
        frame.moveReaderIndex(forwardBy: Frame.lengthBytes)
        return frame
    }

    private mutating func move(_ count: Int, to frame: inout ByteBuffer) {
        guard var slice = incoming.readSlice(length: min(count, incoming.readableBytes)) else { return }
        frame.writeBuffer(&slice)
    }

    /// The length in front of a frame; nil if it is not there yet.
    private func frameLength(_ bytes: ByteBuffer) throws(ClientError) -> Int? {
        guard let length = bytes.getInteger(at: bytes.readerIndex, as: Int32.self) else { return nil }
        guard length >= 4, Int(length) <= maximumLength else {
            throw Self.notKafka(bytes, length: length, limit: maximumLength)
        }
        return Int(length)
    }

    /// Tells by the first bytes what the peer speaks, if it is not Kafka.
    private static func notKafka(_ bytes: ByteBuffer, length: Int32, limit: Int) -> ClientError {
        let start = bytes.getBytes(at: bytes.readerIndex, length: 4) ?? []
        switch start {
        case Array("HTTP".utf8):
            return ClientError(.protocolViolation, "the peer speaks HTTP, not Kafka", hint: "check the port")
        case Array("SSH-".utf8):
            return ClientError(.protocolViolation, "the peer speaks SSH, not Kafka", hint: "check the port")
        case let bytes where bytes.starts(with: [0x15, 3]) || bytes.starts(with: [0x16, 3]):
            return ClientError(
                .protocolViolation,
                "the peer speaks TLS, and this client was told to speak plaintext",
                hint: "use the broker's plaintext listener"
            )
        default:
            return ClientError(
                .protocolViolation,
                "the peer announced a message of \(length) bytes; 4 to \(limit) are accepted",
                hint: "the peer may not be a Kafka broker; check the port"
            )
        }
    }
}

extension Optional {
    /// The value, leaving nil behind, so that whoever takes it holds the only reference.
    mutating func take() -> Wrapped? {
        defer { self = nil }
        return self
    }
}
