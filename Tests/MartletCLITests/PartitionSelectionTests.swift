import MartletClient
import Testing

@testable import MartletCLI

@Suite struct PartitionSelectionTests {
    @Test(arguments: [
        "", ":0", "t:", "t:x", "t:-1", "t:1-", "t:3-1", "t:0,,1", "t:0-2147483647", "t:2147483648", "t:1-2-3", "t:0:1",
    ])
    func whatNamesNoPartitionsIsRefused(text: String) { #expect(PartitionSelection(argument: text) == nil) }

    @Test func topicsAndPartitionsAreUnderstood() {
        #expect(PartitionSelection(argument: "a.b-c")?.partitions == nil)
        #expect(PartitionSelection(argument: "t:7,0-2,1")?.partitions == [0, 1, 2, 7])
        #expect(PartitionSelection(argument: "t")?.contains(Partition(topic: "t", index: 9)) == true)
        #expect(PartitionSelection(argument: "t:1")?.contains(Partition(topic: "t", index: 2)) == false)
        #expect(PartitionSelection(argument: "t:1")?.contains(Partition(topic: "u", index: 1)) == false)
    }

    @Test func partitionsAreWrittenInRanges() {
        let partitions =
            [0, 1, 2, 5, 7, 8].map { Partition(topic: "t", index: $0) } + [Partition(topic: "a", index: 3)]
        #expect(PartitionSelection.text(partitions) == "a:3 t:0-2,5,7-8")
    }
}
