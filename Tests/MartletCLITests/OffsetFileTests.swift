import MartletClient
import Testing

@testable import MartletCLI

@Suite struct OffsetFileTests {
    private func parse(_ text: String) throws -> [OffsetEntry] { try OffsetFile.parse(Array(text.utf8), name: "f") }

    private func entry(_ group: String?, _ topic: String, _ index: Int32, _ offset: Int64) -> OffsetEntry {
        OffsetEntry(
            group: group,
            partition: Partition(topic: topic, index: index),
            committed: CommittedOffset(offset: offset)
        )
    }

    @Test(arguments: [
        "", "\n\n", "a,b", "a,b,c,d,e", ",0,1", "t,-1,1", "t,0,-1", "t,0,x", "t,2147483648,1", "t,0,1\nt,0,2",
        "\"t,0,1", "[]", "{}", "[1]", "[{\"group\":\"g\"}]", "[{\"group\":\"g\",\"offsets\":[{}]}]",
        "{\"group\":\"g\",\"offsets\":[{\"topic\":\"t\",\"partition\":0,\"offset\":1.5}]}",
    ])
    func badFilesAreRefusedWithTheirName(text: String) {
        let error = #expect(throws: InputError.self) { try parse(text) }
        #expect(error?.description.hasPrefix("f") == true)
    }

    @Test func linesOfKafkasToolsAreRead() throws {
        #expect(try parse("a,0,5\r\n\nb.c, 1 ,7\n") == [entry(nil, "a", 0, 5), entry(nil, "b.c", 1, 7)])
        #expect(try parse("\"g,\"\"1\",\"a\",0,5") == [entry("g,\"1", "a", 0, 5)])
    }

    @Test func whatIsWrittenIsReadBack() throws {
        var entries = [entry("g,\"1", "a", 0, 5), entry("h", "a", 0, .max), entry("h", "b", 3, 0)]
        #expect(try parse(OffsetFile.csv(entries, withGroups: true).joined(separator: "\n")) == entries)
        entries[0].committed.metadata = "line\nbreak"
        entries[1].committed.leaderEpoch = 3
        #expect(try parse(OffsetFile.json(entries).text) == entries)
    }

    @Test func theSamePartitionOfSeveralGroupsIsNoContradiction() throws {
        #expect(try parse("g,a,0,5\nh,a,0,6").count == 2)
    }
}
