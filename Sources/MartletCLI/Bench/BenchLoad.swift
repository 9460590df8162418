import MartletClient
import NIOCore

/// The records that benchmarks send: values of one size, cut from one piece of random letters, so that making them costs
/// next to nothing. Immutable.
struct BenchLoad: Sendable {
    let topic: String
    let valueBytes: Int
    /// How many different keys there are; none if there are no keys.
    let keys: [ByteBuffer]
    private let letters: ByteBuffer

    private static let poolBytes = 64 << 10
    /// About six bits of chance to the byte, so that codecs have something to do.
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 .".utf8)

    init(topic: String, valueBytes: Int, keyCount: Int) {
        self.topic = topic
        self.valueBytes = valueBytes
        keys = (0..<keyCount).map { ByteBuffer(string: "key-\($0)") }
        letters = ByteBuffer(
            bytes: (0..<Self.poolBytes + valueBytes).map { _ in Self.alphabet[Int.random(in: 0..<Self.alphabet.count)] }
        )
    }

    func record(_ number: Int) -> ProducerRecord {
        ProducerRecord(topic: topic, key: key(number), value: letters.getSlice(at: place(number), length: valueBytes))
    }

    /// The same with a mark in front, by which the record is known when it comes back.
    func record(_ number: Int, mark: BenchMark) -> ProducerRecord {
        var value = ByteBuffer()
        value.reserveCapacity(valueBytes)
        value.writeMultipleIntegers(mark.run, mark.sent)
        if let rest = letters.getSlice(at: place(number), length: valueBytes - BenchMark.length) {
            value.writeImmutableBuffer(rest)
        }
        return ProducerRecord(topic: topic, key: key(number), value: value)
    }

    private func key(_ number: Int) -> ByteBuffer? { keys.isEmpty ? nil : keys[number % keys.count] }

    /// A prime, so that neighbours differ.
    private func place(_ number: Int) -> Int { number &* 127 & (Self.poolBytes - 1) }
}

/// What tells when a record was sent, and by which run. A value.
struct BenchMark: Equatable, Sendable {
    static let length = 16

    let run: UInt64
    /// In nanoseconds of this machine's monotonic clock.
    let sent: Int64

    init(run: UInt64, sent: Int64) {
        self.run = run
        self.sent = sent
    }

    /// nil for what carries no mark.
    init?(_ value: ByteBuffer?) {
        guard var value, let (run, sent) = value.readMultipleIntegers(as: (UInt64, Int64).self) else { return nil }
        self.init(run: run, sent: sent)
    }
}
