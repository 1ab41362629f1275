import Foundation
import Testing

@Suite struct TrainTests {
  private func train(_ files: ImageFiles, policy: String, seed: String = "3") throws -> Command {
    try Command(
      "train", "--data", files.path, "--policy", policy, "--layers", "16", "--batch", "20", "--epochs", "4", "--seed",
      seed, "--learning-rate", "0.01", "--json")
  }

  @Test(arguments: ["float32", "mixed_bfloat16", "mixed_float16", "float64"])
  func reportIsComplete(policy: String) throws {
    let command = try ImageFiles.with { try train($0, policy: policy) }
    #expect(command.status == 0, "\(command.error)")
    let report = try command.json()
    #expect(report["policy"] as? String == policy)
    #expect(report["seed"] as? Int == 3)
    #expect(try #require(report["testAccuracy"] as? Double) > 0.9)
    #expect(try #require(report["testLoss"] as? Double) > 0)
    #expect(try #require(report["stepMilliseconds"] as? Double) > 0)
    #expect(report["skippedSteps"] as? Int == 0)
    #expect((report["lossScale"] is NSNull) == (policy != "mixed_float16"))
    #expect(report["lossScaleEvents"] is [Any])
    let epochs = try #require(report["epochs"] as? [[String: Any]])
    #expect(epochs.count == 4 && epochs.allSatisfy { $0["loss"] is Double && $0["testAccuracy"] is Double })
    // 4×4 pixels to 16 units to 3 classes, with biases.
    let width = policy == "float64" ? 8 : 4
    #expect(report["weightBytes"] as? Int == (16 * 16 + 16 + 16 * 3 + 3) * width)
    let memory = try #require(report["memory"] as? [String: Any])
    let copies = try #require(memory["castVariables"] as? Int)
    #expect(policy.hasPrefix("mixed") ? copies > 0 : copies == 0)
  }

  /// Each learns which row of the image is bright.
  @Test(arguments: Sample.every(2, of: ["cnn", "resnet", "transformer"]))
  func imageModelsLearn(kind: String) throws {
    let command = try ImageFiles.with { files in
      try Command(
        "train", "--data", files.path, "--model", kind, "--policy", "mixed_bfloat16", "--batch", "10", "--epochs", "12",
        "--learning-rate", "0.01", "--json", "--quiet")
    }
    #expect(command.status == 0, "\(command.error)")
    let report = try command.json()
    #expect(report["model"] as? String == kind && report["schedule"] as? String == "cosine")
    #expect(try #require(report["testAccuracy"] as? Double) > 0.9)
    #expect((report["layers"] as? [Any])?.isEmpty == true)
  }

  @Test func policiesAreComparedAndDrawn() throws {
    let plot = FileManager.default.temporaryDirectory.appending(path: "mezzo-\(UUID().uuidString).svg")
    defer { try? FileManager.default.removeItem(at: plot) }
    let command = try ImageFiles.with { files in
      try Command(
        "train", "--data", files.path, "--policies", "float32,mixed_float16", "--layers", "8", "--batch", "20",
        "--epochs",
        "2", "--plot", plot.path, "--json", "--quiet")
    }
    #expect(command.status == 0, "\(command.error)")
    let reports = try command.jsonList()
    #expect(reports.compactMap { $0["policy"] as? String } == ["float32", "mixed_float16"])
    for report in reports {
      let curve = try #require(report["lossCurve"] as? [[String: Double]])
      // Two epochs of three steps.
      #expect(curve.count == 6 && curve.first?["epoch"] == 1.0 / 6)
      #expect(curve.allSatisfy { ($0["loss"] ?? 0) > 0 })
    }
    let svg = try String(contentsOf: plot, encoding: .utf8)
    #expect(svg.components(separatedBy: "<polyline").count == 3 && svg.contains("mixed_float16"))
  }

  private func trained(_ files: ImageFiles, _ options: [String]) throws -> [String: Any] {
    let command = try Command(
      arguments: [
        "train", "--data", files.path, "--layers", "8", "--batch", "20", "--epochs", "2", "--quiet", "--json",
      ]
        + options)
    #expect(command.status == 0, "\(options): \(command.error)")
    return try command.json()
  }

