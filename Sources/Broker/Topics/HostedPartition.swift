package import CommitLog
package import Model
import Synchronization

/// One partition of a topic, and its log once that is open. Thread-safe: the log, which stays the same once it is there,
/// is read without a lock; the rest is owned by one, which goes before all locks of the log.
package final class HostedPartition: Sendable {
    package let topicPartition: TopicPartition
    package let replicas: [Int32]
    private let opened = AtomicLazyReference<PartitionLog>()
    private let state: Locked<State>

    private enum State {
        /// It was there at the start and its turn to be opened has not come. The configuration is what it is to have.
        case waiting(LogConfig)
        case open
        case offline(LogError)
    }

    init(_ topicPartition: TopicPartition, replicas: [Int32], state result: Result<PartitionLog, LogError>) {
        self.topicPartition = topicPartition
        self.replicas = replicas
        switch result {
        case .success(let log):
            state = Locked(.open)
            _ = opened.storeIfNil(log)
        case .failure(let error): state = Locked(.offline(error))
        }
    }

    /// One that will be opened later.
    init(_ topicPartition: TopicPartition, replicas: [Int32], waitingWith config: LogConfig) {
        self.topicPartition = topicPartition
        self.replicas = replicas
        state = Locked(.waiting(config))
    }

    package var index: Int32 { topicPartition.partition }

    /// The log for whoever changes it, or why there is none.
    package func log() throws(LogError) -> PartitionLog {
        let log = try readableLog()
        if let failure = log.failure { throw failure }
        return log
    }

    /// The log, which may be one that takes nothing more because its directory has failed, or why there is none.
    package func readableLog() throws(LogError) -> PartitionLog {
        if let log = opened.load() { return log }
        throw state.withLock { state in
            switch state {
            case .waiting, .open: .opening(topicPartition, toScan: 0)
            case .offline(let error): error
            }
        }
    }

    /// The log if it can be read, whether or not it can be written.
    package var readable: PartitionLog? { opened.load() }

    /// The log if it can be written.
    package var openLog: PartitionLog? {
        guard let log = opened.load(), log.failure == nil else { return nil }
        return log
    }

    /// Whether it is still to be opened, and with which configuration.
    var waiting: LogConfig? {
        state.withLock { state in
            guard case .waiting(let config) = state else { return nil }
            return config
        }
    }

    /// Whether it could not be opened.
    package var isOffline: Bool { openLog == nil && waiting == nil }

    /// Says what became of a partition that was waiting.
    func settle(_ result: Result<PartitionLog, LogError>) {
        state.withLock { state in
            guard case .waiting(let config) = state else { return }
            switch result {
            case .success(let log):
                // It may have changed since the opening began.
                if log.config != config { log.updateConfig(config) }
                _ = opened.storeIfNil(log)
                state = .open
            case .failure(let error): state = .offline(error)
            }
        }
    }

    /// Changes the configuration, now or once the log is open.
    func updateConfig(_ config: LogConfig) {
        state.withLock { state in
            switch state {
            case .waiting: state = .waiting(config)
            case .open: opened.load()?.updateConfig(config)
            case .offline: break
            }
        }
    }

    /// Whether files of another topic are in the partition's place: they are not its own to remove.
    var isObstructed: Bool {
        state.withLock { state in
            if case .offline(.inconsistentTopicID) = state { return true }
            return false
        }
    }
}
