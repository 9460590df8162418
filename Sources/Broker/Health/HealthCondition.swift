package import Model

/// One thing that is wrong with a running broker. A value.
package struct HealthCondition: Equatable, Sendable {
    /// What can be wrong. The raw value is the name in outputs and metrics.
    package enum Kind: String, CaseIterable, Sendable {
        case directoryOffline = "log-directory-offline"
        case partitionOffline = "partition-offline"
        case recordsDamaged = "records-damaged"
        case spaceLow = "disk-space-low"
        case checkpointFailing = "checkpoint-failing"
        case compactionFailing = "compaction-failing"
        case retentionFailing = "retention-failing"
        case groupsOffline = "groups-offline"
        case groupStorm = "group-rebalance-storm"
        case loopWaited = "event-loop-waited"

        /// How bad that is.
        package var status: Health.Status {
            switch self {
            case .directoryOffline, .partitionOffline, .spaceLow, .recordsDamaged, .groupsOffline: .failing
            case .checkpointFailing, .compactionFailing, .retentionFailing, .groupStorm, .loopWaited: .degraded
            }
        }

        /// What an operator can do about it.
        package var remedy: String {
            switch self {
            case .directoryOffline:
                "check the disk and the kernel's log, then restart the broker: it writes to the directory only after that"
            case .partitionOffline:
                "see the broker's log for why the partition could not be opened, put that right and restart the broker"
            case .recordsDamaged:
                "restore the partition from a copy, or stop the broker and run 'martlet log repair' to skip the damage"
            case .spaceLow:
                "free space, lower retention.ms or retention.bytes, or add a disk; writing resumes by itself"
            case .checkpointFailing:
                "nothing is lost, but the next start takes longer; check the disk's free space and rights"
            case .compactionFailing: "see the reason; compaction is tried again by itself"
            case .retentionFailing: "see the reason; retention is tried again by itself"
            case .groupsOffline:
                "consumers of these groups cannot join or commit: put right what the reason names and restart the broker"
            case .groupStorm:
                "while it rebalances the group reads little or nothing: see in the broker's log which members come and go and "
                    + "why; longer session timeouts, static members (group.instance.id) and fewer restarts help"
            case .loopWaited:
                "nothing is lost, some clients waited for a moment; it is a mistake in martlet: please report it with the "
                    + "broker's log"
            }
        }
    }

    package let kind: Kind
    /// What it is about: a directory's path, or a partition's name.
    package let subject: String
    /// The partition, if it is about one.
    package let partition: TopicPartition?
    /// What happened, in one line.
    package var reason: String
    package let since: Timestamp
    package var lastSeen: Timestamp
    /// How often it was reported.
    package var occurrences = 1
    /// When it is tried again; nil if not by itself, or nobody knows.
    package var nextTry: Timestamp?
}
