extension ConsumerConfiguration {
    /// A configuration by Kafka's property names for reading given partitions; what is not given has this type's defaults.
    ///
    /// Read are those of ``ClientConfiguration/init(properties:)``, and `isolation.level`, `auto.offset.reset`,
    /// `fetch.max.wait.ms`, `fetch.min.bytes`, `fetch.max.bytes`, `max.partition.fetch.bytes` and `check.crcs`.
    ///
    /// Throws ``ClientError`` of kind ``ClientError/Kind/invalidArgument`` that names the property, if one is unknown,
    /// missing, or has an impossible value.
    public init(properties: [String: String], assignments: [Assignment]) throws(ClientError) {
        var reader = PropertyReader(properties)
        self.init(client: try ClientConfiguration(&reader), assignments: assignments)
        try readFetching(&reader)
        switch try Self.reset(&reader) {
        case .beginning: outOfRange = .beginning
        case .end: outOfRange = .end
        case nil, .offset, .last, .time: outOfRange = .fail
        }
        try reader.finish("consumer")
    }

    /// A configuration by Kafka's property names for a member of a group; what is not given has this type's defaults, and
    /// `group.id` is needed.
    ///
    /// Read are those of ``init(properties:assignments:)``, and `group.id`, `group.protocol`, `group.instance.id`,
    /// `group.remote.assignor`, `partition.assignment.strategy` (`range`, `roundrobin`, `cooperative-sticky`, or the names of
    /// the Java client's classes), `session.timeout.ms`, `heartbeat.interval.ms`, `max.poll.interval.ms`,
    /// `enable.auto.commit` and `auto.commit.interval.ms`.
    ///
    /// Throws ``ClientError`` of kind ``ClientError/Kind/invalidArgument`` that names the property, if one is unknown,
    /// missing, or has an impossible value.
    public init(
        properties: [String: String],
        subscription: GroupConfiguration.Subscription
    ) throws(ClientError) {
        var reader = PropertyReader(properties)
        let client = try ClientConfiguration(&reader)
        guard let id = reader.text("group.id"), !id.isEmpty else {
            throw ClientError(.invalidArgument, "the property 'group.id' is missing")
        }
        var group = GroupConfiguration(id: id, subscription: subscription)
        try group.read(&reader)
        if let reset = try Self.resetGiven(&reader) { group.start = reset }
        self.init(client: client, group: group)
        try readFetching(&reader)
        try reader.finish("consumer")
        try group.validate()
    }

    private mutating func readFetching(_ reader: inout PropertyReader) throws(ClientError) {
        isolation =
            try reader.choice(
                "isolation.level",
                ["read_uncommitted": .readUncommitted, "read_committed": .readCommitted]
            ) ?? isolation
        maximumWait = try reader.milliseconds("fetch.max.wait.ms") ?? maximumWait
        minimumBytes = try reader.integer("fetch.min.bytes", 0...Int(Int32.max)) ?? minimumBytes
        maximumBytes = try reader.integer("fetch.max.bytes", 0...Int(Int32.max)) ?? maximumBytes
        maximumPartitionBytes =
            try reader.integer("max.partition.fetch.bytes", 0...Int(Int32.max)) ?? maximumPartitionBytes
        verifiesChecksums = try reader.boolean("check.crcs") ?? verifiesChecksums
    }

    /// What `auto.offset.reset` says; Kafka's default if it says nothing.
    private static func reset(_ reader: inout PropertyReader) throws(ClientError) -> StartPosition? {
        try resetGiven(&reader) ?? .some(.end)
    }

    /// What `auto.offset.reset` says: to go on at a position, or nowhere; nil if it is not given.
    private static func resetGiven(_ reader: inout PropertyReader) throws(ClientError) -> StartPosition?? {
        let positions: [String: StartPosition?] = [
            "earliest": .some(.beginning), "latest": .some(.end), "none": .none,
        ]
        return try reader.choice("auto.offset.reset", positions)
    }
}

extension GroupConfiguration {
    fileprivate mutating func read(_ reader: inout PropertyReader) throws(ClientError) {
        groupProtocol =
            try reader.choice("group.protocol", ["classic": .classic, "consumer": .consumer]) ?? groupProtocol
        instanceID = reader.text("group.instance.id")
        serverAssignor = reader.text("group.remote.assignor")
        if let names = reader.text("partition.assignment.strategy") { assignors = try Self.assignors(names) }
        sessionTimeout = try reader.milliseconds("session.timeout.ms", 1...Int(Int32.max)) ?? sessionTimeout
        heartbeatInterval = try reader.milliseconds("heartbeat.interval.ms", 1...Int(Int32.max)) ?? heartbeatInterval
        maximumPollInterval = try reader.milliseconds("max.poll.interval.ms", 1...Int(Int32.max)) ?? maximumPollInterval
        let interval = try reader.milliseconds("auto.commit.interval.ms", 1...Int(Int32.max)) ?? commitInterval
        commitInterval = try reader.boolean("enable.auto.commit") == false ? nil : interval
    }

    private static func assignors(_ names: String) throws(ClientError) -> [Assignor] {
        let known: [String: Assignor] = [
            "range": .range, "roundrobin": .roundRobin, "cooperative-sticky": .cooperativeSticky,
            "org.apache.kafka.clients.consumer.rangeassignor": .range,
            "org.apache.kafka.clients.consumer.roundrobinassignor": .roundRobin,
            "org.apache.kafka.clients.consumer.cooperativestickyassignor": .cooperativeSticky,
        ]
        var assignors: [Assignor] = []
        for name in names.split(separator: ",") {
            let name = String(name.filter { !$0.isWhitespace })
            guard let assignor = known[name.lowercased()] else {
                throw PropertyReader.invalid(
                    "partition.assignment.strategy",
                    name,
                    "range, roundrobin or cooperative-sticky"
                )
            }
            assignors.append(assignor)
        }
        return assignors
    }
}
