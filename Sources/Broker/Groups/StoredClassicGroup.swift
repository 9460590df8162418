import Groups
import Model
import NIOCore
import Wire

/// A classic group in the log, see ``GroupRecordFormat``. Written in version 3.
struct StoredClassicGroup: WireStruct {
    static let version: Int16 = 3
    static let versions: ClosedRange<Int16> = 0...4
    static let flexibleFrom: Int16 = 4

    var protocolType = ""
    var generation: Int32 = 0
    var protocolName: String?
    var leader: String?
    var currentStateTimestamp: Int64 = -1
    var members: [Member] = []

    init() {}

    init(_ value: ClassicGroupValue) {
        protocolType = value.protocolType
        generation = value.generation.rawValue
        protocolName = value.protocolName
        leader = value.leader?.rawValue
        currentStateTimestamp = value.stateTimestamp.milliseconds
        members = value.members.map { Member($0) }
    }

    var value: ClassicGroupValue {
        var value = ClassicGroupValue()
        value.protocolType = protocolType
        value.generation = Generation(generation)
        value.protocolName = protocolName
        value.leader = leader.map { MemberID($0) }
        value.stateTimestamp = Timestamp(milliseconds: currentStateTimestamp)
        value.members = members.map(\.value)
        return value
    }

    mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.string("protocolType", &protocolType)
        try wire.int32("generation", &generation)
        try wire.nullableString("protocol", &protocolName)
        try wire.nullableString("leader", &leader)
        if wire.version >= 2 { try wire.int64("currentStateTimestamp", &currentStateTimestamp) }
        try wire.array("members", &members)
        try wire.taggedFields()
    }

    struct Member: WireStruct {
        var memberID = ""
        var groupInstanceID: String?
        var clientID = ""
        var clientHost = ""
        var rebalanceTimeout: Int32 = 0
        var sessionTimeout: Int32 = 0
        var subscription = ByteBuffer()
        var assignment = ByteBuffer()

        init() {}

        init(_ member: ClassicGroupValue.Member) {
            memberID = member.id.rawValue
            groupInstanceID = member.instanceID?.rawValue
            clientID = member.client.id
            clientHost = member.client.host
            rebalanceTimeout = member.rebalanceTimeoutMilliseconds
            sessionTimeout = member.sessionTimeoutMilliseconds
            subscription = ByteBuffer(bytes: member.subscription)
            assignment = ByteBuffer(bytes: member.assignment)
        }

        var value: ClassicGroupValue.Member {
            var value = ClassicGroupValue.Member()
            value.id = MemberID(memberID)
            value.instanceID = groupInstanceID.map { InstanceID($0) }
            value.client = ClientIdentity(id: clientID, host: clientHost)
            // Before there was a rebalance timeout, the session timeout was both.
            value.rebalanceTimeoutMilliseconds = rebalanceTimeout == 0 ? sessionTimeout : rebalanceTimeout
            value.sessionTimeoutMilliseconds = sessionTimeout
            value.subscription = Array(subscription.readableBytesView)
            value.assignment = Array(assignment.readableBytesView)
            return value
        }

        mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("memberId", &memberID)
            if wire.version >= 3 { try wire.nullableString("groupInstanceId", &groupInstanceID) }
            try wire.string("clientId", &clientID)
            try wire.string("clientHost", &clientHost)
            if wire.version >= 1 { try wire.int32("rebalanceTimeout", &rebalanceTimeout) }
            try wire.int32("sessionTimeout", &sessionTimeout)
            try wire.bytes("subscription", &subscription)
            try wire.bytes("assignment", &assignment)
            try wire.taggedFields()
        }
    }
}
