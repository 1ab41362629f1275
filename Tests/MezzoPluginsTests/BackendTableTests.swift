import MezzoBackend
import MezzoPolicy
import Testing

@testable import MezzoPlugins

@Suite(.enabled(if: TestPlugin.compiler != nil)) struct BackendTableTests {
  private let folder = try? TemporaryFolder()

  private func rules(_ plugin: TestPlugin) throws -> [Rule] {
    try NativeBackend(library: plugin.build(in: try #require(folder))).rules
  }

  private func refusal(_ plugin: TestPlugin) throws -> String {
    let path = try plugin.build(in: try #require(folder))
    let error = #expect(throws: BackendError.self) { try NativeBackend(library: path) }
    #expect(error?.kind == .unloadable)
    return error?.message ?? ""
  }

  // MARK: The table

  @Test(arguments: ["8", "offsetof(mezzo_backend, release)", "UINT32_MAX", "0"])
  func sizesThatCannotBeAreRefused(size: String) throws {
    let message = try refusal(TestPlugin(query: "table.struct_size = \(size);"))
    #expect(message.contains("states a size of"))
  }

  @Test func aTableOfALaterVersionIsReadAsFarAsItIsKnown() throws {
    let query = """
      static struct { mezzo_backend known; char poison[512]; } later;
      memset(&later, 0xAA, sizeof later);
      later.known = table;
      later.known.struct_size = sizeof later;
      return &later.known;
      """
    #expect(try rules(TestPlugin(query: query)).map(\.name) == ["relu"])
  }

  @Test func anOptionalMemberThatIsAbsentIsNotRead() throws {
    let query = "table.struct_size = offsetof(mezzo_backend, extension); table.extension = (void *)1;"
    #expect(try rules(TestPlugin(query: query)).count == 1)
  }

  @Test(arguments: ["NULL", "\"\"", "\"two words\"", "\"a/b\"", "\"é\"", "\"\(String(repeating: "x", count: 65))\""])
  func idsThatAreNoNamesAreRefused(id: String) throws {
    #expect(try refusal(TestPlugin(query: "table.id = \(id);")).contains("has no id of letters, digits"))
  }

  @Test func aMissingVersionIsUnknown() throws {
    let path = try TestPlugin(query: "table.version = NULL;").build(in: try #require(folder))
    #expect(try NativeBackend(library: path).version == "unknown")
  }

  @Test(arguments: ["open", "close", "plan", "execute", "release"])
  func requiredFunctionsAreNamedWhenMissing(function: String) throws {
    #expect(
      try refusal(TestPlugin(query: "table.\(function) = NULL;"))
        == "its table lacks the required functions \(function)")
  }

  // MARK: Rules

  @Test func rulesOfALaterVersionAreReadAsFarAsTheyAreKnown() throws {
    let query = """
      static struct { mezzo_rule known; char poison[40]; } later[2];
      memset(later, 0xAA, sizeof later);
      later[0].known = later[1].known = rules[0];
      later[0].known.struct_size = later[1].known.struct_size = sizeof later[0];
      later[1].known.name = "second";
      table.rules = &later[0].known; table.n_rules = 2; table.rule_stride = sizeof later[0];
      """
    let rules = try rules(TestPlugin(query: query))
    #expect(rules.map(\.name) == ["relu", "second"])
    #expect(rules.map(\.index) == [0, 1])
  }

  @Test func rulesOfAnEarlierVersionKeepDefaults() throws {
    let query = "rules[0].struct_size = offsetof(mezzo_rule, numerics); rules[0].when = \"rank(x) == 1\";"
    let rule = try #require(try rules(TestPlugin(query: query)).first)
    #expect(rule.accumulator == .float32)
    #expect(rule.traits == [])
    #expect(rule.cost.fixed == 0)
    #expect(rule.condition?.description == "rank(x) == 1")
  }

  @Test func rulesMayLieAtAnyAddress() throws {
    let query = """
      static char crooked[2 * (sizeof(mezzo_rule) + 1)];
      memcpy(crooked, rules, sizeof rules[0]);
      mezzo_rule second = rules[0];
      second.name = "second";
      memcpy(crooked + sizeof rules[0] + 1, &second, sizeof second);
      table.rules = (void *)crooked; table.n_rules = 2; table.rule_stride = sizeof rules[0] + 1;
      """
    #expect(try rules(TestPlugin(query: query)).count == 2)
  }

  @Test(arguments: ["table.rules = NULL;", "table.rule_stride = 8;", "table.n_rules = 70000;"])
  func ruleArraysThatCannotBeAreRefused(query: String) throws {
    #expect(try refusal(TestPlugin(query: query)).contains("rules of"))
  }

  @Test func noRulesAreNoDefect() throws {
    #expect(try rules(TestPlugin(query: "table.n_rules = 0; table.rules = NULL;")).isEmpty)
  }

  @Test func rulesForUnknownOperationsArePassedOver() throws {
    let rules = try rules(TestPlugin(rule: #".op = 9999, .name = "later", .sig = "not ours to read""#))
    #expect(rules.map(\.name) == ["relu"])
  }

  @Test(arguments: [
    (#".op = MEZZO_OP_ADD, .sig = "x:f32 -> y:f32""#, "its rule 1 lacks a name or a signature"),
    (#".op = MEZZO_OP_ADD, .name = "add""#, "its rule 1 lacks a name or a signature"),
    (#".op = MEZZO_OP_ADD, .name = "add", .sig = "x:f32""#, "its rule add cannot be read: expected a parameter's name"),
    (
      #".op = MEZZO_OP_ADD, .name = "add", .sig = "x:f32 -> y:f32", .when = "q > 1""#,
      "its rule add cannot be read: q is not known"
    ),
    (
      #".op = MEZZO_OP_ADD, .name = "add", .sig = "x:f32 -> y:f32", .numerics = {.accum = {2, 80, 1}}"#,
      "its rule add accumulates in a dtype of code 2 and 80 bits"
    ),
    (#".op = MEZZO_OP_ADD, .name = "a\nb", .sig = "x:f32 -> y:f32""#, "its rule 1 lacks a name or a signature"),
    (#".op = MEZZO_OP_ADD, .name = "\xff", .sig = "x:f32 -> y:f32""#, "its rule 1 lacks a name or a signature"),
    (#".op = MEZZO_OP_RELU, .name = "relu", .sig = "x:f32 -> y:f32""#, "two of its rules have the name relu"),
    (
      #".op = MEZZO_OP_ADD, .name = "add", .sig = "x:f32 -> y:f32", .cost = {.fixed_ns = 0.0 / 0.0}"#,
      "its rule add states fixed_ns = "
    ),
    (
      #".op = MEZZO_OP_ADD, .name = "add", .sig = "x:f32 -> y:f32", .cost = {.flop_per_ns = -1}"#,
      "its rule add states flop_per_ns = -1.0; expected a number of 0 or more"
    ),
    (
      #".op = MEZZO_OP_ADD, .name = "add", .sig = "x:f32 -> y:f32", .cost = {.byte_per_ns = 1.0 / 0.0}"#,
      "its rule add states byte_per_ns = inf"
    ),
    (
      #".op = MEZZO_OP_ADD, .name = "add", .sig = "x:f32 -> y:f32", .align = 48"#,
      "its rule add wants data aligned to 48 bytes; expected a power of two"
    ),
  ])
  func rulesThatCannotBeReadAreRefused(rule: String, message: String) throws {
    #expect(try refusal(TestPlugin(rule: rule)).hasPrefix(message))
  }
}
