import Foundation
import Testing

/// `mezzo capture`, and `mezzo backend check --replay` on what it wrote.
@Suite struct CaptureTests {
  private static let encoder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "MezzoModelsTests/Resources/tiny").path(percentEncoded: false)
  private static let training = ["train", "--epochs", "1", "--layers", "8", "--quiet"]

  private func capture(_ folder: URL, _ selection: [String], _ command: [String] = training) throws -> Command {
    try Command(arguments: ["capture", "--to", folder.appending(path: "cases").path] + selection + command)
  }

  /// The second layer of a step of training.
  private func captureProduct(_ folder: URL) throws -> String {
    let command = try capture(folder, ["--operation", "matmul", "--phase", "forward", "--first", "1", "--json"])
    #expect(command.status == 0, "\(command.error)")
    let written = try #require(try command.jsonList().first)
    #expect(written["backend"] as? String == "builtin" && written["phase"] as? String == "forward")
    #expect((written["request"] as? String)?.hasPrefix("matmul") == true)
    return try #require(written["file"] as? String)
  }

  @Test func aStepOfTrainingIsReplayedOnAnotherBackend() throws {
    try TemplateLibrary.with { library, folder in
      let file = try captureProduct(folder)
      let right = try Command("backend", "check", library, "--replay", file)
      #expect(right.status == 0, "\(right.output) \(right.error)")
      for part in [
        "template", "conforms", "captured in dense_1", "before the last step", "float64", "all right", "by rule matmul",
      ] {
        #expect(right.output.contains(part), "\(part) is missing in \(right.output)")
      }
      let wrong = try TemplateLibrary.build(
        replacing: [("// WRONG: ", "")], in: folder, as: "wrong")
      let command = try Command("backend", "check", wrong, "--json", "--replay", file, file)
      #expect(command.status == 1 && command.error.contains("2 failures of matmul"), "\(command.error)")
      let report = try #require(try command.json()["report"] as? [String: Any])
      let replays = try #require(report["replays"] as? [[String: Any]])
      #expect(replays.count == 2 && replays.allSatisfy { $0["verdict"] as? String == "wrong" })
      let result = try #require((replays[0]["results"] as? [[String: Any]])?.first)
      #expect(result["exact"] is String && result["got"] is String && result["wrong"] as? Int ?? 0 > 0)
      // The template leaves the bias to the host.
      #expect(replays[0]["stepsLeft"] as? Int == 1)
    }
  }

  @Test func aCrashNamesTheCase() throws {
    try TemplateLibrary.with(
      replacing: [("  float *result = data", "  *(volatile int *)8 = 1;\n  float *result = data")]
    ) { library, folder in
      let command = try Command("backend", "check", library, "--replay", try captureProduct(folder))
      #expect(command.status == 1)
      #expect(command.output.contains("it died of SIGSEGV") && command.output.contains("matmul"), "\(command.output)")
    }
  }

  @Test func anEncodersOperationsAreCapturedToo() throws {
    try Project.with { folder in
      let texts = folder.appending(path: "texts")
      try Data("hello world\n".utf8).write(to: texts)
      let command = try capture(
        folder, ["--operation", "attention", "--count", "2"], ["embed", "--model", Self.encoder, texts.path])
      #expect(command.status == 0, "\(command.error)")
      #expect(command.output.contains("attention") && command.output.contains(".mezzocase"), "\(command.output)")
      // The vectors are no part of what this command says.
      #expect(command.error.contains("0."))
      let files = try FileManager.default.contentsOfDirectory(atPath: folder.appending(path: "cases").path)
      #expect(files.count == 2 && files.allSatisfy { $0.hasSuffix("-attention.mezzocase") }, "\(files)")
    }
  }

  @Test func whatFitsNothingSaysWhatRan() throws {
    try Project.with { folder in
      let command = try capture(folder, ["--layer", "decoder.*"])
      #expect(command.status == 1 && command.output.isEmpty)
      #expect(command.error.contains("no operation fits; there ran") && command.error.contains("matmul"))
      #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "cases").path))
    }
    for (arguments, text) in [
      (["--operation", "launch", "train"], "no operation 'launch'"),
      (["--phase", "sideways", "train"], "forward, backward"),
      (["demo"], "expected train, embed or similarity"), (["--first", "x", "train"], "--first"),
    ] {
      let command = try Command(arguments: ["capture"] + arguments)
      #expect(command.status == 64 && command.error.contains(text), "\(command.error)")
    }
  }

  /// Nothing is known of what was declined, so that it cannot pass for right.
  @Test func whatABackendDeclinesIsSaid() throws {
    try TemplateLibrary.with { library, folder in
      let command = try capture(
        folder, ["--operation", "cast", "--json"], Self.training + ["--policy", "mixed_bfloat16"])
      let file = try #require(try command.jsonList().first?["file"] as? String)
      let replay = try Command("backend", "check", library, "--replay", file)
      #expect(replay.status == 1 && replay.output.contains("no rule is for cast"), "\(replay.output)")
      #expect(replay.output.contains("takes 0 of 1 captured operations") && !replay.output.contains("conforms"))
      #expect(replay.error.contains("does not take 1 of 1 captured operation"), "\(replay.error)")
    }
  }

  @Test func whereFilesCannotGoIsSaidBeforeTheModelRuns() throws {
    for place in ["/nonexistent/folder/cases", "/dev/null"] {
      let command = try Command(arguments: ["capture", "--to", place] + Self.training)
      #expect(command.status == 73 && command.error.contains(place), "\(command.error)")
      #expect(!command.error.contains("epoch"))
    }
  }

  @Test func whatIsNoCaseIsNotReplayed() throws {
    try TemplateLibrary.with { library, folder in
      let file = folder.appending(path: "bad.mezzocase")
      try Data("no case".utf8).write(to: file)
      let bad = try Command("backend", "check", library, "--replay", file.path)
      #expect(bad.status == 65 && bad.error.contains("bad.mezzocase"), "\(bad.error)")
      let missing = try Command("backend", "check", library, "--replay", "/nonexistent.mezzocase")
      #expect(missing.status == 66 && missing.error.contains("/nonexistent.mezzocase"), "\(missing.error)")
    }
  }
}
