import CoreMetrics

/// Makes a client's metrics with its name on them. Immutable.
struct MetricMaker: Sendable {
    private let factory: any MetricsFactory
    private let clientID: String

    init(_ client: ClientConfiguration) {
        factory = client.metrics ?? MetricsSystem.factory
        clientID = client.clientID
    }

    private func all(_ dimensions: [(String, String)]) -> [(String, String)] {
        [("client_id", clientID)] + dimensions
    }

    func counter(_ label: String, _ dimensions: [(String, String)] = []) -> Counter {
        Counter(label: label, dimensions: all(dimensions), factory: factory)
    }

    func gauge(_ label: String, _ dimensions: [(String, String)] = []) -> Gauge {
        Gauge(label: label, dimensions: all(dimensions), factory: factory)
    }

    func recorder(_ label: String) -> Recorder {
        Recorder(label: label, dimensions: all([]), aggregate: true, factory: factory)
    }

    func timer(_ label: String) -> Timer { Timer(label: label, dimensions: all([]), factory: factory) }
}
