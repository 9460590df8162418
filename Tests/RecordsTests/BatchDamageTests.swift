import Model
import NIOCore
import Records
import Testing

/// What no byte may do: go unnoticed, or stop the process.
@Suite struct BatchDamageTests {
    private static let validator = BatchValidator(BatchRules())
    private static let strict = BatchValidator(
        BatchRules(requiresKeys: true, maximumDecompressedBytes: 1 << 20)
    )

    /// The leader epoch, which the broker overwrites, is the only field of a produced batch that may be anything.
    @Test(arguments: Compression.allCases)
    func everyFlippedBitIsNoticed(compression: Compression) throws {
        var generator = SeededGenerator(seed: 5)
        let batch = try BatchBuilder.random(compression, count: 3, using: &generator).builder.finish()
        for index in 0..<batch.readableBytes where !(12..<16).contains(index) {
            for bit in 0..<8 {
                var damaged = batch
                let byte = try #require(batch.getInteger(at: index, as: UInt8.self))
                damaged.setInteger(byte ^ 1 << UInt8(bit), at: index)
                #expect(throws: BatchError.self, "bit \(bit) of byte \(index)") {
                    try Self.validator.validate(damaged, now: RawBatch.now)
                }
            }
        }
    }

    @Test(arguments: Compression.allCases)
    func everyTruncationIsNoticed(compression: Compression) throws {
        var generator = SeededGenerator(seed: 6)
        let batch = try BatchBuilder.random(compression, count: 5, using: &generator).builder.finish()
        for length in 0..<batch.readableBytes {
            let part = try #require(batch.getSlice(at: 0, length: length))
            #expect(throws: BatchError.self) { try Self.validator.validate(part, now: RawBatch.now) }
            #expect(throws: BatchError.self) { try records(of: part) }
        }
    }

    /// Behind a right checksum and a right length, so that the damage gets as deep as it can.
    @Test(arguments: Compression.allCases)
    func mutatedBatchesNeverTrap(compression: Compression) throws {
        var accepted = 0
        for seed in 0..<2_000 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed &* 5 &+ UInt64(compression.rawValue))
            let count = Int.random(in: 1...6, using: &generator)
            var batch = try BatchBuilder.random(compression, count: count, using: &generator).builder.finish()
            for _ in 0..<Int.random(in: 1...4, using: &generator) { mutate(&batch, using: &generator) }
            if batch.readableBytes >= 61 {
                if Int.random(in: 0..<8, using: &generator) > 0 {
                    batch.setInteger(Int32(batch.readableBytes - 12), at: 8)
                    batch.setInteger(2 as Int8, at: 16)
                }
                batch = batch.withFreshChecksum
            }
            if survives(batch) { accepted += 1 }
        }
        #expect(accepted > 0, "mutations are too violent to test anything but the checksum")
    }

    private func mutate(_ batch: inout ByteBuffer, using generator: inout SeededGenerator) {
        guard batch.readableBytes > 0 else { return }
        let index = Int.random(in: 0..<batch.readableBytes, using: &generator)
        switch Int.random(in: 0..<6, using: &generator) {
        case 0: batch.setInteger(UInt8.random(in: .min ... .max, using: &generator), at: index)
        case 1: batch.setInteger([0, 1, 0x7f, 0x80, 0xff].randomElement(using: &generator) ?? 0 as UInt8, at: index)
        case 2: batch.moveWriterIndex(to: max(index, 1))
        case 3: batch.writeBytes((0..<index % 9).map { UInt8(truncatingIfNeeded: $0 &* 37) })
        case 4:
            let field = [21, 23, 27, 35, 43, 51, 53, 57].randomElement(using: &generator) ?? 57
            let value = [Int32.min, -1, 0, 1, 2, .max].randomElement(using: &generator) ?? 0
            if field + 4 <= batch.readableBytes { batch.setInteger(value, at: field) }
        default:
            var tail = batch.getSlice(at: index, length: batch.readableBytes - index) ?? ByteBuffer()
            batch.moveWriterIndex(to: index)
            batch.writeInteger(UInt8.random(in: .min ... .max, using: &generator))
            batch.writeBuffer(&tail)
        }
    }

    /// Runs everything that takes foreign bytes; returns whether the validator accepted them.
    private func survives(_ batch: ByteBuffer) -> Bool {
        let limits = ReadLimits(maximumDecompressedBytes: 1 << 20, verifiesChecksum: false)
        // What they answer does not matter here, only that they answer.
        _ = try? Self.strict.validate(batch, now: RawBatch.now)
        let read = try? records(of: batch, limits: limits)
        var sequence = BatchSequence(batch)
        while let next = try? sequence.next() { #expect(next.bytes.readableBytes >= 61) }
        guard (try? Self.validator.validate(batch, now: RawBatch.now)) != nil else { return false }
        let isCompressed = batch.getInteger(at: 22, as: UInt8.self).map { $0 & 7 != 0 } ?? false
        #expect(isCompressed || read != nil, "what the validator accepts can be read")
        return true
    }

    @Test func randomBytesNeverTrap() {
        for seed in 0..<2_000 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let bytes = ByteBuffer.random(upTo: 200, using: &generator)
            _ = survives(bytes)
            for compression in Compression.allCases {
                let output = try? Codec.decompress(bytes, with: compression, limit: 4_096)
                #expect(output.map { $0.readableBytes <= 4_096 } ?? true, "seed \(seed)")
            }
        }
    }
}
