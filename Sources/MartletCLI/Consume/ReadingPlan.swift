import MartletClient

/// Which partitions `martlet consume` reads outside of a group, and from where to where. Stateless.
enum ReadingPlan {
    /// The topics that exist and match.
    static func topics(matching pattern: String, _ client: ClientConfiguration) async throws -> [String] {
        let matcher = try TextPattern(pattern, ignoresCase: false)
        let known = try await withAdmin(client) { try await $0.listTopics(includingInternal: false).map(\.name) }
        let names = known.filter(matcher.matchesWhole)
        if names.isEmpty {
            throw InputError(description: "none of the \(known.count) topics matches '\(pattern)' as a whole")
        }
        return names
    }

    /// One assignment per partition, with its beginning and its end in offsets.
    static func bounded(
        _ range: RangeOptions,
        topics: [String],
        partitions wanted: [Int32],
        now: Int64,
        _ client: ClientConfiguration
    ) async throws -> [Assignment] {
        try await withAdmin(client) { admin in
            var partitions: [Partition] = []
            for topic in topics {
                let selection = PartitionSelection(topic: topic, partitions: wanted.isEmpty ? nil : wanted)
                partitions += try await selection.resolve(admin)
            }
            let beginnings = try await offsets(partitions, .beginning, admin)
            let starts = try await offsets(partitions, range.from?.time, admin)
            let stops = try await offsets(partitions, range.until?.time, admin)
            let ends = try await offsets(partitions, .end, admin)
            return partitions.map { partition in
                let bounds = PartitionBounds(
                    beginning: beginnings[partition] ?? 0,
                    end: ends[partition] ?? 0,
                    start: starts[partition],
                    stop: stops[partition]
                )
                let (start, end) = range.range(bounds, now: now)
                return Assignment(
                    topic: partition.topic,
                    partitions: [partition.index],
                    start: .offset(start),
                    end: end
                )
            }
        }
    }

    private static func offsets(
        _ partitions: [Partition],
        _ point: OffsetPoint?,
        _ admin: Admin
    ) async throws -> [Partition: Int64] {
        guard let point else { return [:] }
        return try await admin.listOffsets(Dictionary(uniqueKeysWithValues: Set(partitions).map { ($0, point) }))
    }

    private static func withAdmin<Value>(
        _ client: ClientConfiguration,
        _ body: (Admin) async throws -> Value
    ) async throws -> Value {
        let admin = Admin(client)
        do {
            let value = try await body(admin)
            await admin.close()
            return value
        } catch {
            await admin.close()
            throw error
        }
    }
}

extension StartOption {
    fileprivate var time: OffsetPoint? {
        if case .time(let time) = position { return .time(time) }
        return nil
    }
}

extension StopOption {
    fileprivate var time: OffsetPoint? {
        if case .time(let time) = self { return .time(time) }
        return nil
    }
}
