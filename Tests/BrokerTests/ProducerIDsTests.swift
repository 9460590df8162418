import CommitLog
import Model
import NIOCore
import TestSupport
import Testing
import Wire

@testable import Broker

/// InitProducerId: ids that are never given twice, and what is refused.
struct ProducerIDsTests {
    private let broker: TestBroker

    init() throws { broker = try TestBroker() }

    private func ids(_ count: Int, _ connection: FakeConnection) throws -> [Int64] {
        let pending = try (0..<count).map { _ in try connection.begin(InitProducerIdRequest()) }
        return try pending.map { request in
            let response = try connection.finish(request)
            #expect(response.errorCode == .none)
            #expect(response.producerEpoch == 0)
            return response.producerID
        }
    }

    @Test func noIDIsGivenTwiceAcrossBlocksStopsKillsAndPowerCuts() throws {
        var seen: [Int64] = []
        for ending in [TestBroker.Ending.clean, .kill, .powerCut, .clean] {
            seen += try ids(1_100, broker.connect())
            try broker.restart(ending)
        }
        seen += try ids(10, broker.connect())
        #expect(Set(seen).count == seen.count)
        #expect(seen == seen.sorted())
        #expect(seen.first == 0)
    }

    @Test func aProducerThatNamesItsOldIDGetsANewOne() throws {
        let first = try ids(1, broker.connect())
        var request = InitProducerIdRequest()
        (request.producerID, request.producerEpoch) = (first[0], 0)
        for version: Int16 in 3...5 {
            let response = try broker.connect().send(request, version: version)
            #expect(response.errorCode == .none)
            #expect(response.producerID > first[0] && response.producerEpoch == 0)
        }
    }

    @Test func idsThatCannotBeReservedAreAnErrorAndNoneIsLost() throws {
        broker.fileSystem.limit(freeBytes: 0)
        let response = try broker.connect().send(InitProducerIdRequest())
        #expect(response.errorCode == .coordinatorNotAvailable)
        #expect(response.producerID == -1 && response.producerEpoch == -1)
        #expect(broker.logged("no producer id can be reserved") == 1)
        broker.fileSystem.limit(freeBytes: nil)
        #expect(try ids(3, broker.connect()) == [0, 1, 2])
    }

    @Test(arguments: [-1, .min, .max, .max - 998] as [Int64])
    func aStateThatCannotBeIsAnErrorAndNotATrap(next: Int64) throws {
        var record = ProducerIDRecord()
        record.next = next
        _ = try broker.broker.catalogue.commit(
            [CatalogueChange(key: CatalogueKey.producerIDs, value: try record.encoded())],
            ifUnchanged: []
        )
        #expect(try broker.connect().send(InitProducerIdRequest()).errorCode == .coordinatorNotAvailable)
        #expect(broker.logged("producer-ids") == 1)
    }

    @Test func aBlockThatSomebodyElseHasTakenIsNotGivenOut() throws {
        let others = ProducerIDs(catalogue: broker.broker.catalogue)
        let own = try ids(2, broker.connect())
        let first = try others.allocate().rawValue
        let next = try ids(1_200, broker.connect())
        #expect(!own.contains(first) && !next.contains(first))
        #expect(Set(own + next).count == 1_202)
    }

    // MARK: Transactions

    private func transactional(_ id: String, timeout: Int32) throws -> InitProducerIdResponse {
        var request = InitProducerIdRequest()
        request.transactionalID = id
        request.transactionTimeoutMilliseconds = timeout
        return try broker.connect().send(request)
    }

    @Test func timeoutsOfTransactionsHaveALimit() throws {
        let limit: Int32 = 900_000
        for timeout in [0, -1, .min, limit + 1, .max] {
            #expect(try transactional("payments", timeout: timeout).errorCode == .invalidTransactionTimeout)
        }
        try broker.restart(.clean, ["transaction.max.timeout.ms": "1000"])
        #expect(try transactional("payments", timeout: 1_001).errorCode == .invalidTransactionTimeout)
        #expect(try transactional("payments", timeout: 1_000).errorCode != .invalidTransactionTimeout)
    }

    @Test func transactionsAreNotSupportedAndTheirIDIsNotEmpty() throws {
        #expect(try transactional("payments", timeout: 60_000).errorCode == .unsupportedVersion)
        #expect(try transactional("", timeout: 60_000).errorCode == .invalidRequest)
        #expect(try ids(1, broker.connect()) == [0])
    }
}
