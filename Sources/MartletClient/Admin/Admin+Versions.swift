import Wire

/// Which versions of an API a broker and this client speak. Immutable.
public struct APISupport: Equatable, Sendable {
    /// Kafka's name of the API.
    public let name: String
    /// Its number in the protocol.
    public let key: Int16
    /// What this client speaks.
    public let client: ClosedRange<Int16>
    /// What the broker speaks; nil if it does not know the API.
    public let broker: ClosedRange<Int16>?
    /// Whether producing, consuming and the administration of topics and groups need it.
    public let isRequired: Bool

    /// The version that is used; nil if there is none in common.
    public var common: Int16? {
        guard let broker, broker.overlaps(client) else { return nil }
        return min(broker.upperBound, client.upperBound)
    }
}

extension Admin {
    /// Which versions of the APIs that this client uses one of the brokers speaks: any that answers.
    public func apiSupport() async throws(ClientError) -> [APISupport] {
        let versions = try await cluster.anyConnection().versions
        return Self.used.map { api, isRequired in
            APISupport(
                name: api.name,
                key: api.key.rawValue,
                client: api.versions,
                broker: versions.range(of: api),
                isRequired: isRequired
            )
        }
    }

    /// What this client uses; not required is what older brokers lack, or brokers of other makes.
    private static let used: [(api: API, isRequired: Bool)] = [
        (ProduceRequest.api, true), (FetchRequest.api, true), (ListOffsetsRequest.api, true),
        (MetadataRequest.api, true), (OffsetCommitRequest.api, true), (OffsetFetchRequest.api, true),
        (FindCoordinatorRequest.api, true), (JoinGroupRequest.api, true), (HeartbeatRequest.api, true),
        (LeaveGroupRequest.api, true), (SyncGroupRequest.api, true), (DescribeGroupsRequest.api, true),
        (ListGroupsRequest.api, true), (ApiVersionsRequest.api, true), (CreateTopicsRequest.api, true),
        (DeleteTopicsRequest.api, true), (DeleteRecordsRequest.api, true), (InitProducerIdRequest.api, true),
        (DescribeConfigsRequest.api, true), (CreatePartitionsRequest.api, true), (DeleteGroupsRequest.api, true),
        (IncrementalAlterConfigsRequest.api, true), (OffsetDeleteRequest.api, false),
        (DescribeLogDirsRequest.api, false), (ConsumerGroupHeartbeatRequest.api, false),
        (ConsumerGroupDescribeRequest.api, false), (ExplainTopicRequest.api, false),
        (ApplyRetentionRequest.api, false), (CompactTopicRequest.api, false), (DescribeHealthRequest.api, false),
        (GroupHistoryRequest.api, false),
    ]
}
