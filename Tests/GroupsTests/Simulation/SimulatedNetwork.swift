/// Requests of simulated clients and answers to them, on their way. A value, owned by a simulation.
struct SimulatedNetwork<Request, Reply> {
    /// A request that somebody has sent: which member, after how many restarts, and its how manieth request. What nobody waits
    /// for has number 0.
    struct Sender {
        let member: Int
        let incarnation: Int
        let number: Int
    }

    private struct Letter<Content> {
        let due: Int
        let sender: Sender
        let content: Content
    }

    private var requests: [Letter<Request>] = []
    private var answers: [Letter<Reply>] = []

    mutating func send(_ request: Request, from sender: Sender, due: Int) {
        requests.append(Letter(due: due, sender: sender, content: request))
    }

    mutating func answer(_ reply: Reply, to sender: Sender, due: Int) {
        answers.append(Letter(due: due, sender: sender, content: reply))
    }

    /// Takes out the requests that have arrived by now, in the order in which they were sent.
    mutating func arrivedRequests(now: Int) -> [(sender: Sender, request: Request)] {
        let arrived = requests.filter { $0.due <= now }
        requests.removeAll { $0.due <= now }
        return arrived.map { ($0.sender, $0.content) }
    }

    /// Takes out the answers that have reached a member by now, and returns the one to what it waits for. A program that was
    /// started anew gets none for its former self, and nobody gets what comes after he has given up.
    mutating func arrivedAnswers(of member: Int, incarnation: Int, number: Int?, now: Int) -> [Reply] {
        let arrived = answers.filter { $0.sender.member == member && $0.due <= now }
        answers.removeAll { $0.sender.member == member && $0.due <= now }
        return arrived.filter { $0.sender.incarnation == incarnation && $0.sender.number == number }.map(\.content)
    }

    /// Loses the newest answer on its way. False if there is none.
    mutating func loseAnswer() -> Bool { answers.popLast() != nil }
}
