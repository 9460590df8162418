import Model
import Wire

/// SaslHandshake (key 17): agrees on a mechanism.
///
/// - 1: what follows are SaslAuthenticate requests (KIP-152); in version 0 it is bare bytes, which this client does not speak.
struct SaslHandshakeRequest: WireRequest {
    typealias Response = SaslHandshakeResponse
    static let api = API(APIKey(rawValue: 17), "SaslHandshake", versions: 1...1, flexibleFrom: nil)

    var mechanism = ""

    mutating func code(_ wire: inout WireCoder) throws(WireError) { try wire.string("Mechanism", &mechanism) }
}

/// Whether the broker has the mechanism, and which it has.
struct SaslHandshakeResponse: WireStruct {
    var errorCode = ErrorCode.none
    var mechanisms: [String] = []

    mutating func code(_ wire: inout WireCoder) throws(WireError) {
        try wire.errorCode("ErrorCode", &errorCode)
        try wire.strings("Mechanisms", &mechanisms)
    }
}
