import CMezzoABI
import Foundation
import MezzoBackend
import MezzoPolicy
import Testing

@testable import MezzoPlugins

/// Every kept header against this host, and this header against hosts of every kept one, with structs that are shorter and
/// longer than the other side's and with garbage where nobody may look.
@Suite(.enabled(if: TestPlugin.compiler != nil)) struct ABIVersionTests {
  private let folder = try? TemporaryFolder()
  /// What is compiled once for all tests: programs and libraries by their names.
  private static let products = Locked<[String: String]>([:])
  private static let productFolder = try? TemporaryFolder()

  private func product(
    _ headers: ReleasedHeaders, _ source: String, _ options: [String], suffix: String = ""
  ) throws -> String {
    let name = "\(headers.version)-\(source)\(options.joined())\(suffix)"
    let (folder, compiler) = (try #require(Self.productFolder), try #require(TestPlugin.compiler))
    return try Self.products.withLock { products in
      if let known = products[name] { return known }
      let path = folder.file(name)
      try headers.compile(ReleasedHeaders.source(source), options, to: path, compiler: compiler)
      products[name] = path
      return path
    }
  }

  /// The backend of `Tests/ABI`, compiled with `options`.
  private func plugin(_ headers: ReleasedHeaders, _ options: [String] = []) throws -> String {
    try product(
      headers, "plugin.c", ["-shared", "-fPIC", "-fvisibility=hidden"] + options, suffix: TestPlugin.suffix)
  }

  static let forms = [[], ["-DTRUNCATED"], ["-DPADDED"]]

  @Test func thereIsAKeptHeader() { #expect(ReleasedHeaders.kept.map(\.version).contains("1.0")) }

  @Test(arguments: ReleasedHeaders.all, forms)
  func backendsOfEveryVersionWorkInThisHost(headers: ReleasedHeaders, form: [String]) throws {
    let backend = try NativeBackend(library: try plugin(headers, form))
    #expect(backend.rules.map(\.name) == ["relu.f32", "matmul.f32"])
    let relu = try backend.prepare(reluRequest(4), rule: backend.rules[0], threads: 2)
    #expect(try execute(relu, on: [1, -2, .infinity, -0.5]) == [1, 0, .infinity, 0])
    let product = OperationRequest(
      .matmul, attributes: [Attribute("alpha", .float(2))],
      inputs: [
        Operand(dtype: .float32, shape: [1, 2]), Operand(dtype: .float32, shape: [2, 1], isConstant: true),
        Operand(dtype: .float32, shape: [1]),
      ], results: [Operand(dtype: .float32, shape: [1, 1])], epilogue: [.bias(operand: 2)])
    let prepared = try backend.prepare(product, rule: backend.rules[1], threads: 2)
    #expect(prepared.consumedEpilogue == 1)
    #expect(prepared.workspaceBytes == 8)
    #expect(prepared.packing == Packing(operand: 1, bytes: 16, key: [0x7065_7374_2066_6f72, 64]))
    var unknown = product
    unknown.attributes = [Attribute("gamma", .float(2))]
    let error = #expect(throws: BackendError.self) {
      try backend.prepare(unknown, rule: backend.rules[1], threads: 2)
    }
    #expect(error?.kind == .declined(.attribute))
  }

  static let modes = ["plain", "truncated", "padded", "poisoned", "short"]

  @Test(arguments: ReleasedHeaders.all, modes)
  func hostsOfEveryVersionTakeBackendsOfThisOne(headers: ReleasedHeaders, mode: String) throws {
    let host = try product(headers, "host.c", [])
    for form in Self.forms {
      let library = try plugin(.current, form)
      for operation in ["relu", "matmul"] {
        #expect(try ReleasedHeaders.run(host, [library, operation, mode]) == "ok", "\(form) \(operation)")
      }
    }
  }

  /// What needs more than a host has says so before anything is called.
  @Test(arguments: ReleasedHeaders.all) func aBackendOfALaterVersionDeclines(headers: ReleasedHeaders) throws {
    let host = try product(headers, "host.c", [])
    let later = try plugin(.current, ["-DMINOR=9"])
    #expect(try ReleasedHeaders.run(host, [later, "relu", "plain"]) == "declines")
    let error = #expect(throws: BackendError.self) { try NativeBackend(library: later) }
    #expect(error?.message.contains("does not speak ABI 1.0 to 1.\(MEZZO_ABI_MINOR)") == true)
  }

  /// Offsets, sizes of members and numbers of a released header are those of this one: structs grew at their end only.
  @Test(arguments: ReleasedHeaders.kept, HeaderContents.names)
  func nothingThatWasReleasedHasMoved(headers: ReleasedHeaders, name: String) throws {
    let contents = HeaderContents(try headers.text(name))
    #expect(contents.members.count > 20)
    #expect(contents.numbers.count >= 3)
    let source = try #require(folder).file("\(headers.version)-\(name).c")
    try contents.program(including: name).write(toFile: source, atomically: true, encoding: .utf8)
    var printed: [String] = []
    for side in [headers, .current] {
      let program = source + side.version
      try side.compile(source, [], to: program, compiler: try #require(TestPlugin.compiler))
      printed.append(try ReleasedHeaders.run(program, []))
    }
    #expect(printed[0].split(separator: "\n").count == contents.members.count + contents.numbers.count)
    #expect(printed[0] == printed[1])
  }

  /// A header that says something else than the released one of its version has to state another.
  @Test(arguments: HeaderContents.names) func aReleasedVersionDoesNotChange(name: String) throws {
    let version = "\(MEZZO_ABI_MAJOR).\(MEZZO_ABI_MINOR)"
    guard let released = ReleasedHeaders.kept.first(where: { $0.version == version }) else { return }
    #expect(
      HeaderContents.code(try ReleasedHeaders.current.text(name)) == HeaderContents.code(try released.text(name)),
      "\(name) has changed since \(version) was released: raise MEZZO_ABI_MINOR")
  }
}
