/// Rows in columns as wide as their widest cell, for people to read. A value.
struct Table {
    enum Alignment {
        case left
        case right
    }

    private let columns: [(title: String, alignment: Alignment)]
    private var rows: [[String]] = []

    init(_ columns: [(title: String, alignment: Alignment)]) { self.columns = columns }

    /// Adds a row: one cell per column.
    mutating func add(_ cells: [String]) { rows.append(cells) }

    /// The lines, titles first; only the titles if there are no rows.
    var lines: [String] {
        let titles = columns.map(\.title)
        let all = [titles] + rows
        let widths = columns.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { cells in
            let padded = columns.indices.map { column -> String in
                let cell = cells[column]
                let space = String(repeating: " ", count: widths[column] - cell.count)
                return columns[column].alignment == .left ? cell + space : space + cell
            }
            var line = padded.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}
