package import Model

/// Something that is wrong in a data directory. Immutable.
package struct Finding: Equatable, Sendable, CustomStringConvertible {
    /// What it concerns, which says how bad it is.
    package enum Part: String, Sendable, CaseIterable {
        /// Records are lost or not what they were.
        case records
        /// An index leads astray. The broker makes it anew from the records when it notices.
        case index
        /// What is known of producers, for telling repeated batches.
        case producers
        /// A checkpoint or whose file it is.
        case metadata
    }

    package let part: Part
    package let path: String
    package let position: FilePosition?
    /// The offsets concerned, if they are known: from the first up to before the second.
    package let offsets: Range<Offset>?
    package let reason: String

    init(
        _ part: Part,
        _ path: String,
        at position: FilePosition? = nil,
        offsets: Range<Offset>? = nil,
        _ reason: String
    ) {
        self.part = part
        self.path = path
        self.position = position
        self.offsets = offsets
        self.reason = reason
    }

    package var description: String {
        let place = position.map { ", byte \($0)" } ?? ""
        let range = offsets.map { ", offsets \($0.lowerBound) to \($0.upperBound + -1)" } ?? ""
        return "\(path)\(place)\(range): \(reason)"
    }
}

/// How much was verified. A value.
package struct VerificationSummary: Equatable, Sendable {
    package var partitions = 0
    package var segments = 0
    package var batches = 0
    /// As the batches' headers say.
    package var records = 0
    /// Of `.log` files.
    package var bytes = 0
    package var findings = 0
}

/// What is to be verified, and who hears of it. Immutable.
package struct VerificationOptions {
    /// Whether every record is taken out of its batch as well, decompressed where it has to be.
    package var readsRecords = false
    /// Whether offsets may be missing between batches: compaction leaves such gaps.
    package var allowsGaps = false

    package init(readsRecords: Bool = false, allowsGaps: Bool = false) {
        self.readsRecords = readsRecords
        self.allowsGaps = allowsGaps
    }
}

/// The state of one verification, handed down to the parts of it. A value, owned by ``DirectoryVerifier``.
struct VerificationRun {
    let options: VerificationOptions
    let fileSystem: any FileSystem
    /// Called for each finding, in order.
    let report: (Finding) -> Void
    /// Called now and then with what is done so far.
    let progress: (VerificationSummary) -> Void
    var summary = VerificationSummary()

    mutating func find(_ finding: Finding) {
        summary.findings += 1
        report(finding)
    }

    /// Runs a part that may meet a file that cannot be read, or is not what it should be: that is a finding as well, and
    /// verification goes on.
    mutating func guarding<Result>(
        _ part: Finding.Part,
        _ path: String,
        _ body: (inout VerificationRun) throws(LogError) -> Result?
    ) -> Result? {
        do throws(LogError) {
            return try body(&self)
        } catch {
            switch error {
            case .corrupt(let path, let reason): find(Finding(part, path, reason))
            case .unsupportedFormat(let path, let reason): find(Finding(part, path, "of unknown format: \(reason)"))
            default: find(Finding(part, path, error.description))
            }
            return nil
        }
    }
}
