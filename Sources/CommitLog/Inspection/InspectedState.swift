package import Model

/// An entry of one of this broker's own small files, as a list of fields. Immutable.
package struct InspectedEntry: Equatable, Sendable {
    package enum Value: Equatable, Sendable {
        case number(Int64)
        case text(String)
        case flag(Bool)
        case none
    }

    package struct Field: Equatable, Sendable {
        package let name: String
        package let value: Value

        init(_ name: String, _ value: Value) {
            self.name = name
            self.value = value
        }
    }

    package let kind: String
    package let fields: [Field]
}

/// Reads this broker's own small files for whoever wants to know what is in them. Stateless.
package enum InspectedState {
    /// What `segments.manifest` holds.
    package static func manifest(_ path: String, _ fileSystem: any FileSystem) throws(LogError) -> [InspectedEntry] {
        let bytes = try SmallFile.read(path, limit: ManifestFormat.maximumBytes, fileSystem)
        guard let bytes else { throw .missing(path) }
        let manifest = try ManifestFormat.decode(bytes, path: path)
        var entries = [
            InspectedEntry(
                kind: "manifest",
                fields: [
                    .init("generation", .number(Int64(clamping: manifest.generation))),
                    .init("compacted_to", .number(manifest.compactedTo.rawValue)),
                    .init("compacted_at", .number(manifest.compactedAt.milliseconds)),
                ]
            )
        ]
        entries += manifest.segments.map { segment in
            InspectedEntry(
                kind: "closed-segment",
                fields: [
                    .init("base_offset", .number(segment.baseOffset.rawValue)),
                    .init("last_offset", .number(segment.lastOffset.rawValue)),
                    .init("size", .number(Int64(segment.size))),
                    .init("checksum", segment.checksum.map { .number(Int64($0)) } ?? .none),
                    .init("may_have_gaps", .flag(segment.hasGaps)),
                ]
            )
        }
        for source in manifest.replacement?.sources ?? [] {
            entries.append(
                InspectedEntry(kind: "replaced-segment", fields: [.init("base_offset", .number(source.rawValue))])
            )
        }
        return entries
    }

    /// What `quarantine-checkpoint` holds.
    package static func quarantine(_ path: String, _ fileSystem: any FileSystem) throws(LogError) -> [InspectedEntry] {
        let bytes = try SmallFile.read(path, limit: QuarantineFormat.maximumBytes, fileSystem)
        guard let bytes else { throw .missing(path) }
        let quarantine = try QuarantineFormat.decode(bytes, path: path)
        let head = InspectedEntry(
            kind: "quarantine",
            fields: [.init("last_scrub", .number(quarantine.scrubbed.milliseconds))]
        )
        return [head]
            + quarantine.ranges.map { range in
                InspectedEntry(
                    kind: "damaged-range",
                    fields: [
                        .init("first_offset", .number(range.offsets.lowerBound.rawValue)),
                        .init("end_offset", .number(range.offsets.upperBound.rawValue)),
                        .init("segment", .number(range.segment.rawValue)),
                        .init("position", .number(Int64(range.position.bytes))),
                        .init("size", .number(Int64(range.length))),
                        .init("found", .number(range.found.milliseconds)),
                        .init("state", .text(range.state == .skipped ? "skipped" : "refused")),
                        .init("reason", .text(range.reason)),
                    ]
                )
            }
    }
}
