import Model
import NIOCore
import Records
import Testing

/// One refusal per rule, then what must not be refused.
@Suite struct BatchValidatorTests {
    private func refusal(
        _ rules: BatchRules = BatchRules(),
        _ batch: RawBatch = .sample(),
        _ change: (inout RawBatch) -> Void
    ) -> BatchError? {
        var batch = batch
        change(&batch)
        return refusal(of: batch.bytes, rules)
    }

    private func refusal(of bytes: ByteBuffer, _ rules: BatchRules = BatchRules()) -> BatchError? {
        do throws(BatchError) {
            _ = try BatchValidator(rules).validate(bytes, now: RawBatch.now)
            return nil
        } catch {
            #expect(!error.description.isEmpty)
            return error
        }
    }

    // MARK: The frame

    @Test func everyTruncationIsRefused() {
        let batch = RawBatch.sample().bytes
        for length in 0..<batch.readableBytes {
            let error = refusal(of: batch.getSlice(at: 0, length: length) ?? ByteBuffer())
            #expect(error?.errorCode == .corruptMessage, "\(length) bytes: \(String(describing: error))")
        }
    }

    @Test func bytesAfterTheBatchAreRefused() {
        let batch = RawBatch.sample().bytes
        for extra in [ByteBuffer(bytes: [0]), batch] {
            var two = batch
            two.writeImmutableBuffer(extra)
            let error = refusal(of: two)
            #expect(error == .trailingBytes(extra.readableBytes))
            #expect(error?.errorCode == .invalidRecord)
        }
    }

    @Test func aBatchLargerThanAllowedIsRefused() {
        let size = RawBatch.sample().bytes.readableBytes
        let error = refusal(BatchRules(maximumBytes: size - 1)) { _ in }
        #expect(error == .tooLarge(bytes: size, limit: size - 1))
        #expect(error?.errorCode == .messageTooLarge)
        #expect(refusal(BatchRules(maximumBytes: size)) { _ in } == nil)
    }

    @Test func oldFormatsAreRefused() {
        #expect(refusal { $0.magic = 1 }?.errorCode == .unsupportedForMessageFormat)
        #expect(refusal { $0.magic = 3 }?.errorCode == .corruptMessage)
    }

    @Test func aWrongChecksumIsRefused() {
        var batch = RawBatch.sample().bytes
        batch.setInteger(UInt32(1), at: 17)
        let error = refusal(of: batch)
        #expect(error?.errorCode == .corruptMessage)
        #expect(error?.description.contains("0x1,") == true)
    }

    /// A client retries CORRUPT_MESSAGE but gives up on INVALID_RECORD: damage on the way must be the former.
    @Test func aDamagedCountIsBlamedOnTheWayAndNotOnTheProducer() {
        var batch = RawBatch.sample().bytes
        batch.setInteger(Int32(-1), at: 57)
        #expect(refusal(of: batch)?.errorCode == .corruptMessage)
        #expect(refusal(of: batch.withFreshChecksum)?.errorCode == .invalidRecord)
    }

    // MARK: The header

    @Test func aBaseOffsetIsNotTheClientsToChoose() {
        let error = refusal { $0.baseOffset = 5 }
        #expect(error == .baseOffsetNotZero(5))
        #expect(error?.errorCode == .invalidRecord)
    }

