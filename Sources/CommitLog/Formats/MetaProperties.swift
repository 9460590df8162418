package import Model

/// `meta.properties`, Kafka's, version 1: whose log directory this is. Immutable.
///
///     #crc32c=7a1f0c3e
///     version=1
///     cluster.id=MkU3OEVBNTcwNTJENDM2Qk
///     node.id=1
///     directory.id=5lQZ6fFJS0OTb1WHJgJAbA
///
/// The first line, to Kafka a comment, has a checksum of the others. Where Kafka has written the file there is none.
package struct MetaProperties: Equatable, Sendable {
    package static let version = "1"
    static let fileName = "meta.properties"
    static let maximumBytes = 64 << 10

    package let clusterID: String
    package let nodeID: Int32
    package let directoryID: TopicID

    package init(clusterID: String, nodeID: Int32, directoryID: TopicID) {
        self.clusterID = clusterID
        self.nodeID = nodeID
        self.directoryID = directoryID
    }

    var text: String {
        let text = "version=\(Self.version)\ncluster.id=\(clusterID)\nnode.id=\(nodeID)\ndirectory.id=\(directoryID)\n"
        return "\(Self.seal)\(TextChecksum.hexadecimal(of: text))\n\(text)"
    }

    private static let seal = "#crc32c="

    /// Reads what ``text`` or Kafka writes. `path` is for the error only.
    init(_ text: String, path: String) throws(LogError) {
        if text.hasPrefix(Self.seal) {
            let (first, rest) = (text.prefix { $0 != "\n" }, text.drop { $0 != "\n" }.dropFirst())
            guard first.dropFirst(Self.seal.count) == TextChecksum.hexadecimal(of: String(rest)) else {
                throw .corrupt(path: path, "its checksum is wrong")
            }
        }
        var properties: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") && !line.hasPrefix("!") {
            guard let separator = line.firstIndex(of: "=") else {
                throw .corrupt(path: path, "'\(line.prefix(60))' is not a property")
            }
            properties[String(line[..<separator])] = String(line[line.index(after: separator)...])
        }
        guard properties["version"] == Self.version else {
            throw .unsupportedFormat(
                path: path,
                "its version is '\(properties["version"]?.prefix(20) ?? "")', known is \(Self.version)"
            )
        }
        guard let cluster = properties["cluster.id"], !cluster.isEmpty else {
            throw .corrupt(path: path, "it has no cluster.id")
        }
        guard let node = properties["node.id"].flatMap({ Int32($0) }) else {
            throw .corrupt(path: path, "it has no node.id")
        }
        guard let directory = properties["directory.id"].flatMap({ TopicID($0) }) else {
            throw .corrupt(path: path, "it has no directory.id")
        }
        self.init(clusterID: cluster, nodeID: node, directoryID: directory)
    }
}
