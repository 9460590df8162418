package import Model

/// Produce (key 0): appends batches of records to partitions.
///
/// - 3: first with record batches of format 2 (KIP-98); nothing below is spoken, but 0 is announced (KAFKA-18659).
/// - 4: the answer may be KAFKA_STORAGE_ERROR.
/// - 5: the response tells the log's start (KIP-107).
/// - 6: throttling happens after the response (KIP-219).
/// - 7: zstd may be used (KIP-110).
/// - 8: the response names the records that were refused, and why (KIP-467).
/// - 9: flexible.
/// - 10: the response tells who leads instead (KIP-951).
/// - 11: the answer may be TRANSACTION_ABORTABLE (KIP-890).
/// - 12: writing to a partition adds it to the transaction (KIP-890).
/// - 13: topics are named by id (KIP-516).
package struct ProduceRequest: WireRequest {
    package typealias Response = ProduceResponse
    package static let api = API(
        .produce,
        "Produce",
        versions: 3...13,
        flexibleFrom: 9,
        lowestAnnounced: 0
    )

    /// The transaction this write belongs to; null if it belongs to none.
    package var transactionalID: String?
    /// Who must have the records before the answer: 0 nobody (and there is no answer), 1 the leader, −1 all in sync.
    package var acks: Int16 = 0
    package var timeoutMilliseconds: Int32 = 0
    package var topics: [Topic] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.nullableString("TransactionalId", &transactionalID)
        try wire.int16("Acks", &acks)
        try wire.int32("TimeoutMs", &timeoutMilliseconds)
        try wire.array("TopicData", &topics)
        try wire.taggedFields()
    }

    package struct Topic: WireStruct {
        package var name = ""
        package var topicID = TopicID.zero
        package var partitions: [Partition] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            if wire.version <= 12 { try wire.string("Name", &name) }
            if wire.version >= 13 { try wire.uuid("TopicId", &topicID) }
            try wire.array("PartitionData", &partitions)
            try wire.taggedFields()
        }
    }

    package struct Partition: WireStruct {
        package var index: Int32 = 0
        package var records = RecordsField.null

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int32("Index", &index)
            try wire.records("Records", &records)
            try wire.taggedFields()
        }
    }
}

/// What became of each batch of a ``ProduceRequest``. There is none if the request asks for no acknowledgement.
package struct ProduceResponse: WireStruct {
    package var topics: [Topic] = []
    package var throttleTimeMilliseconds: Int32 = 0
    /// Where the leaders named in the partitions' `currentLeader` are.
    package var nodeEndpoints: [NodeEndpoint] = []

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.array("Responses", &topics)
        try wire.int32("ThrottleTimeMs", &throttleTimeMilliseconds)
        let known: TagSet = .tag(0, if: wire.version >= 10)
        let present: TagSet = .tag(0, if: !nodeEndpoints.isEmpty)
        try wire.taggedFields(known: known, present: present) { (_, wire) throws(WireError) in
            try wire.array("NodeEndpoints", &nodeEndpoints)
        }
    }

    package struct Topic: WireStruct {
        package var name = ""
        package var topicID = TopicID.zero
        package var partitions: [Partition] = []

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            if wire.version <= 12 { try wire.string("Name", &name) }
            if wire.version >= 13 { try wire.uuid("TopicId", &topicID) }
            try wire.array("PartitionResponses", &partitions)
            try wire.taggedFields()
        }
    }

    package struct Partition: WireStruct {
        package var index: Int32 = 0
        package var errorCode = ErrorCode.none
        /// The offset the first record got.
        package var baseOffset: Int64 = 0
        /// The broker's time of the append, or −1 if the records keep the time of their producer.
        package var logAppendTimeMilliseconds: Int64 = -1
        package var logStartOffset: Int64 = -1
        /// The records because of which the batch was refused.
        package var recordErrors: [RecordError] = []
        package var errorMessage: String?
        package var currentLeader = LeaderIDAndEpoch()

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int32("Index", &index)
            try wire.errorCode("ErrorCode", &errorCode)
            try wire.int64("BaseOffset", &baseOffset)
            try wire.int64("LogAppendTimeMs", &logAppendTimeMilliseconds)
            if wire.version >= 5 { try wire.int64("LogStartOffset", &logStartOffset) }
            if wire.version >= 8 { try wire.array("RecordErrors", &recordErrors) }
            if wire.version >= 8 { try wire.nullableString("ErrorMessage", &errorMessage) }
            let known: TagSet = .tag(0, if: wire.version >= 10)
            let present: TagSet = .tag(0, if: currentLeader != LeaderIDAndEpoch())
            try wire.taggedFields(known: known, present: present) { (_, wire) throws(WireError) in
                try wire.structure("CurrentLeader", &currentLeader)
            }
        }
    }

    /// What is wrong with one record of a batch.
    package struct RecordError: WireStruct {
        /// The record's place in its batch, from 0.
        package var batchIndex: Int32 = 0
        package var errorMessage: String?

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int32("BatchIndex", &batchIndex)
            try wire.nullableString("BatchIndexErrorMessage", &errorMessage)
            try wire.taggedFields()
        }
    }
}
