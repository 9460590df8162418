import ArgumentParser
import MartletClient

/// `martlet topic describe`. A value.
struct TopicDescribe: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe",
        abstract: "Show a topic's partitions, offsets and configuration.",
        discussion: """
            Examples:
              martlet topic describe orders
              martlet topic describe orders --all --json | jq '.[0].configs'
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: OutputOptions

    @Argument(help: "The topics.", completion: .topics)
    var names: [String]

    @Flag(help: "Show all configurations, not only those that differ from the default.")
    var all = false

    func run() async throws {
        try await Topic.withAdmin(connection) { admin, output in
            var descriptions: [Description] = []
            for name in names { descriptions.append(try await describe(name, admin)) }
            if format.json {
                try output.line(JSON.array(descriptions.map(\.json)))
                return
            }
            for (index, description) in descriptions.enumerated() {
                if index > 0 { try output.line("") }
                for line in description.lines { try output.line(line) }
            }
        }
    }

    private func describe(_ name: String, _ admin: Admin) async throws -> Description {
        let topic = try await admin.describeTopic(name)
        let led = topic.partitions.filter { $0.leader != nil }.map { Partition(topic: name, index: $0.index) }
        let starts = try await admin.listOffsets(Dictionary(uniqueKeysWithValues: led.map { ($0, .beginning) }))
        let ends = try await admin.listOffsets(Dictionary(uniqueKeysWithValues: led.map { ($0, .end) }))
        var configs: [ConfigEntry] = []
        do throws(ClientError) {
            configs = try await admin.describeConfigs(.topic(name))
        } catch {
            guard error.kind == .unsupported else { throw error }
            StandardError.line("martlet: no configurations shown: \(error.message)")
        }
        var problems: [HealthProblem] = []
        do throws(ClientError) {
            problems = try await admin.describeHealth(of: [name]).problems
        } catch {
            // Other brokers have no such thing to say.
            guard error.kind == .unsupported else { throw error }
        }
        return Description(
            topic: topic,
            explanations: try await explanations(name, configs, admin),
            problems: problems,
            starts: starts,
            ends: ends,
            configs: all ? configs : configs.filter { $0.source == .topic }
        )
    }

    private func explanations(
        _ name: String,
        _ configs: [ConfigEntry],
        _ admin: Admin
    ) async throws -> [PartitionExplanation] {
        let isCompacted = configs.contains { $0.name == "cleanup.policy" && $0.value?.contains("compact") == true }
        guard isCompacted else { return [] }
        do throws(ClientError) {
            return try await admin.explainTopic(name)
        } catch {
            // Other brokers have no such thing to say; what is wrong with a partition stands among the problems.
            guard error.kind == .unsupported || error.kind == .broker else { throw error }
            return []
        }
    }
}

/// What `topic describe` says about one topic. A value.
private struct Description {
    let topic: TopicDescription
    /// Only of compacted topics.
    let explanations: [PartitionExplanation]
    let problems: [HealthProblem]
    let starts: [Partition: Int64]
    let ends: [Partition: Int64]
    let configs: [ConfigEntry]

    var lines: [String] {
        var lines = ["Topic:       \(topic.name)"]
        if let id = topic.id { lines.append("Id:          \(id)") }
        lines.append("Partitions:  \(topic.partitions.count)")
        if let factor = topic.replicationFactor { lines.append("Replicas:    \(factor)") }
        if !configs.isEmpty {
            lines.append("Configs:")
            for config in configs { lines.append("  \(config.name)=\(config.value ?? "")") }
        }
        var table = Table([
            ("PARTITION", .right), ("LEADER", .right), ("REPLICAS", .left), ("IN SYNC", .left), ("START", .right),
            ("END", .right), ("RECORDS", .right),
        ])
        for partition in topic.partitions {
            let key = Partition(topic: topic.name, index: partition.index)
            let (start, end) = (starts[key], ends[key])
            table.add([
                String(partition.index),
                partition.leader.map(String.init) ?? "none",
                partition.replicas.map(String.init).joined(separator: ","),
                partition.inSyncReplicas.map(String.init).joined(separator: ","),
                start.map(String.init) ?? "-",
                end.map(String.init) ?? "-",
                start.flatMap { start in end.map { String($0 - start) } } ?? "-",
            ])
        }
        let compaction = CompactionTable.lines(explanations)
        var sections = [[""] + table.lines]
        if !compaction.isEmpty { sections.append([""] + compaction) }
        if !problems.isEmpty { sections.append(["", "Problems:"] + problems.flatMap(\.lines)) }
        return lines + sections.flatMap { $0 }
    }

    var json: JSON {
        .object([
            "name": .string(topic.name),
            "id": .optional(topic.id) { .string($0) },
            "internal": .bool(topic.isInternal),
            "replication_factor": .optional(topic.replicationFactor) { .int($0) },
            "partitions": .array(topic.partitions.map(json)),
            "configs": .array(configs.map(json)),
            "problems": .array(problems.map(\.json)),
        ])
    }

    private func json(_ partition: TopicDescription.Partition) -> JSON {
        let key = Partition(topic: topic.name, index: partition.index)
        return .object([
            "partition": .int(partition.index),
            "leader": .optional(partition.leader) { .int($0) },
            "leader_epoch": .int(partition.leaderEpoch),
            "replicas": .array(partition.replicas.map { .int($0) }),
            "in_sync_replicas": .array(partition.inSyncReplicas.map { .int($0) }),
            "start_offset": .optional(starts[key]) { .int($0) },
            "end_offset": .optional(ends[key]) { .int($0) },
            "compaction": .optional(
                explanations.first { $0.index == partition.index }?.compaction,
                CompactionTable.json
            ),
        ])
    }

    private func json(_ config: ConfigEntry) -> JSON {
        .object([
            "name": .string(config.name),
            "value": .optional(config.value) { .string($0) },
            "source": .string(config.source.name),
            "sensitive": .bool(config.isSensitive),
        ])
    }
}

extension ConfigEntry.Source {
    /// As JSON output says it.
    var name: String {
        switch self {
        case .topic: "topic"
        case .dynamicBroker: "dynamic-broker"
        case .dynamicDefaultBroker: "dynamic-default-broker"
        case .staticBroker: "static-broker"
        case .defaultValue: "default"
        case .other(let number): "other-\(number)"
        }
    }
}
