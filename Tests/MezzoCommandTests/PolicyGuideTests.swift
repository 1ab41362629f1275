import Foundation
import Mezzo
import Testing

/// The examples of Docs/Policies.md, which are the code between the lines here, and what it shows of the command.
@Suite struct PolicyGuideTests {
  private static func page() throws -> String {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return try String(contentsOf: root.appending(path: "Docs/Policies.md"), encoding: .utf8)
  }

  private static func blocks(_ language: String, _ page: String) -> [String] {
    page.components(separatedBy: "```\(language)\n").dropFirst().compactMap { $0.components(separatedBy: "```").first }
  }

  @Test func everyExampleIsRunHere() throws {
    let source = Self.lines(try String(contentsOfFile: #filePath, encoding: .utf8))
    let examples = Self.blocks("swift", try Self.page())
    #expect(examples.count == 13)
    for example in examples {
      #expect(source.contains(Self.lines(example)), "not in PolicyGuideTests: \(example)")
    }
  }

  @Test func theOutputIsThatOfTheCommand() throws {
    let shown = Self.blocks("", try Self.page()).filter { $0.hasPrefix("$ mezzo ") }
    #expect(shown.count == 2)
    for block in shown {
      let line = block.prefix { $0 != "\n" }
      let command = try Command(arguments: line.split(separator: " ").dropFirst(2).map(String.init))
      #expect(command.status == 0 && block == "\(line)\n\(command.output)", "\(line)\n\(command.output)")
    }
  }

  /// Without indentation, which differs inside of a function.
  private static func lines(_ text: String) -> String {
    text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: "\n")
  }

  @Test func names() throws {
    let policy = try DTypePolicy("mixed_bfloat16")
    print(policy.computeDType ?? .float32, policy.variableDType ?? .float32)  // bfloat16 float32
    #expect(policy == .mixedBFloat16)

    let spoken = try DTypePolicy(compute: .bfloat16, output: .float32, operations: ["softmax": .float32])
    print(spoken.name)  // params=float32,compute=bfloat16,output=float32,op.softmax=float32
    print(try DTypePolicy("c=bf16,o=f32,op.softmax=f32") == spoken)  // true
    #expect(spoken.name == "params=float32,compute=bfloat16,output=float32,op.softmax=float32")
    #expect(try DTypePolicy("c=bf16,o=f32,op.softmax=f32") == spoken)
  }

  /// In an environment of its own, since other tests follow that of the process.
  @Test func globalState() throws {
    try withPolicyEnvironment(PolicyEnvironment()) {
      try setFloatx(.float16)
      print(globalPolicy())  // <Policy "float16">
      try setGlobalPolicy("mixed_bfloat16")
      print(globalPolicy())  // <Policy "mixed_bfloat16">
      try setGlobalPolicy(nil)  // unsets it, and floatx decides again
      #expect(globalPolicy() == .float16)
    }

    let tenant = PolicyEnvironment()
    try tenant.setGlobalPolicy("mixed_bfloat16")
    let model = withPolicyEnvironment(tenant) { Model { Dense(10) } }
    #expect(model.layer.policy == .mixedBFloat16)
  }

  @Test func scopes() async throws {
    @Sendable func layer() async -> Dense {
      await Task.yield()
      return Dense(1)
    }
    await withPolicy(.mixedFloat16) {
      async let inherited = layer()
      async let other = withPolicy(.float64) { await layer() }
      print(await inherited.policy, await other.policy)  // <Policy "mixed_float16"> <Policy "float64">
    }
    await withPolicy(.mixedFloat16) {
      async let inherited = layer()
      #expect(await inherited.policy == .mixedFloat16)
    }
  }

  @Test func mapsAndFiles() throws {
    let map = try DTypePolicyMap(default: .mixedBFloat16, ["head": .float32, "encoder[.].*": .float64])
    let mapped = Model(Sequential([Dense(8, name: "body"), Dense(2, name: "head")]), policyMap: map)
    try mapped.build(input: [1, 3])
    #expect(try mapped.policies["body"] == .mixedBFloat16 && mapped.policies["head"] == .float32)

    let path = FileManager.default.temporaryDirectory.appending(path: "policies-\(UUID()).json").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try PolicyFile(policy: .mixedBFloat16, map: map).write(to: path)
    let file = try PolicyFile(contentsOf: path)
    #expect(file == PolicyFile(policy: .mixedBFloat16, map: map))
    let printed = try #require(Self.blocks("json", try Self.page()).first)
    let shown = try PolicyFile(json: Array(printed.utf8))
    #expect(shown.policy == .mixedBFloat16 && shown.map?["head"] == .float32)
  }

  @Test func strictModels() throws {
    let environment = PolicyEnvironment()
    environment.isStrict = true
    func build() throws {
      let strict = withPolicyEnvironment(environment) { Model(Dense(2, policy: .mixedBFloat16)) }
      try strict.build(input: [1, 3])  // LayerError.undeclaredCast: put Cast(to: .bfloat16) before it
    }
    let error = #expect(throws: LayerError.self) { try build() }
    #expect(error?.description.contains("put Cast(to: .bfloat16) before it") == true)
  }

  @Test(arguments: ["float8", "int4", "int4/32", "gptq/4/128", "awq/4/128"])
  func weightsThatNoLayerComputesWithAreRefused(mode: String) throws {
    let model = Model(Dense(2, policy: try DTypePolicy("\(mode)_from_float32")), runtime: .builtinOnly())
    let error = #expect(throws: LayerError.self) { try model.build(input: [1, 3]) }
    guard case .quantizedPolicy? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func otherPoliciesForAModel() throws {
    let model = Model(Sequential([Dense(8), Dense(2)]), runtime: .builtinOnly())
    let images = try Tensor(zeros: TensorType(.float32, [4, 16]))
    try model.build(input: images.type)
    let before = try model.variables
    let change = try model.repolicy(
      DTypePolicyMap(default: .mixedBFloat16, ["dense_1": .float32]), sample: images, tolerance: 0.05)
    print(change.layers.count, change.outputs?.relative ?? 0)
    try change.undo()  // the very weights and policies of before
    #expect(try model.variables == before && model.policies["dense"] == .float32)

    for layer in try model.explainPolicies(input: TensorType(.float32, [1, 16])).layers {
      print(layer.record.path, layer.record.policy, layer.record.policy.origin, layer.casts)
    }
  }

  @Test func lossScales() throws {
    var scale = LossScale.dynamic()
    let event = scale.update(gradientsAreFinite: false)
    print(event.appliesStep, scale.value)  // false 16384.0
    #expect(!event.appliesStep && scale.value == 16384)

    var health = LossScaleHealth()
    for event in health.record(scale.update(gradientsAreFinite: false), scale: scale.value) { print(event) }
    #expect(health.summary.skips == 1)

    let old = try Experimental.Policy("mixed_float16", lossScale: .fixed(128))
    print(old.dtypePolicy, old.lossScale?.value ?? 1)  // <Policy "mixed_float16"> 128.0
    #expect(old.lossScale?.value == 128)
  }
}
