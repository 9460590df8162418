import Testing

/// Which modules each target may import: its layer's place in the product. A target may use what stands above it here,
/// never what stands below, except that the client and the broker do not know each other.
private let layers: [(target: String, imports: Set<String>)] = [
    ("Model", ["CSyscalls"]),
    ("Wire", ["Model", "NIOCore"]),
    ("Records", ["Model", "NIOCore", "CZstd", "CLZ4", "CSnappy", "CZlib", "CISAL"]),
    ("CommitLog", ["Model", "Records", "NIOCore"]),
    ("Groups", ["Model"]),
    (
        "Broker",
        ["Model", "Wire", "Records", "CommitLog", "Groups", "CRE2", "NIOCore", "HeapModule", "Logging", "CoreMetrics"]
    ),
    (
        "Server",
        [
            "Model", "Wire", "Records", "CommitLog", "Broker", "CSyscalls", "NIOCore", "Logging", "HeapModule",
            "DequeModule",
        ]
    ),
    // The second implementation of the protocol, which keeps the first honest: it shares the codec and nothing else.
    (
        "MartletClient",
        ["Model", "Wire", "Records", "NIOCore", "NIOPosix", "Logging", "CoreMetrics", "ServiceLifecycle"]
    ),
    (
        "MartletCLI",
        [
            "Model", "Wire", "Records", "CommitLog", "Broker", "Server", "MartletClient", "NIOCore", "Logging",
            "ArgumentParser", "CSyscalls",
        ]
    ),
    ("martlet", ["MartletCLI", "ArgumentParser"]),
    ("TestSupport", ["Model", "Wire", "Records", "CommitLog", "Broker", "Server", "NIOCore", "Logging", "Foundation"]),
]

/// What every target may import: the C library, and the standard library's atomics.
private let everywhere: Set<String> = ["Glibc", "Synchronization"]

/// Targets of C and module maps, which have no imports to check.
private let foreign: Set<String> = ["CZstd", "CLZ4", "CSnappy", "CZlib", "CISAL", "CRE2", "CSyscalls"]

@Test func everyTargetImportsOnlyWhatItsLayerMay() {
    let allowed = Dictionary(uniqueKeysWithValues: layers.map { ($0.target, $0.imports.union(everywhere)) })
    let violations = Repository.sources.flatMap { source in
        source.imports.compactMap { module, line -> String? in
            if allowed[source.target]?.contains(module) != false { return nil }
            return "\(source.path):\(line): \(source.target) imports \(module)"
        }
    }
    expectNone(
        violations,
        advice: "Dependencies go downwards only. Move the code to the layer that may know both, or let the upper layer "
            + "hand in what is needed (a protocol, a closure, a value)."
    )
}

@Test func everyDirectoryOfSourcesHasItsPlaceInTheLayers() {
    let known = Set(layers.map(\.target)).union(foreign)
    expectNone(
        Repository.list("Sources").filter { !known.contains($0) }.map { "Sources/\($0) has no place in the layers" },
        advice: "Add it to `layers` in Tests/RepositoryTests/LayeringTests.swift, with what it may import, "
            + "and to the README's map of Sources."
    )
}

@Test func packageDeclaresNoDependencyThatTheLayersForbid() {
    let allowed = Dictionary(uniqueKeysWithValues: layers.map { ($0.target, $0.imports) })
    let products = [
        "nioCore": "NIOCore", "nioPosix": "NIOPosix", "logging": "Logging", "argumentParser": "ArgumentParser",
        "heap": "HeapModule", "deque": "DequeModule", "metrics": "CoreMetrics",
        "lifecycle": "ServiceLifecycle",
    ]
    let violations = (Repository.read("Package.swift") ?? "").split(separator: "\n").flatMap { line -> [String] in
        let line = line.drop { $0 == " " }
        guard line.hasPrefix("target(\""), let name = line.split(separator: "\"").dropFirst().first.map(String.init),
            let imports = allowed[name], let list = line.split(separator: "[").dropFirst().first
        else { return [] }
        let dependencies = list.prefix { $0 != "]" }.split { $0 == "," || $0 == " " || $0 == "\"" }.map(String.init)
        return dependencies.map { products[$0] ?? $0 }.filter { !imports.contains($0) }
            .map { "Package.swift lets \(name) depend on \($0)" }
    }
    expectNone(violations, advice: "Remove the dependency, or change `layers` in LayeringTests.swift and say why.")
}

@Test func onlyTheClientLibraryHasAPublicInterface() {
    let violations = Repository.sources.filter { $0.target != "MartletClient" && $0.target != "martlet" }
        .flatMap { source in
            // A public import shows nobody anything; what is inlined into other modules needs it.
            source.lines(withWord: "public").filter { !source.lines[$0 - 1].hasPrefix("public import ") }
                .map { "\(source.path):\($0): `public` outside MartletClient" }
        }
    expectNone(
        violations,
        advice: "Write `package` for what other targets use: only MartletClient is a library for others."
    )
}
