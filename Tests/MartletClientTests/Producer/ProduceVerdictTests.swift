import Model
import NIOCore
import Testing
import Wire

@testable import MartletClient

@Suite struct ProduceVerdictTests {
    func batch(isNumbered: Bool = true) throws -> ProducerBatch {
        let batch = ProducerBatch(TopicPartition("t", 0), created: .at(milliseconds: 0), compression: .none)
        _ = try batch.append(ProducerRecord(topic: "t", value: "x"), timestamp: .none, reserving: 1)
        if isNumbered { batch.number(ProducerIdentity(id: ProducerID(1), epoch: 0), SequenceNumber(5)) }
        return batch
    }

    func verdict(
        _ code: ErrorCode,
        isNumbered: Bool = true,
        isNext: Bool = false,
        _ change: (inout ProduceResponse.Partition) -> Void = { _ in }
    ) throws -> ProduceVerdict {
        var answer = ProduceResponse.Partition()
        answer.errorCode = code
        answer.baseOffset = code.isError ? -1 : 42
        change(&answer)
        return ProduceVerdict(answer, try batch(isNumbered: isNumbered), isNextInSequence: isNext)
    }

    @Test func refusalNamesRecordsAtFault() throws {
        let verdict = try verdict(.invalidRecord) { answer in
            var record = ProduceResponse.RecordError()
            record.batchIndex = 3
            record.errorMessage = "it has no key"
            answer.recordErrors = [record]
            answer.errorMessage = "one or more records are invalid"
        }
        guard case .refused(let refusal) = verdict else { return #expect(Bool(false), "\(verdict)") }
        #expect(refusal.error.kafkaName == "INVALID_RECORD")
        #expect(refusal.error.message.contains("because of other records in it"))
        #expect(refusal.records[3]?.message.contains("it has no key") == true)
        #expect(refusal.records[0] == nil)
    }

    @Test(arguments: [ErrorCode.messageTooLarge, .recordListTooLarge])
    func batchesThatAreTooLargeMayBeSplit(code: ErrorCode) throws {
        guard case .tooLarge(let refusal) = try verdict(code) else { return #expect(Bool(false)) }
        #expect(refusal.error.kafkaName == code.name)
    }

    @Test(arguments: [ErrorCode.topicAuthorizationFailed, .invalidTimestamp, .unknownServerError])
    func lastingErrorsAreFinal(code: ErrorCode) throws {
        guard case .refused = try verdict(code) else { return #expect(Bool(false)) }
    }

    @Test(arguments: [ErrorCode.notLeaderOrFollower, .unknownTopicOrPartition, .kafkaStorageError, .unknownTopicId])
    func movedLeaderIsLookedUp(code: ErrorCode) throws {
        guard case .retry(_, let needsMetadata, let needsNewEpoch) = try verdict(code) else {
            return #expect(Bool(false))
        }
        #expect(needsMetadata)
        #expect(!needsNewEpoch)
    }

    @Test func outOfOrderBehindAFailureIsRepeatedAsItWas() throws {
        guard case .retry(_, _, let needsNewEpoch) = try verdict(.outOfOrderSequenceNumber) else {
            return #expect(Bool(false))
        }
        #expect(!needsNewEpoch)
    }

    @Test func outOfOrderWithNothingMissingMeansLostState() throws {
        guard case .retry(_, _, let needsNewEpoch) = try verdict(.outOfOrderSequenceNumber, isNext: true) else {
            return #expect(Bool(false))
        }
        #expect(needsNewEpoch)
    }

    @Test(arguments: [ErrorCode.unknownProducerId, .invalidProducerEpoch])
    func forgottenProducerStartsANewEpoch(code: ErrorCode) throws {
        guard case .retry(_, _, let needsNewEpoch) = try verdict(code) else { return #expect(Bool(false)) }
        #expect(needsNewEpoch)
        guard case .refused = try verdict(code, isNumbered: false) else { return #expect(Bool(false)) }
    }

    @Test func duplicateIsADelivery() throws {
        guard case .delivered(let placement) = try verdict(.duplicateSequenceNumber) else {
            return #expect(Bool(false))
        }
        #expect(placement.baseOffset == nil)
    }

    @Test func deliveryTellsOffsetAndAppendTime() throws {
        guard case .delivered(let placement) = try verdict(.none, { $0.logAppendTimeMilliseconds = 99 }) else {
            return #expect(Bool(false))
        }
        #expect(placement == BatchPlacement(baseOffset: 42, logAppendTime: 99))
    }
}
