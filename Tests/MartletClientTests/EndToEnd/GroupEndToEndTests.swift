import Model
import NIOCore
import Testing

@testable import MartletClient

/// Members of groups on the product's own broker.
@Suite(.timeLimit(.minutes(2))) struct GroupEndToEndTests {
    private func broker(partitions: Int32, records: Int) async throws -> RealBroker {
        let broker = try RealBroker(["auto.create.topics.enable": "false", "group.initial.rebalance.delay.ms": "0"])
        let admin = Admin(broker.client)
        _ = try await admin.createTopic(NewTopic(name: "t", partitions: partitions))
        await admin.close()
        let producer = try Producer(ProducerConfiguration(client: broker.client))
        for number in 0..<records {
            for partition in 0..<partitions {
                let record = ProducerRecord(
                    topic: "t",
                    partition: partition,
                    value: ByteBuffer(string: "\(partition):\(number)")
                )
                _ = try await producer.enqueue(record)
            }
        }
        try await producer.close()
        return broker
    }

    private func group(
        _ broker: RealBroker,
        _ change: (inout GroupConfiguration) -> Void = { _ in }
    ) -> ConsumerConfiguration {
        var group = GroupConfiguration(id: "g", subscription: .topics(["t"]))
        group.start = .beginning
        group.heartbeatInterval = .milliseconds(50)
        group.sessionTimeout = .seconds(10)
        group.commitInterval = nil
        change(&group)
        return ConsumerConfiguration(client: broker.client, group: group)
    }

    private func committed(_ broker: RealBroker) async throws -> [Partition: Int64] {
        let admin = Admin(broker.client)
        let offsets = try await admin.groupOffsets(of: "g").mapValues(\.offset)
        await admin.close()
        return offsets
    }

    private let first = Partition(topic: "t", index: 0)

    @Test func whatIsFinishedIsCommittedOnLeavingAndNothingElse() async throws {
        let broker = try await broker(partitions: 1, records: 10)
        let consumer = Consumer(group(broker) { $0.commitInterval = .seconds(3600) })
        var records = consumer.makeAsyncIterator()
        for number in 0..<5 {
            let record = try #require(try await records.next(isolation: nil))
            #expect(record.value == ByteBuffer(string: "0:\(number)"))
        }
        #expect(consumer.assignment == [first])
        await consumer.close()
        // The fifth was handed out, but nobody asked for the sixth.
        #expect(try await committed(broker) == [first: 4])
        let next = Consumer(group(broker))
        var rest = next.makeAsyncIterator()
        #expect(try await rest.next(isolation: nil)?.value == ByteBuffer(string: "0:4"))
        await next.close()
        let admin = Admin(broker.client)
        #expect(try await admin.describeGroup("g")?.state == .empty)
        await admin.close()
    }

    @Test func commitsByHandAreReadBack() async throws {
        let broker = try await broker(partitions: 1, records: 10)
        let consumer = Consumer(group(broker) { $0.finishesWhenReadOn = false })
        var records = consumer.makeAsyncIterator()
        _ = try await records.nextBatch()
        try await consumer.commit()
        #expect(try await consumer.committed([first]).isEmpty)
        consumer.store([first: 3])
        try await consumer.commit()
        let admin = Admin(broker.client)
        let epoch = try #require(try await admin.describeTopic("t").partitions.first?.leaderEpoch)
        await admin.close()
        #expect(try await consumer.committed([first])[first] == CommittedOffset(offset: 3, leaderEpoch: epoch))
        try await consumer.commit([first: CommittedOffset(offset: 7, metadata: "why")])
        #expect(try await consumer.committed([first])[first] == CommittedOffset(offset: 7, metadata: "why"))
        await consumer.close()
        await #expect(throws: ClientError.self) { try await consumer.commit() }
    }

    @Test func seekPauseAndResume() async throws {
        let broker = try await broker(partitions: 2, records: 5)
        let second = Partition(topic: "t", index: 1)
        let consumer = Consumer(group(broker))
        var records = consumer.makeAsyncIterator()
        _ = try await records.nextBatch()
        consumer.pause([first])
        #expect(consumer.paused == [first])
        try await consumer.seek(second, to: .offset(3))
        #expect(consumer.position(of: second) == 3)
        for _ in 0..<2 {
            // What was handed out before is not taken back; only the second partition goes on.
            while let record = try await records.next(isolation: nil), record.offset < 3 || record.partition == 0 {}
        }
        try await consumer.seek(first, to: .last(1))
        consumer.resume([first])
        #expect(try await records.next(isolation: nil)?.value == ByteBuffer(string: "0:4"))
        await #expect(throws: ClientError.self) {
            try await consumer.seek(Partition(topic: "t", index: 0), to: .beginning)
            try await consumer.seek(Partition(topic: "other", index: 0), to: .offset(0))
        }
        await consumer.close()
    }

    /// What a member was told, and who waits for it.
    private final class Told: Sendable {
        private let state = Locked<(events: [GroupConfiguration.Rebalance], waiters: [(Int, Promise<Void>)])>(([], []))

        var events: [GroupConfiguration.Rebalance] { state.withLock { $0.events } }

        func tell(_ event: GroupConfiguration.Rebalance) {
            let ready = state.withLock { state in
                state.events.append(event)
                let count = state.events.count
                defer { state.waiters.removeAll { $0.0 <= count } }
                return state.waiters.filter { $0.0 <= count }
            }
            for (_, promise) in ready { promise.complete(.success(())) }
        }

        func wait(for count: Int) async throws {
            let promise = Promise<Void>()
            let isThere = state.withLock { state in
                if state.events.count < count { state.waiters.append((count, promise)) }
                return state.events.count >= count
            }
            if !isThere { try await promise.value() }
        }
    }

    @Test(arguments: [[Assignor.range], [.roundRobin], [.cooperativeSticky], [.range, .cooperativeSticky]])
    func twoMembersShareAndOneLeaves(assignors: [Assignor]) async throws {
        let broker = try await broker(partitions: 4, records: 1)
        let isCooperative = assignors == [.cooperativeSticky]
        let (told, other) = (Told(), Told())
        let one = Consumer(
            group(broker) {
                $0.assignors = assignors
                $0.onRebalance = { told.tell($0) }
            }
        )
        try await one.start()
        try await told.wait(for: 1)
        let all = (0..<4).map { Partition(topic: "t", index: $0) }
        #expect(told.events == [.assigned(all)])
        let two = Consumer(
            group(broker) {
                $0.assignors = assignors
                $0.onRebalance = { other.tell($0) }
            }
        )
        try await two.start()
        // Cooperative members give up two, eager ones everything and take two again.
        try await told.wait(for: isCooperative ? 2 : 3)
        try await other.wait(for: isCooperative ? 2 : 1)
        if case .revoked(let given) = told.events[1] {
            #expect(given.count == (isCooperative ? 2 : 4))
        } else {
            Issue.record("\(told.events)")
        }
        #expect(one.assignment.count == 2)
        #expect((one.assignment + two.assignment).sorted() == all)
        let before = told.events.count
        await two.close()
        try await told.wait(for: before + (isCooperative ? 1 : 2))
        #expect(one.assignment == all)
        await one.close()
        #expect(told.events.last == .revoked(all))
    }

    @Test func patternsFindTopics() async throws {
        let broker = try await broker(partitions: 1, records: 1)
        let consumer = Consumer(group(broker) { $0.subscription = .pattern("[s-u]") })
        var records = consumer.makeAsyncIterator()
        #expect(try await records.next(isolation: nil)?.topic == "t")
        await consumer.close()
        let error = await #expect(throws: ClientError.self) {
            try await Consumer(group(broker) { $0.subscription = .pattern("(") }).start()
        }
        #expect(error?.kind == .invalidArgument)
    }

    @Test func aMemberThatMayNotBeginAnywhereSaysSo() async throws {
        let broker = try await broker(partitions: 1, records: 1)
        let consumer = Consumer(group(broker) { $0.start = nil })
        var records = consumer.makeAsyncIterator()
        let error = await #expect(throws: ClientError.self) { try await records.nextBatch() }
        #expect(error?.message.contains("committed nothing") == true)
        await consumer.close()
    }

    @Test func lostConnectionsDoNotEndAMembership() async throws {
        let broker = try await broker(partitions: 1, records: 3)
        let consumer = Consumer(group(broker))
        var records = consumer.makeAsyncIterator()
        _ = try await records.next(isolation: nil)
        try broker.loseConnections()
        try await consumer.commit([first: CommittedOffset(offset: 1)])
        #expect(try await consumer.committed([first])[first]?.offset == 1)
        await consumer.close()
    }

    @Test func readingIsCancelledWithItsTaskAndTheMemberStays() async throws {
        let broker = try await broker(partitions: 1, records: 0)
        let told = Told()
        let consumer = Consumer(group(broker) { $0.onRebalance = { told.tell($0) } })
        let reading = Task { () async -> ClientError? in
            var records = consumer.makeAsyncIterator()
            do throws(ClientError) {
                _ = try await records.nextBatch()
                return nil
            } catch {
                return error
            }
        }
        try await told.wait(for: 1)
        reading.cancel()
        #expect(await reading.value?.kind == .cancelled)
        #expect(consumer.assignment == [first])
        await consumer.close()
    }

    @Test(
        arguments: [
            { $0.id = "" }, { $0.assignors = [] }, { $0.assignors = [.range, .range] },
            { $0.subscription = .topics([]) },
            { $0.heartbeatInterval = .seconds(60) }, { $0.maximumPollInterval = .zero }, { $0.commitInterval = .zero },
            { $0.instanceID = "" },
        ] as [@Sendable (inout GroupConfiguration) -> Void]
    )
    func configurationsThatCannotWorkAreRefused(change: @Sendable (inout GroupConfiguration) -> Void) {
        var configuration = GroupConfiguration(id: "g", subscription: .topics(["t"]))
        change(&configuration)
        let error = #expect(throws: ClientError.self) { try configuration.validate() }
        #expect(error?.kind == .invalidArgument)
    }
}
