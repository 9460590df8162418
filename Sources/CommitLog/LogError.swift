import Glibc
package import Model
package import Records

/// Why a log refused or failed. Immutable.
package enum LogError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The batch is not one this topic takes.
    case batch(BatchError)
    /// The batch does not fit into a segment.
    case batchLargerThanSegment(bytes: Int, limit: Int)
    /// No record of that offset is here.
    case outOfRange(Offset, start: Offset, end: Offset)
    /// An idempotent producer's batch does not follow its last one.
    case outOfOrderSequence(producer: ProducerID, epoch: Int16, expected: SequenceNumber, found: SequenceNumber)
    /// An idempotent producer was superseded.
    case invalidProducerEpoch(producer: ProducerID, epoch: Int16, current: Int16)
    /// A leader epoch went back.
    case staleLeaderEpoch(LeaderEpoch, current: LeaderEpoch)
    /// The directory holds a partition of another topic that had the same name.
    case inconsistentTopicID(path: String, found: TopicID, expected: TopicID)
    /// The directory belongs to another cluster or node.
    case wrongOwner(path: String, property: String, found: String, expected: String)
    /// Another process uses the directory.
    case directoryInUse(path: String, processID: String)
    /// A file's contents make no sense.
    case corrupt(path: String, String)
    /// Records of the offset that was asked for are damaged or gone.
    case damaged(QuarantinedRange)
    /// A file is of a format this version does not know. It is left as it is.
    case unsupportedFormat(path: String, String)
    /// The file system failed.
    case storage(FileError)
    /// An earlier write failed and could not be undone; the log takes no more until it is opened again.
    case failed(TopicPartition, FileError)
    /// A sync or a write failed in the log directory; it takes nothing more until it is opened again.
    case directoryOffline(path: String, FileError)
    /// The disk has less free than is kept in reserve; what makes room goes on.
    case spaceLow(path: String, free: Int, reserve: Int)
    /// The log was closed or deleted.
    case closed(TopicPartition)
    /// The start has not come to the log yet. `toScan`: how much of it has to be read, where that is known.
    case opening(TopicPartition, toScan: Int)
    /// The process died so often while it was opening the log that it is left alone. `note`: the file that says so.
    case quarantined(TopicPartition, starts: Int, note: String)

    /// A file that was asked for is not there.
    package static func missing(_ path: String) -> LogError { .storage(FileError("open", path, code: ENOENT)) }

    /// Whether too many files are open: it passes, and is no fault of the disk.
    package var isShortageOfFiles: Bool {
        if case .storage(let reason) = self { return reason.isShortageOfFiles }
        return false
    }

    package var errorCode: ErrorCode {
        switch self {
        case .batch(let error): error.errorCode
        case .batchLargerThanSegment: .recordListTooLarge
        case .outOfRange: .offsetOutOfRange
        case .outOfOrderSequence: .outOfOrderSequenceNumber
        case .invalidProducerEpoch: .invalidProducerEpoch
        case .staleLeaderEpoch: .fencedLeaderEpoch
        case .inconsistentTopicID: .inconsistentTopicId
        case .wrongOwner, .directoryInUse, .unsupportedFormat, .storage, .failed, .directoryOffline, .spaceLow,
            .quarantined:
            .kafkaStorageError
        case .corrupt, .damaged: .corruptMessage
        case .closed, .opening: .notLeaderOrFollower
        }
    }

    package var description: String {
        switch self {
        case .batch(let error): error.description
        case .batchLargerThanSegment(let bytes, let limit):
            "the batch has \(bytes) bytes and a segment holds \(limit); send smaller batches or raise segment.bytes"
        case .outOfRange(let offset, let start, let end):
            "offset \(offset) is not in the log, which goes from \(start) to \(end)"
        case .outOfOrderSequence(let producer, let epoch, let expected, let found):
            "producer \(producer) of epoch \(epoch) sent sequence number \(found) where \(expected) is next"
        case .invalidProducerEpoch(let producer, let epoch, let current):
            "producer \(producer) sent with epoch \(epoch), and epoch \(current) was seen already"
        case .staleLeaderEpoch(let epoch, let current):
            "leader epoch \(epoch) is older than the partition's, \(current)"
        case .inconsistentTopicID(let path, let found, let expected):
            "\(path) belongs to the topic id \(found), not \(expected); move it away to create the topic anew"
        case .wrongOwner(let path, let property, let found, let expected):
            "\(path) says \(property)=\(found), and this broker is configured with \(expected)"
        case .directoryInUse(let path, let processID):
            "\(path) is in use by process \(processID); stop it or configure another log.dirs"
        case .corrupt(let path, let reason): "\(path) is damaged: \(reason)"
        case .damaged(let range):
            "records are damaged and cannot be read, \(range); `martlet log repair` makes consumers go on behind them"
        case .unsupportedFormat(let path, let reason): "\(path) is not of a format known here: \(reason)"
        case .storage(let error): error.description
        case .failed(let partition, let error):
            "\(partition) takes no more records since a write could not be undone (\(error)); restart the broker"
        case .directoryOffline(let path, let error):
            "the log directory \(path) is offline: what was written since its last good sync may be lost (\(error)); "
                + "look after the disk, then restart the broker"
        case .spaceLow(let path, let free, let reserve):
            "the disk of \(path) has \(ByteCount(free)) left, and \(ByteCount(reserve)) are kept in reserve "
                + "(log.reserve.bytes); producers have to wait until there is room"
        case .opening(let partition, _): "\(partition) is not open yet since the broker's start; try again"
        case .quarantined(let partition, let starts, let note):
            "\(partition) is left alone since the last \(starts) starts died while they were opening it; look at it with "
                + "'martlet log verify', then remove its line from \(note) and restart the broker"
        case .closed(let partition): "the log of \(partition) is closed"
        }
    }
}

/// Runs a file operation, its failure becoming the log's.
func storage<Result>(_ body: () throws(FileError) -> Result) throws(LogError) -> Result {
    do { return try body() } catch { throw .storage(error) }
}

/// Runs a batch operation, its failure becoming the log's.
func checkingBatch<Result>(_ body: () throws(BatchError) -> Result) throws(LogError) -> Result {
    do { return try body() } catch { throw .batch(error) }
}
