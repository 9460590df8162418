import Testing
import Wire

@Test func everyAPIHasOneFileOfMessagesOfItsName() {
    let declared = Set(APIInventory.declared.map(\.name))
    let missing = declared.subtracting(APIInventory.messageFiles).map { "Sources/Wire/Messages/\($0).swift is missing" }
    let stray = APIInventory.messageFiles.subtracting(declared)
        .map { "Sources/Wire/Messages/\($0).swift declares a request that WireCatalogue does not list under that name" }
    expectNone(
        (missing + stray).sorted(),
        advice: "An API's messages are in Sources/Wire/Messages/<API>.swift and in WireCatalogue.all."
    )
}

@Test(.enabled(if: Repository.exists("Sources/Broker/APIs"), "the broker has no handlers yet"))
func everyAPIHasOneHandlerFileOfItsName() {
    let declared = Set(APIInventory.declared.map(\.name))
    let missing = declared.subtracting(APIInventory.handlerFiles).map { "Sources/Broker/APIs/\($0).swift is missing" }
    let stray = APIInventory.handlerFiles.subtracting(declared)
        .map { "Sources/Broker/APIs/\($0).swift is named after no API in Wire" }
    expectNone(
        (missing + stray).sorted(),
        advice: "An API is Wire/Messages/X.swift, Broker/APIs/X.swift and one line in Broker/APIs.swift; "
            + "what handlers share lives outside Broker/APIs."
    )
}

@Test func keysOfAPIsAreUnique() {
    let keys = APIInventory.declared.map(\.key)
    #expect(Set(keys).count == keys.count)
}
