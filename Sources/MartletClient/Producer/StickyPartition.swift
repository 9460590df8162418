/// The partition that a topic's records without a key go to at the moment. A value, owned by the accumulator.
///
/// Staying with one partition until it got a batch's worth of bytes makes few large batches instead of many small ones,
/// and every partition gets the same number of bytes in the long run (KIP-480, KIP-794).
struct StickyPartition {
    private var current: Int32?
    private var remainingBytes = 0

    /// The partition for a record of `bytes` bytes.
    ///
    /// - Parameters:
    ///   - available: The partitions with a leader; if there is none, all are taken.
    ///   - turn: How many bytes a partition gets before the next one has its turn.
    mutating func next(
        bytes: Int,
        available: [Int32],
        count: Int,
        turn: Int,
        using generator: inout some RandomNumberGenerator
    ) -> Int32 {
        if let current, remainingBytes > 0, Int(current) < count {
            remainingBytes -= bytes
            return current
        }
        let chosen = available.randomElement(using: &generator) ?? Int32.random(in: 0..<Int32(count), using: &generator)
        current = chosen
        remainingBytes = turn - bytes
        return chosen
    }
}
