import Glibc
package import Model

/// What a look at every byte of a segment has found. Immutable.
package struct SegmentFindings: Sendable {
    /// What is damaged and was not known before.
    package var found: [QuarantinedRange] = []
    /// What was damaged and is not any more.
    package var healed: [QuarantinedRange] = []
    package var bytes = 0
    package var batches = 0
}

/// Damage: finding it, and keeping it from being served. Reads whole segments: never on an event loop.
///
/// Damaged batches are refused by name, what is around them is served. Nothing is cut off or made anew, so that whoever
/// has a better copy or a better idea can still use it.
extension PartitionLog {
    /// What is known to be damaged, ascending by offset. What was skipped by order is among it.
    package var quarantined: [QuarantinedRange] { quarantine.withLock { $0.ranges } }

    /// When a look at every byte ended last; nil if there was none.
    package var lastScrub: Timestamp? {
        let scrubbed = quarantine.withLock { $0.scrubbed }
        return scrubbed == .none ? nil : scrubbed
    }

    /// Notes that every byte was looked at, durably.
    package func noteScrubbed() throws(LogError) {
        try maintenance.withLock { () throws(LogError) in
            _ = try readableSnapshot()
            quarantine.withLock { $0.scrubbed = environment.time.now }
            try saveQuarantine()
        }
    }

    /// The base offsets of all segments, or of those that are closed and durable and whose bytes nobody has summed up
    /// yet.
    package func segmentsToScrub(onlyNew: Bool) throws(LogError) -> [Offset] {
        let snapshot = try readableSnapshot()
        guard onlyNew else { return snapshot.sealed.map(\.baseOffset) + [snapshot.active.baseOffset] }
        let known = manifest.withLock { $0.manifest.segments }.filter { $0.checksum != nil }.map(\.baseOffset)
        let done = Set(known + quarantine.withLock { $0.ranges.map(\.segment) })
        return snapshot.sealed.enumerated().compactMap { number, segment in
            let isDurable = snapshot.endOffset(ofSegment: number) <= snapshot.offsets.durable
            return isDurable && !done.contains(segment.baseOffset) ? segment.baseOffset : nil
        }
    }

    /// Looks at every byte of the segment that begins there; nothing if there is none. Damage is refused from then on; a
    /// closed segment without any is noted in the manifest with the sum of its bytes. `pace` is told how many bytes were
    /// read, and may throw to give up.
    @discardableResult
    package func scrub(
        segment base: Offset,
        pace: (Int) throws(LogError) -> Void = { _ throws(LogError) in }
    ) throws(LogError) -> SegmentFindings {
        let snapshot = try readableSnapshot()
        let number = snapshot.segmentNumber(containing: base)
        let segment = snapshot.segment(number)
        guard segment.baseOffset == base else { return SegmentFindings() }
        var inspection = SegmentInspection(try expectation(number, in: snapshot))
        var file: (any File)?
        do throws(FileError) {
            // An own descriptor: how it is read is not how readers read.
            file = try environment.fileSystem.open(segment.path, .read)
        } catch {
            guard error.code == ENOENT else { throw .storage(error) }
            // Either it was removed since the snapshot was taken, or somebody else has removed it.
            if self.snapshot.withLock({ !$0.contains(segment) }) { return SegmentFindings() }
        }
        inspection.leavesCache = true
        try inspection.run(file, pace: pace)
        return try accept(inspection, of: segment)
    }

    private func expectation(_ number: Int, in snapshot: LogSnapshot) throws(LogError) -> SegmentExpectation {
        let segment = snapshot.segment(number)
        let isActive = number == snapshot.sealed.count
        let manifest = manifest.withLock { $0.manifest }
        let entry = manifest.segments.first { $0.baseOffset == segment.baseOffset }
        let size: Int
        if isActive {
            size = snapshot.end.position.bytes
        } else if let entry {
            size = entry.size
        } else {
            size = try storage { () throws(FileError) in try segment.sealedSize() }
        }
        return SegmentExpectation(
            base: segment.baseOffset,
            end: snapshot.endOffset(ofSegment: number),
            size: size,
            epochs: writer.withLock { $0.epochs },
            checksum: isActive ? nil : entry?.checksum,
            gapsBelow: gapsBelow,
            skipped: quarantine.withLock { $0.skipped },
            now: environment.time.now
        )
    }

