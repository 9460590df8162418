import Model
import Testing

struct TopicIDTests {
    @Test(arguments: [
        "", "AAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAA",  // 21 and 23 characters
        "AAAAAAAAAAAAAAAAAAAA==", "AAAAAAAAAAAAAAAAAAAA+A", "AAAAAAAAAAAAAAAAAAAA/A", "AAAAAAAAAAAAAAAAAAAAüA",
        "AAAAAAAAAAAAAAAAAAAAAB",  // bits beyond the sixteenth byte
    ])
    func otherTextIsRefused(text: String) {
        #expect(TopicID(text) == nil)
    }

    @Test func textIsReadAsItWasPrinted() {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<1_000 {
            let id = TopicID(high: generator.next(), low: generator.next())
            #expect(id.description.utf8.count == 22)
            #expect(TopicID(id.description) == id)
        }
    }

    /// As `kafka-topics --describe` prints the id of the metadata topic.
    @Test func textIsThatOfKafka() {
        #expect(TopicID(high: 0, low: 1).description == "AAAAAAAAAAAAAAAAAAAAAQ")
        #expect(TopicID.zero.description == "AAAAAAAAAAAAAAAAAAAAAA")
        #expect(TopicID(high: .max, low: .max).description == "_____________________w")
    }

    @Test func randomIdsAreVersion4AndCanBeTyped() {
        var generator = SeededGenerator(seed: 2)
        var seen: Set<TopicID> = []
        for _ in 0..<2_000 {
            let id = TopicID.random(using: &generator)
            #expect(id.high >> 12 & 0xf == 4)
            #expect(id.low >> 62 == 0b10)
            #expect(!id.description.hasPrefix("-"))
            #expect(seen.insert(id).inserted)
        }
    }
}
