import CommitLog
package import Logging
package import Model
import NIOCore

extension Broker {
    /// Opens the data and everything in it; makes identity and storage on the first start. Blocks. Unless it `waits`, the
    /// partitions are opened afterwards: see ``waitUntilOpen(atMost:)``.
    ///
    /// Throws ``LogError``, ``CatalogueError`` or ``ConfigurationError``: each says in one line what to do.
    package static func open(
        _ configuration: BrokerConfiguration,
        fileSystem: any FileSystem = PosixFileSystem(),
        time: any TimeSource = SystemTime(),
        log: Logger,
        waits: Bool = true
    ) throws -> Broker {
        let limits = FileLimits(logFiles: configuration.settings.logOpenFilesMax)
        let openFiles = OpenFiles(limit: limits.logFilesAtMost)
        var environment = LogEnvironment(fileSystem: SparingFileSystem(fileSystem, sparing: openFiles), time: time)
        environment.openFiles = openFiles
        environment.producerExpirationMilliseconds =
            configuration.settings.producerIDExpiration.wholeNanoseconds / 1_000_000
        environment.spaceReserve = configuration.settings.spaceReserve
        let directories = try openDirectories(configuration.settings, environment)
        let health = Health(time: time)
        let storage = TopicStorage(directories: directories, health: health, log: log)
        let catalogue = try EmbeddedCatalogue.open(in: directories[0], environment: environment)
        let contents = try catalogue.load()
        let current = dynamic(configuration, contents, log)
        let registry = TopicRegistry()
        let broker = Broker(
            configuration: current,
            clusterID: directories[0].properties.clusterID,
            catalogue: catalogue,
            storage: storage,
            topics: registry,
            openFiles: openFiles,
            fileLimits: limits,
            health: health,
            time: time,
            log: log
        )
        broker.groups.configurations.load(contents, log)
        broker.space.check()
        // First what is in the way: a deleted topic's files may have the names of a new one's.
        broker.removeDeleted(contents)
        try broker.prepareTopics(contents)
        broker.startOpening()
        if waits {
            broker.waitUntilOpen()
            broker.scrubber.tellAll()
        }
        return broker
    }

    /// Starts what the broker does on its own, until ``stop()``: retention, compaction, the search for damage and the timers of
    /// groups. Apart from opening, so that a test can do these things when it wants.
    package func startBackgroundWork() {
        space.start()
        retention.start()
        cleaner.start()
        scrubber.start()
        groups.start(self)
    }

    /// Where the data is, for people.
    package var dataDescription: String { storage.description }

    /// The configuration with what requests changed in earlier lives. What this version refuses is left out, loudly.
    private static func dynamic(
        _ configuration: BrokerConfiguration,
        _ contents: CatalogueContents,
        _ log: Logger
    ) -> BrokerConfiguration {
        func stored(_ node: String) throws(CatalogueError) -> [String: String] {
            let key = CatalogueKey.brokerConfig(node)
            guard let entry = contents.entries[key] else { return [:] }
            let configs = try ConfigRecord.decode(entry.value, key: key).configs
            return Dictionary(configs.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
        }
        do {
            return try configuration.replacingDynamic(
                cluster: stored("default"),
                broker: stored(String(configuration.settings.nodeID))
            )
        } catch {
            log.error("the dynamic configuration is not used: \(error)")
            return configuration
        }
    }

    /// Every directory must belong to the same cluster as the first.
    private static func openDirectories(
        _ settings: BrokerSettings,
        _ environment: LogEnvironment
    ) throws(LogError) -> [LogDirectory] {
        var directories: [LogDirectory] = []
        for path in settings.logDirectories {
            directories.append(
                try LogDirectory.open(
                    path,
                    clusterID: directories.first?.properties.clusterID,
                    nodeID: settings.nodeID,
                    environment: environment
                )
            )
        }
        return directories
    }

    private func startOpening() {
        let opener = storage.opener(for: topics.snapshot, time: time)
        self.opener.withLock { $0 = opener }
        opener.start(threads: settings.numRecoveryThreadsPerDirectory) { [retention] in
            // What it has passed over meanwhile.
            retention.configurationChanged()
        }
    }

    /// Waits until every partition that was there at the start is open, or known to be offline; false if that takes
    /// longer.
    @discardableResult
    package func waitUntilOpen(atMost limit: Duration? = nil) -> Bool {
        opener.withLock { $0 }?.wait(atMost: limit) ?? true
    }

    /// How many partitions are still to be opened.
    package var unopenedPartitions: Int { opener.withLock { $0 }?.remaining ?? 0 }

    private func prepareTopics(_ contents: CatalogueContents) throws(CatalogueError) {
        var known: [String: (record: TopicRecord, configuration: TopicConfiguration, revision: CatalogueRevision)] = [:]
        for (key, entry) in contents.entries where key.hasPrefix(CatalogueKey.topicPrefix) {
            let record = try TopicRecord.decode(entry.value, key: key)
            let name = String(key.dropFirst(CatalogueKey.topicPrefix.count))
            let overrides = Dictionary(record.configs.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
            known[name] = (record, usable(overrides, of: name), entry.revision)
        }
        for (name, topic) in known {
            let opened = storage.prepare(name, topic.record, topic.configuration, revision: topic.revision)
            topics.publish { $0.put(opened) }
        }
        storage.reportStrays { found in
            found.topicPartition.topic == EmbeddedCatalogue.topicName
                || known[found.topicPartition.topic]?.record.id == found.topicID
                || contents.entries[CatalogueKey.deletedTopic(found.topicID)] != nil
        }
    }

    /// A topic's configuration; without its overrides if this version refuses them.
    private func usable(_ overrides: [String: String], of name: String) -> TopicConfiguration {
        do throws(ConfigurationError) {
            return try TopicConfiguration(overrides: overrides, broker: configuration)
        } catch {
            log.error("topic \(name) runs with the broker's configuration, its own is not valid here: \(error)")
            return TopicConfiguration(broker: configuration)
        }
    }

    /// Finishes deletions that a crash has interrupted.
    private func removeDeleted(_ contents: CatalogueContents) {
        let pending = contents.entries.filter { $0.key.hasPrefix(CatalogueKey.deletedTopicPrefix) }
        let names = Set(pending.values.map { String(buffer: $0.value) })
        // After a crash a directory may have lost the id by which it is known; a topic's own are opened all the same.
        let isSettled = storage.retireUnnamed(
            except: { contents.entries[CatalogueKey.topic($0.topic)] != nil },
            isDeleted: { names.contains($0.topic) }
        )
        for key in pending.keys where isSettled {
            guard let id = TopicID(String(key.dropFirst(CatalogueKey.deletedTopicPrefix.count))) else { continue }
            guard storage.delete(id) else { continue }
            do throws(CatalogueError) {
                _ = try catalogue.commit([CatalogueChange(key: key, value: nil)], ifUnchanged: [])
            } catch {
                log.warning("the deletion of topic id \(id) is done, but cannot be noted: \(error)")
            }
        }
        io.submit { [storage] in storage.removeDeleted() }
    }
}
