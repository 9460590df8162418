import Model
import NIOCore
import Records
import Testing

/// The rules for records and timestamps.
@Suite struct RecordValidationTests {
    private func refusal(
        of records: [RawRecord],
        _ rules: BatchRules = BatchRules(),
        _ change: (inout RawBatch) -> Void = { _ in }
    ) -> BatchError? {
        var batch = RawBatch(records.map(\.bytes))
        change(&batch)
        // Not what is tested here.
        if batch.payload.count < 7 * Int(batch.count) { batch.payload += [UInt8](repeating: 0, count: 64) }
        do throws(BatchError) {
            _ = try BatchValidator(rules).validate(batch.bytes, now: RawBatch.now)
            return nil
        } catch {
            #expect(!error.description.isEmpty)
            return error
        }
    }

    private func problem(with record: RawRecord) -> RecordProblem? {
        let error = refusal(of: [RawRecord(), record])
        guard case .badRecord(record: 1, count: 2, let problem) = error else {
            #expect(error == nil)
            return nil
        }
        #expect(error?.errorCode == .invalidRecord)
        #expect(error?.recordIndex == 1)
        return problem
    }

    // MARK: Structure

    @Test func recordLengthsMustFit() {
        #expect(problem(with: RawRecord(length: -1, offsetDelta: 1)) == .badLength(.length, length: -1, remaining: 14))
        #expect(problem(with: RawRecord(length: 15, offsetDelta: 1)) == .badLength(.length, length: 15, remaining: 14))
        #expect(problem(with: RawRecord(length: 0, offsetDelta: 1)) == .truncated(.attributes))
        #expect(problem(with: RawRecord(length: 1, offsetDelta: 1)) == .truncated(.timestampDelta))
        #expect(problem(with: RawRecord(length: 2, offsetDelta: 1)) == .truncated(.offsetDelta))
        #expect(problem(with: RawRecord(length: 3, offsetDelta: 1)) == .truncated(.key))
        #expect(problem(with: RawRecord(length: 4, offsetDelta: 1)) == .badLength(.key, length: 3, remaining: 0))
        #expect(problem(with: RawRecord(length: 7, offsetDelta: 1)) == .truncated(.value))
        #expect(problem(with: RawRecord(length: 13, offsetDelta: 1)) == .truncated(.headerCount))
        #expect(problem(with: RawRecord(length: 15, offsetDelta: 1, trailing: [0])) == .trailingBytes(1))
    }

    @Test func offsetsMustCountUp() {
        for delta in [0, 2, -1, .max, .min] as [Int32] {
            #expect(problem(with: RawRecord(offsetDelta: delta)) == .badOffsetDelta(delta, expected: 1...1))
        }
    }

