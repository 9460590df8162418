import CommitLog
import Model
import Wire

/// An append of a request that may not be acknowledged yet. Immutable.
struct UnstoredAppend: Sendable {
    /// The partition's place in the response.
    let topic: Int
    let partition: Int
    let log: PartitionLog
    let lastOffset: Offset
    let mustBeDurable: Bool

    /// Whether it was when the log's offsets were these.
    func isStored(_ offsets: LogOffsets) -> Bool {
        offsets.isStored(upTo: lastOffset, mustBeDurable: mustBeDurable)
    }
}

/// A produce that waits until its records are stored as the topics want it. Owned by the event loop.
///
/// Nothing polls: the group commit wakes the queues in ``StorageWaits``.
final class PendingProduce: ParkedRequest, @unchecked Sendable {
    // Safe: mutable state is touched on the connection's event loop only.

    let appends: [UnstoredAppend]
    let deadline: Instant
    private(set) var isDone = false
    private let call: Call<ProduceRequest>
    private let waits: StorageWaits
    /// As it will be if all goes well.
    private var response: ProduceResponse
    /// Appends of which nothing is known yet.
    private var open: Int

    /// Answers as soon as all of `waiting` are stored, or have failed, or the time is over. On the event loop.
    static func start(
        _ response: ProduceResponse,
        waiting: [UnstoredAppend],
        timeout: Duration,
        _ call: Call<ProduceRequest>
    ) {
        let produce = PendingProduce(response, waiting, call, deadline: call.broker.time.instant.advanced(by: timeout))
        call.connection.park(call.number, produce)
        if !produce.isDone { produce.waits.add(produce) }
    }

    private init(
        _ response: ProduceResponse,
        _ waiting: [UnstoredAppend],
        _ call: Call<ProduceRequest>,
        deadline: Instant
    ) {
        self.response = response
        self.call = call
        self.deadline = deadline
        appends = waiting
        open = waiting.count
        waits = call.broker.storageWaits(on: call.connection.reactor)
    }

    func noteStored() {
        guard !isDone else { return }
        open -= 1
        if open == 0 { finish() }
    }

    func noteFailed(_ number: Int, _ reason: LogError) {
        guard !isDone else { return }
        fail(appends[number], reason.errorCode, "\(reason)")
        noteStored()
    }

    func timeOut() {
        guard !isDone else { return }
        for append in appends where !append.isStored(append.log.offsets) {
            fail(append, .requestTimedOut, "the records are not on stable storage yet; they may be later")
        }
        finish()
    }

    private func fail(_ append: UnstoredAppend, _ error: ErrorCode, _ message: String) {
        var outcome = ProduceResponse.Partition()
        outcome.index = response.topics[append.topic].partitions[append.partition].index
        outcome.errorCode = error
        outcome.errorMessage = "\(append.log.topicPartition): \(message)"
        outcome.baseOffset = -1
        response.topics[append.topic].partitions[append.partition] = outcome
    }

    private func finish() {
        isDone = true
        call.reply(response)
    }

    // MARK: ParkedRequest

    /// The sync that is under way answers in a moment, and better than "perhaps".
    func finishNow() {}

    func abandon() {
        isDone = true
        waits.remove(self)
    }
}
