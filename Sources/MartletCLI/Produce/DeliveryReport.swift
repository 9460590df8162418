import MartletClient

/// Counts deliveries, and names the input's records that were not delivered. Owned by the producing task.
struct DeliveryReport {
    private var waiting: [(delivery: Delivery, source: String, number: Int)] = []
    private var first = 0
    private(set) var delivered = 0
    private(set) var failed = 0
    /// Messages beyond these are counted only: one cause often fails thousands of records.
    private static let maximumMessages = 10
    /// What a piece of the input is called.
    private let unit: String
    private let complain: (String) -> Void

    init(unit: String, complain: @escaping (String) -> Void) {
        self.unit = unit
        self.complain = complain
    }

    mutating func add(_ delivery: Delivery, source: String, number: Int) {
        waiting.append((delivery, source, number))
    }

    /// Takes note of what has been delivered meanwhile, in the order of the input.
    mutating func collect() {
        while first < waiting.count, let outcome = waiting[first].delivery.outcome {
            note(outcome.map { _ in () }, waiting[first].source, waiting[first].number)
            first += 1
        }
        // Moving what is left now and then keeps this linear.
        if first > waiting.count / 2 {
            waiting.removeFirst(first)
            first = 0
        }
    }

    /// Waits for what is still under way.
    mutating func finish() async {
        for item in waiting[first...] {
            let outcome: Result<Void, ClientError>
            do throws(ClientError) {
                _ = try await item.delivery.metadata()
                outcome = .success(())
            } catch {
                outcome = .failure(error)
            }
            note(outcome, item.source, item.number)
        }
        waiting = []
        first = 0
        if failed > Self.maximumMessages { complain("… and \(failed - Self.maximumMessages) more") }
    }

    private mutating func note(_ outcome: Result<Void, ClientError>, _ source: String, _ number: Int) {
        switch outcome {
        case .success: delivered += 1
        case .failure(let error):
            failed += 1
            if failed <= Self.maximumMessages {
                complain("\(source), \(unit) \(number): " + (failed == 1 ? error.description : error.message))
            }
        }
    }
}
