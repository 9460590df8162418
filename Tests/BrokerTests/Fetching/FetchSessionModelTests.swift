import CommitLog
import Model
import NIOCore
import TestSupport
import Testing
import Wire

@testable import Broker

/// Sessions against what a fetch without one says: after whatever has happened, an incremental response has exactly the
/// partitions of which a full one says something that the client has not been told.
struct FetchSessionModelTests {
    /// A client that has been told so much, of a broker that changes at random.
    private struct World {
        struct Key: Hashable {
            let topic: String
            let index: Int32
        }

        struct Told: Equatable {
            var error = ErrorCode.none
            var highWatermark: Int64 = -1
            var logStart: Int64 = -1
        }

        static let topics = ["red", "green", "blue"]
        static let partitions: Int32 = 3

        let broker: TestBroker
        let connection: FakeConnection
        var random: SeededGenerator
        var offsets: [Key: Int64] = [:]
        var told: [Key: Told] = [:]
        var existing: Set<String> = []
        var session: (id: Int32, epoch: Int32) = (0, 0)

        init(seed: UInt64) throws {
            broker = try TestBroker(["log.durability": "page-cache"])
            connection = broker.connect()
            random = SeededGenerator(seed: seed)
        }

        /// Something that happens to the broker.
        mutating func change() throws {
            let topic = Self.topics.randomElement(using: &random) ?? ""
            let index = Int32.random(in: 0..<Self.partitions, using: &random)
            guard existing.contains(topic) else {
                existing.insert(topic)
                try connection.createTopic(topic, partitions: Self.partitions)
                return
            }
            switch Int.random(in: 0..<12, using: &random) {
            case 0:
                existing.remove(topic)
                try connection.deleteTopic(topic)
            case 1, 2:
                let log = try broker.partitionLog(topic, index)
                let before = Int64.random(in: 0...log.offsets.logEnd.rawValue, using: &random)
                _ = try log.deleteRecords(before: Offset(before))
            default: try connection.append(Batch(["x"]), to: topic, index)
            }
        }

        /// What the client asks for next: a full fetch at first, and then changes at random.
        mutating func ask() throws -> FetchResponse {
            var wanted: [Key] = []
            var forgotten: [Key] = []
            for topic in Self.topics {
                for index in 0..<Self.partitions {
                    let key = Key(topic: topic, index: index)
                    let isHeld = offsets[key] != nil
                    switch Int.random(in: 0..<10, using: &random) {
                    case 0...2 where !isHeld, 0...3 where isHeld:
                        offsets[key] = Int64.random(in: 0..<6, using: &random)
                        wanted.append(key)
                    case 9 where isHeld && session.id != 0 && offsets.count > 1:
                        offsets[key] = nil
                        told[key] = nil
                        forgotten.append(key)
                    default:
                        // A full fetch names all.
                        if isHeld, session.id == 0 { wanted.append(key) }
                    }
                }
            }
            var request = FetchRequest.wanting(wanted.map(wanting), session: session)
            for key in forgotten { request.forget(key.topic, [key.index]) }
            let response = try connection.fetch(request)
            #expect(response.errorCode == .none)
            if session.id == 0 { told = [:] }
            session = (response.sessionID, response.sessionID == 0 ? 0 : session.epoch + 1)
            return response
        }

        private func wanting(_ key: Key) -> Wanted {
            Wanted(topic: key.topic, index: key.index, offset: offsets[key] ?? 0)
        }

        /// What a client without a session is told of the same.
        func fullAnswer() throws -> [Key: FetchResponse.Partition] {
            try answers(in: connection.fetch(.wanting(offsets.keys.map(wanting), session: (0, -1))))
        }

        func answers(in response: FetchResponse) -> [Key: FetchResponse.Partition] {
            let pairs = response.partitions.map { (Key(topic: $0.topic, index: $0.answer.index), $0.answer) }
            return Dictionary(pairs, uniquingKeysWith: { first, _ in first })
        }

        /// Holds a response to the full one, and remembers what the client was told.
        mutating func check(_ response: FetchResponse, isFull: Bool, _ context: Comment) throws {
            let full = try fullAnswer()
            let actual = answers(in: response)
            #expect(actual.count == response.partitions.count, context)
            for (key, answer) in full {
                let now = Told(
                    error: answer.errorCode,
                    highWatermark: answer.highWatermark,
                    logStart: answer.logStartOffset
                )
                let isNews = isFull || now.error != .none || answer.records.length > 0 || told[key] != now
                #expect((actual[key] != nil) == isNews, "\(context), \(key)")
                guard let answered = actual[key] else { continue }
                #expect(answered.errorCode == answer.errorCode, "\(context), \(key)")
                #expect(answered.highWatermark == answer.highWatermark, "\(context), \(key)")
                #expect(answered.logStartOffset == answer.logStartOffset, "\(context), \(key)")
                #expect(answered.records.length == answer.records.length, "\(context), \(key)")
                told[key] = now
            }
            #expect(Set(actual.keys).isSubset(of: full.keys), context)
        }
    }

    @Test(arguments: 0..<40 as Range<UInt64>)
    func anIncrementalResponseSaysWhatIsNewAndNothingElse(seed: UInt64) throws {
        var world = try World(seed: seed)
        for step in 0..<60 {
            for _ in 0..<Int.random(in: 0..<4, using: &world.random) { try world.change() }
            let isFull = world.session.id == 0
            let response = try world.ask()
            try world.check(response, isFull: isFull, "seed \(seed), step \(step)")
        }
    }
}
