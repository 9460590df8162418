import Model

/// Damage in what was durable, when a partition is opened: it is kept and made known, never cut off.
extension LogLoader {
    /// Reads what was found earlier, and finds out up to where everything was durable. A damaged list is put aside; the
    /// next scrub finds again what it held.
    mutating func loadQuarantine(_ manifest: Manifest, _ segments: [LogSegment]) throws(LogError) {
        do throws(LogError) {
            quarantine = try Quarantine.read(in: directory, environment.fileSystem)
        } catch {
            guard case .corrupt(let path, _) = error else { throw error }
            try storage { () throws(FileError) in
                try environment.fileSystem.rename(path, to: path + LogFileNames.discarded)
            }
            report.repairedFiles.append(path)
        }
        take(quarantine, manifest, segments)
    }

    /// Goes by what is known of damage and of closed segments.
    mutating func take(_ known: Quarantine, _ manifest: Manifest, _ segments: [LogSegment]) {
        quarantine = known
        for segment in segments { segment.noteDamage(quarantine.damage(of: segment.baseOffset)) }
        closed = Dictionary(manifest.segments.map { ($0.baseOffset, $0) }, uniquingKeysWith: { $1 })
        let closedEnd = manifest.segments.last.map { $0.lastOffset + 1 } ?? .zero
        protectedEnd = max(hints.recoveryPoint ?? segments.last?.baseOffset ?? .zero, closedEnd)
    }

    /// Whether it is known why these offsets are not there. Of a topic that is compacted any may be missing, but not of what
    /// was not durable for all that is known: no compaction was there, unless the manifest says so, and what a power cut has
    /// left behind a hole is not to be kept.
    func allows(_ gap: Range<Offset>) -> Bool {
        if gap.lowerBound < mayHaveGapsBelow || quarantine.explains(gap) { return true }
        guard config.cleanupPolicy.contains(.compact) else { return false }
        return isForeign || gap.lowerBound < hints.recoveryPoint ?? LogFileNames.maximumOffset
    }

    /// Whether the segment had been closed, so that it takes no more even if no other one follows it.
    func isClosed(_ segment: LogSegment) -> Bool { closed[segment.baseOffset] != nil || !segment.damage.isEmpty }

    /// Looks at all of a segment that is not as it should be, and notes what is damaged in it. `end`: where the next
    /// segment begins; nil for the last.
    mutating func examine(_ segment: LogSegment, size: Int, end: Offset?, _ epochs: LeaderEpochs) throws(LogError) {
        var inspection = SegmentInspection(
            SegmentExpectation(
                base: segment.baseOffset,
                end: end ?? LogFileNames.maximumOffset,
                size: closed[segment.baseOffset]?.size ?? size,
                epochs: epochs,
                checksum: closed[segment.baseOffset]?.checksum,
                gapsBelow: config.cleanupPolicy.contains(.compact) ? LogFileNames.maximumOffset : mayHaveGapsBelow,
                skipped: quarantine.skipped,
                now: environment.time.now
            )
        )
        try inspection.run(try storage { () throws(FileError) in try segment.file() })
        report.scannedSegments += 1
        report.scannedBytes += size
        // What is behind was not durable for all that is known: cutting it off is recovery's to do.
        var ranges = inspection.ranges.filter { $0.offsets.lowerBound < protectedEnd }
        ranges = ranges.map { $0.offsets.upperBound < LogFileNames.maximumOffset ? $0 : $0.ending(at: protectedEnd) }
        // Compaction leaves gaps, but none at the end of the segment that is written.
        if end == nil, inspection.next < protectedEnd, (ranges.last?.offsets.upperBound ?? .zero) < protectedEnd {
            ranges.append(
                QuarantinedRange(
                    offsets: inspection.next..<protectedEnd,
                    segment: segment.baseOffset,
                    position: FilePosition(size),
                    length: 0,
                    found: environment.time.now,
                    reason: "the records are missing"
                )
            )
        }
        note(ranges, segment)
    }

    /// Notes the damage of a segment, instead of what was known of it before.
    mutating func note(_ ranges: [QuarantinedRange], _ segment: LogSegment) {
        let known = Set(quarantine.ranges.map(\.offsets))
        quarantine.replaceDamage(of: segment.baseOffset, with: ranges)
        segment.noteDamage(quarantine.damage(of: segment.baseOffset))
        report.quarantined += ranges.filter { !known.contains($0.offsets) }
    }

    mutating func saveQuarantine(logStart: Offset) throws(LogError) {
        quarantine.truncate(toStart: logStart)
        report.quarantined.removeAll { $0.offsets.upperBound <= logStart }
        if !report.quarantined.isEmpty { try quarantine.save(in: directory, environment.fileSystem) }
    }

    /// Compares closed segments with what the manifest says of them, and notes what is missing. Returns the manifest
    /// without those that are gone as they should be, at the log's start.
    mutating func reconciled(_ manifest: Manifest, with loaded: LoadedLog) throws(LogError) -> Manifest {
        var manifest = manifest
        manifest.compactedTo = min(manifest.compactedTo, loaded.logEnd)
        guard let first = loaded.sealed.first else {
            manifest.segments.removeAll()
            return manifest
        }
        manifest.segments.removeAll { $0.lastOffset < first.baseOffset || $0.lastOffset >= loaded.logEnd }
        for (number, segment) in loaded.sealed.enumerated() {
            let next = number + 1 < loaded.sealed.count ? loaded.sealed[number + 1] : loaded.active.segment
            let end = next.baseOffset
            let size = try storage { () throws(FileError) in try segment.file().size() }
            // The file of a neighbour may be gone.
            var isSuspect = manifest.segments.contains { $0.baseOffset > segment.baseOffset && $0.baseOffset < end }
            if let entry = closed[segment.baseOffset] {
                isSuspect = isSuspect || size != entry.size
                segment.seal(size: min(size, entry.size), largest: nil)
            }
            // What is known already need not be looked at again, unless there is less than there was.
            guard isSuspect, segment.damage.last.map({ $0.end > size }) ?? true else { continue }
            try examine(segment, size: size, end: end, loaded.epochs)
        }
        let bases = Set(loaded.sealed.map(\.baseOffset))
        manifest.segments.removeAll { !bases.contains($0.baseOffset) }
        return manifest
    }
}

extension QuarantinedRange {
    /// The same place with other offsets.
    fileprivate func ending(at end: Offset) -> QuarantinedRange {
        QuarantinedRange(
            offsets: offsets.lowerBound..<max(offsets.lowerBound, end),
            segment: segment,
            position: position,
            length: length,
            found: found,
            reason: reason,
            state: state
        )
    }
}
