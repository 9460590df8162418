package import CommitLog
import Model

/// The broker's own settings in their types, for the code that works by them. Immutable.
///
/// Values that are per topic are not here but in a topic's `LogConfig`.
package struct BrokerSettings: Sendable {
    package let nodeID: Int32
    package let rack: String?
    package let listeners: [Listener]
    package let logDirectories: [String]

    package let spaceReserve: SpaceReserve

    package let numNetworkThreads: Int
    package let numIOThreads: Int
    /// nil: as many as ``FileLimits`` finds right.
    package let logOpenFilesMax: Int?
    package let numRecoveryThreadsPerDirectory: Int

    /// SO_SNDBUF; nil leaves it to the system.
    package let socketSendBufferBytes: Int?
    /// SO_RCVBUF; nil leaves it to the system.
    package let socketReceiveBufferBytes: Int?
    package let socketListenBacklog: Int
    package let socketRequestMaxBytes: Int
    /// nil is no limit.
    package let queuedMaxRequestBytes: Int?
    /// nil is no limit.
    package let connectionsMaxIdle: Duration?
    package let maxConnections: Int
    package let maxConnectionsPerIP: Int

    package let fetchSessionCacheSlots: Int
    package let fetchMaxBytes: Int
    package let requestTimeout: Duration
    package let maxRequestPartitions: Int

    package let numPartitions: Int32
    package let defaultReplicationFactor: Int16
    package let autoCreateTopics: Bool
    package let deleteTopics: Bool
    package let messageMaxBytes: Int

    package let cleaner: CleanerSettings
    package let scrubber: ScrubberSettings
    package let logRetentionCheckInterval: Duration
    package let producerIDExpiration: Duration
    package let transactionMaxTimeout: Duration
    package let groups: GroupSettings

    /// - Parameter values: every key that has a value, valid by its own rule.
    init(_ values: [String: ConfigValue]) throws(ConfigurationError) {
        let values = Values(values)
        nodeID = values.int32("node.id")
        rack = values.optionalString("broker.rack")
        listeners = try Listeners.resolve(
            listeners: values.list("listeners"),
            advertised: values.list("advertised.listeners"),
            protocolMap: values.list("listener.security.protocol.map")
        )
        logDirectories = values.list("log.dirs")
        spaceReserve = SpaceReserve(
            fixedBytes: values.limit("log.reserve.bytes"),
            segmentBytes: values.int("log.segment.bytes")
        )
        numNetworkThreads = values.int("num.network.threads")
        numIOThreads = values.int("num.io.threads")
        logOpenFilesMax = values.limit("log.open.files.max")
        numRecoveryThreadsPerDirectory = values.int("num.recovery.threads.per.data.dir")
        socketSendBufferBytes = values.limit("socket.send.buffer.bytes")
        socketReceiveBufferBytes = values.limit("socket.receive.buffer.bytes")
        socketListenBacklog = values.int("socket.listen.backlog.size")
        socketRequestMaxBytes = values.int("socket.request.max.bytes")
        queuedMaxRequestBytes = values.limit("queued.max.request.bytes")
        connectionsMaxIdle = values.limit("connections.max.idle.ms").map { .milliseconds($0) }
        maxConnections = values.int("max.connections")
        maxConnectionsPerIP = values.int("max.connections.per.ip")
        fetchSessionCacheSlots = values.int("max.incremental.fetch.session.cache.slots")
        fetchMaxBytes = values.int("fetch.max.bytes")
        requestTimeout = values.milliseconds("request.timeout.ms")
        maxRequestPartitions = values.int("max.request.partition.size.limit")
        numPartitions = values.int32("num.partitions")
        defaultReplicationFactor = values.int16("default.replication.factor")
        autoCreateTopics = values.boolean("auto.create.topics.enable")
        deleteTopics = values.boolean("delete.topic.enable")
        messageMaxBytes = values.int("message.max.bytes")
        cleaner = CleanerSettings(values)
        scrubber = ScrubberSettings(values)
        logRetentionCheckInterval = values.milliseconds("log.retention.check.interval.ms")
        producerIDExpiration = values.milliseconds("producer.id.expiration.ms")
        transactionMaxTimeout = values.milliseconds("transaction.max.timeout.ms")
        groups = GroupSettings(values)
    }
}

/// Values by name, read in the type the key has. A name or type that does not fit is a bug here, not an input.
struct Values {
    private let values: [String: ConfigValue]

    init(_ values: [String: ConfigValue]) { self.values = values }

    func int64(_ name: String) -> Int64 {
        guard case .integer(let number)? = values[name] else { unfit(name) }
        return number
    }

    func int(_ name: String) -> Int { Int(int64(name)) }

    func int32(_ name: String) -> Int32 { Int32(clamping: int64(name)) }

    func int16(_ name: String) -> Int16 { Int16(clamping: int64(name)) }

    func milliseconds(_ name: String) -> Duration { .milliseconds(int64(name)) }

    /// A number of which a negative one means "none".
    func limit(_ name: String) -> Int? {
        let number = int(name)
        return number < 0 ? nil : number
    }

    func boolean(_ name: String) -> Bool {
        guard case .boolean(let flag)? = values[name] else { unfit(name) }
        return flag
    }

    func double(_ name: String) -> Double {
        guard case .double(let number)? = values[name] else { unfit(name) }
        return number
    }

    func string(_ name: String) -> String {
        guard let text = optionalString(name) else { unfit(name) }
        return text
    }

    func optionalString(_ name: String) -> String? {
        switch values[name] {
        case nil: nil
        case .string(let text)?: text
        default: unfit(name)
        }
    }

    /// A list; one without a value is empty.
    func list(_ name: String) -> [String] {
        switch values[name] {
        case nil: []
        case .list(let items)?: items
        default: unfit(name)
        }
    }

    private func unfit(_ name: String) -> Never {
        invariantViolated("the configuration \(name) has no value of the type asked for", file: #fileID, line: #line)
    }
}
