import Model

/// Verifies one partition's directory. A value, used once.
struct PartitionVerifier {
    let directory: String
    /// nil if the directory's name is not a partition's, so that no checkpoint speaks of it.
    let partition: TopicPartition?
    let names: [String]
    let checkpoints: DirectoryCheckpoints

    func verify(_ run: inout VerificationRun) {
        run.summary.partitions += 1
        verifyMetadata(&run)
        let epochs = verifyEpochs(&run)
        let bases = names.compactMap { LogFileNames.offset(in: $0, LogFileNames.log) }.sorted()
        let manifest = verifyManifest(&run)
        let quarantine = verifyQuarantine(&run)
        let compactedBelow = max(compactedBelow(run), manifest.mayHaveGapsBelow)
        var next: Offset?
        for (number, base) in bases.enumerated() {
            let path = "\(directory)/\(LogFileNames.name(base, LogFileNames.log))"
            // I1, as far as compaction allows.
            if let next, base < next || (base > next && base > compactedBelow && !quarantine.explains(next..<base)) {
                run.find(
                    Finding(.records, path, "the segment before it ends at \(next), so that is where it should begin")
                )
            }
            var verifier = SegmentVerifier(
                directory: directory,
                base: base,
                isSealed: number + 1 < bases.count,
                epochs: epochs,
                epochsCompleteBelow: partition.flatMap { checkpoints.recoveryPoints.offsets[$0] }
                    ?? LogFileNames.maximumOffset,
                compactedBelow: compactedBelow,
                closed: manifest.segments.first { $0.baseOffset == base },
                quarantine: quarantine
            )
            next = run.guarding(.records, path) { run throws(LogError) in try verifier.verify(&run) }
        }
        // Without knowing the end nothing can be said of what goes beyond it.
        verifySnapshots(end: next, &run)
        if let next { verifyEnds(epochs, end: next, &run) }
    }

    private func compactedBelow(_ run: VerificationRun) -> Offset {
        if run.options.allowsGaps { return LogFileNames.maximumOffset }
        return partition.flatMap { checkpoints.compacted.offsets[$0] } ?? .zero
    }

    private func verifyManifest(_ run: inout VerificationRun) -> Manifest {
        guard names.contains(ManifestFormat.fileName) else { return Manifest() }
        let path = "\(directory)/\(ManifestFormat.fileName)"
        let fileSystem = run.fileSystem
        return run.guarding(.metadata, path) { _ throws(LogError) -> Manifest? in
            let bytes = try SmallFile.read(path, limit: ManifestFormat.maximumBytes, fileSystem)
            return try ManifestFormat.decode(bytes ?? [], path: path)
        } ?? Manifest()
    }

    private func verifyQuarantine(_ run: inout VerificationRun) -> Quarantine {
        let fileSystem = run.fileSystem
        return run.guarding(.metadata, "\(directory)/\(QuarantineFormat.fileName)") { _ throws(LogError) in
            try Quarantine.read(in: directory, fileSystem)
        } ?? Quarantine()
    }

    private func verifyMetadata(_ run: inout VerificationRun) {
        guard names.contains(LogFileNames.partitionMetadata) else { return }
        let path = "\(directory)/\(LogFileNames.partitionMetadata)"
        let fileSystem = run.fileSystem
        _ = run.guarding(.metadata, path) { _ throws(LogError) -> PartitionMetadata? in
            let text = try SmallFile.readText(path, limit: PartitionMetadata.maximumBytes, fileSystem)
            return try PartitionMetadata(text ?? "", path: path)
        }
    }

    private func verifyEpochs(_ run: inout VerificationRun) -> LeaderEpochs {
        let path = "\(directory)/\(LogFileNames.leaderEpochs)"
        let fileSystem = run.fileSystem
        return run.guarding(.metadata, path) { _ throws(LogError) -> LeaderEpochs? in
            let text = try SmallFile.readText(path, limit: TextCheckpoint.maximumBytes, fileSystem)
            guard let text else { return nil }
            return try LeaderEpochs(TextCheckpoint(text, path: path), path: path)
        } ?? LeaderEpochs()
    }

    private func verifySnapshots(end: Offset?, _ run: inout VerificationRun) {
        for offset in names.compactMap({ LogFileNames.offset(in: $0, LogFileNames.snapshot) }).sorted() {
            let path = "\(directory)/\(LogFileNames.name(offset, LogFileNames.snapshot))"
            let fileSystem = run.fileSystem
            let snapshot = run.guarding(.producers, path) { _ throws(LogError) -> InspectedSnapshot? in
                let size = try storage { () throws(FileError) in try fileSystem.open(path, .existing).size() }
                // Not synced, for it only saves time: of one a power cut may leave the name. Recovery then reads batches.
                if size == 0 { return nil }
                return try InspectedSnapshot.read(path, fileSystem)
            }
            if let problem = snapshot?.problem { run.find(Finding(.producers, path, problem)) }
            let youngest = snapshot?.producers.compactMap(\.lastOffset).max()
            if let youngest, youngest >= offset {
                run.find(Finding(.producers, path, "it has a batch of offset \(youngest), which is behind its own"))
            }
            if let end, offset > end {
                run.find(Finding(.producers, path, "it is behind the end of the log, \(end)"))
            }
        }
    }

    private func verifyEnds(_ epochs: LeaderEpochs, end: Offset, _ run: inout VerificationRun) {
        if let last = epochs.entries.last, last.start > end {
            let path = "\(directory)/\(LogFileNames.leaderEpochs)"
            run.find(
                Finding(
                    .metadata,
                    path,
                    "epoch \(last.epoch) begins at \(last.start), behind the end of the log, \(end)"
                )
            )
        }
        guard let partition else { return }
        for (name, checkpoint) in [
            (OffsetCheckpoint.recoveryPoints, checkpoints.recoveryPoints),
            (OffsetCheckpoint.logStarts, checkpoints.logStarts),
        ] {
            guard let offset = checkpoint.offsets[partition], offset > end else { continue }
            let path = "\(checkpoints.directory)/\(name)"
            let reason = "it has \(partition) at \(offset), and the log ends at \(end)"
            // What was durable is gone.
            let part: Finding.Part = name == OffsetCheckpoint.recoveryPoints ? .records : .metadata
            run.find(Finding(part, path, reason))
        }
    }
}