    @Test func keyAndValueLengthsMustFit() {
        #expect(
            problem(with: RawRecord(offsetDelta: 1, keyLength: -2)) == .badLength(.key, length: -2, remaining: 10)
        )
        #expect(
            problem(with: RawRecord(offsetDelta: 1, keyLength: 11)) == .badLength(.key, length: 11, remaining: 10)
        )
        #expect(
            problem(with: RawRecord(offsetDelta: 1, valueLength: .init(Int32.max)))
                == .badLength(.value, length: .max, remaining: 6)
        )
        #expect(
            problem(with: RawRecord(offsetDelta: 1, valueLength: .init(Int32.min)))
                == .badLength(.value, length: .min, remaining: 6)
        )
    }

    @Test func headersMustFit() {
        let header = varint(1) + [65] + varint(-1)
        #expect(problem(with: RawRecord(offsetDelta: 1, headers: [header, header])) == nil)
        #expect(
            problem(with: RawRecord(offsetDelta: 1, headerCount: -1))
                == .badLength(.headerCount, length: -1, remaining: 0)
        )
        #expect(
            problem(with: RawRecord(offsetDelta: 1, headerCount: 2, headers: [header]))
                == .badLength(.headerCount, length: 2, remaining: 3)
        )
        #expect(
            problem(with: RawRecord(offsetDelta: 1, headers: [varint(-1) + varint(-1)]))
                == .badLength(.headerName, length: -1, remaining: 1)
        )
        #expect(
            problem(with: RawRecord(offsetDelta: 1, headers: [varint(5) + [65]]))
                == .badLength(.headerName, length: 5, remaining: 1)
        )
        #expect(
            problem(with: RawRecord(offsetDelta: 1, headers: [varint(1) + [65] + varint(3)]))
                == .badLength(.headerValue, length: 3, remaining: 0)
        )
    }

    @Test func moreHeadersThanAllowedAreRefused() {
        let header = varint(0) + varint(-1)
        let record = RawRecord(headers: [header, header, header])
        #expect(refusal(of: [record], BatchRules(maximumHeaders: 3)) == nil)
        #expect(
            refusal(of: [record], BatchRules(maximumHeaders: 2))
                == .badRecord(record: 0, count: 1, problem: .tooManyHeaders(count: 3, limit: 2))
        )
    }

    @Test func recordsMustEndWithTheBatch() {
        #expect(refusal(of: [RawRecord()]) { $0.payload += [0, 0] } == .bytesAfterRecords(2))
        #expect(
            refusal(of: [RawRecord(key: [UInt8](repeating: 1, count: 20))]) {
                $0.count = 2
                $0.lastOffsetDelta = 1
            } == .badRecord(record: 1, count: 2, problem: .truncated(.length))
        )
    }

    @Test func overlongIntegersAreRefused() {
        let tooManyBytes: [UInt8] = [0x80, 0x80, 0x80, 0x80, 0x80, 0x00]
        let tooManyBits: [UInt8] = [0xff, 0xff, 0xff, 0xff, 0x10]
        for bytes in [tooManyBytes, tooManyBits] {
            #expect(
                refusal(of: [RawRecord()]) { $0.payload = bytes + [UInt8](repeating: 0, count: 20) }
                    == .badRecord(record: 0, count: 1, problem: .badVarint(.length))
            )
        }
        let longTimestamp = [UInt8](repeating: 0x80, count: 10) + [0]
        #expect(problem(with: RawRecord(timestampDelta: longTimestamp, offsetDelta: 1)) == .badVarint(.timestampDelta))
        let wideTimestamp = [UInt8](repeating: 0xff, count: 9) + [2]
        #expect(problem(with: RawRecord(timestampDelta: wideTimestamp, offsetDelta: 1)) == .badVarint(.timestampDelta))
    }

    // MARK: Keys

    @Test func compactedTopicsNeedKeys() {
        let records = [RawRecord(), RawRecord(offsetDelta: 1, key: nil)]
        #expect(refusal(of: records) == nil)
        let error = refusal(of: records, BatchRules(requiresKeys: true))
        #expect(error == .missingKey(record: 1, count: 2))
        #expect(error?.recordIndex == 1)
        #expect(error?.errorCode == .invalidRecord)
        #expect(error?.description == "record 1 of 2 has no key, but the topic is compacted")
        #expect(refusal(of: [RawRecord(key: [])], BatchRules(requiresKeys: true)) == nil)
    }

    // MARK: Timestamps

    @Test func timestampsTooFarAwayAreRefused() {
        let rules = BatchRules(maximumTimestampBeforeMilliseconds: 100, maximumTimestampAfterMilliseconds: 10)
        let now = RawBatch.now.rawValue
        for (delta, isAllowed) in [(-101, false), (-100, true), (0, true), (10, true), (11, false)] {
            let error = refusal(
                of: [RawRecord(), RawRecord(timestampDelta: varint(Int64(delta)), offsetDelta: 1)],
                rules
            )
            #expect((error == nil) == isAllowed, "\(delta)")
            guard let error else { continue }
            #expect(error.errorCode == .invalidTimestamp)
            #expect(error.recordIndex == 1)
            #expect(
                error.description.contains(
                    "\(now + Int64(delta)) of record 1 is not within \(now - 100) to \(now + 10)"
                )
            )
        }
    }

    /// Headers may lie: the records decide, also those of a compressed batch whose header is suspicious.
    @Test(arguments: Compression.allCases)
    func theRecordsTimestampsDecideAndNotTheHeaders(compression: Compression) throws {
        let rules = BatchRules(maximumTimestampBeforeMilliseconds: 100, maximumTimestampAfterMilliseconds: 10)
        func inspect(base: Int64, max: Int64, deltas: [Int64]) throws(BatchError) -> ValidatedBatch {
            var batch = RawBatch(
                deltas.enumerated().map {
                    RawRecord(timestampDelta: varint($1 - base), offsetDelta: Int32($0)).bytes
                }
            )
            batch.payload = Array(
                try Codec.compress(ByteBuffer(bytes: batch.payload), with: compression).readableBytesView
            )
            batch.attributes = Int16(compression.rawValue)
            batch.baseTimestamp += base
            batch.maxTimestamp += max
            return try BatchValidator(rules).inspect(batch.bytes, now: RawBatch.now)
        }
        #expect(
            try inspect(base: -1_000, max: 0, deltas: [0, 0, 5]).maximumTimestamp.rawValue == RawBatch.now.rawValue + 5
        )
        #expect(try inspect(base: 0, max: 1_000, deltas: [0, 7, 0]).offsetDeltaOfMaximumTimestamp == 1)
        for (base, max, deltas) in [(0, 11, [0, 11]), (-101, 0, [-101, -100])] as [(Int64, Int64, [Int64])] {
            let error = #expect(throws: BatchError.self) { try inspect(base: base, max: max, deltas: deltas) }
            #expect(error?.errorCode == .invalidTimestamp)
        }
    }

    @Test func withTheBrokersClockTheProducersDoesNotMatter() {
        let rules = BatchRules(
            timestampType: .logAppendTime,
            maximumTimestampBeforeMilliseconds: 0,
            maximumTimestampAfterMilliseconds: 0
        )
        let record = RawRecord(timestampDelta: varint(1_000_000))
        #expect(refusal(of: [record], rules) { $0.maxTimestamp += 1_000_000 } == nil)
    }

    @Test func aMissingTimestampIsAllowed() throws {
        let rules = BatchRules(maximumTimestampBeforeMilliseconds: 0, maximumTimestampAfterMilliseconds: 0)
        var batch = RawBatch.sample()
        batch.baseTimestamp = -1
        batch.maxTimestamp = -1
        let validated = try BatchValidator(rules).inspect(batch.bytes, now: RawBatch.now)
        #expect(validated.maximumTimestamp == .none)
        #expect(!validated.needsMaximumTimestamp)
    }

    @Test func aTimestampThatDoesNotExistIsRefused() {
        let record = RawRecord(timestampDelta: varint(.max))
        #expect(
            refusal(of: [record], BatchRules(timestampType: .logAppendTime))
                == .badRecord(
                    record: 0,
                    count: 1,
                    problem: .timestampOverflow(base: RawBatch.now, delta: .max)
                )
        )
    }

    @Test func extremeClocksAndLimitsDoNotOverflow() throws {
        let rules = BatchRules(maximumTimestampBeforeMilliseconds: .max, maximumTimestampAfterMilliseconds: .max)
        for now in [Int64.min, -1, 0, .max] {
            let validator = BatchValidator(rules)
            #expect(throws: Never.self) {
                try validator.validate(RawBatch.sample().bytes, now: Timestamp(milliseconds: max(now, 0)))
            }
            // Before 1970 everything is in the future; that it does not trap is what counts.
            _ = try? validator.validate(RawBatch.sample().bytes, now: Timestamp(milliseconds: now))
        }
    }

    // MARK: Compressed records

    @Test(arguments: Compression.allCases)
    func compressedRecordsAreCheckedWhenKeysAreNeeded(compression: Compression) throws {
        var batch = RawBatch((0..<20).map { RawRecord(offsetDelta: $0, key: $0 == 17 ? nil : [1, 2]).bytes })
        let plain = ByteBuffer(bytes: batch.payload)
        batch.payload = Array(try Codec.compress(plain, with: compression).readableBytesView)
        batch.attributes = Int16(compression.rawValue)
        #expect(throws: Never.self) { try BatchValidator(BatchRules()).validate(batch.bytes, now: RawBatch.now) }
        #expect(throws: BatchError.missingKey(record: 17, count: 20)) {
            try BatchValidator(BatchRules(requiresKeys: true)).validate(batch.bytes, now: RawBatch.now)
        }
    }

    /// Sarama leaves the maximum at -1, compressed or not.
    @Test(arguments: Compression.allCases)
    func aMaximumTimestampThatWasNeverSetIsFound(compression: Compression) throws {
        var batch = RawBatch(
            (0..<20).map { RawRecord(timestampDelta: varint($0 == 13 ? 5 : 0), offsetDelta: $0).bytes }
        )
        let plain = ByteBuffer(bytes: batch.payload)
        batch.payload = Array(try Codec.compress(plain, with: compression).readableBytesView)
        batch.attributes = Int16(compression.rawValue)
        batch.maxTimestamp = -1
        let validated = try BatchValidator(BatchRules()).inspect(batch.bytes, now: RawBatch.now)
        #expect(validated.maximumTimestamp.rawValue == RawBatch.now.rawValue + 5)
        #expect(validated.offsetDeltaOfMaximumTimestamp == 13)
        #expect(validated.needsMaximumTimestamp)
    }
}
