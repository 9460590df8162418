import CommitLog
import Model
import NIOCore
import Records
package import Wire

/// Produce (key 0): appends each partition's batch as it came. With acks=0 there is no response at all.
extension ProduceRequest: BrokerRequest {
    /// The acknowledgements a producer may ask for (KIP-98 made all the default).
    private enum Acks {
        static let none: Int16 = 0
        static let leader: Int16 = 1
        static let all: Int16 = -1
    }

    private static let noTransactions = "this broker does not take part in transactions yet"

    package func handle(_ call: Call<ProduceRequest>) {
        guard [Acks.none, Acks.leader, Acks.all].contains(acks) else {
            return call.reply(
                refusal(.invalidRequiredAcks, "acks must be 0, 1 or -1 (all), this request has \(acks)")
            )
        }
        if transactionalID != nil {
            let refusal = refusal(.invalidTxnState, Self.noTransactions)
            if acks == Acks.none { return Self.finishWithoutAcks(refusal.topics.first?.partitions.first, call) }
            return call.reply(refusal)
        }
        let stored = append(call)
        let (acks, timeout) = (acks, timeoutMilliseconds)
        if call.connection.reactor.isCurrent {
            return Self.finish(stored, acks: acks, timeoutMilliseconds: timeout, call)
        }
        discardRecords()
        call.connection.reactor.execute {
            Self.finish(stored, acks: acks, timeoutMilliseconds: timeout, call)
        }
    }

    /// Gives the records' memory back to the system before it is freed: to give back so much at once would hold up every
    /// other thread that wants memory. Nobody may look at the records afterwards.
    private func discardRecords() {
        for topic in topics {
            for partition in topic.partitions {
                guard case .bytes(let records) = partition.records else { continue }
                records.withUnsafeReadableBytes { ProcessMemory.discard($0) }
            }
        }
    }

    private func append(_ call: Call<ProduceRequest>) -> Stored {
        let known = call.broker.topics.snapshot
        var response = ProduceResponse()
        response.topics.reserveCapacity(topics.count)
        var failure: ProduceResponse.Partition?
        var unstored: [UnstoredAppend] = []
        for topic in topics {
            let target = call.version >= 13 ? known[topic.topicID] : known[topic.name]
            var result = ProduceResponse.Topic()
            result.name = topic.name
            result.topicID = topic.topicID
            result.partitions.reserveCapacity(topic.partitions.count)
            for partition in topic.partitions {
                let (outcome, appended) = append(partition, to: target, call)
                if outcome.errorCode.isError { failure = outcome }
                if let appended, acks != Acks.none {
                    let place = (response.topics.count, result.partitions.count)
                    if let append = waiting(for: appended, at: place) { unstored.append(append) }
                }
                result.partitions.append(outcome)
            }
            response.topics.append(result)
        }
        return Stored(response: response, failure: failure, unstored: unstored)
    }

    private static func finish(
        _ stored: Stored,
        acks: Int16,
        timeoutMilliseconds: Int32,
        _ call: Call<ProduceRequest>
    ) {
        if acks == Acks.none { return finishWithoutAcks(stored.failure, call) }
        if stored.unstored.isEmpty { return call.reply(stored.response) }
        let timeout = Duration.milliseconds(Int64(max(0, timeoutMilliseconds)))
        PendingProduce.start(stored.response, waiting: stored.unstored, timeout: timeout, call)
    }

    /// What is to be waited for after an append: nothing with acks=1, unless `flush.messages` says so.
    private func waiting(for appended: Appended, at place: (topic: Int, partition: Int)) -> UnstoredAppend? {
        guard acks == Acks.all || appended.result.mustBeDurable else { return nil }
        let append = UnstoredAppend(
            topic: place.topic,
            partition: place.partition,
            log: appended.log,
            lastOffset: appended.result.lastOffset,
            mustBeDurable: appended.result.mustBeDurable
        )
        return append.isStored(appended.log.offsets) ? nil : append
    }

    /// What the appends of a request have come to. Immutable.
    private struct Stored: Sendable {
        /// As it will be if all goes well.
        let response: ProduceResponse
        /// The last failure, if any.
        let failure: ProduceResponse.Partition?
        /// What may not be acknowledged yet.
        let unstored: [UnstoredAppend]
    }

