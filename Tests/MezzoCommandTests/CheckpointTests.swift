import Foundation
import MezzoTraining
import Testing

/// `mezzo train` that is interrupted or killed, and goes on.
@Suite struct CheckpointTests {
  private let folder = FileManager.default.temporaryDirectory.appending(path: "mezzo-\(UUID().uuidString)").path

  /// The command's own words; without them an option could be forgotten in one of two trainings.
  private static func arguments(_ data: String, _ checkpoint: String) -> [String] {
    [
      "train", "--data", data, "--policy", "mixed_float16", "--layers", "24,24", "--batch", "4", "--epochs", "8",
      "--checkpoint", checkpoint, "--checkpoint-every", "1", "--resume", "--quiet", "--json",
    ]
  }

  private static func start(_ arguments: [String]) throws -> Process {
    let process = Process()
    process.executableURL = try Command.executable
    process.arguments = arguments
    var variables = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("MEZZO_") }
    variables["MEZZO_BACKENDS"] = "only:builtin"
    process.environment = variables
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
  }

  private static func run(_ arguments: [String]) throws -> Process {
    let process = try start(arguments)
    process.waitUntilExit()
    return process
  }

  /// `MEZZO_KILLS` says how often; 50 is what the guide speaks of.
  @Test func aKilledTrainingGoesOnBitForBit() throws {
    let kills = ProcessInfo.processInfo.environment["MEZZO_KILLS"].flatMap(Int.init) ?? Sample.count(3)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try ImageFiles.with { files in
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      let clock = ContinuousClock()
      var straight: Process?
      let whole = try clock.measure { straight = try Self.run(Self.arguments(files.path, "\(folder)/straight")) }
      #expect(straight?.terminationStatus == 0)
      let expected = try TrainingCheckpoint("\(folder)/straight/last.safetensors")
      #expect(expected.steps == 8 * 15)
      let microseconds = Double(whole.components.seconds) * 1e6 + Double(whole.components.attoseconds) * 1e-12
      var (killed, places) = (0, [Int]())
      while killed < kills {
        let run = "\(folder)/\(killed)"
        // Killed twice, from before the first checkpoint to behind the last one; then left to end.
        var isThrough = false
        for attempt in 0..<3 where !isThrough {
          let process = try Self.start(Self.arguments(files.path, run))
          usleep(UInt32(Double.random(in: 0...0.9) * microseconds))
          if attempt < 2 { kill(process.processIdentifier, SIGKILL) }
          process.waitUntilExit()
          isThrough = process.terminationReason == .exit
          if isThrough { #expect(process.terminationStatus == 0) } else { killed += 1 }
          for name in ["last", "best"] where FileManager.default.fileExists(atPath: "\(run)/\(name).safetensors") {
            let found = try TrainingCheckpoint("\(run)/\(name).safetensors")
            if name == "last", !isThrough { places.append(found.steps) }
            #expect(found.steps <= expected.steps)
          }
        }
        #expect(isThrough)
        for name in ["last", "best"] {
          let found = try TrainingCheckpoint("\(run)/\(name).safetensors")
          let expected = try TrainingCheckpoint("\(folder)/straight/\(name).safetensors")
          #expect(found.weights == expected.weights && found.steps == expected.steps)
          #expect(found.epochs.map(\.logs) == expected.epochs.map(\.logs))
        }
        // Nothing is left of the writers that were killed.
        let names = try FileManager.default.contentsOfDirectory(atPath: run).sorted()
        #expect(names == ["best.safetensors", "last.safetensors"])
      }
      if kills > 3 { print("\(killed) kills; whole checkpoints were found at the steps \(places.sorted())") }
    }
  }

  @Test func anInterruptedTrainingLeavesACheckpoint() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try ImageFiles.with { files in
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      // So long that it cannot be over before it is interrupted.
      let long = [
        "train", "--data", files.path, "--layers", "8", "--batch", "4", "--epochs", "100000", "--checkpoint",
        "\(folder)/run", "--quiet",
      ]
      for (signal, extra) in [(SIGINT, []), (SIGTERM, ["--resume"])] as [(Int32, [String])] {
        func steps() -> Int { (try? TrainingCheckpoint("\(folder)/run/last.safetensors"))?.steps ?? 0 }
        let before = steps()
        let process = try Self.start(long + extra)
        // Only a process that trains has seen to signals.
        var tries = 0
        while steps() <= before, tries < 1000 {
          usleep(20_000)
          tries += 1
        }
        kill(process.processIdentifier, signal)
        process.waitUntilExit()
        #expect(process.terminationReason == .exit && process.terminationStatus == 130)
        #expect(steps() > before)
      }
    }
  }

  @Test func optionsThatMakeNoSenseAreRefused() throws {
    let alone = try Command("train", "--resume")
    #expect(alone.status == 64 && alone.error.contains("--checkpoint"))
    let command = try ImageFiles.with { files in
      try Command("train", "--data", files.path, "--layers", "4", "--batch", "20", "--checkpoint", "/nonexistent/x/y")
    }
    #expect(command.status == 73 && command.error.contains("/nonexistent/x/y"))
  }

  @Test func anotherTrainingIsNotGoneOnFrom() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try ImageFiles.with { files in
      func train(_ rate: String) throws -> Command {
        try Command(
          "train", "--data", files.path, "--layers", "4", "--batch", "20", "--epochs", "1", "--quiet", "--checkpoint",
          folder, "--resume", "--learning-rate", rate)
      }
      #expect(try train("0.01").status == 0)
      let other = try train("0.02")
      #expect(other.status == 65 && other.error.contains("the optimizer"), "\(other.error)")
    }
  }
}
