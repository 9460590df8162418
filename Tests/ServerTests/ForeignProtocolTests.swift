import NIOCore
import Testing

@testable import Server

struct ForeignProtocolTests {
    private func first(_ text: String) -> UInt32 { text.utf8.prefix(4).reduce(0) { $0 << 8 | UInt32($1) } }

    @Test(arguments: ["GET / HTTP/1.1", "POST /topics", "HEAD / ", "PRI * HTTP/2.0", "OPTIONS *", "DELETE /x"])
    func httpIsRecognised(start: String) {
        #expect(ForeignProtocol.detect(first(start)) == .http)
    }

    @Test(arguments: [0x1603_0100, 0x1603_0300, 0x1603_01ff] as [UInt32])
    func tlsClientHelloIsRecognised(start: UInt32) {
        #expect(ForeignProtocol.detect(start) == .tls)
    }

    @Test(arguments: [0, 8, 300, 1_048_576, 104_857_600, 0xffff_ffff] as [UInt32])
    func lengthsOfRequestsAreNotTakenForAnotherProtocol(length: UInt32) {
        #expect(ForeignProtocol.detect(length) == nil)
    }

    @Test func theHTTPPageSaysWhatThePortIs() throws {
        let page = try #require(ForeignProtocol.http.farewell(port: 9092))
        let text = String(buffer: page)
        #expect(text.hasPrefix("HTTP/1.1 400 "))
        #expect(text.contains("Kafka"))
        #expect(text.contains("9092"))
        let parts = text.split(separator: "\r\n\r\n", maxSplits: 1)
        #expect(text.contains("Content-Length: \(parts[1].utf8.count)\r\n"))
        #expect(ForeignProtocol.tls.farewell(port: 9092) == nil)
    }
}
