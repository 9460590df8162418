extension RecoveryReport: CustomStringConvertible {
    /// One line for the operator's log.
    package var description: String {
        var parts: [String] = []
        for cut in truncations {
            parts.append("cut \(cut.bytes) bytes off \(cut.path) from offset \(cut.offset) on (\(cut.reason))")
        }
        if !discardedFiles.isEmpty { parts.append("put aside \(discardedFiles.joined(separator: ", "))") }
        if !repairedFiles.isEmpty {
            parts.append("made anew what was damaged: \(repairedFiles.joined(separator: ", "))")
        }
        if parts.isEmpty { parts.append("nothing was wrong") }
        return "\(topicPartition) repaired: \(parts.joined(separator: "; ")); it has offsets \(logStart) to \(logEnd), "
            + "\(scannedBytes) bytes were looked through, leader epoch \(leaderEpoch)"
    }
}
