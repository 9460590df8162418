import Groups

/// What is configured for groups. Immutable.
package struct GroupSettings: Sendable {
    let classic: ClassicGroupSettings
    let offsets: OffsetSettings
    let topicPartitions: Int32
    let topicSegmentBytes: Int
    let expiryInterval: Duration

    init(_ values: Values) {
        var classic = ClassicGroupSettings()
        classic.maximumMembers = values.int("group.max.size")
        classic.initialRebalanceDelay = values.milliseconds("group.initial.rebalance.delay.ms")
        classic.minimumSessionTimeoutMilliseconds = values.int32("group.min.session.timeout.ms")
        classic.maximumSessionTimeoutMilliseconds = max(
            values.int32("group.max.session.timeout.ms"),
            classic.minimumSessionTimeoutMilliseconds
        )
        self.classic = classic
        var offsets = OffsetSettings()
        offsets.maximumMetadataBytes = values.int("offset.metadata.max.bytes")
        offsets.retention = .seconds(values.int64("offsets.retention.minutes") * 60)
        offsets.keepsValidPositions = values.string("offsets.retention.policy") == "position"
        self.offsets = offsets
        topicPartitions = values.int32("offsets.topic.num.partitions")
        topicSegmentBytes = values.int("offsets.topic.segment.bytes")
        expiryInterval = values.milliseconds("offsets.retention.check.interval.ms")
    }
}
