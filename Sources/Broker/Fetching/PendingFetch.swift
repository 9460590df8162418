import CommitLog
import Model
import Synchronization
import Wire

/// A fetch that waits for records, for its time to be over, or for cold data to be read. Owned by the event loop.
///
/// Nothing polls: appends wake it, through the logs it observes or through what they tell its session.
final class PendingFetch: LogObserver, NewsWaiter, ParkedRequest, @unchecked Sendable {
    // Safe: mutable state is touched on the connection's event loop only; `isWakePending` is atomic.

    private let call: Call<FetchRequest>
    private let plan: FetchPlan
    private var observed: [PartitionLog] = []
    private var timer: ScheduledWork?
    private var isDone = false
    private var isTimeUp = false
    private var isLoading = false
    /// Set from the first wake-up until it is acted on: a burst of appends wakes once.
    private let isWakePending = Atomic<Bool>(false)

    /// Answers at once if it can, else parks the fetch. On the event loop.
    static func start(_ plan: FetchPlan, _ call: Call<FetchRequest>) {
        let topics = call.broker.topics.snapshot
        let round = FetchRound(plan, topics: topics)
        if round.canBeAnswered || (round.cold.isEmpty && plan.maximumWait == .zero) {
            prefetch(round.cold, call.broker)
            return call.reply(round.response())
        }
        PendingFetch(plan, call).wait(after: round)
    }

    private init(_ plan: FetchPlan, _ call: Call<FetchRequest>) {
        self.plan = plan
        self.call = call
    }

    private func wait(after round: FetchRound) {
        call.connection.park(call.number, self)
        guard !isDone else { return }
        timer = call.connection.reactor.schedule(after: plan.maximumWait) { [self] in
            isTimeUp = true
            attempt()
        }
        plan.session?.news.add(self)
        observed = round.logs
        for log in observed { log.addObserver(self) }
        if round.cold.isEmpty {
            // What was appended between the round and now woke nobody.
            attempt()
        } else {
            load(round.cold)
        }
    }

    private func attempt(loaded: Set<TopicPartition> = [], unreadable: [TopicPartition: LogError] = [:]) {
        guard !isDone, !isLoading else { return }
        let topics = call.broker.topics.snapshot
        let round = FetchRound(plan, topics: topics, loaded: loaded, unreadable: unreadable)
        if round.canBeAnswered {
            Self.prefetch(round.cold, call.broker)
            return finish(round)
        }
        if !round.cold.isEmpty { return load(round.cold) }
        if isTimeUp { finish(round) }
    }

    // MARK: Cold data

    private func load(_ ranges: [ColdRange]) {
        isLoading = true
        call.broker.io.submit { [self] in
            let failures = Self.load(ranges)
            let loaded = Set(ranges.map(\.topicPartition))
            for (partition, failure) in failures { call.broker.noteReadFailure(failure, partition) }
            call.connection.reactor.execute { [self] in
                isLoading = false
                attempt(loaded: loaded, unreadable: failures)
            }
        }
    }

    private static func prefetch(_ ranges: [ColdRange], _ broker: Broker) {
        // What cannot be loaded, the next fetch finds out.
        if !ranges.isEmpty { broker.io.submit { _ = load(ranges) } }
    }

    /// Returns what the disk did not give. It would end the connection if it were found only while it is sent.
    private static func load(_ ranges: [ColdRange]) -> [TopicPartition: LogError] {
        var failures: [TopicPartition: LogError] = [:]
        for range in ranges {
            do throws(LogError) {
                try range.load()
            } catch {
                guard case .storage = error else { continue }
                failures[range.topicPartition] = error
            }
        }
        return failures
    }

    // MARK: Wake-ups

    func highWatermarkAdvanced() { wake() }

    func logClosed() { wake() }

    func wake() {
        guard !isWakePending.exchange(true, ordering: .acquiringAndReleasing) else { return }
        call.connection.reactor.execute { [self] in
            isWakePending.store(false, ordering: .releasing)
            attempt()
        }
    }

    // MARK: The end

    func finishNow() {
        isTimeUp = true
        attempt()
    }

    func abandon() {
        isDone = true
        release()
    }

    private func finish(_ round: FetchRound) {
        isDone = true
        release()
        call.reply(round.response())
    }

    private func release() {
        timer?.cancel()
        timer = nil
        plan.session?.news.remove(self)
        for log in observed { log.removeObserver(self) }
        observed = []
    }
}
