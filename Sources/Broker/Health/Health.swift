import CoreMetrics
package import Model

/// What is wrong with a running broker right now: each part of it reports what fails and takes the report back when it
/// works again. Thread-safe.
///
/// What is reported is logged once, shown by DescribeHealth (`martlet health`, `martlet topic describe`), and counted in
/// the gauge `martlet_health_conditions` by kind.
package final class Health: Sendable {
    /// Conditions remembered at most; later ones are counted, logged and left out of the list.
    static let maximumConditions = 10_000

    /// How bad the worst of it is.
    package enum Status: Int8, Sendable {
        case healthy = 0
        /// Everything is served, something needs a look.
        case degraded = 1
        /// Something is not served.
        case failing = 2
    }

    private struct Key: Hashable {
        let kind: HealthCondition.Kind
        let subject: String
    }

    private struct State {
        var conditions: [Key: HealthCondition] = [:]
        var counts: [HealthCondition.Kind: Int] = [:]
    }

    private let time: any TimeSource
    private let state = Locked(State())

    package init(time: any TimeSource) { self.time = time }

    /// Something is wrong, or still is. Whether that is news, and so worth a line in the log.
    ///
    /// - Parameters:
    ///   - subject: What it is about: a directory, or a partition's name.
    ///   - partition: The partition, if it is about one.
    ///   - nextTryIn: After how long it is tried again by itself.
    @discardableResult
    package func report(
        _ kind: HealthCondition.Kind,
        _ subject: String,
        partition: TopicPartition? = nil,
        reason: String,
        nextTryIn: Duration? = nil
    ) -> Bool {
        let now = time.now
        let nextTry = nextTryIn.map { now.advanced(milliseconds: $0.wholeNanoseconds / 1_000_000) }
        return state.withLock { state in
            let key = Key(kind: kind, subject: subject)
            if var known = state.conditions[key] {
                let isNews = known.reason != reason
                known.reason = reason
                known.nextTry = nextTry
                known.lastSeen = now
                known.occurrences += 1
                state.conditions[key] = known
                return isNews
            }
            guard state.conditions.count < Self.maximumConditions else { return true }
            state.conditions[key] = HealthCondition(
                kind: kind,
                subject: subject,
                partition: partition,
                reason: reason,
                since: now,
                lastSeen: now,
                nextTry: nextTry
            )
            count(kind, 1, &state)
            return true
        }
    }

    /// It works again. Whether something had been reported.
    @discardableResult
    package func clear(_ kind: HealthCondition.Kind, _ subject: String) -> Bool {
        state.withLock { state in
            guard state.conditions.removeValue(forKey: Key(kind: kind, subject: subject)) != nil else { return false }
            count(kind, -1, &state)
            return true
        }
    }

    /// A topic is gone, and with it all that was wrong with its partitions.
    package func forget(topic: String) {
        state.withLock { state in
            for (key, condition) in state.conditions where condition.partition?.topic == topic {
                state.conditions[key] = nil
                count(key.kind, -1, &state)
            }
        }
    }

    /// All that is wrong, the worst and oldest first.
    package var conditions: [HealthCondition] {
        state.withLock { Array($0.conditions.values) }.sorted { left, right in
            (-left.kind.status.rawValue, left.since, left.subject) < (
                -right.kind.status.rawValue, right.since, right.subject
            )
        }
    }

    /// How bad the worst of these is.
    static func status(of conditions: [HealthCondition]) -> Status {
        conditions.map(\.kind.status).max { $0.rawValue < $1.rawValue } ?? .healthy
    }

    private func count(_ kind: HealthCondition.Kind, _ change: Int, _ state: inout State) {
        let count = state.counts[kind, default: 0] + change
        state.counts[kind] = count
        Gauge(label: "martlet_health_conditions", dimensions: [("kind", kind.rawValue)]).record(Int64(count))
    }
}
