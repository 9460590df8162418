import MartletClient
import Testing

@testable import MartletCLI

@Suite struct CompactionReportTests {
    @Test(arguments: [(-1.0, 0), (Double.nan, 0), (0.5, 20), (1, 40), (7, 40)])
    func theBarIsAsFullAsTheWork(fraction: Double, full: Int) {
        let line = ProgressBar.line(fraction, "of it")
        #expect(line.filter { $0 == "█" }.count == full)
        #expect(line.filter { $0 == "█" || $0 == "░" }.count == 40)
        #expect(line.hasSuffix(" \(full * 100 / 40) %  of it"))
    }
}
