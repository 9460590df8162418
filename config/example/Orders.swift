import MartletClient
import NIOCore

/// Sends orders to a topic, and bills them as a member of a consumer group. Usage: orders [HOST:PORT]
@main
enum Orders {
    static func main() async throws {
        let client = try ClientConfiguration(bootstrap: CommandLine.arguments.dropFirst().first ?? "127.0.0.1:9092")
        let orders = [("anna", "espresso"), ("bo", "tea"), ("anna", "water")]
        try await take(orders, client)
        try await bill(orders.count, client)
    }

    /// What has the same key stays in order. Each order is stored once, also when connections break meanwhile.
    static func take(_ orders: [(String, String)], _ client: ClientConfiguration) async throws(ClientError) {
        var configuration = ProducerConfiguration(client: client)
        configuration.compression = .zstd()
        let producer = try Producer(configuration)
        var deliveries: [Delivery] = []
        for (customer, order) in orders {
            // Returns as soon as there is room in the buffer; all travel together.
            deliveries.append(try await producer.enqueue(ProducerRecord(topic: "orders", key: customer, value: order)))
        }
        for delivery in deliveries {
            let stored = try await delivery.metadata()
            print("stored in \(stored.topic) partition \(stored.partition) at offset \(stored.offset ?? -1)")
        }
        try await producer.close()
    }

    /// Members of a group share the partitions. What was billed is not billed again when the program is started anew.
    static func bill(_ count: Int, _ client: ClientConfiguration) async throws(ClientError) {
        var group = GroupConfiguration(id: "billing", subscription: .topics(["orders"]))
        group.start = .beginning
        group.finishesWhenReadOn = false
        let consumer = Consumer(ConsumerConfiguration(client: client, group: group))
        var billed = 0
        for try await record in consumer {
            print("billing \(text(record.key)) for \(text(record.value))")
            consumer.store([Partition(topic: record.topic, index: record.partition): record.offset + 1])
            billed += 1
            if billed == count { break }
        }
        // Commits what was stored, and lets the other members read on at once.
        await consumer.close()
    }

    /// The bytes are a slice of what the broker sent; a text is a copy of them.
    static func text(_ bytes: ByteBuffer?) -> String { bytes.map(String.init(buffer:)) ?? "nobody" }
}
