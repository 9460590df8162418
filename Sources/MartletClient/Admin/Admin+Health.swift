import Wire

extension Admin {
    /// What is wrong with the broker at the moment.
    ///
    /// - Parameter topics: Only what concerns the partitions of these; nil for everything.
    ///
    /// Throws ``ClientError`` of kind ``ClientError/Kind/unsupported`` if the broker is not a Martlet.
    public func describeHealth(of topics: [String]? = nil) async throws(ClientError) -> HealthReport {
        var request = DescribeHealthRequest()
        request.topics = topics
        return try await send(request) { response throws(ClientError) -> HealthReport in
            try Self.check(response.errorCode, "the broker's health", response.errorMessage)
            return HealthReport(response)
        }
    }
}

extension HealthReport {
    init(_ response: DescribeHealthResponse) {
        status = Status(response.status)
        topics = response.topicCount
        partitions = response.partitionCount
        offlinePartitions = response.offlinePartitionCount
        problems = response.conditions.map(HealthProblem.init)
    }
}

extension HealthReport.Status {
    /// What a newer broker may call by a higher number is at least as bad as the worst we know.
    init(_ number: Int8) {
        switch number {
        case ...0: self = .healthy
        case 1: self = .degraded
        default: self = .failing
        }
    }
}

extension HealthProblem {
    init(_ condition: DescribeHealthResponse.Condition) {
        kind = condition.kind
        status = HealthReport.Status(condition.status)
        subject = condition.subject
        partition = condition.topic.map { Partition(topic: $0, index: condition.partition) }
        reason = condition.reason
        remedy = condition.remedy
        since = condition.since
        lastSeen = condition.lastSeen
        occurrences = condition.occurrences
        nextTry = condition.nextTry < 0 ? nil : condition.nextTry
    }
}
