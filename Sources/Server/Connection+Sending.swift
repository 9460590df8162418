import Broker
import Model
import NIOCore
import Wire

extension Connection {
    func respond(to request: UInt64, with response: WireOutput?) {
        guard isOpen else { return }
        parked[request] = nil
        guard order.fill(request, response) else { return }
        // One write for all answers of a burst: while requests are being read, `becameReadable` flushes in the end; a
        // sync of the disk answers many requests in one turn of the loop.
        guard !isReceiving, !isFlushDue else { return }
        isFlushDue = true
        loop.callAtEndOfTurn(self)
    }

    func turnEnded() {
        isFlushDue = false
        flush()
    }

    func park(_ request: UInt64, _ waiting: any ParkedRequest) {
        guard isOpen else { return waiting.abandon() }
        parked[request] = waiting
        if isDraining { waiting.finishNow() }
    }

    func becameWritable() { flush() }

    /// What arrived before the connection broke is still handled: a producer may well send its last batch and leave.
    /// Reading it, in several turns if it is much, ends with the error that closes the connection.
    func becameBroken() {
        if isPaused || isDraining || isClosingAfterFlush { close() } else { becameReadable() }
    }

    /// Sends the answers whose turn it is, as far as the socket takes them.
    func flush() {
        guard isOpen, collect() else { return }
        var sent = 0
        let progress = outbound.write(to: socket, sent: &sent)
        if sent > 0 || outbound.isEmpty { sendProgress = outbound.isEmpty ? nil : server.time.instant }
        switch progress {
        case .failed:
            // The peer is gone: no line in the log, clients come and go.
            return close()
        case .drained, .blocked, .yielded:
            if sendProgress == nil, !outbound.isEmpty { sendProgress = server.time.instant }
        }
        if outbound.isEmpty, isClosingAfterFlush { return close() }
        if isPaused, canContinue { resumeSoon() }
        updateInterest()
        closeIfDrained()
    }

    /// Sends what was answered before a fault, as far as the socket takes it without waiting.
    func sendWhatIsReady() {
        guard collect() else { return }
        var sent = 0
        _ = outbound.write(to: socket, sent: &sent)
    }

    func closeIfDrained() {
        if isDraining, isOpen, order.outstanding == 0, outbound.isEmpty { close() }
    }

    /// Moves the answers whose turn it is to the outbound queue. False if the connection was closed.
    private func collect() -> Bool {
        while let response = order.next() {
            guard let response else { continue }
            do throws(FileError) {
                try outbound.append(response)
            } catch {
                refuse("a response cannot be read from disk: \(error)")
                return false
            }
        }
        return true
    }

    private var canContinue: Bool {
        order.outstanding < settings.maximumPipelinedRequests / 2 + 1
            && outbound.bufferedBytes < settings.maximumBufferedBytes / 2 + 1
            && reservedBytes == 0 && !isHeldBack
    }

    /// Not at once: `resume` flushes, and `flush` was what called.
    private func resumeSoon() {
        loop.execute { [self] in
            resume()
            updateInterest()
        }
    }
}
