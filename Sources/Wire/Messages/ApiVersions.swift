package import Model

/// ApiVersions (key 18): which APIs the broker speaks in which versions.
///
/// - 1: the throttle time.
/// - 2: throttling happens after the response (KIP-219).
/// - 3: flexible, but for the response's header; the client's software, and features (KIP-511, KIP-584).
/// - 4: features may start at level 0 (KAFKA-17011).
/// - 5: the client tells which broker of which cluster it means (KIP-1242). Understood, because clients open with it,
///   but not announced: it is part of Kafka 4.4 only.
package struct ApiVersionsRequest: WireRequest {
    package typealias Response = ApiVersionsResponse
    package static let api = API(
        .apiVersions,
        "ApiVersions",
        versions: 0...5,
        flexibleFrom: 3,
        highestAnnounced: 4
    )

    package var clientSoftwareName = ""
    package var clientSoftwareVersion = ""
    /// The cluster the client means to talk to; null if it does not know (KIP-1242).
    package var clusterID: String?
    /// The broker the client means to talk to; −1 if it does not know (KIP-1242).
    package var nodeID: Int32 = -1

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        if wire.version >= 3 { try wire.string("ClientSoftwareName", &clientSoftwareName) }
        if wire.version >= 3 { try wire.string("ClientSoftwareVersion", &clientSoftwareVersion) }
        if wire.version >= 5 { try wire.nullableString("ClusterId", &clusterID) }
        if wire.version >= 5 { try wire.int32("NodeId", &nodeID) }
        try wire.taggedFields()
    }
}

/// What the broker speaks. The header in front of it is never flexible; an unknown version is answered in version 0.
package struct ApiVersionsResponse: WireStruct {
    package var errorCode = ErrorCode.none
    package var apis: [VersionRange] = []
    package var throttleTimeMilliseconds: Int32 = 0
    /// Before version 4 without those whose minimum is 0 (KAFKA-17011).
    package var supportedFeatures: [SupportedFeature] = []
    /// Counts the changes of the finalized features; −1 if unknown.
    package var finalizedFeaturesEpoch: Int64 = -1
    package var finalizedFeatures: [FinalizedFeature] = []
    package var isZooKeeperMigrationReady = false

    package init() {}

    package mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.errorCode("ErrorCode", &errorCode)
        try wire.array("ApiKeys", &apis)
        if wire.version >= 1 { try wire.int32("ThrottleTimeMs", &throttleTimeMilliseconds) }
        let known: TagSet = .tag(0) | .tag(1) | .tag(2) | .tag(3)
        let present: TagSet =
            .tag(0, if: !supportedFeatures.isEmpty)
            | .tag(1, if: finalizedFeaturesEpoch != -1)
            | .tag(2, if: !finalizedFeatures.isEmpty)
            | .tag(3, if: isZooKeeperMigrationReady)
        try wire.taggedFields(known: known, present: present) { (tag, wire) throws(WireError) in
            switch tag {
            case 0: try wire.array("SupportedFeatures", &supportedFeatures)
            case 1: try wire.int64("FinalizedFeaturesEpoch", &finalizedFeaturesEpoch)
            case 2: try wire.array("FinalizedFeatures", &finalizedFeatures)
            default: try wire.bool("ZkMigrationReady", &isZooKeeperMigrationReady)
            }
        }
    }

    /// The versions of one API.
    package struct VersionRange: WireStruct {
        package var key: Int16 = 0
        package var minimumVersion: Int16 = 0
        package var maximumVersion: Int16 = 0

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.int16("ApiKey", &key)
            try wire.int16("MinVersion", &minimumVersion)
            try wire.int16("MaxVersion", &maximumVersion)
            try wire.taggedFields()
        }
    }

    /// The levels of a feature this broker can run at.
    package struct SupportedFeature: WireStruct {
        package var name = ""
        package var minimumVersion: Int16 = 0
        package var maximumVersion: Int16 = 0

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("Name", &name)
            try wire.int16("MinVersion", &minimumVersion)
            try wire.int16("MaxVersion", &maximumVersion)
            try wire.taggedFields()
        }
    }

    /// The levels of a feature the cluster has agreed on.
    package struct FinalizedFeature: WireStruct {
        package var name = ""
        package var maximumVersionLevel: Int16 = 0
        package var minimumVersionLevel: Int16 = 0

        package init() {}

        package mutating func code(_ wire: inout WireCoder) throws(WireError) {
            try wire.string("Name", &name)
            try wire.int16("MaxVersionLevel", &maximumVersionLevel)
            try wire.int16("MinVersionLevel", &minimumVersionLevel)
            try wire.taggedFields()
        }
    }
}
