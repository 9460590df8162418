import MartletClient
import Testing

@testable import MartletCLI

@Suite struct GroupReportTests {
    private static let partition = Partition(topic: "t", index: 0)

    private func lag(_ committed: Int64, _ next: PartitionLag.Next, start: Int64 = 5, end: Int64 = 10) -> PartitionLag {
        PartitionLag(
            partition: Self.partition,
            committed: CommittedOffset(offset: committed),
            start: start,
            end: end,
            next: next
        )
    }

    @Test func saysWhyTheNextRecordIsAnother() {
        #expect(GroupReport.note(lag(6, .record(offset: 6, timestamp: 0))) == nil)
        #expect(GroupReport.note(lag(10, .nothing)) == nil)
        #expect(
            GroupReport.note(lag(2, .record(offset: 7, timestamp: 0)))
                == "offsets 2 to 4 are expired, the group goes on at 7"
        )
        #expect(
            GroupReport.note(lag(6, .record(offset: 8, timestamp: 0)))
                == "offset 6 is compacted away, the next record is 8"
        )
        #expect(GroupReport.note(lag(6, .nothing)) == "all records from 6 on are gone")
        #expect(GroupReport.note(lag(11, .nothing))?.hasPrefix("committed behind the end") == true)
        #expect(GroupReport.note(lag(6, .unknown(reason: "why"))) == "why")
    }

    @Test func tellsTheWholeGroupsLag() {
        let group = GroupDescription(
            id: "g",
            state: .stable,
            assignor: "range",
            members: [
                GroupDescription.Member(id: "m", clientID: "c", host: "h", assignment: [Self.partition])
            ]
        )
        let lags = [
            lag(8, .record(offset: 8, timestamp: 1000)), lag(6, .record(offset: 6, timestamp: 500)),
            lag(9, .unknown(reason: "x")),
        ]
        let report = GroupReport(group: group, lags: lags, now: 3000)
        #expect(report.lag == 7)
        #expect(report.age == 2500)
        #expect(report.lines.contains("Lag:          7 records, the oldest waits for 2.50 s"))
        #expect(report.lines.contains { $0.hasSuffix("2.00 s  m      c       h") })
        #expect(report.json["lag_seconds"] == .double(2.5))
        #expect(GroupReport(group: group, lags: [], now: 0).lines.last == "It has committed nothing.")
    }

    @Test func refusalsNameTheMembers() {
        let members = (0..<7).map { number in
            GroupDescription.Member(
                id: "m\(number)",
                instanceID: "i\(number)",
                clientID: "c\(number)",
                host: "h\(number)"
            )
        }
        let text = GroupActivity.refusal(GroupDescription(id: "g", state: .stable, members: members)).description
        for words in ["'g' is active (Stable)", "m0", "'c4' on host h4", "instance 'i0'", "and 2 more"] {
            #expect(text.contains(words))
        }
    }

    @Test(
        arguments: [
            (0, "0.00 s"), (2500, "2.50 s"), (119_990, "119.99 s"), (120_000, "2 min 0 s"), (3_725_000, "62 min 5 s"),
            (7_200_000, "2 h 0 min"), (172_800_000, "2 d 0 h"),
        ] as [(Int64, String)]
    )
    func agesAreReadable(milliseconds: Int64, expected: String) {
        #expect(Quantity.age(milliseconds: milliseconds) == expected)
    }
}
