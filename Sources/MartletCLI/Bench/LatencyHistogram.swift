/// Durations counted in buckets that grow with them: 128 to each doubling, so that what it says is at most 0.8 % above the
/// truth, from nanoseconds to centuries, in constant memory. A value.
struct LatencyHistogram: Sendable {
    private static let bits = 7
    private static let perDoubling = 1 << bits
    private static let buckets = (64 - bits) * perDoubling

    private var counts = [Int](repeating: 0, count: buckets)
    private(set) var count = 0
    private var sum = 0.0
    private(set) var minimum = Int64.max
    private(set) var maximum: Int64 = 0

    /// In nanoseconds; less than none counts as none.
    mutating func add(_ nanoseconds: Int64) {
        let value = max(0, nanoseconds)
        counts[Self.bucket(of: value)] += 1
        count += 1
        sum += Double(value)
        minimum = min(minimum, value)
        maximum = max(maximum, value)
    }

    /// In nanoseconds; 0 if there is nothing.
    var mean: Double { count > 0 ? sum / Double(count) : 0 }

    /// What so many of a hundred are not longer than, in nanoseconds; 0 if there is nothing.
    func percentile(_ percent: Double) -> Int64 {
        guard count > 0 else { return 0 }
        // The little less lets 99.9 % of 1000 be 999, whatever binary fractions say.
        let rank = max(1, Int((percent * Double(count) / 100 - 1e-9).rounded(.up)))
        var seen = 0
        for (bucket, count) in counts.enumerated() where count > 0 {
            seen += count
            if seen >= rank { return min(maximum, max(minimum, Self.largest(in: bucket))) }
        }
        return maximum
    }

    static func bucket(of value: Int64) -> Int {
        guard value >= perDoubling else { return Int(value) }
        let shift = 63 - value.leadingZeroBitCount - bits
        return (shift << bits) + Int(value >> Int64(shift))
    }

    /// The largest value that falls into a bucket.
    static func largest(in bucket: Int) -> Int64 {
        guard bucket >= 2 * perDoubling else { return Int64(bucket) }
        let shift = Int64(bucket >> bits) - 1
        let first = Int64(bucket & (perDoubling - 1) | perDoubling) << shift
        return first + ((1 << shift) - 1)
    }
}
