import Model
package import Wire

/// DescribeHealth (key 10004): what is wrong with this broker right now.
extension DescribeHealthRequest: BrokerRequest {
    package func handle(_ call: Call<DescribeHealthRequest>) {
        // It looks at every partition, and what is news is logged: not for an event loop.
        call.broker.io.submit { call.reply(answer(call.broker)) }
    }

    private func answer(_ broker: Broker) -> DescribeHealthResponse {
        // What readers and compactions have met since the last look for damage.
        broker.scrubber.tellAll()
        let wanted = topics.map(Set.init)
        let conditions = broker.health.conditions.filter { condition in
            guard let wanted else { return true }
            return condition.partition.map { wanted.contains($0.topic) } ?? false
        }
        let known = broker.topics.snapshot.byName.values.filter { wanted?.contains($0.name) ?? true }
        var response = DescribeHealthResponse()
        response.status = Health.status(of: conditions).rawValue
        response.topicCount = Int32(clamping: known.count)
        response.partitionCount = Int32(clamping: known.reduce(0) { $0 + $1.partitions.count })
        response.offlinePartitionCount = Int32(
            clamping: known.reduce(0) { $0 + $1.partitions.count { $0.isOffline } }
        )
        response.conditions = conditions.map(describe)
        return response
    }

    private func describe(_ condition: HealthCondition) -> DescribeHealthResponse.Condition {
        var result = DescribeHealthResponse.Condition()
        result.kind = condition.kind.rawValue
        result.status = condition.kind.status.rawValue
        result.subject = condition.subject
        result.topic = condition.partition?.topic
        result.partition = condition.partition?.partition ?? -1
        result.reason = condition.reason
        result.remedy = condition.kind.remedy
        result.since = condition.since.milliseconds
        result.lastSeen = condition.lastSeen.milliseconds
        result.occurrences = Int64(condition.occurrences)
        result.nextTry = condition.nextTry?.milliseconds ?? -1
        return result
    }
}
