// swift-tools-version: 6.2
import PackageDescription

// A package of its own: everything in it is built with sanitizers and libFuzzer's instrumentation, and `swift test` of the
// product would not link with them. The modules under test are links to the product's own sources, so that they are
// compiled as part of this package and `package` declarations can be called.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let codecs: [Target.Dependency] = ["CZstd", "CLZ4", "CSnappy", "CZlib", "CISAL"]

let package = Package(
    name: "Fuzz",
    dependencies: [.package(url: "https://github.com/apple/swift-nio", from: "2.101.0")],
    targets: [
        .systemLibrary(name: "CZstd"),
        .systemLibrary(name: "CLZ4"),
        .systemLibrary(name: "CSnappy"),
        .systemLibrary(name: "CZlib"),
        .systemLibrary(name: "CISAL"),
        .target(name: "CSyscalls"),
        .target(name: "Model", dependencies: ["CSyscalls"], swiftSettings: settings),
        .target(name: "Wire", dependencies: ["Model", nioCore], swiftSettings: settings),
        .target(name: "Records", dependencies: ["Model", nioCore] + codecs, swiftSettings: settings),
        .target(name: "Groups", dependencies: ["Model"], swiftSettings: settings),
        .target(name: "CommitLog", dependencies: ["Model", "Records", nioCore], swiftSettings: settings),
        // Of the product's own, only the simulated disk.
        .target(name: "TestSupport", dependencies: ["Model"], swiftSettings: settings),
        .executableTarget(
            name: "fuzz",
            dependencies: ["Model", "Wire", "Records", "CommitLog", "Groups", "TestSupport", nioCore],
            swiftSettings: settings,
            // gold, the default, gives up on what the sanitizers emit.
            linkerSettings: [.unsafeFlags(["-use-ld=lld"])]
        ),
    ]
)
