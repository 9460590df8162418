import Model
import NIOCore
import Testing
import Wire

@testable import Server

/// Invariant I5: responses leave a connection in request order.
struct ReplyOrderTests {
    private func response(_ text: String) -> WireOutput { WireOutput(bytes: ByteBuffer(string: text)) }

    private func taken(_ order: inout ReplyOrder) -> [String?] {
        var texts: [String?] = []
        while let next = order.next() { texts.append(next.map { String(buffer: $0.bytes) }) }
        return texts
    }

    private func fill(_ order: inout ReplyOrder, _ number: UInt64, _ response: WireOutput?) {
        let isAccepted = order.fill(number, response)
        #expect(isAccepted)
    }

    private func refuse(_ order: inout ReplyOrder, _ number: UInt64, _ response: WireOutput?) {
        let isAccepted = order.fill(number, response)
        #expect(!isAccepted)
    }

    private func expectTaken(_ order: inout ReplyOrder, _ expected: [String?]) {
        let texts = taken(&order)
        #expect(texts == expected)
    }

    @Test func answersWaitForEarlierOnes() {
        var order = ReplyOrder()
        let (first, second, third) = (order.admit(), order.admit(), order.admit())
        fill(&order, third, response("c"))
        fill(&order, second, response("b"))
        expectTaken(&order, [])
        #expect(order.outstanding == 3)
        fill(&order, first, response("a"))
        expectTaken(&order, ["a", "b", "c"])
        #expect(order.outstanding == 0)
    }

    @Test func requestsWithoutAnswerTakeTheirTurnSilently() {
        var order = ReplyOrder()
        let (first, second) = (order.admit(), order.admit())
        fill(&order, second, response("b"))
        fill(&order, first, nil)
        expectTaken(&order, [nil, "b"])
    }

    @Test func aSecondAnswerToOneRequestIsRefused() {
        var order = ReplyOrder()
        let first = order.admit()
        fill(&order, first, response("a"))
        refuse(&order, first, response("again"))
        expectTaken(&order, ["a"])
        refuse(&order, first, response("late"))
        refuse(&order, 99, response("never asked"))
    }

    @Test(arguments: 0..<50 as Range<UInt64>)
    func anyOrderOfAnswersComesOutInTheOrderOfRequests(seed: UInt64) {
        var order = ReplyOrder()
        var seeded = SeededGenerator(seed: seed)
        var waiting: [UInt64] = []
        var sent: [String?] = []
        var asked = 0
        while asked < 200 || !waiting.isEmpty {
            if asked < 200, Bool.random(using: &seeded) {
                waiting.append(order.admit())
                asked += 1
            } else if let index = waiting.indices.randomElement(using: &seeded) {
                let number = waiting.remove(at: index)
                fill(&order, number, response("\(number)"))
                sent += taken(&order)
            }
        }
        #expect(sent == (0..<200).map { "\($0)" }, "seed \(seed)")
    }

}
