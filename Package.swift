// swift-tools-version: 6.2
import PackageDescription

/// Every target is compiled with the same strict settings: what the compiler can check, no reviewer has to.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    // A warning stops whoever works on the code, who builds for debugging; a newer compiler's new warnings do not stop
    // whoever only wants to run it. Dependencies are not concerned.
    .treatAllWarnings(as: .error, .when(configuration: .debug)),
]

func target(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
    .testTarget(
        name: name + "Tests",
        dependencies: [.byName(name: name), "TestSupport"] + dependencies,
        exclude: exclude,
        swiftSettings: settings
    )
}

func debianLibrary(_ name: String, package: String) -> Target {
    .systemLibrary(name: name, providers: [.apt([package])])
}

// `ByteBuffer`, the reference-counted byte slice that lets record bytes travel from the socket to the file uncopied.
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
// The client's sockets. The broker has an event loop of its own, see Sources/Server.
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
// Timers and queues of the event loop, and the timers of groups.
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
// The counters and gauges that operators collect; where to, the executable decides.
let metrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let metricsTesting = Target.Dependency.product(name: "MetricsTestKit", package: "swift-metrics")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

let package = Package(
    name: "Martlet",
    products: [
        .executable(name: "martlet", targets: ["martlet"]),
        .library(name: "MartletClient", targets: ["MartletClient"]),
    ],
    dependencies: [
        // Bytes and locks everywhere, sockets in the client: the standard for servers in Swift.
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        // Priority queue and ring buffer of the broker's event loop.
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        // The command line's grammar, help and shell completion.
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        // The logging interface that applications embedding MartletClient already use.
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        // The same for counters and gauges.
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        // The way services in Swift start and stop together, which MartletClient's producers and consumers take part in.
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        debianLibrary("CZstd", package: "libzstd-dev"),
        debianLibrary("CLZ4", package: "liblz4-dev"),
        debianLibrary("CSnappy", package: "libsnappy-dev"),
        debianLibrary("CZlib", package: "zlib1g-dev"),
        debianLibrary("CISAL", package: "libisal-dev"),
        .target(name: "CSyscalls", cSettings: [.treatAllWarnings(as: .error, .when(configuration: .debug))]),

        // The syntax of Kafka's regular expressions is RE2's, and RE2 is what matches in linear time whatever the client sends.
        // It is C++, so it needs a layer of C that Swift can call: package libre2-dev.
        .target(
            name: "CRE2",
            cxxSettings: [.treatAllWarnings(as: .error, .when(configuration: .debug))],
            linkerSettings: [.linkedLibrary("re2")]
        ),

        target("Model", ["CSyscalls"]),
        target("Wire", ["Model", nioCore]),
        target("Records", ["Model", nioCore, "CZstd", "CLZ4", "CSnappy", "CZlib", "CISAL"]),
        target("CommitLog", ["Model", "Records", nioCore]),
        target("Groups", ["Model"]),
        target("Broker", ["Model", "Wire", "Records", "CommitLog", "Groups", "CRE2", nioCore, heap, logging, metrics]),
        target("Server", ["Model", "Wire", "Broker", "CSyscalls", nioCore, heap, deque, logging]),
        target("MartletClient", ["Model", "Wire", "Records", nioCore, nioPosix, logging, metrics, lifecycle]),
        target(
            "MartletCLI",
            [
                "Model", "Records", "CommitLog", "MartletClient", "Broker", "Server", "CSyscalls", nioCore,
                argumentParser, logging,
            ]
        ),
        .executableTarget(name: "martlet", dependencies: ["MartletCLI", argumentParser], swiftSettings: settings),
        target("TestSupport", ["Model", "Wire", "Records", "CommitLog", "Broker", nioCore]),

        // Run by scripts/simulate, in a release build.
        .executableTarget(
            name: "simulate",
            dependencies: ["Model", "Records", "CommitLog", "TestSupport", nioCore],
            path: "Tests/Simulation",
            swiftSettings: settings
        ),

        // The README's example, which the tests build and run.
        .executableTarget(
            name: "orders",
            dependencies: ["MartletClient", nioCore],
            path: "config/example",
            swiftSettings: settings
        ),

        // Run by `scripts/bench client`, in a release build.
        .executableTarget(
            name: "client-load",
            dependencies: ["MartletClient", nioCore],
            path: "Tests/Benchmarks/ClientLoad",
            swiftSettings: settings
        ),

        tests("Model"),
        tests(
            "Wire",
            [nioCore],
            exclude: [
                "Oracle/comparison.py", "Oracle/compare_with_kafka_python.py", "Oracle/compare_with_kio.py",
                "Oracle/compare_errors_with_kio.py",
            ]
        ),
        tests("Records", [nioCore]),
        tests("CommitLog", ["Records", nioCore]),
        tests("Groups", ["Model"]),
        tests("Broker", ["Groups", "Wire", "Records", nioCore]),
        tests("Server", ["Broker", "Wire", nioCore]),
        tests(
            "MartletClient",
            [
                "Server", "Broker", "Wire", "Records", nioCore, nioPosix, logging, metrics, metricsTesting, lifecycle,
                "orders",
            ],
            exclude: ["Interop/other_client.py"]
        ),
        tests("MartletCLI", ["MartletClient", "Model", nioCore, argumentParser]),
        .testTarget(name: "RepositoryTests", dependencies: ["Wire", "Broker"], swiftSettings: settings),
    ]
)
