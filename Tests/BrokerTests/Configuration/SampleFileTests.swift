import Foundation
import Testing

@testable import Broker

/// The lines of config/server.properties.
private func sampleLines() throws -> [String] {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    return try String(contentsOf: root.appending(path: "config/server.properties"), encoding: .utf8)
        .components(separatedBy: "\n")
}

/// The settings the file shows, commented out.
private func shownSettings() throws -> [(key: String, value: String)] {
    try sampleLines().compactMap { line in
        guard line.hasPrefix("#"), !line.hasPrefix("# "), let equals = line.firstIndex(of: "=") else { return nil }
        return (String(line[..<equals].dropFirst()), String(line[line.index(after: equals)...]))
    }
}

@Test func sampleFileSetsNothing() throws {
    let text = try sampleLines().joined(separator: "\n")
    #expect(try PropertiesFile.parse(Array(text.utf8), path: "config/server.properties") == [])
}

@Test func sampleFileShowsRealKeysWithTheirDefaults() throws {
    let settings = try shownSettings()
    #expect(settings.count > 20)
    #expect(Set(settings.map(\.key)).count == settings.count, "a key is shown twice")
    for (name, value) in settings {
        let key = try BrokerKeys.require(name)
        let shown = key.defaultDescription == nil ? key.defaultValue ?? "" : ""
        #expect(value == shown, "config/server.properties shows \(name)=\(value), its default is '\(shown)'")
    }
}

@Test func sampleFileIsValidWithEveryDefaultUncommented() throws {
    let text = try shownSettings().filter { !$0.value.isEmpty }.map { "\($0.key)=\($0.value)" }.joined(separator: "\n")
    for property in try PropertiesFile.parse(Array(text.utf8), path: "config/server.properties") {
        #expect(throws: Never.self) { try BrokerKeys.require(property.key).parse(property.value) }
    }
}

@Test func sampleFileSaysWhatEachSettingMeansAndWhetherItHasAnEffect() throws {
    var comment = ""
    for line in try sampleLines() {
        guard line.hasPrefix("#"), !line.hasPrefix("# "), let name = line.dropFirst().split(separator: "=").first else {
            comment = line.isEmpty ? "" : comment + line
            continue
        }
        #expect(!comment.isEmpty, "there is no comment above \(line)")
        let key = try BrokerKeys.require(String(name))
        #expect(comment.contains("Without effect yet") == !key.hasEffect, "\(name)")
    }
}
