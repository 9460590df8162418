import CommitLog
import Model
package import Wire

/// DescribeLogDirs (key 35): the log directories with their partitions' sizes and their disks' free space.
///
/// A directory that is out of use has an error and no partitions, as with Kafka. No directory is ever cordoned: new
/// partitions go to the one with the fewest.
extension DescribeLogDirsRequest: BrokerRequest {
    package func handle(_ call: Call<DescribeLogDirsRequest>) {
        // There may be very many segments.
        call.broker.io.submit { call.reply(response(of: call.broker)) }
    }

    private func response(of broker: Broker) -> DescribeLogDirsResponse {
        let known = broker.topics.snapshot
        let wanted = topics.map { topics in
            Dictionary(topics.map { ($0.name, Set($0.partitions)) }, uniquingKeysWith: { $0.union($1) })
        }
        var response = DescribeLogDirsResponse()
        response.results = broker.storage.directories.map { directory in
            let logs = directory.logs.filter { log in
                // The broker's own catalogue is no topic.
                guard known[log.topicPartition.topic]?.id == log.topicID else { return false }
                return wanted?[log.topicPartition.topic]?.contains(log.topicPartition.partition) ?? (wanted == nil)
            }
            return Self.describe(directory, logs)
        }
        return response
    }

    private static func describe(_ directory: LogDirectory, _ logs: [PartitionLog]) -> DescribeLogDirsResponse.Directory
    {
        var result = DescribeLogDirsResponse.Directory()
        result.path = absolutePath(directory.path)
        if let failure = directory.failure {
            result.errorCode = failure.errorCode
            return result
        }
        if let space = directory.space.status.space {
            result.totalBytes = Int64(space.total)
            result.usableBytes = Int64(space.free)
        }
        let byTopic = Dictionary(grouping: logs) { $0.topicPartition.topic }
        for (name, logs) in byTopic.sorted(by: { $0.key < $1.key }) {
            var topic = DescribeLogDirsResponse.Topic()
            topic.name = name
            topic.partitions = logs.map { log in
                var partition = DescribeLogDirsResponse.Partition()
                partition.index = log.topicPartition.partition
                partition.size = Int64(log.sizeInBytes)
                return partition
            }
            topic.partitions.sort { $0.index < $1.index }
            result.topics.append(topic)
        }
        return result
    }
}
