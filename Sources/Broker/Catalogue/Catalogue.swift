package import NIOCore

/// The store of everything that is not records: topics, their configurations, ids. Thread-safe.
///
/// A small key-value store with revisions and compare-and-set, which is what etcd offers too: the embedded store serves
/// one machine, a cluster's store can stand behind the same protocol with its revisions as epochs. Nothing outside may
/// assume which one it is. Calls may block; they are made on the control thread only.
package protocol Catalogue: Sendable {
    /// Everything that is stored, and the revision it has.
    func load() throws(CatalogueError) -> CatalogueContents

    /// Makes all changes, durably and at once, if every condition holds. Returns the new revision.
    func commit(
        _ changes: [CatalogueChange],
        ifUnchanged conditions: [CatalogueCondition]
    ) throws(CatalogueError) -> CatalogueRevision
}

/// Counts the commits of a catalogue. Immutable.
package struct CatalogueRevision: Comparable, Hashable, Sendable {
    package let value: Int64

    package init(_ value: Int64) { self.value = value }

    /// The revision of a key that is not there.
    package static let never = CatalogueRevision(0)

    package static func < (left: CatalogueRevision, right: CatalogueRevision) -> Bool { left.value < right.value }
}

/// A value and the revision of the commit that wrote it. Immutable.
package struct CatalogueEntry: Equatable, Sendable {
    package let value: ByteBuffer
    package let revision: CatalogueRevision

    package init(value: ByteBuffer, revision: CatalogueRevision) {
        self.value = value
        self.revision = revision
    }
}

/// All entries of a catalogue at one revision. Immutable.
package struct CatalogueContents: Sendable {
    package var entries: [String: CatalogueEntry] = [:]
    package var revision = CatalogueRevision.never

    package init() {}
}

/// A key that gets a new value, or none. Immutable.
package struct CatalogueChange: Equatable, Sendable {
    package let key: String
    /// nil removes the key.
    package let value: ByteBuffer?

    package init(key: String, value: ByteBuffer?) {
        self.key = key
        self.value = value
    }
}

/// A key that must not have changed since a revision. Immutable.
package struct CatalogueCondition: Equatable, Sendable {
    package let key: String
    /// The revision the key's value must have; ``CatalogueRevision/never`` if the key must not be there.
    package let revision: CatalogueRevision

    package init(key: String, revision: CatalogueRevision) {
        self.key = key
        self.revision = revision
    }
}

/// Why a catalogue could not do what it was asked. Immutable.
package enum CatalogueError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A condition does not hold: somebody else changed the key.
    case conflict(key: String)
    /// What is stored cannot be understood.
    case corrupt(String)
    /// The store cannot be reached, read or written.
    case unavailable(String)

    package var description: String {
        switch self {
        case .conflict(let key): "the catalogue's entry '\(key)' was changed by somebody else"
        case .corrupt(let reason): "the catalogue cannot be read: \(reason)"
        case .unavailable(let reason): "the catalogue is not available: \(reason)"
        }
    }
}
