import Testing

/// Each failure has its exit status and one line that says what to do.
@Suite struct FailureTests {
  private func expect(
    _ command: Command, _ status: Int32, _ parts: String..., location: SourceLocation = #_sourceLocation
  ) {
    #expect(command.status == status, "\(command.error)", sourceLocation: location)
    #expect(command.output.isEmpty, sourceLocation: location)
    let errors = command.error.split(separator: "\n").filter { $0.lowercased().hasPrefix("error") }
    #expect(errors.count == 1 && errors[0].hasPrefix("error: "), "\(command.error)", sourceLocation: location)
    for part in parts {
      #expect(errors.joined().contains(part), "\(part) is missing in \(command.error)", sourceLocation: location)
    }
  }

  @Test func unknownPolicy() throws {
    expect(try Command("train", "--policy", "mixed_float17"), 64, "mixed_float17", "\"mixed_float16\"")
    expect(try Command("explain", "--policy", "Float32"), 64, "Float32", "lower case")
    expect(try Command("policy", "floaty"), 64, "floaty")
  }

  @Test func policyThatIsNotFloating() throws {
    expect(try Command("train", "--policy", "int32"), 64, "floating-point policy", "int32")
  }

  @Test func missingDirectory() throws {
    expect(try Command("train", "--data", "/nonexistent/mnist"), 66, "/nonexistent/mnist", "no such directory")
  }

  @Test func directoryWithoutTheFiles() throws {
    try ImageFiles.with { files in
      try files.remove("t10k-labels-idx1-ubyte")
      expect(try Command("train", "--data", files.path), 66, "t10k-labels-idx1-ubyte", "train-images-idx3-ubyte")
    }
  }

  @Test func truncatedFile() throws {
    try ImageFiles.with { files in
      try files.truncate("train-images-idx3-ubyte", to: 100)
      expect(try Command("train", "--data", files.path), 65, "train-images-idx3-ubyte", "ends after 100")
    }
  }

  @Test func fileOfAnotherFormat() throws {
    try ImageFiles.with { files in
      try files.write("train-images-idx3-ubyte", Array("<html>not here</html>".utf8))
      expect(try Command("train", "--data", files.path), 65, "train-images-idx3-ubyte", "download the file again")
    }
  }

  @Test func emptyData() throws {
    try ImageFiles.with(train: 0) { files in
      expect(try Command("train", "--data", files.path), 65, "training data set is empty")
    }
    try ImageFiles.with(test: 0) { files in
      expect(try Command("train", "--data", files.path), 65, "test data set is empty")
    }
  }

  @Test func batchLargerThanTheData() throws {
    try ImageFiles.with { files in
      expect(try Command("train", "--data", files.path, "--batch", "61"), 64, "61", "60 examples")
    }
  }

  @Test(arguments: Sample.every(4, of: ["12,", "0", "-4", "a,b", "512;512", "99999999999999999999", "1000001"]))
  func layersThatAreNone(text: String) throws {
    expect(try Command("explain", "--layers=\(text)"), 64, "--layers", "512,512")
  }

  @Test func layersThatNoMemoryHolds() throws {
    expect(try Command("train", "--layers", "1000000,1000000"), 64, "--layers", "fewer units")
  }

  @Test(
    arguments: Sample.every(
      4,
      of: [
        ["--epochs", "0"], ["--batch", "-1"], ["--learning-rate", "nan"], ["--learning-rate", "0"], ["--seed", "-1"],
        ["--optimizer", "sgdd"], ["--unknown"],
      ]))
  func valuesOutOfRange(arguments: [String]) throws {
    expect(try Command("train", arguments.joined(separator: "=")), 64, arguments[0])
  }

  /// Options that do not go together are told before anything is read or trained.
  @Test(
    arguments: Sample.every(
      4,
      of: [
        ["--optimizer", "adam", "--momentum", "0.5"], ["--warmup", "5", "--schedule", "linear"],
        ["--model", "cnn", "--layers", "8"], ["--policy", "float32", "--policies", "float32,float64"],
        ["--policies", "float32,floaty"], ["--average", "1.5"], ["--schedule", "zigzag"], ["--model", "rnn"],
      ]))
  func optionsThatDoNotGoTogether(arguments: [String]) throws {
    expect(try Command(arguments: ["train"] + arguments), 64, String(arguments[2 % arguments.count].drop { $0 == "-" }))
  }

  @Test func everyFloatingDTypeHasABackend() throws {
    let command = try Command("explain", "--policy", "float8_e5m2", "--layers", "8")
    #expect(command.status == 0, "\(command.error)")
    #expect(command.output.contains("through float32, to which"))
  }

  @Test func lossThatBecomesInfinite() throws {
    try ImageFiles.with { files in
      let command = try Command(
        "train", "--data", files.path, "--batch", "10", "--learning-rate", "1e30", "--layers", "8,8", "--quiet")
      expect(command, 70, "First non-finite value: layer", "Lower the learning rate")
    }
  }
}
