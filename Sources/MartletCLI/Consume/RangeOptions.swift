import ArgumentParser
import MartletClient

/// From where to where `martlet consume` reads. A value.
struct RangeOptions: ParsableArguments {
    @Option(
        name: [.customLong("from"), .customShort("o")],
        parsing: .unconditional,
        help: ArgumentHelp("Where to begin.", valueName: "beginning|end|offset|-N|@time")
    )
    var from: StartOption?

    @Option(
        help: ArgumentHelp(
            "End in front of this offset, or of the first record of this time.",
            valueName: "end|offset|@time"
        )
    )
    var until: StopOption?

    @Option(help: ArgumentHelp("Only these offsets of each partition, both ends included.", valueName: "first..last"))
    var offsets: OffsetRange?

    @Flag(name: [.customShort("e"), .customLong("exit-at-end")], help: "End behind the newest records of the start.")
    var exitAtEnd = false

    @Flag(
        name: [.customShort("F"), .long],
        help: "Go on with new records as they come: the default but with -e, --until and --offsets."
    )
    var follow = false

    func validate() throws {
        if follow, exitAtEnd || until != nil {
            throw ValidationError("--follow goes on for ever, --exit-at-end and --until end: choose one")
        }
        if offsets != nil, from != nil || until != nil {
            throw ValidationError(
                "--offsets says where to begin and to end, so --from and --until have no place beside it"
            )
        }
    }

    /// Whether the end of each partition has to be found before anything is read.
    var isBounded: Bool { until != nil || offsets != nil }

    /// Whether to end behind the newest records of the start.
    var stopsAtEnd: Bool { exitAtEnd || until == .end }

    /// Where to begin if no range of offsets says so.
    var start: StartPosition { from?.position ?? (exitAtEnd || until != nil ? .beginning : .end) }

    /// A moment to come at which to end, in milliseconds since 1970-01-01T00:00Z.
    func deadline(now: Int64) -> Int64? {
        if case .time(let time) = until, time > now { return time }
        return nil
    }
}

/// What a partition holds, as far as ranges depend on it. Immutable.
struct PartitionBounds: Equatable {
    let beginning: Int64
    let end: Int64
    /// Where the time of ``RangeOptions/from`` begins; nil if nothing is so late.
    var start: Int64?
    /// Where the time of ``RangeOptions/until`` begins; nil if nothing is so late.
    var stop: Int64?
}

extension RangeOptions {
    /// The first offset of a partition to read, and the first not to read any more; nil for the latter reads on.
    func range(_ bounds: PartitionBounds, now: Int64) -> (start: Int64, end: Int64?) {
        let held = bounds.beginning...max(bounds.beginning, bounds.end)
        if let offsets {
            let end = offsets.last.map { $0 + 1 } ?? .max
            // What comes later is waited for only if that was asked for.
            let stop = follow ? (offsets.last == nil ? nil : end) : min(end, held.upperBound)
            let start = min(max(offsets.first ?? 0, held.lowerBound), held.upperBound)
            return (min(start, stop ?? .max), stop)
        }
        let start =
            switch self.start {
            case .beginning: held.lowerBound
            case .end: held.upperBound
            case .offset(let offset): min(max(offset, held.lowerBound), held.upperBound)
            case .last(let count): max(held.lowerBound, held.upperBound - count)
            case .time: bounds.start ?? held.upperBound
            }
        let stop: Int64? =
            switch until {
            case nil: nil
            case .end: held.upperBound
            case .offset(let offset): exitAtEnd ? min(offset, held.upperBound) : offset
            case .time(let time): bounds.stop ?? (time > now ? nil : held.upperBound)
            }
        return (min(start, stop ?? .max), stop)
    }
}
