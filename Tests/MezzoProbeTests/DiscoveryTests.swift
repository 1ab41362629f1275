#if os(Linux)
  import Foundation
  import MezzoBackend
  import MezzoGraph
  import MezzoPolicy
  import MezzoRuntime
  import Testing

  @testable import MezzoPlugins

  /// What happens to files between the search path and the first operation.
  @Suite(.enabled(if: TestPlugin.compiler != nil)) struct DiscoveryTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func examine(_ path: String, isNamed: Bool = true, _ change: (inout Discovery) -> Void = { _ in }) throws
      -> Result<LazyBackend, Discovery.Refusal>
    {
      var discovery = Discovery.test(in: folder)
      change(&discovery)
      return try #require(discovery.examine([SearchPath.File(path: path, isNamed: isNamed)]).first).result
    }

    private func refusal(_ result: Result<LazyBackend, Discovery.Refusal>) -> String {
      if case .failure(let refusal) = result { refusal.reason } else { "it was not refused" }
    }

    private func relu(_ backend: any Backend) throws -> [Double] {
      let x = try Tensor([-1, 0, 2], shape: [3], dtype: .float32)
      return try Runtime(BackendRegistry([backend])).evaluate([x]) { [try $0[0].relu()] }[0].scalars()
    }

    @Test func aBackendIsOpenedByItsFirstOperation() throws {
      let backend = try examine(try TestPlugin().build(in: folder)).get()
      #expect(backend.id == "test" && backend.version == "1.2.3")
      #expect(!backend.isOpen)
      #expect(backend.verdict.cases > 0 && backend.verdict.costs.map(\.rule) == ["relu"])
      #expect(backend.verdict.libraries.contains { $0.hasSuffix("/plugin.so") })
      // Rules are what the library states, with what they took in the probe.
      let rule = try #require(backend.rules.first)
      #expect(rule.numerics.isDeterministic && rule.traits == [.reentrant, .deterministic])
      #expect(try #require(rule.measured).measuredNanoseconds > 0)
      #expect(backend.callKind(of: rule) == .foreign(arguments: 2))
      #expect(try relu(backend) == [0, 0, 2])
      #expect(backend.isOpen)
    }

    @Test func aVerdictIsKeptUntilTheFileChanges() throws {
      let first = try TestPlugin(execute: "abort();").build(in: folder, as: "one")
      let path = folder.file("backend.so")
      try FileManager.default.copyItem(atPath: first, toPath: path)
      #expect(refusal(try examine(path)).contains("in quarantine: it died of SIGABRT, in phase execute of rule relu"))
      // Known without a probe: this helper could not run one.
      let known = try examine(path) { $0.helper = .success("/bin/false") }
      #expect(refusal(known).contains("it cannot be tried"), "another helper's verdicts do not count")
      let helper = try Discovery.test(in: folder).helper.get()
      let key = VerdictCache.key(try BackendFile(path), helper: helper)
      #expect(Discovery.test(in: folder).cache.outcome(key) != nil)
      // A better version heals it.
      let second = try TestPlugin().build(in: folder, as: "two")
      try FileManager.default.removeItem(atPath: path)
      try FileManager.default.copyItem(atPath: second, toPath: path)
      #expect(try relu(try examine(path).get()) == [0, 0, 2])
      #expect(Discovery.test(in: folder).cache.outcome(key) == nil, "the verdict on the old version is gone")
    }

    @Test func aDamagedVerdictIsNone() throws {
      let path = try TestPlugin().build(in: folder)
      _ = try examine(path).get()
      let verdicts = folder.file("verdicts")
      let names = try FileManager.default.contentsOfDirectory(atPath: verdicts)
      #expect(names.count == 1 && names.allSatisfy { $0.hasSuffix(".json") })
      for name in names { try Data("{".utf8).write(to: URL(filePath: "\(verdicts)/\(name)")) }
      #expect(try examine(path).get().id == "test")
    }

    @Test func anUnknownFileNeedsApproval() throws {
      let path = try TestPlugin().build(in: folder)
      #expect(refusal(try examine(path, isNamed: false)).contains("'mezzo backend trust \(path)'"))
      #expect(try examine(path, isNamed: false) { $0.allowsUntrusted = true }.get().id == "test")
      let approved = Discovery.test(in: folder).approved
      try approved.approve(try BackendFile(path))
      #expect(try examine(path, isNamed: false).get().id == "test")
      // Approving is by content: another file of that name is not approved.
      let other = try TestPlugin(open: "args->self = \"self\";", declarations: "int other;").build(
        in: folder, as: "other")
      try FileManager.default.removeItem(atPath: path)
      try FileManager.default.copyItem(atPath: other, toPath: path)
      #expect(refusal(try examine(path, isNamed: false)).contains("nobody vouches"))
    }

    @Test func withoutAHelperNothingIsLoaded() throws {
      let path = try TestPlugin().build(in: folder)
      let result = try examine(path) { $0.helper = .failure(.init(message: "add the product")) }
      #expect(refusal(result) == "it cannot be tried: add the product")
      let silent = try examine(path) { $0.helper = .success("/bin/true") }
      #expect(refusal(silent).contains("ended before it began"))
    }

    @Test func aFileThatChangedAfterItsProbeIsNotOpened() throws {
      let path = try TestPlugin().build(in: folder)
      let backend = try examine(path).get()
      try FileManager.default.removeItem(atPath: path)
      _ = try TestPlugin(execute: "abort();").build(in: folder)
      let runtime = Runtime(BackendRegistry([backend]))
      let x = try Tensor([1], shape: [1], dtype: .float32)
      #expect { try runtime.evaluate([x]) { [try $0[0].relu()] } } throws: {
        "\($0)".contains("changed after it was probed")
      }
    }

    @Test func aLibraryThatNeedsAnotherProcessorIsNotOpened() throws {
      let text = #"static const char cpu[] __attribute__((section(".mezzo.cpu"), used)) = "sse2 warp_drive";"#
      let path = try TestPlugin(
        declarations: "\(text)\n__attribute__((constructor)) static void boom(void) { abort(); }"
      )
      .build(in: folder)
      #expect(refusal(try examine(path)).contains("a processor with warp_drive"))
    }

    /// Symbols that are not static are called by their owners, although three libraries have them under one name.
    @Test func threeBackendsWithTheSameSymbolsStayApart() throws {
      var backends: [LazyBackend] = []
      for number in 1...3 {
        let plugin = TestPlugin(
          query: "table.id = \"b\(number)\";",
          execute: "if (mezzo_test_number() != \(number) || mezzo_test_value != \(number)) return MEZZO_INTERNAL;",
          declarations: "int mezzo_test_value = \(number);\nint mezzo_test_number(void) { return \(number); }")
        backends.append(try examine(try plugin.build(in: folder, as: "b\(number)")).get())
      }
      #expect(BackendRegistry(backends).backends.count == 3)
      for backend in backends + backends.reversed() { #expect(try relu(backend) == [0, 0, 2]) }
    }

    @Test func whatAPluginStartsEndsWithIt() throws {
      let marker = folder.file("started-")
      let plugin = TestPlugin(
        declarations: """
          #include <fcntl.h>
          #include <stdio.h>
          #include <unistd.h>
          __attribute__((constructor)) static void start(void) {
            if (fork() != 0) { sleep(1); _exit(0); }
            setsid();
            if (fork() != 0) _exit(0);
            char name[4096];
            snprintf(name, sizeof name, "%s%d", "\(marker)", getpid());
            close(open(name, O_CREAT | O_WRONLY, 0600));
            for (;;) pause();
          }
          """)
      #expect(refusal(try examine(try plugin.build(in: folder))).contains("in phase dlopen"))
      let started = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        .compactMap { $0.hasPrefix("started-") ? Int($0.dropFirst(8)) : nil }
      #expect(started.count == 1)
      for process in started {
        // It is killed by now, but on a busy machine has not run since to notice.
        let deadline = ContinuousClock.now + .seconds(20)
        while runs(process), ContinuousClock.now < deadline { usleep(10_000) }
        #expect(!runs(process))
      }
    }

    private func runs(_ process: Int) -> Bool {
      // It may still wait to be reaped.
      let state = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8))?
        .split(separator: ")").last?.split(separator: " ").first
      return state != nil && state != "Z" && state != "X"
    }
  }
#endif
