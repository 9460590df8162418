import ArgumentParser
import MartletClient

/// A topic, or some of its partitions, as people type them: `orders`, `orders:0`, `orders:0,2,5-7`. A value.
struct PartitionSelection: ExpressibleByArgument, Equatable {
    let topic: String
    /// In order; nil for all.
    let partitions: [Int32]?

    /// The most partitions that one range may name: a slip of the finger must not become a list of billions.
    private static let largestRange: Int32 = 100_000

    init(topic: String, partitions: [Int32]?) {
        self.topic = topic
        self.partitions = partitions
    }

    init?(argument: String) {
        let parts = argument.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = parts.first, !name.isEmpty else { return nil }
        topic = String(name)
        guard parts.count > 1 else {
            partitions = nil
            return
        }
        var chosen: Set<Int32> = []
        for piece in parts[1].split(separator: ",", omittingEmptySubsequences: false) {
            guard let range = Self.range(piece) else { return nil }
            chosen.formUnion(range)
        }
        partitions = chosen.sorted()
    }

    private static func range(_ text: Substring) -> ClosedRange<Int32>? {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false)
        guard let first = ends.first.flatMap({ Int32($0) }), first >= 0, ends.count <= 2 else { return nil }
        if ends.count == 1 { return first...first }
        guard let last = Int32(ends[1]), last >= first, last - first < largestRange else { return nil }
        return first...last
    }

    func contains(_ partition: Partition) -> Bool {
        partition.topic == topic && (partitions.map { $0.contains(partition.index) } ?? true)
    }

    /// The partitions it means. Throws ``ClientError`` if the topic does not exist, ``InputError`` if a partition does not.
    func resolve(_ admin: Admin) async throws -> [Partition] {
        let known = try await admin.describeTopic(topic).partitions.map(\.index)
        for index in partitions ?? [] where !known.contains(index) {
            throw InputError(
                description: "topic '\(topic)' has no partition \(index), only 0 to \(known.count - 1)"
            )
        }
        return (partitions ?? known).map { Partition(topic: topic, index: $0) }
    }

    /// Partitions for people: `orders:0-2,5`.
    static func text(_ partitions: [Partition]) -> String {
        let topics = Dictionary(grouping: partitions, by: \.topic).sorted { $0.key < $1.key }
        return topics.map { "\($0.key):\(ranges($0.value.map(\.index).sorted()))" }.joined(separator: " ")
    }

    private static func ranges(_ indexes: [Int32]) -> String {
        var runs: [ClosedRange<Int32>] = []
        for index in indexes {
            if let last = runs.last, last.upperBound == index - 1 {
                runs[runs.count - 1] = last.lowerBound...index
            } else {
                runs.append(index...index)
            }
        }
        return runs.map { run in
            run.count == 1 ? "\(run.lowerBound)" : "\(run.lowerBound)-\(run.upperBound)"
        }.joined(separator: ",")
    }
}
