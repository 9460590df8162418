import ArgumentParser
import MartletClient
import NIOCore

/// Which records `martlet consume` writes. A value.
struct FilterOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Only records whose value contains this; may be repeated.", valueName: "regex"))
    var grep: [String] = []

    @Option(
        name: [.customShort("k"), .long],
        help: ArgumentHelp("Only records whose key contains this.", valueName: "regex")
    )
    var key: [String] = []

    @Option(
        name: [.customShort("H"), .long],
        help: ArgumentHelp("Only records with this header, or with this in its value.", valueName: "name[=regex]")
    )
    var header: [String] = []

    @Flag(name: [.customShort("i"), .long], help: "Make no difference between upper and lower case.")
    var ignoreCase = false

    @Flag(help: "Write the records that do not match, instead of those that do.")
    var invert = false

    func validate() throws {
        if invert || ignoreCase, grep.isEmpty, key.isEmpty, header.isEmpty {
            throw ValidationError("--invert and --ignore-case need --grep, --key or --header")
        }
        do throws(InputError) { _ = try filter() } catch { throw ValidationError(error.description) }
    }

    func filter() throws(InputError) -> RecordFilter {
        var filter = RecordFilter(isInverted: invert)
        for pattern in grep { filter.values.append(try TextPattern(pattern, ignoresCase: ignoreCase)) }
        for pattern in key { filter.keys.append(try TextPattern(pattern, ignoresCase: ignoreCase)) }
        for header in header {
            let parts = header.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let pattern = parts.count > 1 ? try TextPattern(parts[1], ignoresCase: ignoreCase) : nil
            filter.headers.append(RecordFilter.Header(name: parts[0], pattern: pattern))
        }
        return filter
    }
}

/// Tells the records to write from the others. A value, owned by one task.
struct RecordFilter {
    struct Header {
        let name: String
        /// What its value must contain; nil for any value, null too.
        let pattern: TextPattern?
    }

    var values: [TextPattern] = []
    var keys: [TextPattern] = []
    var headers: [Header] = []
    /// Whether to let pass what does not match.
    var isInverted = false

    init(isInverted: Bool = false) { self.isInverted = isInverted }

    private var isEmpty: Bool { values.isEmpty && keys.isEmpty && headers.isEmpty }

    /// Whether the record is one of those asked for: it matches one of the patterns for values, one of those for keys, and
    /// one of those for headers, as far as there are any.
    func passes(_ record: ConsumedRecord) -> Bool { isEmpty || matches(record) != isInverted }

    private func matches(_ record: ConsumedRecord) -> Bool {
        if !keys.isEmpty, !keys.contains(where: { $0.occurs(in: record.key) }) { return false }
        if !values.isEmpty, !values.contains(where: { $0.occurs(in: record.value) }) { return false }
        if headers.isEmpty { return true }
        return headers.contains { wanted in
            record.headers.contains { header in
                header.name == wanted.name && wanted.pattern.map { $0.occurs(in: header.value) } ?? true
            }
        }
    }
}
