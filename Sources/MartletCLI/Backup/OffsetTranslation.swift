/// Where the offsets of a backup's partition have come to, found while its records are written anew: only records count
/// there, so that gaps are gone. A value, owned by the command's task.
struct OffsetTranslation: Equatable {
    /// A stretch of offsets without gaps.
    struct Run: Equatable {
        var old: ClosedRange<Int64>
        let new: Int64
    }

    /// The first stretches; beyond ``maximumRuns`` they are counted only.
    private(set) var runs: [Run] = []
    private(set) var runCount = 0
    private(set) var records: Int64 = 0
    /// Old offsets to be translated, ascending, and how many of them are.
    private let wanted: [Int64]
    private var translated: [Int64] = []
    private var last: Int64?

    private static let maximumRuns = 10

    /// - Parameter wanted: Old offsets, such as committed ones, whose new ones will be asked for.
    init(wanted: some Sequence<Int64> = []) { self.wanted = Set(wanted).sorted() }

    /// The next record has this old offset.
    mutating func add(_ old: Int64) {
        while translated.count < wanted.count, wanted[translated.count] <= old { translated.append(records) }
        if let last, last + 1 == old {
            if runCount <= Self.maximumRuns { runs[runs.count - 1].old = runs[runs.count - 1].old.lowerBound...old }
        } else {
            runCount += 1
            if runCount <= Self.maximumRuns { runs.append(Run(old: old...old, new: records)) }
        }
        last = old
        records += 1
    }

    /// The position that stands for an old one: that of the first record with this offset or a later one, or the end.
    func new(for old: Int64) -> Int64 {
        guard let index = wanted.firstIndex(of: old), index < translated.count else { return records }
        return translated[index]
    }

    /// Whether every record has the offset it had.
    var isIdentity: Bool { runCount == 0 || (runCount == 1 && runs.first?.old.lowerBound == runs.first?.new) }

    /// For people.
    var text: String {
        if records == 0 { return "no records" }
        if isIdentity { return "offsets as they were" }
        let shown = runs.map { "\($0.old.lowerBound)-\($0.old.upperBound) now from \($0.new)" }.joined(separator: ", ")
        return "offsets changed: " + shown
            + (runCount > runs.count ? ", and \(runCount - runs.count) stretches more" : "")
    }
}