    /// Below, offsets may be missing: compaction was there.
    private var gapsBelow: Offset {
        if config.cleanupPolicy.contains(.compact) { return LogFileNames.maximumOffset }
        return max(mayHaveGapsBelow, manifest.withLock { $0.manifest.mayHaveGapsBelow })
    }

    /// Whether these offsets may be missing.
    func allows(_ gap: Range<Offset>) -> Bool {
        gap.lowerBound < gapsBelow || quarantine.withLock { $0.skipped.explains(gap) }
    }

    // MARK: What was found

    private func accept(
        _ inspection: SegmentInspection,
        of segment: LogSegment
    ) throws(LogError) -> SegmentFindings {
        try maintenance.withLock { () throws(LogError) in
            var findings = SegmentFindings(bytes: inspection.expectation.size, batches: inspection.batches)
            if !inspection.ranges.isEmpty { try close(segment) }
            let snapshot = try readableSnapshot()
            guard let number = snapshot.sealed.firstIndex(where: { $0 === segment }) else {
                // Replaced or removed meanwhile, or still written and sound.
                return findings
            }
            let end = snapshot.endOffset(ofSegment: number)
            let isWhole = end == inspection.expectation.end && end <= snapshot.offsets.durable
            if let checksum = inspection.checksum, inspection.expectation.checksum == nil, isWhole {
                let entry = Manifest.Segment(
                    baseOffset: segment.baseOffset,
                    lastOffset: end + -1,
                    size: inspection.expectation.size,
                    checksum: checksum,
                    hasGaps: inspection.hasGaps
                )
                try noteClosed([entry])
            }
            let known = segment.damage
            guard !(known.isEmpty && inspection.ranges.isEmpty) else { return findings }
            let new = quarantine.withLock { quarantine in
                quarantine.replaceDamage(of: segment.baseOffset, with: inspection.ranges)
                return quarantine.damage(of: segment.baseOffset)
            }
            findings.found = new.filter { !known.contains($0) }
            findings.healed = known.filter { !new.contains($0) }
            guard new != known else { return findings }
            segment.noteDamage(new)
            rebuildWithDamage(segment)
            try saveQuarantine()
            return findings
        }
    }

    /// Closes a segment if it is the one that is written: nothing is written behind damage.
    private func close(_ segment: LogSegment) throws(LogError) {
        try writer.withLock { writer throws(LogError) in
            guard writer.active.segment === segment else { return }
            if let refusal = writer.refusal { throw refusal }
            if writer.active.size > 0 { try roll(&writer, at: offsets.logEnd, config: config) }
        }
    }

    /// Index entries that lead into damage are left out. If that cannot be had, reads walk from the segment's start.
    private func rebuildWithDamage(_ segment: LogSegment) {
        do throws(LogError) {
            _ = try segment.rebuildIndexes(size: nil, indexIntervalBytes: config.indexIntervalBytes)
        } catch {
            // The file may be what is missing.
        }
    }

    private func saveQuarantine() throws(LogError) {
        try quarantine.withLock { $0 }.save(in: directory, environment.fileSystem)
    }

    /// Forgets damage in what is removed. Called with `maintenance` held.
    func forgetDamage(_ change: (inout Quarantine) -> Void) throws(LogError) {
        let isChanged = quarantine.withLock { quarantine in
            let old = quarantine
            change(&quarantine)
            return quarantine != old
        }
        if isChanged { try saveQuarantine() }
    }

    /// Runs a read that may meet damage nobody knew of: then the segment is looked at, so that what is around the damage
    /// can be read, and the read is made once more.
    func examiningDamage<Result>(_ read: () throws(LogError) -> Result) throws(LogError) -> Result {
        do throws(LogError) {
            return try read()
        } catch {
            guard case .corrupt(let path, _) = error else { throw error }
            let snapshot = try readableSnapshot()
            let number = (0..<snapshot.segmentCount).first { snapshot.segment($0).path == path }
            guard let number else { throw error }
            let findings = try scrub(segment: snapshot.segment(number).baseOffset)
            if findings.found.isEmpty { throw error }
            return try read()
        }
    }
}

extension LogSnapshot {
    func contains(_ segment: LogSegment) -> Bool { active === segment || sealed.contains { $0 === segment } }
}
