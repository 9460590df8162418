import Model
import Testing

struct TopicNameTests {
    @Test(arguments: ["", ".", "..", "a/b", "../etc", "a b", "ü", "a\0", "a:b", "a\n", "*"])
    func otherNamesAreRefused(name: String) {
        #expect(TopicName.problem(with: name) != nil)
    }

    @Test func namesHaveAtMost249Characters() {
        #expect(TopicName.problem(with: String(repeating: "a", count: 250))?.contains("250") == true)
        #expect(TopicName.problem(with: String(repeating: "a", count: 249)) == nil)
    }

    @Test(arguments: ["a", "...", "._-", "__consumer_offsets", "Orders-2.v1", "0", "-"])
    func namesOfKafkaAreAccepted(name: String) {
        #expect(TopicName.problem(with: name) == nil)
    }

    @Test func dotsAndUnderscoresCollide() {
        #expect(TopicName.metricForm(of: "a.b_c") == TopicName.metricForm(of: "a_b.c"))
        #expect(TopicName.metricForm(of: "a.b") != TopicName.metricForm(of: "a-b"))
    }
}
