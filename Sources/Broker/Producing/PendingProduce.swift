import CommitLog
import Model
import Synchronization
import Wire

/// An append of a request that may not be acknowledged yet. Immutable.
struct UnstoredAppend: Sendable {
    /// The partition's place in the response.
    let topic: Int
    let partition: Int
    let log: PartitionLog
    let lastOffset: Offset
    let mustBeDurable: Bool

    var isStored: Bool { log.isStored(upTo: lastOffset, mustBeDurable: mustBeDurable) }
}

/// A produce that waits until its records are stored as the topics want it. Owned by the event loop.
///
/// Nothing polls: the group commit wakes it through the logs it observes.
final class PendingProduce: LogObserver, ParkedRequest, @unchecked Sendable {
    // Safe: mutable state is touched on the connection's event loop only; `isWakePending` is atomic.

    private let call: Call<ProduceRequest>
    /// As it will be if all goes well.
    private var response: ProduceResponse
    private var waiting: [UnstoredAppend]
    private let observed: [PartitionLog]
    private var timer: ScheduledWork?
    private var isDone = false
    /// Set from the first wake-up until it is acted on: partitions that are synced together wake once.
    private let isWakePending = Atomic<Bool>(false)

    /// Answers as soon as all of `waiting` are stored, or have failed, or the time is over. On the event loop.
    static func start(
        _ response: ProduceResponse,
        waiting: [UnstoredAppend],
        timeout: Duration,
        _ call: Call<ProduceRequest>
    ) {
        PendingProduce(response, waiting, call).wait(timeout)
    }

    private init(_ response: ProduceResponse, _ waiting: [UnstoredAppend], _ call: Call<ProduceRequest>) {
        self.response = response
        self.waiting = waiting
        self.call = call
        observed = waiting.map(\.log)
    }

    private func wait(_ timeout: Duration) {
        call.connection.park(call.number, self)
        guard !isDone else { return }
        timer = call.connection.reactor.schedule(after: timeout) { [self] in
            attempt()
            giveUp(.requestTimedOut, "the records are not on stable storage yet; they may be later")
        }
        for log in observed { log.addObserver(self) }
        // What was stored between the append and now woke nobody.
        attempt()
    }

    private func attempt() {
        guard !isDone else { return }
        waiting.removeAll { append in
            if append.isStored { return true }
            guard let failure = append.log.stop else { return false }
            fail(append, failure.errorCode, "\(failure)")
            return true
        }
        if waiting.isEmpty { finish() }
    }

    private func fail(_ append: UnstoredAppend, _ error: ErrorCode, _ message: String) {
        var outcome = ProduceResponse.Partition()
        outcome.index = response.topics[append.topic].partitions[append.partition].index
        outcome.errorCode = error
        outcome.errorMessage = "\(append.log.topicPartition): \(message)"
        outcome.baseOffset = -1
        response.topics[append.topic].partitions[append.partition] = outcome
    }

    private func giveUp(_ error: ErrorCode, _ message: String) {
        guard !isDone else { return }
        for append in waiting { fail(append, error, message) }
        finish()
    }

    // MARK: Wake-ups

    func highWatermarkAdvanced() { wake() }

    func logClosed() { wake() }

    private func wake() {
        guard !isWakePending.exchange(true, ordering: .acquiringAndReleasing) else { return }
        call.connection.reactor.execute { [self] in
            isWakePending.store(false, ordering: .releasing)
            attempt()
        }
    }

    // MARK: The end

    /// The group commit that is under way answers in a moment, and better than "perhaps".
    func finishNow() { attempt() }

    func abandon() {
        isDone = true
        release()
    }

    private func finish() {
        isDone = true
        release()
        call.reply(response)
    }

    private func release() {
        timer?.cancel()
        timer = nil
        for log in observed { log.removeObserver(self) }
        waiting = []
    }
}
