import Foundation
import Testing

/// The project's own files, as the rules below look at them. Immutable.
enum Repository {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Names that git ignores, which are nobody's work.
    static let ignored: Set<String> = {
        let lines = (read(".gitignore") ?? "").components(separatedBy: "\n")
        return Set(lines.map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 }.filter { !$0.isEmpty })
    }()

    /// The text of a file; nil if there is none of that name.
    static func read(_ path: String) -> String? {
        guard let data = FileManager.default.contents(atPath: root.appending(path: path).path) else { return nil }
        return String(decoding: data, as: UTF8.self)
    }

    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appending(path: path).path)
    }

    static func isExecutable(_ path: String) -> Bool {
        FileManager.default.isExecutableFile(atPath: root.appending(path: path).path)
    }

    /// The names in a directory that git does not ignore, sorted; none if there is no such directory.
    static func list(_ directory: String) -> [String] {
        let names = try? FileManager.default.contentsOfDirectory(atPath: root.appending(path: directory).path)
        return (names ?? []).filter { !ignored.contains($0) }.sorted()
    }

    /// The paths of all files in a directory and those below it.
    static func files(in directory: String) -> [String] {
        list(directory).flatMap { name in
            let path = directory.isEmpty ? name : "\(directory)/\(name)"
            var isDirectory = ObjCBool(false)
            let full = root.appending(path: path).path
            guard FileManager.default.fileExists(atPath: full, isDirectory: &isDirectory) else { return [String]() }
            // Hidden directories below are caches of tools, nothing that anybody wrote.
            if isDirectory.boolValue { return name.hasPrefix(".") ? [] : files(in: path) }
            return [path]
        }
    }

    /// Every Swift file of the product.
    static let sources = swiftFiles(in: "Sources")
    /// Every Swift file of the tests.
    static let tests = swiftFiles(in: "Tests")

    private static func swiftFiles(in directory: String) -> [SwiftSource] {
        files(in: directory).filter { $0.hasSuffix(".swift") }.map { SwiftSource(path: $0, text: read($0) ?? "") }
    }
}

/// Fails the test once for each violation of a rule, and says what to do about it.
func expectNone(_ violations: [String], advice: String) {
    for violation in violations { Issue.record("\(violation)\n    → \(advice)") }
}
