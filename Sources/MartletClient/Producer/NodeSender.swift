import CoreMetrics
import Logging
import Model
import NIOCore
import Wire

/// Sends one broker its batches, several requests at once, in the order of their sequence numbers. Owned by its task.
///
/// The sender without a node looks after partitions that have no leader: it asks for one.
final class NodeSender: Sendable {
    private let core: ProducerCore
    private let node: Int32?
    private let signal: Signal
    private let inFlight = Locked(0)

    init(core: ProducerCore, node: Int32?, signal: Signal) {
        self.core = core
        self.node = node
        self.signal = signal
    }

    func run() async {
        var failures = 0
        while !core.isStopped {
            core.expire()
            switch core.readiness(of: node) {
            case .waiting(let instant):
                await signal.wait(atMost: instant.map { max(.zero, core.time.instant.duration(to: $0)) })
            case .ready:
                guard inFlight.withLock({ $0 }) < core.configuration.maximumInFlightRequests else {
                    await signal.wait(atMost: nil)
                    continue
                }
                do throws(ClientError) {
                    try await work()
                    failures = 0
                } catch {
                    failures += 1
                    await recover(error, failures)
                }
            }
        }
    }

    private func work() async throws(ClientError) {
        guard let node else {
            throw ClientError(.connection, "partitions without a leader", isRetriable: true)
        }
        if core.needsIdentity { try await acquireIdentity() }
        let connection = try await core.cluster.connection(to: node)
        while let delay = connection.throttleDelay, !core.isStopped { await signal.wait(atMost: delay) }
        let batches = core.drain(node: node)
        if !batches.isEmpty { send(batches, connection) }
    }

    private func recover(_ error: ClientError, _ failures: Int) async {
        core.configuration.client.logger.debug("cannot send", metadata: ["reason": "\(error.message)"])
        guard error.isRetriable else { return core.failAll(error) }
        await signal.wait(atMost: core.cluster.backoff.delay(afterFailures: failures))
        await core.refreshMetadata()
    }

    // MARK: Identity

    private func acquireIdentity() async throws(ClientError) {
        let connection = try await core.cluster.anyConnection()
        guard connection.versions.supports(InitProducerIdRequest.api) else {
            throw ClientError(
                .unsupported,
                "the broker does not support idempotent producers",
                hint: "set isIdempotent to false"
            )
        }
        var request = InitProducerIdRequest()
        // Of no meaning without a transaction, but Kafka checks that it is sane.
        request.transactionTimeoutMilliseconds = .max
        let response = try await connection.send(request)
        guard !response.errorCode.isError else {
            throw ClientError(code: response.errorCode, context: "asking for a producer id")
        }
        core.setIdentity(ProducerIdentity(id: ProducerID(response.producerID), epoch: response.producerEpoch))
    }

    // MARK: One request

    private func send(_ batches: [ProducerBatch], _ connection: BrokerConnection) {
        let encoded = batches.compactMap { batch -> (batch: ProducerBatch, bytes: ByteBuffer)? in
            do throws(ClientError) {
                return (batch, try batch.encode())
            } catch {
                core.refuse(batch, BatchRefusal(error: error, records: [:]))
                return nil
            }
        }
        if encoded.isEmpty { return }
        let exchange = ProduceExchange(encoded, metadata: core.cluster.metadata, configuration: core.configuration)
        let sent: SentRequest<ProduceRequest>
        do throws(ClientError) {
            sent = try exchange.start(on: connection)
        } catch {
            for batch in batches { core.refuse(batch, BatchRefusal(error: error, records: [:])) }
            return
        }
        core.metrics.requests.increment()
        inFlight.withLock { $0 += 1 }
        Task {
            await self.finish(exchange, sent)
            self.inFlight.withLock { $0 -= 1 }
            self.signal.raise()
        }
    }

    private func finish(_ exchange: ProduceExchange, _ sent: SentRequest<ProduceRequest>) async {
        var needsMetadata = false
        let start = ContinuousClock.now
        do throws(ClientError) {
            if core.configuration.acknowledgement == .none {
                try await sent.written()
                for batch in exchange.batches.values {
                    core.succeed(batch, BatchPlacement(baseOffset: nil, logAppendTime: nil))
                }
                return
            }
            let response = try await sent.response()
            core.metrics.requestTime.recordNanoseconds(start.duration(to: .now).wholeNanoseconds)
            needsMetadata = settle(exchange, response)
        } catch {
            needsMetadata = error.isRetriable
            for batch in exchange.batches.values { failed(batch, error) }
        }
        if needsMetadata { await core.refreshMetadata() }
    }

    private func failed(_ batch: ProducerBatch, _ error: ClientError) {
        // A connection that breaks says nothing about the batch; anything else would happen again.
        if error.isRetriable || error.kind == .closed {
            core.retry(batch, because: error)
        } else {
            core.refuse(batch, BatchRefusal(error: error, records: [:]))
        }
    }

    /// - Returns: Whether the leaders may have changed.
    private func settle(_ exchange: ProduceExchange, _ response: ProduceResponse) -> Bool {
        var needsMetadata = false
        var open = exchange.batches
        for (partition, answer) in exchange.answers(in: response) {
            guard let batch = open.removeValue(forKey: partition) else { continue }
            switch core.verdict(answer, for: batch) {
            case .delivered(let placement): core.succeed(batch, placement)
            case .refused(let refusal): core.refuse(batch, refusal)
            case .tooLarge(let refusal): core.split(batch, refusal)
            case .retry(let error, let isMoved, let needsNewEpoch):
                needsMetadata = needsMetadata || isMoved
                core.retry(batch, because: error, needsNewEpoch: needsNewEpoch)
            }
        }
        for batch in open.values {
            let error = ClientError(.protocolViolation, "the broker's answer leaves out partition \(batch.partition)")
            core.refuse(batch, BatchRefusal(error: error, records: [:]))
        }
        return needsMetadata
    }
}
