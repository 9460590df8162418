import CoreMetrics
import Model
import Wire

/// A response that tells how long the broker holds the client back because it exceeds a quota.
protocol ThrottledResponse {
    /// The first version whose broker answers at once and leaves the waiting to the client (KIP-219); before it the broker
    /// has waited already.
    static var firstVersionToWait: Int16 { get }
    var throttleTimeMilliseconds: Int32 { get }
}

extension ThrottledResponse {
    /// How long the client must not send anything more to this broker.
    func delay(version: Int16) -> Duration {
        version >= Self.firstVersionToWait ? .milliseconds(max(0, throttleTimeMilliseconds)) : .zero
    }
}

extension ProduceResponse: ThrottledResponse { static var firstVersionToWait: Int16 { 6 } }
extension FetchResponse: ThrottledResponse { static var firstVersionToWait: Int16 { 8 } }
extension ListOffsetsResponse: ThrottledResponse { static var firstVersionToWait: Int16 { 3 } }
extension MetadataResponse: ThrottledResponse { static var firstVersionToWait: Int16 { 6 } }
extension OffsetCommitResponse: ThrottledResponse { static var firstVersionToWait: Int16 { 4 } }
extension OffsetFetchResponse: ThrottledResponse { static var firstVersionToWait: Int16 { 4 } }
extension FindCoordinatorResponse: ThrottledResponse { static var firstVersionToWait: Int16 { 2 } }
extension JoinGroupResponse: ThrottledResponse { static var firstVersionToWait: Int16 { 3 } }
extension SyncGroupResponse: ThrottledResponse { static var firstVersionToWait: Int16 { 2 } }
extension HeartbeatResponse: ThrottledResponse { static var firstVersionToWait: Int16 { 2 } }
extension LeaveGroupResponse: ThrottledResponse { static var firstVersionToWait: Int16 { 2 } }
extension DescribeGroupsResponse: ThrottledResponse { static var firstVersionToWait: Int16 { 2 } }
extension ListGroupsResponse: ThrottledResponse { static var firstVersionToWait: Int16 { 2 } }
extension CreateTopicsResponse: ThrottledResponse { static var firstVersionToWait: Int16 { 3 } }
extension DeleteTopicsResponse: ThrottledResponse { static var firstVersionToWait: Int16 { 2 } }
extension DeleteRecordsResponse: ThrottledResponse { static var firstVersionToWait: Int16 { 1 } }
extension InitProducerIdResponse: ThrottledResponse { static var firstVersionToWait: Int16 { 1 } }
extension DescribeConfigsResponse: ThrottledResponse { static var firstVersionToWait: Int16 { 2 } }
extension CreatePartitionsResponse: ThrottledResponse { static var firstVersionToWait: Int16 { 1 } }
extension DeleteGroupsResponse: ThrottledResponse { static var firstVersionToWait: Int16 { 1 } }
extension IncrementalAlterConfigsResponse: ThrottledResponse { static var firstVersionToWait: Int16 { 0 } }
extension ConsumerGroupHeartbeatResponse: ThrottledResponse { static var firstVersionToWait: Int16 { 0 } }

extension BrokerConnection {
    /// How long nothing may be sent, because the broker said so; nil if nothing holds the client back.
    var throttleDelay: Duration? {
        guard let until = throttledUntil.withLock({ $0 }) else { return nil }
        let delay = ContinuousClock.now.duration(to: until)
        return delay > .zero ? delay : nil
    }

    /// Takes note of what the broker says about quotas.
    func noteThrottling(_ response: some WireStruct, version: Int16) {
        guard let throttled = response as? any ThrottledResponse else { return }
        let delay = throttled.delay(version: version)
        guard delay > .zero else { return }
        let until = ContinuousClock.now + delay
        throttledUntil.withLock { $0 = max($0 ?? until, until) }
        metrics.throttleTime.recordNanoseconds(delay.wholeNanoseconds)
    }

    /// Waits until the broker lets requests through. Throws ``ClientError/Kind/cancelled`` if the task is cancelled.
    func waitOutThrottling() async throws(ClientError) {
        while let delay = throttleDelay { try await pause(delay) }
    }
}
