/// A broker's configuration that gives topics without a value of their own theirs. Immutable.
struct BrokerSynonym: Sendable {
    let name: String
    /// What a value is multiplied by to be a value of the topic's configuration: hours and minutes become milliseconds.
    let factor: Int64

    /// A value of the broker's configuration as one of the topic's; negative times mean "no limit" in any unit.
    func convert(_ value: ConfigValue) -> ConfigValue {
        guard factor != 1, case .integer(let number) = value else { return value }
        if number < 0 { return .integer(-1) }
        let (product, overflow) = number.multipliedReportingOverflow(by: factor)
        return .integer(overflow ? .max : product)
    }
}

/// Which of the broker's configurations stand behind a topic's, the one that goes before the others first.
enum TopicSynonyms {
    private static let hour: Int64 = 3_600_000
    private static let minute: Int64 = 60_000

    static func of(_ topicKey: String) -> [BrokerSynonym] { table[topicKey] ?? [] }

    /// The names of one and the same configuration in different units, the one that goes before the others first; for
    /// any other name just that name.
    static func aliases(ofBrokerKey name: String) -> [String] {
        for synonyms in table.values where synonyms.count > 1 && synonyms.contains(where: { $0.name == name }) {
            return synonyms.map(\.name)
        }
        return [name]
    }

    private static let table: [String: [BrokerSynonym]] = [
        "cleanup.policy": same("log.cleanup.policy"),
        "compression.gzip.level": same("compression.gzip.level"),
        "compression.lz4.level": same("compression.lz4.level"),
        "compression.type": same("compression.type"),
        "compression.zstd.level": same("compression.zstd.level"),
        "delete.retention.ms": same("log.cleaner.delete.retention.ms"),
        "durability": same("log.durability"),
        "file.delete.delay.ms": same("log.segment.delete.delay.ms"),
        "flush.messages": same("log.flush.interval.messages"),
        "flush.ms": same("log.flush.interval.ms") + same("log.flush.scheduler.interval.ms"),
        "index.interval.bytes": same("log.index.interval.bytes"),
        "max.compaction.lag.ms": same("log.cleaner.max.compaction.lag.ms"),
        "max.message.bytes": same("message.max.bytes"),
        "message.timestamp.after.max.ms": same("log.message.timestamp.after.max.ms"),
        "message.timestamp.before.max.ms": same("log.message.timestamp.before.max.ms"),
        "message.timestamp.type": same("log.message.timestamp.type"),
        "min.cleanable.dirty.ratio": same("log.cleaner.min.cleanable.ratio"),
        "min.compaction.lag.ms": same("log.cleaner.min.compaction.lag.ms"),
        "min.insync.replicas": same("min.insync.replicas"),
        "preallocate": same("log.preallocate"),
        "retention.bytes": same("log.retention.bytes"),
        "retention.ms": same("log.retention.ms") + [
            BrokerSynonym(name: "log.retention.minutes", factor: minute),
            BrokerSynonym(name: "log.retention.hours", factor: hour),
        ],
        "segment.bytes": same("log.segment.bytes"),
        "segment.index.bytes": same("log.index.size.max.bytes"),
        "segment.jitter.ms": same("log.roll.jitter.ms") + [BrokerSynonym(name: "log.roll.jitter.hours", factor: hour)],
        "segment.ms": same("log.roll.ms") + [BrokerSynonym(name: "log.roll.hours", factor: hour)],
        "unclean.leader.election.enable": same("unclean.leader.election.enable"),
    ]

    private static func same(_ name: String) -> [BrokerSynonym] { [BrokerSynonym(name: name, factor: 1)] }
}
