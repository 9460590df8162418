import Model
import NIOCore
package import Wire

/// The APIs this broker answers: one line each. What ApiVersions announces, which versions are refused and the README's
/// table follow from this list.
package enum APIs {
    static let handlers: [Handler] = [
        Handler(ProduceRequest.self),
        Handler(FetchRequest.self),
        Handler(ListOffsetsRequest.self),
        Handler(MetadataRequest.self),
        Handler(OffsetCommitRequest.self),
        Handler(OffsetFetchRequest.self),
        Handler(FindCoordinatorRequest.self),
        Handler(JoinGroupRequest.self),
        Handler(HeartbeatRequest.self),
        Handler(LeaveGroupRequest.self),
        Handler(SyncGroupRequest.self),
        Handler(DescribeGroupsRequest.self),
        Handler(ListGroupsRequest.self),
        Handler(ApiVersionsRequest.self),
        Handler(CreateTopicsRequest.self),
        Handler(DeleteTopicsRequest.self),
        Handler(DeleteRecordsRequest.self),
        Handler(InitProducerIdRequest.self),
        Handler(OffsetForLeaderEpochRequest.self),
        Handler(DescribeConfigsRequest.self),
        Handler(DescribeLogDirsRequest.self),
        Handler(CreatePartitionsRequest.self),
        Handler(DeleteGroupsRequest.self),
        Handler(IncrementalAlterConfigsRequest.self),
        Handler(OffsetDeleteRequest.self),
        Handler(DescribeClusterRequest.self),
        Handler(ConsumerGroupHeartbeatRequest.self),
        Handler(ConsumerGroupDescribeRequest.self),
        Handler(DescribeTopicPartitionsRequest.self),
        Handler(ExplainTopicRequest.self),
        Handler(ApplyRetentionRequest.self),
        Handler(CompactTopicRequest.self),
        Handler(DescribeHealthRequest.self),
        Handler(GroupHistoryRequest.self),
    ]

    /// The APIs in the order of their keys.
    package static let all: [API] = handlers.map(\.api).sorted { $0.key < $1.key }

    static let byKey: [APIKey: Handler] = Dictionary(uniqueKeysWithValues: handlers.map { ($0.api.key, $0) })

    /// Whether an API's version is flexible; unknown APIs and versions are not, so that their header can be read.
    static func isFlexible(_ key: APIKey, _ version: Int16) -> Bool {
        guard let api = byKey[key]?.api else { return false }
        // A client newer than us opens with an ApiVersions we do not know; its header is flexible all the same.
        return api.isFlexible(version)
    }
}

/// The way from a frame to the code that handles it, for one API. Immutable.
struct Handler: Sendable {
    let api: API
    /// Decodes the body and handles it; throws if the bytes are not such a message.
    let run: @Sendable (ByteBuffer, RequestHeader, UInt64, any ClientConnection, Broker) throws(WireError) -> Void

    init<Request: BrokerRequest>(_ type: Request.Type) {
        api = Request.api
        run = { (body, header, number, connection, broker) throws(WireError) in
            let (request, _) = try Request.read(
                body,
                version: header.version,
                isFlexible: Request.api.isFlexible(header.version)
            )
            request.handle(Call(broker: broker, connection: connection, header: header, number: number))
        }
    }
}
