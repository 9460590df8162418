import Model

/// Hands out producer ids, each once for ever. Owned by the control thread.
///
/// Ids are reserved in the catalogue in blocks, so that not every producer costs a durable write; those of a block that
/// was not used up before a restart are skipped.
final class ProducerIDs: @unchecked Sendable {
    // Safe: touched on the control thread only.

    private static let blockSize: Int64 = 1000

    private let catalogue: any Catalogue
    private var next: Int64 = 0
    private var end: Int64 = 0

    init(catalogue: any Catalogue) { self.catalogue = catalogue }

    /// A producer id that was never handed out before.
    func allocate() throws(CatalogueError) -> ProducerID {
        if next == end { try reserve() }
        defer { next += 1 }
        return ProducerID(next)
    }

    private func reserve() throws(CatalogueError) {
        let entry = try catalogue.load().entries[CatalogueKey.producerIDs]
        var record =
            try entry.map { entry throws(CatalogueError) in
                try ProducerIDRecord.decode(entry.value, key: CatalogueKey.producerIDs)
            } ?? ProducerIDRecord()
        let first = record.next
        let (end, overflow) = first.addingReportingOverflow(Self.blockSize)
        guard first >= 0, !overflow else {
            throw .corrupt("'\(CatalogueKey.producerIDs)' says that \(first) is the next id")
        }
        record.next = end
        _ = try catalogue.commit(
            [CatalogueChange(key: CatalogueKey.producerIDs, value: try record.encoded())],
            ifUnchanged: [
                CatalogueCondition(key: CatalogueKey.producerIDs, revision: entry?.revision ?? .never)
            ]
        )
        next = first
        self.end = end
    }
}
