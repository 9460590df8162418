/// What is wrong with a broker. Immutable.
public struct HealthReport: Equatable, Sendable {
    /// How bad something is.
    public enum Status: String, Sendable {
        /// Nothing is wrong.
        case healthy
        /// Everything is served, something needs a look.
        case degraded
        /// Something is not served.
        case failing
    }

    /// How bad the worst of it is.
    public let status: Status
    /// How many topics there are, of those asked about.
    public let topics: Int32
    /// How many partitions they have.
    public let partitions: Int32
    /// How many of those are not served.
    public let offlinePartitions: Int32
    /// What is wrong, the worst first.
    public let problems: [HealthProblem]
}

/// One thing that is wrong with a broker. Immutable.
public struct HealthProblem: Equatable, Sendable {
    /// What is wrong, in one word, for example `records-damaged`.
    public let kind: String
    /// How bad it is.
    public let status: HealthReport.Status
    /// What it is about: a directory's path, or a partition's name.
    public let subject: String
    /// The partition, if it is about one.
    public let partition: Partition?
    /// What happened.
    public let reason: String
    /// What can be done about it.
    public let remedy: String
    /// Since when, in milliseconds since 1970-01-01T00:00Z.
    public let since: Int64
    /// When it was noticed last, in the same unit.
    public let lastSeen: Int64
    /// How often it was noticed.
    public let occurrences: Int64
    /// When it is tried again, in the same unit; nil if that does not happen by itself.
    public let nextTry: Int64?
}
