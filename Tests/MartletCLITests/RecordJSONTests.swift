import MartletClient
import NIOCore
import Testing

@testable import MartletCLI

@Suite struct RecordJSONTests {
    @Test func textIsTextAndOtherBytesAreMarked() {
        let record = ConsumedRecord.fixture(bytes: [0xff, 0x00], headers: [("h", "v"), ("n", nil)])
        #expect(
            RecordJSON.object(record).text
                == #"{"topic":"orders","partition":3,"offset":42,"timestamp":1700000000000,"timestamp_type":"create","#
                + #""key":null,"value":"/wA=","value_encoding":"base64","#
                + #""headers":[{"name":"h","value":"v"},{"name":"n","value":null}]}"#
        )
    }
}
