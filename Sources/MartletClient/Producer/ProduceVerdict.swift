import Model
import Wire

/// What a broker's answer means for a batch. Immutable.
enum ProduceVerdict {
    case delivered(BatchPlacement)
    /// To be sent again.
    ///
    /// - needsMetadata: The leader may be another broker now.
    /// - needsNewEpoch: The broker lost, or never had, the state that the batch's sequence number builds on (KIP-360).
    case retry(ClientError, needsMetadata: Bool, needsNewEpoch: Bool)
    /// Too large: its halves may not be.
    case tooLarge(BatchRefusal)
    case refused(BatchRefusal)

    /// - Parameter isNextInSequence: Whether all batches before this one were acknowledged.
    init(_ answer: ProduceResponse.Partition, _ batch: ProducerBatch, isNextInSequence: Bool) {
        let code = answer.errorCode
        let error = Self.error(answer, batch)
        switch code {
        case .none: self = .delivered(Self.placement(answer))
        case .duplicateSequenceNumber:
            // An earlier attempt arrived, and its answer was lost.
            self = .delivered(Self.placement(answer))
        case .outOfOrderSequenceNumber where batch.sequence != nil:
            // After a failed batch those behind it are out of order, and are right again once it has been repeated.
            self = .retry(error, needsMetadata: false, needsNewEpoch: isNextInSequence)
        case .unknownProducerId where batch.sequence != nil, .invalidProducerEpoch where batch.sequence != nil:
            self = .retry(error, needsMetadata: false, needsNewEpoch: true)
        case .messageTooLarge, .recordListTooLarge: self = .tooLarge(BatchRefusal(error: error, records: [:]))
        default:
            guard code.isRetriable else {
                self = .refused(BatchRefusal(error: error, records: Self.recordErrors(answer, batch)))
                return
            }
            self = .retry(error, needsMetadata: Self.movesLeader.contains(code), needsNewEpoch: false)
        }
    }

    private static func placement(_ answer: ProduceResponse.Partition) -> BatchPlacement {
        BatchPlacement(
            baseOffset: answer.baseOffset >= 0 ? answer.baseOffset : nil,
            logAppendTime: answer.logAppendTimeMilliseconds >= 0 ? answer.logAppendTimeMilliseconds : nil
        )
    }

    private static func error(_ answer: ProduceResponse.Partition, _ batch: ProducerBatch) -> ClientError {
        ClientError(
            code: answer.errorCode,
            context: "\(batch.count) \(batch.count == 1 ? "record" : "records") of \(batch.size) bytes for topic "
                + "'\(batch.partition.topic)' partition \(batch.partition.partition)",
            detail: answer.recordErrors.isEmpty ? answer.errorMessage : othersFault(answer)
        )
    }

    /// What to say to the records that were refused only because others of their batch were.
    private static func othersFault(_ answer: ProduceResponse.Partition) -> String {
        "the batch was refused because of other records in it" + (answer.errorMessage.map { ": \($0)" } ?? "")
    }

    private static func recordErrors(
        _ answer: ProduceResponse.Partition,
        _ batch: ProducerBatch
    ) -> [Int32: ClientError] {
        var errors: [Int32: ClientError] = [:]
        for record in answer.recordErrors {
            errors[record.batchIndex] = ClientError(
                code: answer.errorCode,
                context: "a record for topic '\(batch.partition.topic)' partition \(batch.partition.partition)",
                detail: record.errorMessage ?? answer.errorMessage
            )
        }
        return errors
    }

    private static let movesLeader: Set<ErrorCode> = [
        .notLeaderOrFollower, .leaderNotAvailable, .unknownTopicOrPartition, .kafkaStorageError, .fencedLeaderEpoch,
        .unknownLeaderEpoch, .unknownTopicId, .inconsistentTopicId, .replicaNotAvailable, .networkException,
    ]
}
