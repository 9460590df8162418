import Testing

@testable import MartletClient

@Suite struct BrokerAddressTests {
    @Test(arguments: [
        "", ":9092", "host:", "host:0", "host:65536", "host:http", "::1", "::1:9092", "[::1", "[::1]9092",
    ])
    func nonsenseIsRefusedWithAnExample(text: String) {
        let error = #expect(throws: ClientError.self) { try BrokerAddress(parsing: text) }
        #expect(error?.kind == .invalidArgument)
        #expect(error?.hint?.contains("127.0.0.1:9092") == true)
    }

    @Test(arguments: [
        ("host", "host:9092"), ("host:1", "host:1"), ("[::1]", "[::1]:9092"), ("[::1]:7", "[::1]:7"),
    ])
    func addressesAreRead(text: String, expected: String) throws {
        #expect(try BrokerAddress(parsing: text).description == expected)
    }

    @Test func listsMayHaveSpacesAndTrailingCommas() throws {
        #expect(try BrokerAddress.list(parsing: "a:1, b:2,").map(\.description) == ["a:1", "b:2"])
        #expect(throws: ClientError.self) { try BrokerAddress.list(parsing: " , ") }
    }
}
