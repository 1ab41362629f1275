import Foundation
import Testing

/// `mezzo backend check` on libraries that do something wrong on purpose.
@Suite struct BackendCheckTests {
  private static let template = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Plugins/CTemplate/template.c")
  private static let headers = template.deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Sources/CMezzoABI/include")

  /// The template with `old` replaced, compiled.
  private func withLibrary(
    replacing changes: [(old: String, new: String)] = [], flags: [String] = ["-fvisibility=hidden"],
    _ body: (_ library: String, _ folder: URL) throws -> Void
  ) throws {
    try Project.with { folder in
      var text = try String(contentsOf: Self.template, encoding: .utf8)
      for (old, new) in changes {
        try #require(text.contains(old), "\(old)")
        text = text.replacingOccurrences(of: old, with: new)
      }
      let source = folder.appending(path: "backend.c")
      try text.write(to: source, atomically: true, encoding: .utf8)
      let library = folder.appending(path: "backend.so").path
      let compiled = try Project.run(
        URL(filePath: "/usr/bin/env"),
        ["cc", "-std=c11", "-O2", "-shared", "-fPIC", "-I", Self.headers.path] + flags + [source.path, "-o", library],
        in: folder)
      try #require(compiled.status == 0, "\(compiled.text)")
      try body(library, folder)
    }
  }

  @Test func theReportIsForProgramsToo() throws {
    try withLibrary { library, folder in
      let command = try Command("backend", "check", library, "--json")
      #expect(command.status == 0, "\(command.error)")
      let output = try command.json()
      #expect(output["conforms"] as? Bool == true)
      let report = try #require(output["report"] as? [String: Any])
      #expect(report["backend"] as? String == "template")
      #expect((report["rules"] as? [Any])?.count == 2)
      let table = try Command("backend", "check", library, "--table", "--level", "numerics").output
      #expect(table.contains("| relu | float32 -> float32 | `relu` | `contiguous(x) and contiguous(y)` |"), "\(table)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["backend.c", "backend.so"])
    }
  }

  @Test func claimsThatAreLostFail() throws {
    try withLibrary { library, folder in
      let claims = folder.appending(path: "claims.json").path
      #expect(try Command("backend", "check", library, "--claims", claims, "--level", "numerics").status == 0)
      #expect(try Command("backend", "check", library, "--claims", claims, "--level", "numerics").status == 0)
      try withLibrary(replacing: [
        ("contiguous(x) and contiguous(y)", "contiguous(x) and contiguous(y) and rank(x) > 1")
      ]) {
        narrower, _ in
        let command = try Command("backend", "check", narrower, "--claims", claims, "--level", "numerics")
        #expect(command.status == 1)
        #expect(command.output.contains("relu: relu float32 -> float32 passes"), "\(command.output)")
        #expect(command.error.contains("1 claim lost"), "\(command.error)")
      }
      try Data("{}".utf8).write(to: URL(filePath: claims))
      #expect(try Command("backend", "check", library, "--claims", claims, "--level", "numerics").status == 2)
    }
  }

  @Test func aCrashIsAFindingWithItsRequest() throws {
    // One element too far, which no canary sees.
    try withLibrary(replacing: [("i < made->batch; i++) y[i]", "i <= made->batch; i++) y[i]")]) { library, _ in
      // A sanitizer would end the process in its own way before the signal is seen.
      let sanitizers = ["ASAN_OPTIONS", "TSAN_OPTIONS"].map { ($0, "handle_segv=0:detect_leaks=0") }
      let command = try Command(
        "backend", "check", library, "--level", "numerics", environment: Dictionary(uniqueKeysWithValues: sanitizers))
      #expect(command.status == 1)
      for part in ["relu: level 2", "guard pages", "float32[", "its process"] {
        #expect(command.output.contains(part), "\(part) is missing in \(command.output)")
      }
    }
  }

  @Test func exitAndEndlessLoopsAreFindings() throws {
    try withLibrary(replacing: [("free(args->plan);", "exit(7);")]) { library, _ in
      let command = try Command("backend", "check", library, "--level", "numerics")
      #expect(command.status == 1 && command.output.contains("exited with status 7"), "\(command.output)")
    }
    try withLibrary(replacing: [("args->self = NULL;", "for (volatile int i = 0; i == 0;) {}")]) { library, _ in
      let command = try Command("backend", "check", library, "--timeout", "2")
      #expect(command.status == 1 && command.output.contains("nothing within 2 s"), "\(command.output)")
    }
  }

  @Test func moreThanOneSymbolIsAFailure() throws {
    try withLibrary(
      replacing: [("static void relu", "void relu")], flags: ["-Wno-missing-prototypes", "-fno-builtin"]
    ) { library, _ in
      let command = try Command("backend", "check", library, "--level", "load")
      #expect(command.status == 1 && command.output.contains("1 more: relu"), "\(command.output)")
    }
  }

  @Test func aTableOfAnotherVersionThanTheOfferIsAFailure() throws {
    try withLibrary(replacing: [
      ("offer->major != backend.abi_major || offer->min_minor > backend.abi_minor", "offer->min_minor > 2000")
    ]) { library, _ in
      let command = try Command("backend", "check", library, "--level", "load")
      #expect(command.status == 1 && command.output.contains("the next major version alone"), "\(command.output)")
    }
  }

  @Test func unclaimedRequestsHaveToBeDeclined() throws {
    try withLibrary(replacing: [("if (op->n_attrs > 0)", "if (op->n_attrs > 5)")]) { library, _ in
      let command = try Command("backend", "check", library, "--level", "decline")
      #expect(command.status == 1 && command.output.contains("mezzo_unknown"), "\(command.output)")
    }
  }

  @Test func withoutHostMemoryItSaysSo() throws {
    let host = [
      ("args->self = NULL;", "args->self = (void *)args->host;"),
      (
        "  (void)self;\n  const plan *made = args->plan;\n",
        "  const mezzo_host *host = self;\n  *(char *)host->alloc(host->ctx, 64, 64, 0) = 1;\n  const plan *made = args->plan;\n"
      ),
    ]
    try withLibrary(replacing: host) { library, _ in
      let command = try Command("backend", "check", library, "--level", "contract")
      #expect(command.status == 1 && command.output.contains("a host without memory"), "\(command.output)")
    }
  }

  @Test func whatIsNotThereCannotBeChecked() throws {
    let missing = try Command("backend", "check", "/nonexistent/backend.so")
    #expect(missing.status == 2 && missing.error.contains("no such file"), "\(missing.error)")
    try Project.with { folder in
      let file = folder.appending(path: "text.so")
      try Data("not a library".utf8).write(to: file)
      let command = try Command("backend", "check", file.path)
      #expect(command.status == 1 && command.output.contains("cannot be opened"), "\(command.output)")
    }
  }
}
