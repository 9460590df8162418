import Model

/// What a compaction has left, when a partition is opened.
extension LogLoader {
    /// Reads the manifest, completes the replacement that it names, and removes what an interrupted compaction has left.
    /// A damaged manifest is put aside: without it every segment is taken as it is found, and nothing is removed.
    mutating func settleManifest() throws(LogError) -> Manifest {
        let leftovers = names.filter { $0.hasSuffix(LogFileNames.cleaned) }
        guard names.contains(ManifestFormat.fileName) else {
            // Nothing was ever committed here.
            try remove(leftovers)
            return Manifest()
        }
        let path = "\(directory)/\(ManifestFormat.fileName)"
        var manifest: Manifest
        do throws(LogError) {
            let bytes = try SmallFile.read(path, limit: ManifestFormat.maximumBytes, environment.fileSystem)
            manifest = try ManifestFormat.decode(bytes ?? [], path: path)
        } catch {
            guard case .corrupt = error else { throw error }
            try storage { () throws(FileError) in
                try environment.fileSystem.rename(path, to: path + LogFileNames.discarded)
            }
            report.repairedFiles.append(path)
            // Nobody knows any more where compaction was.
            mayHaveGapsBelow = LogFileNames.maximumOffset
            return Manifest()
        }
        mayHaveGapsBelow = manifest.mayHaveGapsBelow
        if let replacement = manifest.replacement {
            try complete(replacement, manifest.generation)
            manifest.replacement = nil
            try manifest.save(in: directory, environment.fileSystem)
        } else if leftovers.isEmpty {
            return manifest
        }
        try remove(leftovers)
        names = try storage { () throws(FileError) in try environment.fileSystem.list(directory) }
        return manifest
    }

    private func complete(_ replacement: Manifest.Replacement, _ generation: UInt64) throws(LogError) {
        let fileSystem = environment.fileSystem
        try storage { () throws(FileError) in
            for suffix in [LogFileNames.log, LogFileNames.offsetIndex, LogFileNames.timeIndex] {
                let name = "\(directory)/\(LogFileNames.name(replacement.base, suffix))"
                let cleaned = "\(name).\(generation)\(LogFileNames.cleaned)"
                if try fileSystem.exists(cleaned) { try fileSystem.rename(cleaned, to: name) }
            }
            try fileSystem.syncDirectory(directory)
            for source in replacement.sources.dropFirst() {
                try segment(source, isNew: false).removeFiles()
            }
            try fileSystem.syncDirectory(directory)
        }
    }

    private func remove(_ files: [String]) throws(LogError) {
        try storage { () throws(FileError) in
            for name in files { try environment.fileSystem.remove("\(directory)/\(name)") }
        }
    }
}
