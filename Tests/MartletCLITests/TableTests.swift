import Testing

@testable import MartletCLI

@Suite struct TableTests {
    @Test func columnsAreAsWideAsTheirWidestCell() {
        var table = Table([("NAME", .left), ("N", .right)])
        table.add(["long name", "7"])
        table.add(["ü", "12345"])
        #expect(table.lines == ["NAME           N", "long name      7", "ü          12345"])
    }

    @Test func titlesStandAlone() {
        #expect(Table([("A", .left), ("B", .left)]).lines == ["A  B"])
    }
}
