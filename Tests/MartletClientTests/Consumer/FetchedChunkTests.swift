import Model
import NIOCore
import Records
import Testing
import Wire

@testable import MartletClient

@Suite struct FetchedChunkTests {
    func chunk(
        _ records: ByteBuffer,
        position: Int64 = 0,
        end: Int64? = nil,
        aborted: [(producer: Int64, first: Int64)]? = nil
    ) throws -> FetchedChunk {
        var answer = FetchResponse.Partition()
        answer.records = .bytes(records)
        answer.abortedTransactions = aborted?.map { producer, first in
            var transaction = FetchResponse.AbortedTransaction()
            transaction.producerID = producer
            transaction.firstOffset = first
            return transaction
        }
        var configuration = ConsumerConfiguration(client: .nowhere, assignments: [])
        configuration.isolation = aborted == nil ? .readUncommitted : .readCommitted
        return try FetchedChunk(
            answer,
            TopicPartition("t", 0),
            position: position,
            end: end,
            configuration: configuration
        )
    }

    func values(_ chunk: FetchedChunk) throws -> [String] {
        var chunk = chunk
        var values: [String] = []
        while let batch = try chunk.next() { values += batch.map { $0.value?.text ?? "null" } }
        return values
    }

    @Test func damagedRecordsAreAnError() throws {
        var records = try encodedBatch(["a", "b"])
        records.setInteger(0xff as UInt8, at: records.writerIndex - 2)
        var chunk = try chunk(records)
        let error = #expect(throws: ClientError.self) { _ = try chunk.next() }
        #expect(error?.kind == .protocolViolation)
        #expect(error?.message.contains("partition 0 at offset 0") == true)
    }

    @Test func nonsenseInsteadOfABatchIsAnError() {
        #expect(throws: ClientError.self) { _ = try chunk(ByteBuffer(repeating: 7, count: 100)) }
    }

    @Test func firstBatchCutOffIsAnErrorAndNotAnEndlessLoop() throws {
        let records = try encodedBatch(["a", "b"])
        let part = try #require(records.getSlice(at: 0, length: records.readableBytes - 1))
        #expect(throws: ClientError.self) { _ = try chunk(part) }
    }

    @Test func lastBatchMayBeCutOff() throws {
        let second = try encodedBatch(["c"], at: 2)
        let part = try #require(second.getSlice(at: 0, length: 30))
        let chunk = try chunk(.joined([encodedBatch(["a", "b"]), part]))
        #expect(chunk.nextOffset == 2)
        #expect(try values(chunk) == ["a", "b"])
    }

    @Test(arguments: [Model.Compression.none, .gzip, .snappy, .lz4, .zstd])
    func offsetInsideABatchSkipsWhatIsBefore(compression: Model.Compression) throws {
        let chunk = try chunk(encodedBatch(["a", "b", "c"], at: 10, compression: compression), position: 11)
        #expect(chunk.nextOffset == 13)
        #expect(try values(chunk) == ["b", "c"])
    }

    @Test func recordsBehindTheEndAreNotDelivered() throws {
        #expect(try values(chunk(encodedBatch(["a", "b", "c"]), end: 2)) == ["a", "b"])
    }

    @Test func emptyAnswerHasNoNextOffset() throws {
        let chunk = try chunk(ByteBuffer())
        #expect(chunk.nextOffset == nil)
        #expect(!chunk.hasRecords)
    }

    // MARK: Transactions

    /// Producer 1 aborts what it wrote at 0; producer 2 commits; producer 1 then commits another.
    func transactions() throws -> ByteBuffer {
        func marker(_ type: Int16, producer: Int64, at offset: Int64) throws -> ByteBuffer {
            var key = ByteBuffer()
            key.writeMultipleIntegers(Int16(0), type)
            return try encodedBatch([""], at: offset, producer: producer, isControl: true, keys: [key])
        }
        return .joined([
            try encodedBatch(["aborted"], at: 0, producer: 1),
            try encodedBatch(["other"], at: 1, producer: 2),
            try encodedBatch(["plain"], at: 2),
            try marker(0, producer: 1, at: 3),
            try encodedBatch(["later"], at: 4, producer: 1),
            try marker(1, producer: 1, at: 5),
            try marker(1, producer: 2, at: 6),
        ])
    }

    @Test func readUncommittedSeesAllButMarkers() throws {
        let chunk = try chunk(transactions())
        #expect(chunk.nextOffset == 7)
        #expect(try values(chunk) == ["aborted", "other", "plain", "later"])
    }

    @Test func readCommittedLeavesOutAbortedOnes() throws {
        #expect(try values(chunk(transactions(), aborted: [(1, 0)])) == ["other", "plain", "later"])
    }

    @Test func chunkOfMarkersHasNothingToDeliver() throws {
        var key = ByteBuffer()
        key.writeMultipleIntegers(Int16(0), Int16(1))
        let chunk = try chunk(encodedBatch([""], producer: 1, isControl: true, keys: [key]))
        #expect(!chunk.hasRecords)
        #expect(try values(chunk).isEmpty)
    }
}
