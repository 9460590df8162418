/// Appends records to topics, in batches, in the background. Thread-safe; one producer serves a whole program.
///
/// ```swift
/// let producer = try Producer(ProducerConfiguration(client: ClientConfiguration(bootstrap: "127.0.0.1:9092")))
/// let stored = try await producer.send(ProducerRecord(topic: "orders", key: "42", value: "paid"))
/// try await producer.close()
/// ```
///
/// By default a record is stored exactly once and in the order of the calls per partition, also when requests have to be
/// repeated (KIP-98). Records without a key stay with one partition for a batch's worth of bytes (KIP-794); records with
/// a key go where the Java client sends them.
public final class Producer: Sendable {
    private let core: ProducerCore

    /// A producer; it connects when it is first used.
    ///
    /// Throws ``ClientError`` of kind ``ClientError/Kind/invalidArgument`` if the configuration cannot work.
    public init(_ configuration: ProducerConfiguration) throws(ClientError) {
        try configuration.validate()
        core = ProducerCore(configuration: configuration)
    }

    deinit { core.stop() }

    /// Hands a record over and waits until it is stored.
    ///
    /// Wait for many at once, or use ``enqueue(_:)``: one after the other is one round trip per record.
    ///
    /// - Returns: Where the record was stored.
    ///
    /// Throws what ``enqueue(_:)`` and ``Delivery/metadata()`` throw.
    public func send(_ record: ProducerRecord) async throws(ClientError) -> RecordMetadata {
        try await enqueue(record).metadata()
    }

    /// Hands a record over; delivery happens in the background. Suspends while the buffer is full
    /// (``ProducerConfiguration/bufferBytes``), and on the first record of a topic, to learn of its partitions.
    ///
    /// - Returns: The delivery, which can be waited for, looked at later, or dropped.
    ///
    /// Throws ``ClientError``: of kind ``ClientError/Kind/connection`` if no broker can be reached,
    /// ``ClientError/Kind/broker`` if the topic does not exist and is not created by asking for it,
    /// ``ClientError/Kind/invalidArgument`` if the record cannot be sent as it is, ``ClientError/Kind/closed`` after
    /// ``close()``, ``ClientError/Kind/cancelled`` if the task is cancelled while it is suspended.
    @inlinable
    @discardableResult
    public func enqueue(_ record: ProducerRecord) async throws(ClientError) -> Delivery {
        // Inlined into the caller, so that a record that fits costs a call and not a task's frame.
        if let delivery = try enqueueNow(record) { return delivery }
        return try await enqueueWaiting(record)
    }

    /// Hands a record over if that needs no waiting: its topic is known and the buffer has room for it.
    ///
    /// - Returns: The delivery; nil if ``enqueue(_:)`` would suspend, and the record was not taken.
    ///
    /// Throws ``ClientError``: of kind ``ClientError/Kind/invalidArgument`` if the record cannot be sent as it is,
    /// ``ClientError/Kind/closed`` after ``close()``.
    public func enqueueNow(_ record: borrowing ProducerRecord) throws(ClientError) -> Delivery? {
        guard case .record(let delivery, _) = try core.append(record) else { return nil }
        return delivery
    }

    @usableFromInline
    func enqueueWaiting(_ record: ProducerRecord) async throws(ClientError) -> Delivery {
        var isReserved = false
        while true {
            switch try core.append(record, isReserved: isReserved) {
            case .record(let delivery, _): return delivery
            case .unknownTopic: try await core.learn(record.topic)
            case .full(let bytes):
                try await core.reserve(bytes)
                isReserved = true
            }
        }
    }

    /// Sends all records handed over so far without lingering, and waits until each has been delivered or given up.
    ///
    /// Throws the first ``ClientError`` that a record met with which was under way when the call was made.
    public func flush() async throws(ClientError) { try await core.flush() }

    /// Takes no more records, delivers those handed over, and closes the connections.
    ///
    /// Throws as ``flush()``; the producer is closed all the same.
    public func close() async throws(ClientError) {
        core.refuseAppends()
        let outcome: Result<Void, ClientError>
        do throws(ClientError) { outcome = .success(try await core.flush()) } catch { outcome = .failure(error) }
        core.stop()
        await core.cluster.close()
        try outcome.get()
    }

    /// Ends at once: records that are not delivered yet fail with ``ClientError/Kind/closed``.
    public func abort() async {
        core.stop()
        await core.cluster.close()
    }
}
