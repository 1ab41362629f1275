import MezzoBackend
import Testing

@testable import MezzoPlugins

@Suite struct BackendRegistryTests {
  private final class Stub: Backend {
    let id, origin: String
    let version = "1"
    let rules: [Rule] = []

    init(_ id: String, origin: String = "here") { (self.id, self.origin) = (id, origin) }

    func prepare(_ request: OperationRequest, rule: Rule, threads: Int) throws(BackendError) -> any PreparedOperation {
      throw BackendError(backend: id, kind: .declined(.operation), message: "a stub")
    }
  }

  private func plugin(_ id: String) -> TestPlugin { TestPlugin(query: "table.id = \"\(id)\";") }

  @Test func backendsKeepTheirOrder() {
    let registry = BackendRegistry([Stub("b"), Stub("a"), Stub("c")])
    #expect(registry.backends.map(\.id) == ["b", "a", "c"])
    #expect(registry.refused.isEmpty)
    #expect(BackendRegistry().entries.isEmpty)
  }

  @Test func anIdIsTakenOnce() {
    let registry = BackendRegistry([Stub("a", origin: "first"), Stub("a", origin: "second")])
    #expect(registry.backends.map(\.origin) == ["first"])
    #expect(registry.refused.map(\.path) == ["second"])
    #expect(registry.refused.first?.reason == "there is already a backend a, from first; ids are unique")
  }

  @Test func aRefusedEntryDoesNotHideADuplicate() {
    var registry = BackendRegistry()
    registry.load(library: "/nowhere", expecting: "a")
    registry.register(Stub("a", origin: "first"))
    registry.register(Stub("a", origin: "second"))
    #expect(registry.backends.map(\.origin) == ["first"])
    #expect(registry.refused.count == 2)
  }

  @Test func aLibraryThatCannotBeOpenedKeepsItsReason() {
    var registry = BackendRegistry()
    registry.load(library: "/nowhere/libx.so")
    registry.load(library: "/nowhere/liby.so", expecting: "y")
    #expect(registry.refused.map(\.name) == ["libx.so", "y"])
    #expect(registry.refused.map(\.path) == ["/nowhere/libx.so", "/nowhere/liby.so"])
    #expect(registry.refused.first?.reason == "/nowhere/libx.so: No such file or directory")
  }

  @Test(.enabled(if: TestPlugin.compiler != nil)) func anOpenThatDeclinesIsHeard() throws {
    let folder = try TemporaryFolder()
    let declining = TestPlugin(open: #"return say(args->h.err, MEZZO_UNSUPPORTED, "plug the device in");"#)
    var registry = BackendRegistry()
    registry.load(library: try declining.build(in: folder, as: "declining"), isProbed: false)
    registry.load(library: try TestPlugin().build(in: folder, as: "working"), isProbed: false)
    #expect(registry.entries.map(\.name) == ["test", "test"])
    #expect(registry.refused.map(\.reason) == ["plug the device in"])
    #expect(registry.backends.count == 1)
  }

  // MARK: Discovery

  @Test(.enabled(if: TestPlugin.compiler != nil)) func thePathIsSearchedInOrder() throws {
    let folder = try TemporaryFolder()
    for (name, id) in [("50-b", "b"), ("10-a", "a")] { _ = try plugin(id).build(in: folder, as: name) }
    var registry = BackendRegistry([Stub("builtin", origin: "linked into the program")])
    registry.discover(
      bundled: [], path: "relative:\(folder.path):/nowhere/c.so", choice: nil, folders: [],
      with: .trusting(in: folder))
    #expect(registry.backends.map(\.id) == ["builtin", "a", "b"])
    #expect(registry.refused.map(\.path) == ["relative", "/nowhere/c.so"])
  }

  @Test(
    .enabled(if: TestPlugin.compiler != nil),
    arguments: Sample.every(
      3,
      of: [
        ("only:a", ["builtin", "a"]), ("only:a,b", ["builtin", "a", "b"]), ("only:", ["builtin"]),
        ("-a", ["builtin", "b"]), ("-a,-b", ["builtin"]), ("-builtin", ["builtin", "a", "b"]),
        ("", ["builtin", "a", "b"]),
      ]))
  func aChoiceLeavesBackendsOut(choice: String, expected: [String]) throws {
    let folder = try TemporaryFolder()
    for id in ["a", "b"] { _ = try plugin(id).build(in: folder, as: id) }
    var registry = BackendRegistry([Stub("builtin", origin: "linked into the program")])
    registry.discover(
      bundled: [], path: folder.path + ":relative", choice: choice, folders: [], with: .trusting(in: folder))
    #expect(registry.backends.map(\.id) == expected)
    let reasons = registry.refused.map { "\($0.name): \($0.reason)" }.sorted()
    // What was refused for another reason keeps it.
    #expect(reasons.contains { $0.hasPrefix("relative: MEZZO_BACKEND_PATH takes absolute paths only") })
    #expect(reasons.count { $0.hasSuffix("left out by MEZZO_BACKENDS=\(choice)") } == 3 - expected.count)
  }

  @Test func aBundledLibraryThatIsNotThereSaysWhatToDo() {
    var registry = BackendRegistry()
    registry.discover(
      bundled: [.init(id: "x", product: "MezzoNothing", advice: "build it")], path: nil, choice: nil, folders: [],
      with: .standard)
    #expect(registry.refused.map(\.name) == ["x"])
    #expect(registry.refused.first?.reason.hasSuffix("does not exist; build it") == true)
  }
}

extension Discovery {
  /// What is found needs nobody's approval, and no verdict is kept.
  static func trusting(in folder: TemporaryFolder) -> Discovery {
    Discovery(
      helper: ProbeHelper.find(), cache: VerdictCache(), approved: TrustFile(path: folder.file("trust.toml")),
      allowsUntrusted: true)
  }
}
