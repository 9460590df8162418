import Model

/// What a fetch's partition is among the topics of the moment. Immutable.
enum FetchedPartition {
    case unknownTopic
    case unknownPartition
    case hosted(HostedPartition)
}

extension Topics {
    /// - Parameter byID: Whether the client names topics by id.
    func find(_ target: FetchTarget, byID: Bool) -> FetchedPartition {
        guard let topic = byID ? self[target.topicID] : self[target.topicName] else { return .unknownTopic }
        guard let partition = topic.partition(target.index) else { return .unknownPartition }
        return .hosted(partition)
    }
}
