import NIOCore
import TestSupport
import Testing
import Wire

@testable import MartletClient

@Suite struct ConsumerProtocolTests {
    private static func subscription() -> ConsumerSubscription {
        var subscription = ConsumerSubscription()
        subscription.topics = ["a", "bc"]
        subscription.userData = ByteBuffer(bytes: [1, 2])
        subscription.ownedPartitions = [Partition(topic: "a", index: 2), Partition(topic: "a", index: 0)]
        subscription.generation = 7
        subscription.rack = "r"
        return subscription
    }

    /// As kafka-python writes them.
    @Test(arguments: [
        (0, "00000000000200016100026263000000020102"),
        (1, "0001000000020001610002626300000002010200000001000161000000020000000000000002"),
        (2, "000200000002000161000262630000000201020000000100016100000002000000000000000200000007"),
        (3, "000300000002000161000262630000000201020000000100016100000002000000000000000200000007000172"),
    ])
    func subscriptionsAreWrittenAsOtherClientsWriteThem(version: Int16, expected: String) throws {
        #expect(try Self.subscription().bytes(version: version).hexadecimal == expected)
    }

    @Test(arguments: [Int16(0), 1, 2, 3])
    func subscriptionsComeBackAsFarAsTheVersionCarriesThem(version: Int16) throws {
        let read = try ConsumerSubscription(reading: Self.subscription().bytes(version: version))
        #expect(read.topics == ["a", "bc"])
        #expect(read.ownedPartitions.isEmpty == (version < 1))
        #expect(read.generation == (version < 2 ? -1 : 7))
        #expect(read.rack == (version < 3 ? nil : "r"))
    }

    @Test(arguments: [
        (0, "000000000002000161000000020000000000000002000262630000000100000001ffffffff"),
        (3, "000300000002000161000000020000000000000002000262630000000100000001ffffffff"),
    ])
    func assignmentsAreWrittenAsOtherClientsWriteThem(version: Int16, expected: String) throws {
        let partitions = [
            Partition(topic: "bc", index: 1), Partition(topic: "a", index: 0), Partition(topic: "a", index: 2),
        ]
        let assignment = ConsumerAssignment(partitions)
        #expect(try assignment.bytes(version: version).hexadecimal == expected)
        #expect(try ConsumerAssignment(reading: assignment.bytes(version: version)).partitions == partitions.sorted())
    }

    @Test func newerVersionsAreReadAsTheNewestKnown() throws {
        var bytes = try Self.subscription().bytes()
        bytes.setInteger(Int16(9), at: 0)
        bytes.writeString("what comes later")
        #expect(try ConsumerSubscription(reading: bytes) == Self.subscription())
    }

    @Test func nothingAssignedMayBeNoBytesAtAll() throws {
        #expect(try ConsumerAssignment(reading: ByteBuffer()).partitions.isEmpty)
    }

    @Test(
        arguments: [
            [], [0], [0xff, 0xff, 0, 0, 0, 0], [0, 0, 0x7f, 0xff, 0xff, 0xff], [0, 0, 0, 0, 0, 1, 0, 9, 65],
            [0, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x40, 0, 0, 0],
        ] as [[UInt8]]
    )
    func hostileSubscriptionsAreRefused(bytes: [UInt8]) {
        #expect(throws: WireError.self) { try ConsumerSubscription(reading: ByteBuffer(bytes: bytes)) }
    }
}

extension ByteBuffer {
    fileprivate var hexadecimal: String {
        readableBytesView.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
