import MartletClient
import Testing

@testable import MartletCLI

@Suite struct ResetStepTests {
    private static let partition = Partition(topic: "t", index: 0)

    private func step(_ target: ResetTarget, committed: Int64? = 5, found: Int64? = nil) -> ResetStep {
        ResetStep(
            target,
            ResetFacts(
                partition: Self.partition,
                committed: committed.map { CommittedOffset(offset: $0, metadata: "m") },
                start: 3,
                end: 10,
                found: found
            )
        )
    }

    @Test(
        arguments: [
            (.beginning, 3), (.end, 10), (.current, 5), (.offset(4), 4), (.offset(0), 3), (.offset(.max), 10),
            (.shift(2), 7), (.shift(-2), 3), (.shift(-9), 3), (.shift(.max), 10), (.shift(.min), 3),
            (.file([partition: CommittedOffset(offset: 8)]), 8), (.file([partition: CommittedOffset(offset: 88)]), 10),
        ] as [(ResetTarget, Int64)]
    )
    func offsetsStayInsideOfThePartition(target: ResetTarget, expected: Int64) {
        #expect(step(target).after?.offset == expected)
    }

    @Test func whatIsOutsideIsSaid() {
        #expect(step(.offset(1)).note == "1 is before the beginning")
        #expect(step(.offset(11)).note == "11 is behind the end")
        #expect(step(.offset(10)).note == nil)
    }

    @Test func nothingCanBeShiftedWithoutACommit() {
        #expect(step(.shift(1), committed: nil).after == nil)
        #expect(step(.current, committed: nil).after == nil)
        #expect(step(.shift(1), committed: nil).note == "nothing committed to shift from")
    }

    @Test func timesBehindTheLastRecordMeanTheEnd() {
        #expect(step(.time(1), found: 6).after?.offset == 6)
        #expect(step(.time(1), found: nil).after?.offset == 10)
        #expect(step(.time(1), found: nil).note == "no record so late: the end")
    }

    @Test func stayingKeepsTheMetadata() { #expect(step(.current).after?.metadata == "m") }

    @Test func partitionsThatTheFileLeavesOutStay() { #expect(step(.file([:])).after == nil) }

    @Test func changesDoNotOverflow() {
        let wide = ResetStep(
            .offset(0),
            ResetFacts(
                partition: Self.partition,
                committed: CommittedOffset(offset: .min),
                start: 0,
                end: .max,
                found: nil
            )
        )
        #expect(wide.change == nil)
        #expect(step(.end).change == 5)
    }
}
