import ArgumentParser
import MartletClient

/// `martlet topic explain`. A value.
struct TopicExplain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract:
            "Show what a topic's partitions consist of, why each segment is kept and when it will go, when they are compacted, and what is damaged.",
        discussion: """
            Examples:
              martlet topic explain orders
              martlet topic explain orders --json | jq '.[0].partitions[].segments'
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var format: OutputOptions

    @Argument(help: "The topics.", completion: .topics)
    var names: [String]

    func run() async throws {
        try await Topic.withAdmin(connection) { admin, output in
            var topics: [(name: String, partitions: [PartitionExplanation])] = []
            for name in names { topics.append((name, try await admin.explainTopic(name))) }
            if format.json {
                try output.line(JSON.array(topics.map(Self.json)))
                return
            }
            for (index, topic) in topics.enumerated() {
                if index > 0 { try output.line("") }
                for line in Self.lines(topic.name, topic.partitions) { try output.line(line) }
            }
        }
    }

    static func lines(_ name: String, _ partitions: [PartitionExplanation]) -> [String] {
        var table = Table([
            ("PARTITION", .right), ("OFFSETS", .left), ("SIZE", .right), ("NEWEST RECORD", .left), ("GOES", .left),
            ("WHY", .left),
        ])
        for partition in partitions {
            for segment in partition.segments {
                table.add([
                    String(partition.index),
                    offsets(segment) + (segment.isActive ? " (written)" : ""),
                    Quantity.bytes(Int(clamping: segment.sizeInBytes)),
                    (segment.largestTimestamp ?? segment.lastAppendTime).map(Moment.text) ?? "-",
                    segment.isExpired ? "now" : segment.expiresAt.map(Moment.text) ?? "-",
                    segment.explanation,
                ])
            }
        }
        let bytes = partitions.flatMap(\.segments).reduce(Int64(0)) { $0 + $1.sizeInBytes }
        let count = partitions.reduce(0) { $0 + $1.segments.count }
        return [
            "Topic \(name): \(partitions.count) partitions, \(count) segments, \(Quantity.bytes(Int(clamping: bytes)))"
        ] + table.lines + CompactionTable.lines(partitions) + DamageTable.lines(partitions)
    }

    private static func offsets(_ segment: SegmentExplanation) -> String {
        segment.endOffset > segment.baseOffset
            ? "\(segment.baseOffset) to \(segment.endOffset - 1)" : "none from \(segment.baseOffset)"
    }

    private static func json(_ topic: (name: String, partitions: [PartitionExplanation])) -> JSON {
        .object(["name": .string(topic.name), "partitions": .array(topic.partitions.map(json))])
    }

    private static func json(_ partition: PartitionExplanation) -> JSON {
        .object([
            "partition": .int(partition.index),
            "start_offset": .int(partition.logStart),
            "end_offset": .int(partition.logEnd),
            "segments": .array(partition.segments.map(json)),
            "compaction": .optional(partition.compaction, CompactionTable.json),
            "last_scrub": .optional(partition.lastScrub) { .int($0) },
            "damage": .array(partition.damage.map(DamageTable.json)),
        ])
    }

    private static func json(_ segment: SegmentExplanation) -> JSON {
        .object([
            "base_offset": .int(segment.baseOffset),
            "end_offset": .int(segment.endOffset),
            "bytes": .int(segment.sizeInBytes),
            "active": .bool(segment.isActive),
            "largest_timestamp": .optional(segment.largestTimestamp) { .int($0) },
            "last_append_time": .optional(segment.lastAppendTime) { .int($0) },
            "expired": .bool(segment.isExpired),
            "reason": .string(segment.reason),
            "explanation": .string(segment.explanation),
            "expires_at": .optional(segment.expiresAt) { .int($0) },
        ])
    }
}
