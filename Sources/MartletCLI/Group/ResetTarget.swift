import MartletClient

/// Where a group's offsets are moved. A value.
enum ResetTarget: Equatable {
    case beginning
    case end
    /// Stay, but inside of what the partition holds.
    case current
    case offset(Int64)
    /// Forward, or backward if negative.
    case shift(Int64)
    /// The first record of this time or later, in milliseconds since 1970-01-01T00:00Z.
    case time(Int64)
    /// To what a file says.
    case file([Partition: CommittedOffset])
}

/// What is known of a partition before its offset is moved. A value.
struct ResetFacts: Equatable {
    let partition: Partition
    var committed: CommittedOffset?
    var start: Int64
    var end: Int64
    /// The first record of the time asked for; nil if there is none, or no time was asked for.
    var found: Int64?
}

/// What moving a group's offset in one partition comes to. A value.
struct ResetStep: Equatable {
    let partition: Partition
    let before: CommittedOffset?
    /// nil if nothing is to be committed; the note says why.
    let after: CommittedOffset?
    let note: String?

    /// Decides, without a look at anything but what it is given.
    init(_ target: ResetTarget, _ facts: ResetFacts) {
        partition = facts.partition
        before = facts.committed
        switch target {
        case .beginning: (after, note) = (CommittedOffset(offset: facts.start), nil)
        case .end: (after, note) = (CommittedOffset(offset: facts.end), nil)
        case .current:
            guard let committed = facts.committed else {
                (after, note) = (nil, "nothing committed")
                return
            }
            (after, note) = Self.inside(committed, facts)
        case .offset(let offset): (after, note) = Self.inside(CommittedOffset(offset: offset), facts)
        case .shift(let count):
            guard let committed = facts.committed else {
                (after, note) = (nil, "nothing committed to shift from")
                return
            }
            let (sum, overflow) = committed.offset.addingReportingOverflow(count)
            let wanted = overflow ? (count < 0 ? 0 : Int64.max) : sum
            (after, note) = Self.inside(CommittedOffset(offset: wanted), facts)
        case .time:
            if let found = facts.found {
                (after, note) = (CommittedOffset(offset: found), nil)
            } else {
                (after, note) = (CommittedOffset(offset: facts.end), "no record so late: the end")
            }
        case .file(let offsets):
            guard let wanted = offsets[facts.partition] else {
                (after, note) = (nil, "not in the file")
                return
            }
            (after, note) = Self.inside(wanted, facts)
        }
    }

    /// A partition that cannot be looked at.
    init(unreachable partition: Partition, before: CommittedOffset?, note: String) {
        self.partition = partition
        self.before = before
        self.after = nil
        self.note = note
    }

    private static func inside(_ wanted: CommittedOffset, _ facts: ResetFacts) -> (CommittedOffset?, String?) {
        if wanted.offset < facts.start {
            return (CommittedOffset(offset: facts.start), "\(wanted.offset) is before the beginning")
        }
        if wanted.offset > facts.end {
            return (CommittedOffset(offset: facts.end), "\(wanted.offset) is behind the end")
        }
        return (wanted, nil)
    }

    var change: Int64? {
        guard let before, let after else { return nil }
        let (change, overflow) = after.offset.subtractingReportingOverflow(before.offset)
        return overflow ? nil : change
    }
}
