import Model
package import Wire

/// ApiVersions (key 18): what this broker speaks. Every client asks it first.
///
/// A version we do not know never reaches this handler: ``Broker`` answers it with version 0 of the response, error 35
/// and the list, so that the client can ask again (KIP-511).
extension ApiVersionsRequest: BrokerRequest {
    package func handle(_ call: Call<ApiVersionsRequest>) {
        if call.version >= 3, !isValid {
            var response = ApiVersionsResponse()
            response.errorCode = .invalidRequest
            return call.reply(response)
        }
        call.reply(call.version >= 4 ? Self.announcement : Self.oldAnnouncement)
    }

    /// Names and versions of client software are ASCII letters, digits, dots and dashes (KIP-511).
    private var isValid: Bool {
        [clientSoftwareName, clientSoftwareVersion].allSatisfy { text in
            guard let first = text.utf8.first, let last = text.utf8.last else { return false }
            return Self.isAlphanumeric(first) && Self.isAlphanumeric(last)
                && text.utf8.allSatisfy { Self.isAlphanumeric($0) || $0 == 0x2d || $0 == 0x2e }
        }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
    }

    /// The features of a cluster that this broker has, with the level it runs at. `group.version` 1 is the consumer protocol
    /// (KIP-848).
    private static let features: [(name: String, level: Int16)] = [("group.version", 1)]

    static let announcement: ApiVersionsResponse = {
        var response = ApiVersionsResponse()
        response.apis = APIs.all.map { api in
            var range = ApiVersionsResponse.VersionRange()
            range.key = api.key.rawValue
            range.minimumVersion = api.lowestAnnounced
            range.maximumVersion = api.highestAnnounced
            return range
        }
        response.supportedFeatures = features.map { feature in
            var supported = ApiVersionsResponse.SupportedFeature()
            supported.name = feature.name
            supported.maximumVersion = feature.level
            return supported
        }
        response.finalizedFeatures = features.map { feature in
            var finalized = ApiVersionsResponse.FinalizedFeature()
            finalized.name = feature.name
            finalized.minimumVersionLevel = feature.level
            finalized.maximumVersionLevel = feature.level
            return finalized
        }
        response.finalizedFeaturesEpoch = 0
        return response
    }()

    /// The same for clients that take a feature's lowest level of 0 for a mistake (KAFKA-17011).
    private static let oldAnnouncement: ApiVersionsResponse = {
        var response = announcement
        response.supportedFeatures = []
        return response
    }()

    /// The answer to a version that is not known here.
    static let unsupportedVersion: ApiVersionsResponse = {
        var response = announcement
        response.errorCode = .unsupportedVersion
        return response
    }()
}
