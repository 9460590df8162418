import MartletClient
import Testing

@testable import MartletCLI

@Suite struct DoctorTests {
    @Test(
        arguments: [
            ("localhost", .loopback), ("127.0.0.1", .loopback), ("::1", .loopback), ("a.localhost", .loopback),
            ("::ffff:127.0.0.1", .loopback), ("0.0.0.0", .unspecified), ("::", .unspecified),
            ("10.1.2.3", .privateNetwork),
            ("192.168.0.1", .privateNetwork), ("172.31.0.1", .privateNetwork), ("172.32.0.1", .publicAddress),
            ("fd00::1", .privateNetwork), ("fe80::1", .privateNetwork), ("8.8.8.8", .publicAddress),
            ("kafka", .shortName),
            ("2001:db8::1", .publicAddress), ("broker.example.com", .name), ("1.2.3", .name), ("256.1.1.1", .name),
        ] as [(String, HostKind)]
    )
    func hostsAreReachedFromWhereTheirFormTells(host: String, kind: HostKind) { #expect(HostKind(host) == kind) }

    func clock(sent: Int64, acknowledged: Int64, appended: Int64?) -> Diagnosis? {
        let passage = DoctorRun.Passage(sent: sent, acknowledged: acknowledged, appended: appended, wasRead: true)
        return DoctorRun.findings(passage).first { $0.check == "clock" }
    }

    @Test func aTimeBetweenSendingAndAnswerIsNoDifference() {
        #expect(clock(sent: 1000, acknowledged: 90_000, appended: 1000)?.status == .ok)
        #expect(clock(sent: 1000, acknowledged: 90_000, appended: 90_000)?.status == .ok)
        #expect(clock(sent: 1000, acknowledged: 1002, appended: 1400)?.status == .ok)
    }

    @Test func clocksThatDifferAreTold() {
        let ahead = clock(sent: 1000, acknowledged: 1002, appended: 6002)
        #expect(ahead?.status == .warning)
        #expect(ahead?.message.contains("5.00 s ahead of") == true)
        let behind = clock(sent: 500_000, acknowledged: 500_002, appended: 300_000)
        #expect(behind?.status == .failure)
        #expect(behind?.message.contains("behind") == true)
        #expect(clock(sent: 1, acknowledged: 2, appended: nil)?.status == .unknown)
    }

    @Test func recordsThatDoNotComeBackAreAFailure() {
        let passage = DoctorRun.Passage(sent: 1, acknowledged: 2, appended: 1, wasRead: false)
        #expect(DoctorRun.findings(passage).first?.status == .failure)
    }

    @Test func coloursAreOnlyForThoseWhoSeeThem() {
        let diagnosis = Diagnosis(status: .failure, check: "name", message: "m", remedy: "r")
        #expect(diagnosis.lines(isColoured: false) == ["FAILURE name       m", "                    to do: r"])
        #expect(diagnosis.lines(isColoured: true)[0] == "\u{1b}[31mFAILURE\u{1b}[0m name       m")
    }
}
