import Wire

/// The protocol's APIs as the code has them: what is declared in Wire and what has a handler in Broker. Immutable.
enum APIInventory {
    /// Those with messages in Wire, by key.
    static let declared: [API] = WireCatalogue.all.filter(\.isRequest).map(\.api).sorted { $0.key < $1.key }

    /// Those the broker answers.
    static let served: [API] = declared.filter { handlerFiles.contains($0.name) }

    /// The names of the files in Sources/Wire/Messages that declare a request.
    static let messageFiles = Set(
        Repository.sources.filter { $0.path.hasPrefix("Sources/Wire/Messages/") && declaresRequest($0) }.map(\.name)
    )

    /// The names of the files in Sources/Broker/APIs, without those of extensions (`Fetch+Sessions`).
    static let handlerFiles = Set(
        Repository.sources.filter { $0.path.hasPrefix("Sources/Broker/APIs/") && !$0.name.contains("+") }.map(\.name)
    )

    /// The README's table.
    static let table: [String] =
        ["| API | key | versions |", "| --- | ---: | --- |"]
        + served.map { "| \($0.name) | \($0.key.rawValue) | \(versions(of: $0)) |" }

    private static func versions(of api: API) -> String {
        let range = "\(api.versions.lowerBound)–\(api.versions.upperBound)"
        let spoken = api.versions.count == 1 ? "\(api.versions.lowerBound)" : range
        return api.lowestAnnounced == api.versions.lowerBound
            ? spoken : "\(spoken), announced from \(api.lowestAnnounced)"
    }

    private static func declaresRequest(_ source: SwiftSource) -> Bool {
        source.code.contains { $0.contains(": WireRequest") }
    }
}
