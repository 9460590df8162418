import Broker
import Glibc
import Model
import NIOCore
import Wire

extension Connection {
    /// The most bytes received for one connection before others get their turn: a whole frame of this size takes half a
    /// millisecond to receive and to append, for which all others on the event loop wait.
    private static let share = 1024 * 1024
    /// Frames up to this size get their memory at once; larger ones as their bytes arrive.
    private static let largestImmediateFrame = 2 * 1024 * 1024
    /// A buffer for more than that has room for this much at once, which the system gives as it is written to, and grows to
    /// so many times its size: a mapping of its own, that moves without being copied.
    private static let largeCapacity = 16 * 1024 * 1024
    private static let largeGrowth = 8
    /// The share of a connection that sends a frame too large to be had in one turn: each byte is one more of new memory.
    private static let largeShare = 256 * 1024
    /// How long reading pauses when the memory for requests is used up.
    private static let memoryPause = Duration.milliseconds(10)

    func becameReadable() {
        isReceiving = true
        var received = 0
        while isOpen, !isPaused, !isDraining, received < (frame != nil && isLarge ? Self.largeShare : Self.share) {
            let (count, wanted) = frame == nil ? receiveSmall() : receiveIntoFrame()
            if count <= 0 { break }
            received += count
            // Fewer bytes than there was room for: the socket is empty, asking again would cost a system call.
            if count < wanted { break }
        }
        isReceiving = false
        if received > 0 { lastActivity = server.time.instant }
        flush()
    }

    /// Continues with requests that were held back. On the event loop.
    func resume() {
        guard isOpen, isPaused, !isHeldBack else { return }
        isPaused = false
        isReceiving = true
        if unparsed.readableBytes > 0 {
            let bytes = unparsed
            unparsed = ByteBuffer()
            parse(bytes)
        }
        isReceiving = false
        flush()
    }

    // MARK: Small requests, many per system call

    private func receiveSmall() -> (count: Int, wanted: Int) {
        var buffer = loop.buffers.takeSmall()
        if unparsed.readableBytes > 0 {
            buffer.writeImmutableBuffer(unparsed)
            unparsed = ByteBuffer()
        }
        let wanted = buffer.writableBytes
        let count = receive(into: &buffer, wanted)
        if count > 0 {
            parse(buffer)
        } else if isOpen, buffer.readableBytes > 0 {
            unparsed = ByteBuffer(buffer: buffer)
        }
        loop.buffers.giveBackSmall(buffer)
        return (count, wanted)
    }

    /// Handles every whole request in `bytes` and keeps what follows.
    private func parse(_ bytes: ByteBuffer) {
        var bytes = bytes
        while isOpen, let length = bytes.getInteger(at: bytes.readerIndex, as: UInt32.self) {
            if isFirstFrame, refuseForeign(length) { return }
            guard length <= settings.maximumFrameBytes, length >= RequestHeader.fixedLength else {
                return refuseLength(length)
            }
            if isPaused || isDraining { break }
            let whole = Frame.lengthBytes + Int(length)
            guard bytes.readableBytes >= whole else {
                if startFrame(length: Int(length), with: bytes) { return }
                pauseForMemory()
                break
            }
            guard let request = bytes.getSlice(at: bytes.readerIndex + Frame.lengthBytes, length: Int(length)) else {
                break
            }
            bytes.moveReaderIndex(forwardBy: whole)
            deliver(request)
        }
        guard isOpen else { return }
        // A copy, so that a few waiting bytes do not hold on to the shared buffer.
        if bytes.readableBytes > 0 { unparsed = ByteBuffer(buffer: bytes) }
        frameStarted = bytes.readableBytes > 0 && !isPaused ? frameStarted ?? server.time.instant : nil
    }

    // MARK: Large requests, straight into their own buffer

    /// Gives a frame a buffer of its own; false if there is no memory left for it now.
    ///
    /// - Parameter start: The frame's first bytes, its length included.
    private func startFrame(length: Int, with start: ByteBuffer) -> Bool {
        let immediate = min(length, Self.largestImmediateFrame)
        guard server.memory.reserve(immediate) else { return false }
        reservedBytes = immediate
        frameLength = length
        frameStarted = server.time.instant
        let capacity = length == immediate ? length : min(length, Self.largeCapacity)
        var frame = loop.buffers.takeLarge(capacity: capacity)
        var start = start
        start.moveReaderIndex(forwardBy: Frame.lengthBytes)
        frame.writeImmutableBuffer(start)
        self.frame = frame
        return true
    }

