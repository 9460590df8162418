import Model
import Wire

/// A directory in which a broker keeps its logs. Immutable.
public struct LogDirectory: Equatable, Sendable {
    /// Its absolute path on the broker's machine.
    public let path: String
    /// Why it cannot be used; nil if it can.
    public let failure: ClientError?
    /// Bytes of the file system that it is on; nil if the broker is too old to say (KIP-827).
    public let totalBytes: Int64?
    /// Bytes that may still be written there; nil if the broker is too old to say.
    public let usableBytes: Int64?
    /// Bytes of the partitions in it.
    public let usedBytes: Int64
    /// How many partitions it holds.
    public let partitions: Int
}

extension Admin {
    /// The directories in which a broker keeps its logs, how large they are and how full (KIP-113).
    public func logDirectories(of broker: Int32) async throws(ClientError) -> [LogDirectory] {
        if cluster.metadata.nodes.isEmpty { try await cluster.refresh() }
        let response = try await cluster.connection(to: broker).send(DescribeLogDirsRequest())
        try Self.check(response.errorCode, "the log directories of broker \(broker)")
        return response.results.map { directory in
            let partitions = directory.topics.flatMap(\.partitions)
            return LogDirectory(
                path: directory.path,
                failure: directory.errorCode.isError
                    ? ClientError(code: directory.errorCode, context: "directory \(directory.path)") : nil,
                totalBytes: directory.totalBytes < 0 ? nil : directory.totalBytes,
                usableBytes: directory.usableBytes < 0 ? nil : directory.usableBytes,
                usedBytes: partitions.reduce(0) { $0.addingReportingOverflow($1.size).partialValue },
                partitions: partitions.count
            )
        }
    }
}
