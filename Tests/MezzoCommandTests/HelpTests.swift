import Testing

@Suite struct HelpTests {
  @Test(
    arguments: Sample.every(
      4, of: ["train", "demo", "explain", "why-not", "backends", "capture", "embed", "similarity"]))
  func eachCommandExplainsItself(name: String) throws {
    let command = try Command(name, "--help")
    #expect(command.status == 0)
    #expect(command.error.isEmpty)
    for part in ["OVERVIEW: ", "mezzo \(name)", "USAGE: ", "--json", "--verbose"] {
      #expect(command.output.contains(part), "\(part) is missing")
    }
  }

  @Test(arguments: ["show", "explain"]) func eachPartOfPolicyExplainsItself(name: String) throws {
    let command = try Command("policy", name, "--help")
    #expect(command.status == 0 && command.error.isEmpty)
    for part in ["OVERVIEW: ", "mezzo policy \(name)", "USAGE: ", "--json", "--verbose"] {
      #expect(command.output.contains(part), "\(part) is missing")
    }
  }

  @Test func withoutACommandHelpIsPrinted() throws {
    let command = try Command()
    #expect(command.status == 0)
    for part in [
      "train", "demo", "explain", "backends", "backend", "policy", "conform", "Exit status: 0 success; 1 ", "NO_COLOR",
    ] {
      #expect(command.output.contains(part), "\(part) is missing")
    }
  }

  @Test func defaultsAreToldWhereTheyAreNotTheParsersOwn() throws {
    let help = try Command("train", "--help").output
    for part in ["512,512", "0.001", "(default: 3)", "128; 32", "float32"] {
      #expect(help.contains(part), "\(part) is missing")
    }
  }
}
