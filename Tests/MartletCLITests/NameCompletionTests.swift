import Testing

@testable import MartletCLI

@Suite struct NameCompletionTests {
    @Test(
        arguments: [
            (["martlet", "consume"], nil), (["martlet", "consume", "-b"], nil), (["martlet", "-b", "a:1", "x"], "a:1"),
            (["martlet", "consume", "--bootstrap", "a:1", "-e"], "a:1"), (["consume", "--bootstrap=b:2"], "b:2"),
        ] as [([String], String?)]
    )
    func theBrokerIsTheOneThatIsTyped(words: [String], bootstrap: String?) {
        #expect(NameCompletion.connection(in: words).bootstrap == bootstrap)
    }

    @Test func whatIsNoAddressCompletesNothing() async {
        #expect(await NameCompletion.names(["-b", "nonsense:port"]) { _ in ["x"] }.isEmpty)
    }
}
