import Wire

/// The versions of each API that a broker speaks. Immutable.
struct APIVersions: Equatable, Sendable {
    private let ranges: [APIKey: ClosedRange<Int16>]

    /// Nothing known: what a connection starts with.
    static let none = APIVersions(ranges: [:])

    init(ranges: [APIKey: ClosedRange<Int16>]) { self.ranges = ranges }

    /// Takes over a broker's answer, leaving out ranges that make no sense.
    init(_ response: ApiVersionsResponse) {
        var ranges: [APIKey: ClosedRange<Int16>] = [:]
        for range in response.apis where range.minimumVersion <= range.maximumVersion {
            ranges[APIKey(rawValue: range.key)] = range.minimumVersion...range.maximumVersion
        }
        self.ranges = ranges
    }

    /// What the broker speaks of an API; nil if it does not know it.
    func range(of api: API) -> ClosedRange<Int16>? { ranges[api.key] }

    func supports(_ api: API) -> Bool { ranges[api.key]?.overlaps(api.versions) ?? false }

    /// The highest version that both sides speak, at most `limit`.
    func version(for api: API, atMost limit: Int16 = .max) throws(ClientError) -> Int16 {
        guard let theirs = ranges[api.key] else {
            throw ClientError(.unsupported, "the broker does not support \(api.name)", hint: Self.hint)
        }
        let highest = min(theirs.upperBound, api.versions.upperBound, limit)
        guard highest >= max(theirs.lowerBound, api.versions.lowerBound) else {
            let ours = api.versions
            throw ClientError(
                .unsupported,
                "the broker speaks versions \(theirs.lowerBound) to \(theirs.upperBound) of \(api.name), "
                    + "this client \(ours.lowerBound) to \(min(ours.upperBound, limit))",
                hint: Self.hint
            )
        }
        return highest
    }

    private static let hint = "the broker's version and this client's are too far apart"
}