    @Test func countAndOffsetsMustAgree() {
        #expect(refusal { $0.count = 0 } == .badOffsets(base: 0, lastDelta: -1))
        #expect(
            refusal {
                $0.count = 0
                $0.lastOffsetDelta = 0
            } == .badCount(records: 0, lastOffsetDelta: 0)
        )
        #expect(refusal { $0.lastOffsetDelta = 3 } == .badCount(records: 3, lastOffsetDelta: 3))
        #expect(refusal { $0.lastOffsetDelta = 1 }?.errorCode == .invalidRecord)
        #expect(refusal { $0.lastOffsetDelta = .max } == .badCount(records: 3, lastOffsetDelta: .max))
        #expect(
            refusal {
                $0.count = .min
                $0.lastOffsetDelta = .max
            } == .badCount(records: .min, lastOffsetDelta: .max)
        )
    }

    @Test func moreRecordsThanFitTheBytesAreRefused() {
        let payload = RawBatch.sample().payload.count
        let error = refusal { $0.count = Int32(payload / 7 + 1) }
        #expect(error == .tooManyRecords(count: Int32(payload / 7 + 1), limit: payload / 7))
        #expect(error?.errorCode == .invalidRecord)
    }

    /// Otherwise a small batch could use up offsets as fast as it can be sent.
    @Test func moreCompressedRecordsThanMayComeOutAreRefused() {
        let error = refusal(BatchRules(maximumDecompressedBytes: 70)) {
            $0.attributes = 4
            $0.count = 11
        }
        #expect(error == .tooManyRecords(count: 11, limit: 10))
    }

    /// Nothing decompresses to more than its format allows, which for a few bytes is little.
    @Test(arguments: [(.gzip, 1_032), (.snappy, 32), (.lz4, 255), (.zstd, 32_768)] as [(Compression, Int)])
    func moreCompressedRecordsThanTheCodecCanHoldAreRefused(compression: Compression, ratio: Int) {
        let limit = RawBatch.sample().payload.count * ratio / 7
        let rules = BatchRules(maximumDecompressedBytes: .max)
        for (count, isAllowed) in [(limit, true), (limit + 1, false)] {
            let error = refusal(rules) {
                $0.attributes = Int16(compression.rawValue)
                $0.count = Int32(count)
            }
            #expect(error == (isAllowed ? nil : .tooManyRecords(count: Int32(count), limit: limit)))
        }
    }

    @Test func clientsCannotWriteControlBatches() {
        #expect(refusal { $0.attributes = 0x20 } == .controlFromClient)
        #expect(refusal(BatchRules(allowsControl: true)) { $0.attributes = 0x20 } == nil)
    }

    @Test func clientsCannotPretendToBeTheBroker() {
        #expect(refusal { $0.attributes = 0x40 } == .deleteHorizonFromClient)
        for type in [TimestampType.createTime, .logAppendTime] {
            let error = refusal(BatchRules(timestampType: type)) { $0.attributes = 0x08 }
            #expect(error == .appendTimeFromClient)
            #expect(error?.errorCode == .invalidTimestamp)
        }
    }

    @Test(arguments: [5, 6, 7] as [Int16])
    func unknownCodecsAreRefused(number: Int16) {
        let error = refusal { $0.attributes = number }
        #expect(error == .unsupportedCodec(UInt8(number)))
        #expect(error?.errorCode == .unsupportedCompressionType)
    }

    @Test func aProducerNeedsEpochAndSequence() {
        #expect(
            refusal {
                $0.producerID = 7
                $0.baseSequence = 0
            } == .badProducer(.negativeEpoch(-1, producer: ProducerID(7)))
        )
        #expect(
            refusal {
                $0.producerID = 7
                $0.producerEpoch = 0
            } == .badProducer(.negativeSequence(-1, producer: ProducerID(7)))
        )
        #expect(refusal { $0.attributes = 0x10 } == .badProducer(.transactionalWithoutID))
    }

    @Test func controlBatchesNeedNoSequence() {
        let error = refusal(BatchRules(allowsControl: true)) {
            $0.attributes = 0x30
            $0.producerID = 7
            $0.producerEpoch = 0
        }
        #expect(error == nil)
    }

    /// Sarama writes 0 into the sequence and the epoch of batches without a producer id.
    @Test func withoutAProducerEpochAndSequenceDoNotMatter() {
        #expect(
            refusal {
                $0.producerEpoch = 0
                $0.baseSequence = 0
            } == nil
        )
    }

    @Test func attributesWithoutMeaningAreIgnored() {
        #expect(refusal { $0.attributes = 0x7f80 } == nil)
        #expect(refusal(BatchRules(), RawBatch([RawRecord(attributes: 0xff).bytes])) { _ in } == nil)
    }

    @Test func whatWasLearntIsReported() throws {
        var batch = RawBatch([
            RawRecord(timestampDelta: varint(0), offsetDelta: 0).bytes,
            RawRecord(timestampDelta: varint(50), offsetDelta: 1).bytes,
            RawRecord(timestampDelta: varint(-70), offsetDelta: 2).bytes,
        ])
        batch.maxTimestamp += 50
        let validated = try BatchValidator(BatchRules()).inspect(batch.bytes.shifted, now: RawBatch.now)
        #expect(validated.maximumTimestamp.rawValue == RawBatch.now.rawValue + 50)
        #expect(validated.offsetDeltaOfMaximumTimestamp == 1)
        #expect(!validated.needsMaximumTimestamp)
        #expect(validated.header == (try BatchHeader(batch.bytes)))
    }
}
