package import Model

/// InitProducerId (key 22): an id and an epoch for an idempotent or transactional producer (KIP-98).
///
/// - 1: throttling happens after the response (KIP-219).
/// - 2: flexible.
/// - 3: a producer may go on with the id it has (KIP-360).
/// - 4: the answer may be PRODUCER_FENCED (KIP-588).
/// - 5: the answer may be TRANSACTION_ABORTABLE (KIP-890).
///
/// Left out: 6, two-phase commit (KIP-939), which is not stable in Kafka.
package struct InitProducerIdRequest: WireRequest {
    package typealias Response = InitProducerIdResponse
    package static let api = API(.initProducerID, "InitProducerId", versions: 0...5, flexibleFrom: 2)

    package var transactionalID: String?
    package var transactionTimeoutMilliseconds: Int32 = 0
    /// The id the producer has and wants to keep; −1 for none.
    package var producerID: Int64 = -1
    /// The epoch the producer has; −1 for none.
    package var producerEpoch: Int16 = -1

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.nullableString("TransactionalId", &transactionalID)
        try wire.int32("TransactionTimeoutMs", &transactionTimeoutMilliseconds)
        if wire.version >= 3 { try wire.int64("ProducerId", &producerID) }
        if wire.version >= 3 { try wire.int16("ProducerEpoch", &producerEpoch) }
        try wire.taggedFields()
    }
}

/// The producer's id and epoch.
package struct InitProducerIdResponse: WireStruct {
    package var throttleTimeMilliseconds: Int32 = 0
    package var errorCode = ErrorCode.none
    package var producerID: Int64 = -1
    package var producerEpoch: Int16 = 0

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.int32("ThrottleTimeMs", &throttleTimeMilliseconds)
        try wire.errorCode("ErrorCode", &errorCode)
        try wire.int64("ProducerId", &producerID)
        try wire.int16("ProducerEpoch", &producerEpoch)
        try wire.taggedFields()
    }
}
