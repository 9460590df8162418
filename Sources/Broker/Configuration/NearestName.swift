/// Finds the name somebody probably meant.
enum NearestName {
    /// A name further away than this share of its own length is no help.
    private static let tolerance = 3

    /// The candidate that takes the fewest edits to become `name`, the first by alphabet among equals; nil if all are
    /// too far away to be what was meant.
    static func of(_ name: String, among candidates: some Sequence<String>) -> String? {
        let wanted = Array(name.lowercased().utf8.prefix(maximumLength))
        var best: (distance: Int, name: String)?
        for candidate in candidates {
            let distance = editDistance(wanted, Array(candidate.lowercased().utf8))
            if let best, (best.distance, best.name) <= (distance, candidate) { continue }
            best = (distance, candidate)
        }
        guard let best, best.distance <= max(2, best.name.utf8.count / tolerance) else { return nil }
        return best.name
    }

    /// No key is longer; the rest of a longer name cannot make it nearer, but costs time.
    private static let maximumLength = 128

    /// How many insertions, deletions, substitutions and swaps of neighbours make one text of the other (Damerau's
    /// distance in its "optimal string alignment" form).
    static func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for row in left.indices {
            var current = [row + 1]
            current.reserveCapacity(right.count + 1)
            for column in right.indices {
                let isSame = left[row] == right[column]
                var cost = min(last[column] + (isSame ? 0 : 1), last[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                    cost = min(cost, beforeLast[column - 1] + 1)
                }
                current.append(cost)
            }
            beforeLast = last
            last = current
        }
        return last[right.count]
    }
}
