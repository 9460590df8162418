package import Model

/// Which segments of a partition retention takes out, and what becomes of the others: values in, values out.
///
/// Records go in whole segments, oldest first, as in Kafka: those below the log's start under any policy; under the
/// policy `delete` those older than `retention.ms`, then the oldest as long as `retention.bytes` are left without them.
/// The segment that is written goes too when all in it is too old, but nothing goes that a consumer may not see yet.
package struct RetentionDecision: Sendable {
    let config: LogConfig
    let logStart: Offset
    /// Nothing at or above this may go: the last stable offset.
    let bound: Offset
    let time: WitnessedTime

    init(config: LogConfig, logStart: Offset, bound: Offset, time: WitnessedTime) {
        self.config = config
        self.logStart = logStart
        self.bound = bound
        self.time = time
    }

    /// The fate of each segment, in their order, oldest first.
    func fates(of segments: [SegmentDescription]) -> [SegmentFate] {
        var fates: [SegmentFate] = []
        var total = segments.reduce(Int64(0)) { $0 + Int64($1.sizeInBytes) }
        var isWaiting = false
        var latest: Timestamp? = time.now
        for segment in segments {
            let fate = fate(of: segment, total: total)
            if case .keep(let reason, let until) = fate { latest = Self.later(latest, reason.mayPass ? until : nil) }
            switch fate {
            case .remove where isWaiting: fates.append(.keep(.behindOlder, until: latest))
            case .keep(let reason, let until) where isWaiting:
                fates.append(.keep(reason, until: until.flatMap { _ in latest }))
            case .remove:
                fates.append(fate)
                total -= Int64(segment.sizeInBytes)
            case .keep:
                fates.append(fate)
                isWaiting = true
            }
        }
        return fates
    }

    /// The later of two moments; nil, which is none that can be foretold, if either is.
    private static func later(_ one: Timestamp?, _ other: Timestamp?) -> Timestamp? {
        guard let one, let other else { return nil }
        return max(one, other)
    }

    /// What becomes of a segment if all older ones are gone. `total`: the bytes from it on.
    private func fate(of segment: SegmentDescription, total: Int64) -> SegmentFate {
        if segment.endOffset <= logStart, !segment.isActive { return .remove(.belowLogStart) }
        guard config.cleanupPolicy.contains(.delete) else {
            return .keep(config.cleanupPolicy.contains(.compact) ? .compacted : .noPolicy, until: nil)
        }
        if segment.isActive, segment.sizeInBytes == 0 { return .keep(.empty, until: nil) }
        guard segment.endOffset <= bound else { return .keep(.unstable, until: nil) }
        let age = age(of: segment)
        if let limit = config.retentionMilliseconds {
            if segment.knownForMilliseconds > limit { return .remove(.age(segment.knownForMilliseconds)) }
            if age > limit, time.isSteady { return .remove(.age(age)) }
        }
        if let limit = config.retentionBytes, total - Int64(segment.sizeInBytes) >= limit {
            return .remove(.size(total))
        }
        if let limit = config.retentionMilliseconds {
            if age > limit { return .keep(.clock, until: nil) }
            return .keep(.young(age), until: time.now.advanced(milliseconds: limit.subtractingClamped(age)))
        }
        return .keep(config.retentionBytes == nil ? .noLimit : .size(total), until: nil)
    }

    /// How old the segment's newest record is at least: by its timestamp or by when it was appended, whichever is
    /// earlier, and never less than the time for which this process has seen the segment unchanged. So a timestamp in
    /// the future holds nothing up: it counts as the time of its append.
    func age(of segment: SegmentDescription) -> Int64 {
        var newest = segment.largestTimestamp
        if let appended = segment.lastAppend { newest = min(newest ?? appended, appended) }
        let byClock = newest.map { time.now.milliseconds(since: $0) } ?? 0
        return max(byClock, segment.knownForMilliseconds, 0)
    }
}

/// What becomes of a segment. Immutable.
package enum SegmentFate: Equatable, Sendable {
    /// It goes now.
    case remove(Removal)
    /// It stays; `until` says when that ends, as far as it can be foretold.
    case keep(Keeping, until: Timestamp?)

    /// Why a segment goes.
    package enum Removal: Equatable, Sendable {
        case belowLogStart
        /// Its newest record is so many milliseconds old.
        case age(Int64)
        /// The log had so many bytes from this segment on.
        case size(Int64)
    }

    /// Why a segment stays.
    package enum Keeping: Equatable, Sendable {
        case noPolicy
        case compacted
        case noLimit
        /// Its newest record is so many milliseconds old, which is not enough.
        case young(Int64)
        /// The log has so many bytes from this segment on, which is not enough.
        case size(Int64)
        /// It would go by its age, but the wall clock has jumped.
        case clock
        /// It would go, but an older one stays.
        case behindOlder
        /// It holds records that may not be seen yet.
        case unstable
        case empty

        /// Whether this ends with time alone.
        var mayPass: Bool {
            switch self {
            case .young, .behindOlder: true
            case .noPolicy, .compacted, .noLimit, .size, .clock, .unstable, .empty: false
            }
        }

        /// One word for programs.
        package var name: String {
            switch self {
            case .noPolicy: "no-policy"
            case .compacted: "compacted"
            case .noLimit: "no-limit"
            case .young: "age"
            case .size: "size"
            case .clock: "clock"
            case .behindOlder: "behind-older"
            case .unstable: "unstable"
            case .empty: "empty"
            }
        }
    }
}

extension SegmentFate.Removal {
    /// One word for programs.
    package var name: String {
        switch self {
        case .belowLogStart: "log-start"
        case .age: "age"
        case .size: "size"
        }
    }

    /// Why, in a few words for people.
    package func explanation(_ config: LogConfig) -> String {
        switch self {
        case .belowLogStart: "all its records were deleted before"
        case .age(let age):
            "its newest record is \(Span(age)) old, retention.ms=\(config.retentionMilliseconds ?? -1)"
        case .size(let total):
            "the log has \(total) bytes from here on, retention.bytes=\(config.retentionBytes ?? -1)"
        }
    }
}

extension SegmentFate.Keeping {
    /// Why, in a few words for people.
    package func explanation(_ config: LogConfig) -> String {
        switch self {
        case .noPolicy: "cleanup.policy is empty, which keeps everything"
        case .compacted: "cleanup.policy=compact deletes nothing by age or size"
        case .noLimit: "neither retention.ms nor retention.bytes sets a limit"
        case .young(let age):
            "its newest record is \(Span(age)) old, retention.ms=\(config.retentionMilliseconds ?? -1)"
        case .size(let total):
            "the log has \(total) bytes from here on, less than this segment over "
                + "retention.bytes=\(config.retentionBytes ?? -1)"
        case .clock: "it is too old by the wall clock, which has jumped; it goes once the clock has been steady"
        case .behindOlder: "it could go, but an older segment stays"
        case .unstable: "it holds records that consumers may not see yet"
        case .empty: "it is empty"
        }
    }
}

/// A time span as people read it: in its largest sensible unit. Immutable.
struct Span: CustomStringConvertible {
    private let milliseconds: Int64

    init(_ milliseconds: Int64) { self.milliseconds = milliseconds }

    private static let units: [(name: String, milliseconds: Int64)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000),
    ]

    /// With one decimal.
    var description: String {
        guard let unit = Self.units.first(where: { milliseconds >= $0.milliseconds }) else {
            return "\(milliseconds) ms"
        }
        let whole = milliseconds / unit.milliseconds
        return "\(whole).\(milliseconds % unit.milliseconds * 10 / unit.milliseconds) \(unit.name)"
    }
}
