import Model
import Testing
import Wire

@testable import MartletClient

@Suite struct ClusterMetadataTests {
    func response(leader: Int32, epoch: Int32, id: UInt64 = 1) -> MetadataResponse {
        var response = MetadataResponse()
        var topic = MetadataResponse.Topic()
        topic.name = "t"
        topic.topicID = TopicID(high: 1, low: id)
        var partition = MetadataResponse.Partition()
        partition.leaderID = leader
        partition.leaderEpoch = epoch
        topic.partitions = [partition]
        response.topics = [topic]
        return response
    }

    @Test func brokerThatLagsBehindDoesNotTakeUsBack() {
        var metadata = ClusterMetadata()
        metadata.merge(response(leader: 2, epoch: 5))
        metadata.merge(response(leader: 1, epoch: 4))
        #expect(metadata.topics["t"]?.partition(0)?.leader == 2)
    }

    @Test func recreatedTopicBeginsAnew() {
        var metadata = ClusterMetadata()
        metadata.merge(response(leader: 2, epoch: 5))
        metadata.merge(response(leader: 1, epoch: 0, id: 2))
        #expect(metadata.topics["t"]?.partition(0)?.leader == 1)
    }

    @Test func leaderThatIsGoneIsNoLeader() {
        var metadata = ClusterMetadata()
        metadata.merge(response(leader: 2, epoch: 5))
        #expect(metadata.leader(of: TopicPartition("t", 0)) == nil, "no such broker")
    }

    @Test func topicsNotSpokenOfStay() {
        var metadata = ClusterMetadata.fixture(["other": [1]])
        metadata.merge(response(leader: 1, epoch: 0))
        #expect(Set(metadata.topics.keys) == ["other", "t"])
    }
}