  @Test(arguments: [
    ["adamw"], ["sgd", "--momentum", "0.9", "--clip-norm", "1"], ["adamax"], ["nadam"],
    ["rmsprop", "--average", "0.5"],
    ["adagrad"], ["adadelta"], ["ftrl"], ["lion"], ["lamb"], ["adafactor"], ["muon"], ["schedulefreeadamw"],
  ])
  func optimizersAreTaken(options: [String]) throws {
    let report = try ImageFiles.with { files in try trained(files, ["--optimizer"] + options) }
    #expect(report["optimizer"] as? String == options[0])
    #expect(report["learningRate"] as? Double == (options[0] == "sgd" ? 0.01 : 0.001))
  }

  @Test func schedulesChangeTheSteps() throws {
    try ImageFiles.with { files in
      func losses(_ options: [String]) throws -> [Double] {
        let report = try trained(files, options + ["--learning-rate", "0.05"])
        return try #require(report["epochs"] as? [[String: Any]]).compactMap { $0["loss"] as? Double }
      }
      let all = try [
        [], ["--schedule", "linear"], ["--schedule", "exponential"], ["--schedule", "cosine"],
        ["--schedule", "cosine", "--warmup", "2"],
      ].map(losses)
      #expect(Set(all).count == all.count && all.allSatisfy { $0.count == 2 })
    }
  }

  @Test func backendsAndRoutesAreTold() throws {
    let report = try ImageFiles.with { try train($0, policy: "mixed_bfloat16").json() }
    let backends = try #require(report["backends"] as? [[String: Any]])
    let builtin = try #require(backends.first { $0["name"] as? String == "builtin" })
    #expect(builtin["state"] as? String == "ready" && builtin["version"] is String && builtin["reason"] is NSNull)
    let routes = try #require(report["routes"] as? [[String: Any]])
    #expect(Set(routes.compactMap { $0["phase"] as? String }) == ["forward", "backward", "update"])
    for key in ["layer", "phase", "operation", "dtypes", "backend", "rule", "casts", "why", "estimatedNanoseconds"] {
      #expect(routes.allSatisfy { $0[key] != nil }, "\(key) is missing")
    }
    #expect(routes.contains { $0["operation"] as? String == "matmul+bias+relu" })
  }

  @Test func sameSeedSameNumbers() throws {
    try ImageFiles.with { files in
      func numbers(_ seed: String) throws -> [Double] {
        let report = try train(files, policy: "mixed_float16", seed: seed).json()
        let epochs = try #require(report["epochs"] as? [[String: Any]])
        return try (epochs.map { $0["loss"] } + [report["testAccuracy"], report["testLoss"]]).map {
          try #require($0 as? Double)
        }
      }
      let first = try numbers("5")
      #expect(try first == numbers("5"))
      #expect(try first != numbers("6"))
    }
  }

  @Test func progressGoesToStandardErrorALineAnEpoch() throws {
    try ImageFiles.with { files in
      let command = try train(files, policy: "float32")
      let lines = command.error.split(separator: "\n").filter { $0.contains("epoch ") }
      #expect(lines.count == 4)
      #expect(!command.error.contains("\u{1B}") && !command.error.contains("\r"))
      let quiet = try Command("train", "--data", files.path, "--batch", "20", "--layers", "4", "--quiet")
      #expect(quiet.status == 0 && quiet.error.isEmpty)
      #expect(quiet.output.contains("test accuracy") && quiet.output.contains("Routing"))
      #expect(!quiet.output.contains("\u{1B}"))
    }
  }

  @Test func refusedBackendIsNotedOnce() throws {
    try ImageFiles.with { files in
      let command = try Command(
        "train", "--data", files.path, "--batch", "20", "--layers", "4",
        environment: ["MEZZO_BACKEND_PATH": "/nonexistent/libother.so"])
      #expect(command.status == 0)
      let notes = command.error.split(separator: "\n").filter { $0.contains("libother.so") }
      #expect(notes.count == 1 && notes[0].hasPrefix("note: ") && notes[0].contains("builtin"), "\(command.error)")
    }
  }
}
