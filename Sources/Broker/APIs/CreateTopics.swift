import Model
package import Wire

/// CreateTopics (key 19): makes topics, or with `validateOnly` says whether they could be made.
extension CreateTopicsRequest: BrokerRequest {
    package func handle(_ call: Call<CreateTopicsRequest>) {
        call.broker.control.submit {
            let repeated = repeatedNames
            var response = CreateTopicsResponse()
            response.topics = topics.map { topic in
                do throws(RequestError) {
                    if repeated.contains(topic.name) {
                        throw RequestError(.invalidRequest, "Duplicate topic name '\(topic.name)' in the request.")
                    }
                    return try create(topic, call)
                } catch {
                    return refusal(of: topic.name, error)
                }
            }
            call.reply(response)
        }
    }

    private var repeatedNames: Set<String> {
        var seen: Set<String> = []
        return Set(topics.map(\.name).filter { !seen.insert($0).inserted })
    }

    private func create(
        _ topic: Topic,
        _ call: Call<CreateTopicsRequest>
    ) throws(RequestError) -> CreateTopicsResponse.Topic {
        let new = NewTopic(
            name: topic.name,
            partitionCount: topic.partitionCount,
            replicationFactor: topic.replicationFactor,
            assignments: try replicas(of: topic),
            configs: topic.configs.map { ($0.name, $0.value) }
        )
        let (record, configuration) = try call.broker.administration.create(new, validateOnly: validateOnly)
        var result = CreateTopicsResponse.Topic()
        result.name = topic.name
        result.topicID = validateOnly ? .zero : record.id
        result.partitionCount = Int32(record.partitions.count)
        result.replicationFactor = Int16(clamping: record.partitions.first?.replicas.count ?? 1)
        result.configs = configuration.describe().map { described in
            var config = CreateTopicsResponse.Config()
            config.name = described.name
            config.value = described.value
            config.isReadOnly = described.isReadOnly
            config.source = described.source.rawValue
            config.isSensitive = described.isSensitive
            return config
        }
        return result
    }

    /// The replicas by partition number; the request may name the partitions in any order, but without gaps.
    private func replicas(of topic: Topic) throws(RequestError) -> [[Int32]] {
        let sorted = topic.assignments.sorted { $0.index < $1.index }
        for (number, assignment) in sorted.enumerated() where Int(assignment.index) != number {
            throw RequestError(
                .invalidReplicaAssignment,
                "partitions must be numbered 0, 1, 2 …; partition \(number) is missing or given twice"
            )
        }
        return sorted.map(\.brokerIDs)
    }

    private func refusal(of name: String, _ error: RequestError) -> CreateTopicsResponse.Topic {
        var result = CreateTopicsResponse.Topic()
        result.name = name
        result.errorCode = error.code
        result.errorMessage = error.message
        return result
    }
}
