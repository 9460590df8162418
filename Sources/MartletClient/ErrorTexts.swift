import Model

/// Kafka's errors in plain words, for people who do not know the table by heart.
enum ErrorTexts {
    /// What the error means; the sentence for its name if this table has no better one.
    static func meaning(of code: ErrorCode) -> String {
        meanings[code] ?? "the broker answered \(code.name)"
    }

    /// What usually helps; nil if nothing general can be said.
    static func hint(for code: ErrorCode) -> String? { hints[code] }

    private static let meanings: [ErrorCode: String] = [
        .unknownServerError: "the broker failed unexpectedly",
        .offsetOutOfRange: "the offset is before the first or after the last record of the partition",
        .corruptMessage: "the records' checksum does not match their bytes",
        .unknownTopicOrPartition: "there is no such topic or partition",
        .leaderNotAvailable: "the partition has no leader at the moment",
        .notLeaderOrFollower: "this broker does not lead the partition any more",
        .requestTimedOut: "the broker could not finish in the time the request allowed",
        .messageTooLarge: "the records are larger than the topic accepts",
        .coordinatorLoadInProgress: "the coordinator is still loading",
        .coordinatorNotAvailable: "the coordinator is not available yet",
        .notCoordinator: "this broker is not the coordinator any more",
        .offsetMetadataTooLarge: "the metadata of a committed offset is longer than offset.metadata.max.bytes",
        .illegalGeneration: "the group has gone on without this member",
        .inconsistentGroupProtocol: "the group's members use other assignors, or another kind of protocol",
        .invalidGroupId: "the group's id is not valid",
        .unknownMemberId: "the group has no such member",
        .invalidSessionTimeout:
            "the session timeout is outside group.min.session.timeout.ms and group.max.session.timeout.ms",
        .rebalanceInProgress: "the group is rebalancing",
        .nonEmptyGroup: "the group has members",
        .groupIdNotFound: "there is no such group",
        .groupMaxSizeReached: "the group has as many members as group.max.size allows",
        .fencedInstanceId: "another member has joined with the same group.instance.id",
        .groupSubscribedToTopic: "members of the group read the topic",
        .unstableOffsetCommit: "a transaction may still change the offset",
        .invalidTopicException: "the topic's name is not valid, or the topic is internal",
        .recordListTooLarge: "the records of one request are larger than a segment of the topic",
        .notEnoughReplicas: "fewer replicas are in sync than min.insync.replicas asks for",
        .notEnoughReplicasAfterAppend: "the records were written, but to fewer replicas than min.insync.replicas",
        .topicAuthorizationFailed: "access to the topic is denied",
        .groupAuthorizationFailed: "access to the group is denied",
        .clusterAuthorizationFailed: "the operation on the cluster is denied",
        .invalidTimestamp: "a record's timestamp is outside what the topic accepts",
        .unsupportedVersion: "the broker does not support this version of the request",
        .topicAlreadyExists: "a topic of this name exists already",
        .invalidPartitions: "the number of partitions is not valid",
        .invalidReplicationFactor: "the replication factor is not valid",
        .invalidReplicaAssignment: "the assignment of replicas to brokers is not valid",
        .invalidConfig: "the configuration is not valid",
        .notController: "this broker is not the controller",
        .invalidRequest: "the request is not valid",
        .unsupportedForMessageFormat: "the topic's record format does not support the request",
        .policyViolation: "a policy of the cluster forbids it",
        .outOfOrderSequenceNumber: "the producer's records arrived out of order",
        .invalidProducerEpoch: "a newer session of this producer has taken over",
        .kafkaStorageError: "the broker could not read or write its disk",
        .saslAuthenticationFailed: "user name or password is wrong",
        .unknownProducerId: "the broker does not remember this producer",
        .topicDeletionDisabled: "deleting topics is disabled (delete.topic.enable=false)",
        .fencedLeaderEpoch: "the client's view of the partition's leader is out of date",
        .unknownLeaderEpoch: "the broker does not know of the partition's newest leader yet",
        .unsupportedCompressionType: "the broker does not support this compression",
        .invalidRecord: "the broker refused a record",
        .throttlingQuotaExceeded: "the client sends more than its quota allows",
        .unknownTopicId: "there is no topic with this id any more",
        .inconsistentTopicId: "the topic was deleted and created again",
    ]

    private static let hints: [ErrorCode: String] = [
        .unknownTopicOrPartition:
            "create it with 'martlet topic create', or check the spelling with 'martlet topic list'",
        .groupIdNotFound: "check the spelling with 'martlet group list'",
        .nonEmptyGroup: "stop its members first; 'martlet group members' says who they are",
        .groupSubscribedToTopic: "stop the members first; 'martlet group members' says who they are",
        .inconsistentGroupProtocol: "all members of a group need an assignor in common",
        .messageTooLarge: "raise the topic's max.message.bytes, or send smaller records",
        .invalidReplicationFactor:
            "a replication factor cannot exceed the number of brokers; leave it out for the default",
        .topicAlreadyExists: "use another name, or --if-not-exists to accept the topic as it is",
        .kafkaStorageError: "look into the broker's log: a disk may be full or failing",
        .invalidTimestamp: "see the topic's message.timestamp.before.max.ms and message.timestamp.after.max.ms",
        .topicAuthorizationFailed: "whoever runs the broker must let this user read, write or describe the topic",
        .groupAuthorizationFailed: "whoever runs the broker must let this user read the group",
        .clusterAuthorizationFailed: "whoever runs the broker must let this user change the cluster",
        .saslAuthenticationFailed: "check the user name, the password and the mechanism",
        .unsupportedVersion: "the broker's version and this client's are too far apart",
        .topicDeletionDisabled: "start the broker with delete.topic.enable=true",
    ]
}