    private typealias Appended = (log: PartitionLog, result: AppendResult)

    private func append(
        _ partition: Partition,
        to topic: HostedTopic?,
        _ call: Call<ProduceRequest>
    ) -> (outcome: ProduceResponse.Partition, appended: Appended?) {
        var outcome = ProduceResponse.Partition()
        outcome.index = partition.index
        outcome.baseOffset = -1
        guard let topic, let target = topic.partition(partition.index) else {
            outcome.errorCode = call.version >= 13 && topic == nil ? .unknownTopicId : .unknownTopicOrPartition
            return (outcome, nil)
        }
        guard !topic.isInternal else {
            outcome.errorCode = .invalidTopicException
            outcome.errorMessage = "\(target.topicPartition): the topic is the broker's own"
            return (outcome, nil)
        }
        guard case .bytes(let batch) = partition.records, batch.readableBytes > 0 else {
            outcome.errorCode = .invalidRecord
            outcome.errorMessage = "\(target.topicPartition): the request has no records for this partition"
            return (outcome, nil)
        }
        guard !Self.isTransactional(batch) else {
            outcome.errorCode = .invalidTxnState
            outcome.errorMessage = "\(target.topicPartition): \(Self.noTransactions)"
            return (outcome, nil)
        }
        do throws(LogError) {
            let log = try target.log()
            let appended = try log.append(batch, origin: .client, urgency: acks == Acks.all ? .urgent : .relaxed)
            outcome.baseOffset = appended.baseOffset.rawValue
            outcome.logAppendTimeMilliseconds = appended.logAppendTime.milliseconds
            outcome.logStartOffset = appended.logStart.rawValue
            return (outcome, (log, appended))
        } catch {
            outcome.errorCode = error.errorCode
            outcome.errorMessage = "\(target.topicPartition): \(error)"
            outcome.recordErrors = Self.recordErrors(error)
            call.broker.noteAppendFailure(error, target)
            return (outcome, nil)
        }
    }

    /// Whether the batch says that it belongs to a transaction: nobody would end it, and readers of committed records
    /// would see it at once. What is damaged says nothing; the log refuses it.
    private static func isTransactional(_ batch: ByteBuffer) -> Bool {
        let position = batch.readerIndex + RecordBatchFormat.attributesPosition
        guard let bits = batch.getInteger(at: position, as: Int16.self),
            BatchAttributes(rawValue: bits).isTransactional
        else { return false }
        let checksum = batch.getInteger(
            at: batch.readerIndex + RecordBatchFormat.checksumPosition,
            as: UInt32.self
        )
        return checksum == CRC32C.checksum(of: batch)
    }

    /// Which record is to blame, where one is (KIP-467).
    private static func recordErrors(_ error: LogError) -> [ProduceResponse.RecordError] {
        guard case .batch(let problem) = error, let index = problem.recordIndex else { return [] }
        var record = ProduceResponse.RecordError()
        record.batchIndex = index
        record.errorMessage = problem.description
        return [record]
    }

    /// A producer that wants no acknowledgement learns of a failure by losing its connection, as with Kafka.
    private static func finishWithoutAcks(_ failure: ProduceResponse.Partition?, _ call: Call<ProduceRequest>) {
        guard let failure else { return call.replyNothing() }
        let reason = "a produce request with acks=0 failed with \(failure.errorCode): \(failure.errorMessage ?? "")"
        let connection = call.connection
        if connection.reactor.isCurrent { return connection.refuse(reason) }
        connection.reactor.execute { connection.refuse(reason) }
    }

    /// The same error for every partition of the request.
    private func refusal(_ error: ErrorCode, _ message: String) -> ProduceResponse {
        var response = ProduceResponse()
        response.topics = topics.map { topic in
            var result = ProduceResponse.Topic()
            result.name = topic.name
            result.topicID = topic.topicID
            result.partitions = topic.partitions.map { partition in
                var outcome = ProduceResponse.Partition()
                outcome.index = partition.index
                outcome.errorCode = error
                outcome.errorMessage = message
                outcome.baseOffset = -1
                return outcome
            }
            return result
        }
        return response
    }
}
