/// The contents of a simulated file: its bytes now, those that are durable, and the changes between the two. Owned by
/// the file system's lock.
final class SimulatedInode: @unchecked Sendable {
    private(set) var data: [UInt8] = []
    private var durable: [UInt8] = []
    private var changes: [Change] = []
    var isTaken = false
    /// Mappings that see later writes.
    private var views: [WeakView] = []

    private struct WeakView { weak var view: SimulatedMapping? }

    private enum Change {
        case write([UInt8], at: Int)
        case resize(Int)
        /// What is left of a write whose bytes were dropped.
        case extend(to: Int)
    }

    private static let pageSize = 4096
    private static let sectorSize = 512

    func write(_ bytes: some Collection<UInt8>, at position: Int) {
        if bytes.isEmpty { return }
        let change = Change.write(Array(bytes), at: position)
        Self.apply(change, to: &data)
        changes.append(change)
        for view in views { view.view?.update(data, from: position, to: position + bytes.count) }
    }

    func truncate(to size: Int) {
        if size == data.count { return }
        Self.apply(.resize(size), to: &data)
        changes.append(.resize(size))
    }

    func sync() {
        // Not simply the data: some of it may have been dropped.
        for change in changes { Self.apply(change, to: &durable) }
        changes = []
    }

    /// A sync failed: the page cache keeps its bytes, as if they were clean, and only the size is still to be written.
    func dropChanges() {
        changes = changes.map { change in
            if case .write(let bytes, let position) = change { .extend(to: position + bytes.count) } else { change }
        }
    }

    func map(_ view: SimulatedMapping) {
        views.removeAll { $0.view == nil }
        views.append(WeakView(view: view))
        view.update(data, from: 0, to: data.count)
    }

    func copy() -> SimulatedInode {
        let inode = SimulatedInode()
        (inode.data, inode.durable, inode.changes) = (data, durable, changes)
        return inode
    }

    // MARK: Power cuts

    /// The file as a power cut leaves it; with nil, nothing survives that was not synced.
    func afterCrash(_ survival: inout Survival?) -> SimulatedInode {
        let inode = SimulatedInode()
        inode.data = survivor(&survival)
        inode.durable = inode.data
        return inode
    }

    private func survivor(_ survival: inout Survival?) -> [UInt8] {
        guard !changes.isEmpty, var chances = survival else { return durable }
        defer { survival = chances }
        switch chances.plan(for: changes.count) {
        case .prefix(let count): return bytes(after: count)
        case .pages(let moment):
            let size = bytes(after: moment).count
            return pages(upTo: size, &chances)
        }
    }

    private func bytes(after count: Int) -> [UInt8] {
        var bytes = durable
        for change in changes.prefix(count) { Self.apply(change, to: &bytes) }
        return bytes
    }

    /// Each page as it was after some change, a torn one sector by sector; what was never written is zeros.
    private func pages(upTo size: Int, _ chances: inout Survival) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: size)
        for start in stride(from: 0, to: size, by: Self.pageSize) {
            let end = min(start + Self.pageSize, size)
            let moments = (chances.moment(changes.count), chances.isTorn() ? chances.moment(changes.count) : nil)
            copy(start..<end, after: moments.0, to: &result)
            guard let other = moments.1 else { continue }
            for sector in stride(from: start, to: end, by: Self.sectorSize) where chances.isTorn() {
                copy(sector..<min(sector + Self.sectorSize, end), after: other, to: &result)
            }
        }
        return result
    }

    private func copy(_ range: Range<Int>, after count: Int, to result: inout [UInt8]) {
        for index in range { result[index] = 0 }
        let kept = range.clamped(to: 0..<durable.count)
        if !kept.isEmpty { result.replaceSubrange(kept, with: durable[kept]) }
        for change in changes.prefix(count) {
            switch change {
            case .write(let bytes, let position):
                let part = range.clamped(to: position..<position + bytes.count)
                if !part.isEmpty {
                    result.replaceSubrange(
                        part,
                        with: bytes[part.lowerBound - position..<part.upperBound - position]
                    )
                }
            case .resize(let size):
                for index in range where index >= size { result[index] = 0 }
            case .extend: break
            }
        }
    }

    private static func apply(_ change: Change, to bytes: inout [UInt8]) {
        switch change {
        case .write(let written, let position):
            let end = position + written.count
            if bytes.count < end { bytes += [UInt8](repeating: 0, count: end - bytes.count) }
            bytes.replaceSubrange(position..<end, with: written)
        case .resize(let size):
            if size < bytes.count { bytes.removeLast(bytes.count - size) }
            if size > bytes.count { bytes += [UInt8](repeating: 0, count: size - bytes.count) }
        case .extend(let end):
            if bytes.count < end { bytes += [UInt8](repeating: 0, count: end - bytes.count) }
        }
    }
}
