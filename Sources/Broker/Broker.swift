import CommitLog
package import Logging
package import Model
package import NIOCore
import Wire

/// A running broker without sockets: topics, their logs, and the handlers of the APIs. Thread-safe.
package final class Broker: Sendable {
    package let clusterID: String
    package let log: Logger
    /// How many files may be open, and for what.
    package let fileLimits: FileLimits
    package let time: any TimeSource

    let topics: TopicRegistry
    private let openFiles: OpenFiles
    let storage: TopicStorage
    let catalogue: any Catalogue
    let fetchSessions: FetchSessions
    let producerIDs: ProducerIDs
    /// Compacts logs in the background.
    package let cleaner: LogCleaner
    /// Looks for damage.
    package let scrubber: LogScrubber
    /// What is wrong at the moment.
    package let health: Health
    /// Deletes what is too old or too much.
    package let retention: RetentionKeeper
    /// Coordinates consumer groups.
    package let groups: GroupCoordinator
    /// Watches the free space of the disks.
    package let space: SpaceKeeper
    /// Changes of topics and configurations, one at a time.
    let control: WorkerPool
    /// Reads that may have to wait for the disk.
    let io: WorkerPool
    /// Appends of requests that are too large for an event loop.
    let largeAppends: WorkerPool
    /// Produce requests of more bytes than this are handled by a thread of their own: to check and to write so much takes
    /// milliseconds, a full page cache makes the writer wait, and meanwhile nobody else on the event loop is served.
    static let largestOnEventLoop = 4 << 20
    /// How many such requests are appended at a time. These threads stand back behind no others: they give back memory by the
    /// hundred megabytes, and whoever wants some meanwhile would wait for them.
    private static let largeAppendThreads = 2
    /// How many partitions the memory allows.
    let maximumPartitions: Int

    /// Opens what was there at the start.
    let opener = Locked<PartitionOpener?>(nil)

    private let storageWaits = Locked<[ObjectIdentifier: StorageWaits]>([:])
    private let current: Locked<BrokerConfiguration>
    private let complaints = Complaints()

    init(
        configuration: BrokerConfiguration,
        clusterID: String,
        catalogue: any Catalogue,
        storage: TopicStorage,
        topics: TopicRegistry,
        openFiles: OpenFiles,
        fileLimits: FileLimits,
        health: Health,
        time: any TimeSource,
        log: Logger
    ) {
        let settings = configuration.settings
        current = Locked(configuration)
        self.clusterID = clusterID
        self.catalogue = catalogue
        self.storage = storage
        self.topics = topics
        self.openFiles = openFiles
        self.fileLimits = fileLimits
        self.health = health
        self.time = time
        self.log = log
        fetchSessions = FetchSessions(slots: settings.fetchSessionCacheSlots, time: time)
        producerIDs = ProducerIDs(catalogue: catalogue)
        cleaner = LogCleaner(topics: topics, settings: settings.cleaner, health: health, time: time, log: log)
        scrubber = LogScrubber(topics: topics, settings: settings.scrubber, health: health, time: time, log: log)
        retention = RetentionKeeper(
            topics: topics,
            storage: storage,
            interval: settings.logRetentionCheckInterval,
            health: health,
            time: time,
            log: log
        )
        groups = GroupCoordinator(settings: settings.groups, topics: topics, health: health, time: time, log: log)
        space = SpaceKeeper(directories: storage.directories, health: health, log: log)
        control = WorkerPool("control", threads: 1)
        io = WorkerPool("io", threads: settings.numIOThreads)
        largeAppends = WorkerPool("large-append", threads: Self.largeAppendThreads)
        maximumPartitions = FileLimits.maximumPartitions
    }

    /// The configuration of now: what the broker was started with and what was changed since.
    package var configuration: BrokerConfiguration { current.withLock { $0 } }

    package var settings: BrokerSettings { configuration.settings }

    package var nodeID: Int32 { settings.nodeID }

    /// For changes of topics. On the control thread.
    var administration: TopicAdministration { TopicAdministration(broker: self) }

    /// How many topics and partitions there are.
    package var counts: (topics: Int, partitions: Int) {
        let known = topics.snapshot
        return (known.byName.count, known.partitionCount)
    }

    /// What a client of that connection is told to connect to: the listener's advertised address, or else the address at
    /// which the client reached us, which by definition it can reach.
    package func endpoint(for connection: any ClientConnection) -> Endpoint {
        let listener = settings.listeners.first { $0.name == connection.listener }
        return listener?.advertised ?? connection.localAddress
    }

    /// The produces of an event loop that wait for the disk. For that event loop.
    func storageWaits(on reactor: any Reactor) -> StorageWaits {
        storageWaits.withLock { known in
            if let waits = known[ObjectIdentifier(reactor)] { return waits }
            let waits = StorageWaits(reactor: reactor, time: time)
            known[ObjectIdentifier(reactor)] = waits
            return waits
        }
    }

    // MARK: Requests

    /// Handles one request. On the connection's event loop.
    ///
    /// - Parameters:
    ///   - frame: The request without its length.
    ///   - number: The request's number on its connection.
    package func receive(_ frame: ByteBuffer, number: UInt64, from connection: any ClientConnection) {
        var body = frame
        let header: RequestHeader
        do throws(WireError) {
            header = try RequestHeader.read(&body, isFlexible: APIs.isFlexible)
        } catch {
            return connection.refuse("a request's header cannot be read: \(error)")
        }
        guard let handler = APIs.byKey[header.key] else {
            return connection.refuse("a request asks for API \(header.key.rawValue), which is not known here")
        }
        guard handler.api.versions.contains(header.version) else {
            return refuseVersion(header, handler.api, number, connection)
        }
        if header.key == ProduceRequest.api.key, frame.readableBytes > Self.largestOnEventLoop {
            return receiveLarge(body, header, handler, number, connection)
        }
        do throws(WireError) {
            try handler.run(body, header, number, connection, self)
        } catch {
            connection.refuse(Self.unreadable(handler.api, header, error))
        }
    }

    private static func unreadable(_ api: API, _ header: RequestHeader, _ error: WireError) -> String {
        "a \(api.name) request of version \(header.version) cannot be read: \(error)"
    }

    /// Handles a request on a thread of its own; those behind it on the connection wait until then.
    private func receiveLarge(
        _ body: ByteBuffer,
        _ header: RequestHeader,
        _ handler: Handler,
        _ number: UInt64,
        _ connection: any ClientConnection
    ) {
        connection.holdBack()
        largeAppends.submit { [self] in
            let fault: String?
            do throws(WireError) {
                // Copies records as well: slices that begin behind 16 MiB are none.
                try handler.run(body, header, number, connection, self)
                fault = nil
            } catch {
                fault = Self.unreadable(handler.api, header, error)
            }
            // Given back before it is freed, see ``ProcessMemory``; nobody has a part of it any more.
            body.withUnsafeReadableBytes { ProcessMemory.discard($0) }
            connection.reactor.execute {
                if let fault { connection.refuse(fault) }
                connection.goOn()
            }
        }
    }

    /// ApiVersions of any version gets an answer, so that the client learns what it may ask; others are a client's bug.
    private func refuseVersion(
        _ header: RequestHeader,
        _ api: API,
        _ number: UInt64,
        _ connection: any ClientConnection
    ) {
        guard api.key == .apiVersions else {
            let range = "\(api.versions.lowerBound) to \(api.versions.upperBound)"
            return connection.refuse("a \(api.name) request has version \(header.version), known are \(range)")
        }
        do throws(WireError) {
            let response = try Frame.response(
                ApiVersionsRequest.unsupportedVersion,
                api: api,
                version: 0,
                correlationID: header.correlationID
            )
            connection.respond(to: number, with: response)
        } catch {
            connection.refuse("the list of APIs cannot be encoded: \(error)")
        }
    }

    /// Leaves logs as many descriptors as so many connections do. On any thread.
    package func makeRoom(forConnections count: Int) { openFiles.setLimit(fileLimits.logFiles(beside: count)) }

    /// Closes files that logs can spare, because the process has too many open. Returns whether it may try again.
    package func spareFiles() -> Bool { openFiles.spare(Self.sparedFiles) > 0 }

    /// How many files are closed at once for want of a descriptor.
    private static let sparedFiles = 16

    // MARK: Configuration

    /// Whether a request's broker id is this broker's.
    func checkIsThis(_ name: String) throws(RequestError) {
        guard let id = Int32(name) else {
            throw RequestError(.invalidRequest, "Broker id must be an integer, but it is: \(name)")
        }
        guard id == nodeID else {
            throw RequestError(
                .invalidRequest,
                "Unexpected broker id, expected \(nodeID) or empty string, but received \(name)"
            )
        }
    }

    /// Changes the broker's or the cluster's dynamic configuration. On the control thread.
    func alterConfiguration(
        _ level: DynamicLevel,
        _ changes: [ConfigChange],
        validateOnly: Bool
    ) throws(RequestError) {
        let new = try requestingConfiguration { () throws(ConfigurationError) in
            try configuration.altered(level, by: changes)
        }
        if validateOnly { return }
        let (key, overrides) =
            level == .cluster
            ? (CatalogueKey.brokerConfig("default"), new.clusterOverrides)
            : (CatalogueKey.brokerConfig(String(nodeID)), new.brokerOverrides)
        try storing { () throws(CatalogueError) in
            var record = ConfigRecord()
            record.configs = overrides.sorted { $0.key < $1.key }.map { StoredConfig(name: $0.key, value: $0.value) }
            return try catalogue.commit([CatalogueChange(key: key, value: try record.encoded())], ifUnchanged: [])
        }
        current.withLock { $0 = new }
        administration.brokerConfigurationChanged()
        log.info("dynamic configuration of the \(level) is now: \(changes.map(\.name).joined(separator: ", ")) changed")
    }

    // MARK: Failures

    /// Logs an append that failed for a reason the operator should know of; what clients do wrong is theirs to log.
    func noteAppendFailure(_ error: LogError, _ partition: HostedPartition) {
        guard error.errorCode == .kafkaStorageError else { return }
        // Said once, by who watches the disk.
        if case .spaceLow = error { return }
        guard let suppressed = complaints.admit("\(partition.topicPartition)", now: time.instant) else { return }
        log.error("append to \(partition.topicPartition) failed: \(error) (\(suppressed) similar before)")
    }

    /// Logs a read that the disk has failed.
    func noteReadFailure(_ error: LogError, _ partition: TopicPartition) {
        guard let suppressed = complaints.admit("read \(partition)", now: time.instant) else { return }
        log.error("read of \(partition) failed: \(error) (\(suppressed) similar before)")
    }

    /// An event loop waited for a disk, which none may (I9). Every client of the loop waited with it.
    package func noteLoopWaited(for path: String) {
        let reason = "I9: an event loop waited for the disk to store \(path)"
        guard health.report(.loopWaited, path, reason: reason) else { return }
        log.error("\(reason); \(HealthCondition.Kind.loopWaited.remedy)")
    }

    // MARK: The end

    /// Finishes work in the background and closes all logs. No request may come any more. Blocks.
    package func stop() {
        space.stop()
        cleaner.stop()
        scrubber.stop()
        opener.withLock { $0 }?.stop()
        retention.stop()
        groups.stop()
        control.stop()
        io.stop()
        largeAppends.stop()
        storage.close()
    }
}
