import Glibc
import Model

/// What a name in a simulated directory stands for. Owned by the file system's lock.
enum SimulatedNode {
    case file(SimulatedInode)
    case directory(SimulatedDirectory)

    /// In bytes, with everything in it.
    var size: Int {
        switch self {
        case .file(let inode): inode.data.count
        case .directory(let directory): directory.entries.values.reduce(0) { $0 + $1.size }
        }
    }

    func isSame(as other: SimulatedNode?) -> Bool {
        switch (self, other) {
        case (.file(let left), .file(let right)): left === right
        case (.directory(let left), .directory(let right)): left === right
        default: false
        }
    }
}

/// A simulated directory: its entries now, those that are durable, and the changes between the two. Owned by the file
/// system's lock.
final class SimulatedDirectory: @unchecked Sendable {
    enum Change {
        case add(String, SimulatedNode)
        case remove(String)
        case rename(String, String, SimulatedNode)
    }

    private(set) var entries: [String: SimulatedNode] = [:]
    private var durable: [String: SimulatedNode] = [:]
    private var changes: [Change] = []

    func change(_ change: Change) {
        Self.apply(change, to: &entries)
        changes.append(change)
    }

    func sync() {
        durable = entries
        changes = []
    }

    func syncAll() {
        sync()
        for node in entries.values {
            switch node {
            case .file(let inode): inode.sync()
            case .directory(let directory): directory.syncAll()
            }
        }
    }

    /// A sync of everything failed. Entries are the journal's: they stay to be written.
    func dropAll() {
        for node in entries.values {
            switch node {
            case .file(let inode): inode.dropChanges()
            case .directory(let directory): directory.dropAll()
            }
        }
    }

    private static func apply(_ change: Change, to entries: inout [String: SimulatedNode]) {
        switch change {
        case .add(let name, let node): entries[name] = node
        case .remove(let name): entries[name] = nil
        case .rename(let name, let newName, let node):
            if node.isSame(as: entries[name]) { entries[name] = nil }
            entries[newName] = node
        }
    }

    // MARK: Crashes and copies

    /// The directory as a power cut leaves it; with nil, nothing survives that was not synced.
    func afterCrash(_ survival: Survival?) -> SimulatedDirectory {
        var survival = survival
        var copies = Copies()
        return afterCrash(&survival, &copies)
    }

    private func afterCrash(_ survival: inout Survival?, _ copies: inout Copies) -> SimulatedDirectory {
        if let known = copies.directories[ObjectIdentifier(self)] { return known }
        var left = durable
        for number in survival?.survivors(of: changes.count) ?? [] { Self.apply(changes[number], to: &left) }
        let copy = SimulatedDirectory()
        copies.directories[ObjectIdentifier(self)] = copy
        // In order of the names, so that a seed always means the same.
        for (name, node) in left.sorted(by: { $0.key < $1.key }) {
            switch node {
            case .directory(let directory):
                copy.entries[name] = .directory(directory.afterCrash(&survival, &copies))
            case .file(let inode):
                let known = copies.inodes[ObjectIdentifier(inode)]
                let survivor = known ?? inode.afterCrash(&survival)
                copies.inodes[ObjectIdentifier(inode)] = survivor
                copy.entries[name] = .file(survivor)
            }
        }
        copy.durable = copy.entries
        return copy
    }

    /// What was copied already: an inode can have several names, and be in the present and the durable state.
    struct Copies {
        var inodes: [ObjectIdentifier: SimulatedInode] = [:]
        var directories: [ObjectIdentifier: SimulatedDirectory] = [:]
    }

    func copy(_ known: inout Copies) -> SimulatedDirectory {
        if let copy = known.directories[ObjectIdentifier(self)] { return copy }
        let copy = SimulatedDirectory()
        known.directories[ObjectIdentifier(self)] = copy
        for (name, node) in entries { copy.entries[name] = Self.copy(node, &known) }
        for (name, node) in durable { copy.durable[name] = Self.copy(node, &known) }
        for change in changes {
            switch change {
            case .add(let name, let node): copy.changes.append(.add(name, Self.copy(node, &known)))
            case .remove: copy.changes.append(change)
            case .rename(let name, let newName, let node):
                copy.changes.append(.rename(name, newName, Self.copy(node, &known)))
            }
        }
        return copy
    }

    private static func copy(_ node: SimulatedNode, _ known: inout Copies) -> SimulatedNode {
        switch node {
        case .directory(let directory): return .directory(directory.copy(&known))
        case .file(let inode):
            let copy = known.inodes[ObjectIdentifier(inode)] ?? inode.copy()
            known.inodes[ObjectIdentifier(inode)] = copy
            return .file(copy)
        }
    }

    // MARK: Paths, from the root

    static func names(in path: String) -> [String] { path.split(separator: "/").map(String.init) }

    func node(_ path: String) -> SimulatedNode? {
        var node = SimulatedNode.directory(self)
        for name in Self.names(in: path) {
            guard case .directory(let directory) = node, let next = directory.entries[name] else { return nil }
            node = next
        }
        return node
    }

    func directory(_ path: String, for operation: String) throws(FileError) -> SimulatedDirectory {
        guard case .directory(let directory) = node(path) else { throw FileError(operation, path, code: ENOENT) }
        return directory
    }

    /// The directory that holds the path's last name, and that name.
    func parent(of path: String, for operation: String) throws(FileError) -> (SimulatedDirectory, String) {
        var names = Self.names(in: path)
        guard let last = names.popLast() else { throw FileError(operation, path, code: EINVAL) }
        var directory = self
        for name in names {
            guard case .directory(let next) = directory.entries[name] else {
                throw FileError(operation, path, code: ENOENT)
            }
            directory = next
        }
        return (directory, last)
    }
}