    private func receiveIntoFrame() -> (count: Int, wanted: Int) {
        guard var buffer = frame else { return (0, 0) }
        frame = nil
        guard makeRoom(in: &buffer) else {
            frame = buffer
            // The client cannot help it that it has to wait.
            frameStarted = server.time.instant
            pauseForMemory()
            return (0, 0)
        }
        let room = min(buffer.writableBytes, reservedBytes - buffer.readableBytes)
        let wanted = isLarge ? min(room, Self.largeShare) : room
        let count = receive(into: &buffer, wanted)
        guard isOpen else { return (count, wanted) }
        if buffer.readableBytes < frameLength {
            if count > 0 { frameStarted = server.time.instant }
            frame = buffer
            return (count, wanted)
        }
        frameStarted = nil
        deliver(buffer)
        releaseFrame()
        loop.buffers.giveBackLarge(buffer)
        return (count, wanted)
    }

    /// Doubles what a frame may take that has received as much as it might; false if there is no memory left for it now.
    private func makeRoom(in buffer: inout ByteBuffer) -> Bool {
        if buffer.readableBytes == reservedBytes {
            let wanted = min(frameLength, reservedBytes * 2)
            guard server.memory.reserve(wanted - reservedBytes, more: memoryOwner) else { return false }
            reservedBytes = wanted
        }
        if buffer.writableBytes == 0 { buffer.reserveCapacity(min(frameLength, buffer.capacity * Self.largeGrowth)) }
        return true
    }

    /// Whether the frame that is arriving takes more than its connection's share in any case.
    private var isLarge: Bool { frameLength > Self.largestImmediateFrame }

    private func pauseForMemory() {
        isPaused = true
        updateInterest()
        loop.schedule(after: Self.memoryPause) { [self] in
            resume()
            updateInterest()
        }
    }

    func holdBack() {
        isHeldBack = true
        isPaused = true
        heldBytes = reservedBytes
        reservedBytes = 0
        server.memory.finish(memoryOwner)
    }

    func goOn() {
        server.memory.release(heldBytes)
        heldBytes = 0
        isHeldBack = false
        flush()
    }

    /// By which the budget tells connections apart.
    private var memoryOwner: UInt { UInt(bitPattern: ObjectIdentifier(self)) }

    func releaseFrame() {
        if reservedBytes > 0 {
            server.memory.release(reservedBytes)
            server.memory.finish(memoryOwner)
        }
        reservedBytes = 0
        frame = nil
    }

    // MARK: Both

    /// recv(2) into the buffer. Closes the connection at the end of the stream and on errors.
    private func receive(into buffer: inout ByteBuffer, _ wanted: Int) -> Int {
        var count = 0
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { space in
            repeat { count = recv(socket, space.baseAddress, wanted, 0) } while count < 0 && errno == EINTR
            return max(count, 0)
        }
        if count == 0 || (count < 0 && errno != EAGAIN) { close() }
        return count
    }

    private func deliver(_ request: ByteBuffer) {
        isFirstFrame = false
        server.broker.receive(request, number: order.admit(), from: self)
        if order.outstanding >= settings.maximumPipelinedRequests
            || outbound.bufferedBytes >= settings.maximumBufferedBytes
        {
            isPaused = true
        }
    }

    private func refuseForeign(_ start: UInt32) -> Bool {
        guard let foreign = ForeignProtocol.detect(start) else { return false }
        server.complain(
            about: remoteAddress,
            foreign.fault,
            "\(remoteAddress): \(foreign.complaint(listener: listener))"
        )
        if let farewell = foreign.farewell(port: localAddress.port) {
            outbound.append(farewell)
            isClosingAfterFlush = true
        } else {
            close()
        }
        return true
    }

    private func refuseLength(_ length: UInt32) {
        let value = Int32(bitPattern: length)
        refuse(
            length > UInt32(Int32.max) || length < RequestHeader.fixedLength
                ? "a request announces \(value) bytes, at least \(RequestHeader.fixedLength) are needed"
                : "a request announces \(value) bytes, the limit is \(settings.maximumFrameBytes) "
                    + "(socket.request.max.bytes)"
        )
    }
}
