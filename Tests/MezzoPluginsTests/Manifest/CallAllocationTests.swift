#if os(Linux) && canImport(Glibc)
  import Foundation
  import Glibc
  import Testing

  @testable import MezzoPlugins

  /// The run path allocates nothing, counted: this program runs itself again with the library in front that counts.
  @Suite(.enabled(if: CallCost.canCount)) struct CallAllocationTests {
    private static let child = "MEZZO_COUNTS_ALLOCATIONS"

    @Test(.enabled(if: ProcessInfo.processInfo.environment[child] == nil)) func runsAllocateNothing() throws {
      let folder = try TemporaryFolder()
      let process = Process()
      process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
      process.arguments = ["--testing-library", "swift-testing", "--filter", "CallAllocationTests/countsInThisProcess"]
      process.environment = ProcessInfo.processInfo.environment.merging([
        "LD_PRELOAD": try #require(CallCost.library), Self.child: folder.file("result"),
      ]) { $1 }
      process.standardOutput = FileHandle.nullDevice
      process.standardError = FileHandle.nullDevice
      try process.run()
      process.waitUntilExit()
      let result = try String(contentsOfFile: folder.file("result"), encoding: .utf8)
      #expect(result == "compiled plugin 0, manifest 0, array 1")
    }

    /// In the child alone, where allocations are counted.
    @Test(.enabled(if: ProcessInfo.processInfo.environment[child] != nil)) func countsInThisProcess() throws {
      let cost = try CallCost(library: try #require(CallCost.library))
      var counts = cost.paths.map { ($0.name, cost.allocations($0)) }
      // That the counter counts.
      counts.append(("array", CallCost.allocations { free(malloc(64)) }))
      let text = counts.map { "\($0.0) \($0.1.map(String.init) ?? "not counted")" }.joined(separator: ", ")
      try text.write(
        toFile: try #require(ProcessInfo.processInfo.environment[Self.child]), atomically: true, encoding: .utf8)
    }
  }
#endif
