import Testing

@testable import Broker

@Test(arguments: ["(", "a{2,1}", "[z-a]", "*", "(?<=a)b", #"(a)\1"#, "\\"])
func whatIsNoRegularExpressionOfRE2IsRefusedWithAReason(text: String) {
    #expect(TopicPattern(text) == nil)
    #expect(TopicPattern.problem(with: text)?.isEmpty == false)
}

@Test(arguments: ["((a{100}){100}){100}", #"((\pL{30}){30}){30}"#, String(repeating: "(", count: 1000)])
func anExpressionThatWouldBeHugeIsRefused(text: String) {
    #expect(TopicPattern(text) == nil)
    #expect(TopicPattern.problem(with: text)?.isEmpty == false)
}

@Test func anExpressionThatBringsOthersToAStandstillIsMatchedInNoTime() throws {
    let pattern = try #require(TopicPattern("(a*)*(a|a)*(a*)*b"))
    let name = String(repeating: "a", count: 249)
    #expect(!pattern.matches(name))
    #expect(pattern.matches(name + "b"))
}

@Test(arguments: [
    ("orders", "orders", true), ("orders", "orders.eu", false), ("orders", "my-orders", false),
    ("orders.*", "orders.eu", true), ("a|b", "a", true), ("a|b", "ab", false), ("^a$", "a", true),
    (#"t-\d+"#, "t-12", true), (#"t-\d+"#, "t-x", false), ("(?i)T", "t", true), ("", "", true), ("", "t", false),
    (".*", "t", true),
])
func anExpressionMatchesTheWholeName(text: String, name: String, isMatch: Bool) throws {
    #expect(try #require(TopicPattern(text)).matches(name) == isMatch)
    #expect(TopicPattern.problem(with: text) == nil)
}
