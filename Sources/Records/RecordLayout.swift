import Model

/// Where one record's parts lie in the bytes it was read from. Immutable.
struct RecordLayout {
    /// A nullable field. Two integers and not an optional range: this is filled in per record on the produce path.
    struct Field {
        let position: Int
        /// -1: null.
        let length: Int

        var isNull: Bool { length < 0 }
    }

    let timestampDelta: Int64
    let offsetDelta: Int32
    let key: Field
    let value: Field
    let headerCount: Int32
    /// Of the first header's name length.
    let headersPosition: Int
    let end: Int
}

extension RecordLayout {
    /// The record's own timestamp.
    @inline(__always)
    func timestamp(base: Timestamp) throws(RecordProblem) -> Timestamp {
        let (timestamp, overflow) = base.rawValue.addingReportingOverflow(timestampDelta)
        guard !overflow else { throw .timestampOverflow(base: base, delta: timestampDelta) }
        return Timestamp(milliseconds: timestamp)
    }
}
