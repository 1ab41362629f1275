import CMezzoABI
import MezzoBackend
import MezzoPolicy
import Testing

@testable import MezzoPlugins

@Suite(.enabled(if: TestPlugin.compiler != nil)) struct NativeBackendTests {
  private let folder = try? TemporaryFolder()

  private func load(_ plugin: TestPlugin) throws -> NativeBackend {
    try NativeBackend(library: plugin.build(in: try #require(folder)))
  }

  private func refusal(_ plugin: TestPlugin) throws -> BackendError? {
    let path = try plugin.build(in: try #require(folder))
    return #expect(throws: BackendError.self) { try NativeBackend(library: path) }
  }

  // MARK: A plugin that works

  private static let values: [Float] = [-1.5, 2.5, 0, -0.0, .infinity, -.infinity, .leastNonzeroMagnitude]

  @Test func aPluginComputesThroughLibffi() throws {
    let backend = try load(TestPlugin())
    #expect(backend.id == "test")
    #expect(backend.version == "1.2.3")
    #expect(backend.origin.hasSuffix("plugin\(TestPlugin.suffix)"))
    #expect(backend.rules.map(\.name) == ["relu"])
    #expect(backend.rules[0].cost.fixed == 7)
    let operation = try backend.prepare(reluRequest(Self.values.count), rule: backend.rules[0], threads: 1)
    #expect(try execute(operation, on: Self.values) == [0, 2.5, 0, 0, .infinity, 0, .leastNonzeroMagnitude])
    #expect(try execute(operation, on: [Float](repeating: .nan, count: Self.values.count)).allSatisfy(\.isNaN))
  }

  @Test func theDirectCallGivesTheSameBits() throws {
    let path = try TestPlugin().build(in: try #require(folder))
    let table = try SharedLibrary(path: path, name: "test").table(for: "test")
    let results = try [CallConvention.foreign, .direct].map { convention in
      let backend = try NativeBackend(table: table, name: "test", origin: path, convention: convention)
      let operation = try backend.prepare(reluRequest(Self.values.count), rule: backend.rules[0], threads: 1)
      return try execute(operation, on: Self.values).map(\.bitPattern)
    }
    #expect(results[0] == results[1])
  }

  // MARK: Versions

  @Test func anotherMajorVersionIsRefused() throws {
    let error = try refusal(TestPlugin(query: "table.abi_major = 2;"))
    #expect(error?.kind == .unloadable)
    let message = "its table obeys ABI 2.0, this host speaks 1.0 to 1.\(MEZZO_ABI_MINOR); rebuild it"
    #expect(error?.message.hasPrefix(message) == true)
  }

  @Test func aLaterMinorVersionThanOfferedIsRefused() throws {
    #expect(try refusal(TestPlugin(query: "table.abi_minor = 9;"))?.message.contains("obeys ABI 1.9") == true)
  }

  @Test func noCommonVersionIsRefused() throws {
    let error = try refusal(TestPlugin(query: "return NULL;"))
    #expect(error?.message.hasPrefix("it does not speak ABI 1.0 to 1.\(MEZZO_ABI_MINOR)") == true)
  }

  @Test func theOfferStatesItsSizeAndVersions() throws {
    let checks = "if (offer->struct_size < sizeof *offer || offer->major != 1 || offer->min_minor > offer->max_minor)"
    #expect(try load(TestPlugin(query: checks + " return NULL;")).id == "test")
  }

  // MARK: Opening

  @Test func openSeesTheHostAndItsArguments() throws {
    let checks = """
      if (args->h.struct_size != sizeof *args || args->h.err == NULL || args->h.err->msg_cap < 64) return MEZZO_INTERNAL;
      if (args->host == NULL || args->host->threads(args->host->ctx) == 0) return MEZZO_INTERNAL;
      """
    #expect(try load(TestPlugin(open: checks)).id == "test")
  }

  @Test func openMayDecline() throws {
    let error = try refusal(TestPlugin(open: #"return say(args->h.err, MEZZO_UNSUPPORTED, "no accelerator found");"#))
    #expect(error == BackendError(backend: "test", kind: .declined(.device), message: "no accelerator found"))
  }

  @Test(arguments: [
    ("MEZZO_INTERNAL", BackendError.Kind.failed(status: 4)), ("MEZZO_OOM", .outOfMemory), ("-1", .failed(status: -1)),
  ])
  func openMayFail(status: String, kind: BackendError.Kind) throws {
    let error = try refusal(TestPlugin(open: "return \(status);"))
    #expect(error == BackendError(backend: "test", kind: kind, message: "it gave no reason"))
  }

  @Test func aMessageLongerThanItsBufferIsCut() throws {
    let error = try refusal(
      TestPlugin(
        open: """
          memset(args->h.err->msg, 'x', args->h.err->msg_cap);
          args->h.err->msg_len = 1000000;
          return MEZZO_INTERNAL;
          """))
    #expect(error?.message.allSatisfy { $0 == "x" } == true)
    #expect((64..<10_000).contains(error?.message.count ?? 0))
  }

  @Test func aMessageInTheBackendsOwnMemoryIsNotFreed() throws {
    let error = try refusal(
      TestPlugin(open: #"args->h.err->msg = "mine"; args->h.err->msg_len = 4; return MEZZO_INTERNAL;"#))
    #expect(error?.message == "it gave no reason")
  }

  // MARK: Planning

  private func prepareError(_ plugin: TestPlugin, _ request: OperationRequest = reluRequest(4)) throws -> BackendError?
  {
    let backend = try load(plugin)
    return #expect(throws: BackendError.self) { try backend.prepare(request, rule: backend.rules[0], threads: 1) }
  }

  @Test func planMayDecline() throws {
    let plugin = TestPlugin(plan: #"return say(args->h.err, MEZZO_UNSUPPORTED, "too small");"#)
    let error = try prepareError(plugin)
    #expect(error?.isDecline == true)
    #expect(error?.message == "too small")
  }

  @Test(arguments: [
    ("args->workspace = UINT64_MAX;", "a workspace of \(Int.max) bytes"),
    ("args->workspace = 1ull << 41;", "a workspace of"),
    ("args->n_epilogue = 1;", "1 steps of an epilogue of 0"),
    ("args->n_epilogue = UINT32_MAX;", "4294967295 steps"),
    ("args->packed_bytes = UINT64_MAX;", "and the packing"),
    ("args->packed_bytes = 64; args->packed_operand = 1;", "and the packing"),
    ("args->packed_bytes = 64; args->packed_operand = UINT32_MAX;", "and the packing"),
    ("args->packed_bytes = 64;", "packs operand 0, which is not constant"),
    ("args->packed_bytes = 64; table.pack = NULL;", "packs operand 0"),
  ])
  func absurdPlansAreRefusedAndReleased(plan: String, reason: String) throws {
    // A second plan declines while the first is alive.
    let plugin = TestPlugin(
      plan: #"if (live) return say(args->h.err, MEZZO_UNSUPPORTED, "one at a time"); live = 1;"# + plan,
      release: "live = 0;", declarations: "static int live; static mezzo_backend table;")
    let backend = try load(plugin)
    for _ in 0..<2 {
      let error = #expect(throws: BackendError.self) {
        try backend.prepare(reluRequest(4), rule: backend.rules[0], threads: 1)
      }
      #expect(error?.kind == .invalid)
      #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
    }
  }

  @Test func aPackingWithoutAPackFunctionIsRefused() throws {
    let plugin = TestPlugin(query: "table.pack = NULL;", plan: "args->packed_bytes = 64;")
    let error = try prepareError(plugin, reluRequest(4, isConstant: true))
    #expect(error?.message.contains("has no pack function") == true)
  }

  @Test func aRequestThatCannotCrossTheBoundaryIsDeclined() throws {
    let request = OperationRequest(
      .relu, inputs: [Operand(dtype: .string, shape: [1])], results: [Operand(dtype: .string, shape: [1])])
    #expect(try prepareError(TestPlugin(), request)?.kind == .declined(.dtype))
  }
}
