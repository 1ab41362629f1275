import CMezzoHost
import Foundation
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// `mezzo backend check` on libraries that do something wrong on purpose.
@Suite struct BackendCheckTests {
  @Test func theReportIsForProgramsToo() throws {
    try TemplateLibrary.with { library, folder in
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
    try TemplateLibrary.with { library, folder in
      let claims = folder.appending(path: "claims.json").path
      #expect(try Command("backend", "check", library, "--claims", claims, "--level", "numerics").status == 0)
      #expect(try Command("backend", "check", library, "--claims", claims, "--level", "numerics").status == 0)
      try TemplateLibrary.with(replacing: [
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
    try TemplateLibrary.with(replacing: [("i < made->batch; i++) y[i]", "i <= made->batch; i++) y[i]")]) { library, _ in
      let command = try Command("backend", "check", library, "--level", "numerics")
      #expect(command.status == 1)
      for part in ["relu: level 2", "guard pages", "float32[", "it died of SIGSEGV"] {
        #expect(command.output.contains(part), "\(part) is missing in \(command.output)")
      }
    }
  }

  @Test func exitAndEndlessLoopsAreFindings() throws {
    // A sanitizer with something to say puts its own in place of it.
    let status = mezzo_is_sanitized() != 0 ? "" : "7"
    try TemplateLibrary.with(replacing: [("free(args->plan);", "exit(7);")]) { library, _ in
      let command = try Command("backend", "check", library, "--level", "numerics")
      #expect(
        command.status == 1 && command.output.contains("ended the process with status \(status)"), "\(command.output)")
    }
    try TemplateLibrary.with(replacing: [("args->self = NULL;", "for (volatile int i = 0; i == 0;) {}")]) {
      library, _ in
      let command = try Command("backend", "check", library, "--timeout", "1")
      #expect(command.status == 1 && command.output.contains("not ready after 1.0 s"), "\(command.output)")
    }
  }

  @Test func moreThanOneSymbolIsAFailure() throws {
    try TemplateLibrary.with(
      replacing: [("static void relu", "void relu")], flags: ["-Wno-missing-prototypes", "-fno-builtin"]
    ) { library, _ in
      let command = try Command("backend", "check", library, "--level", "load")
      #expect(command.status == 1 && command.output.contains("1 more: relu"), "\(command.output)")
    }
  }

  @Test func aTableOfAnotherVersionThanTheOfferIsAFailure() throws {
    try TemplateLibrary.with(replacing: [
      ("offer->major != backend.abi_major || offer->min_minor > backend.abi_minor", "offer->min_minor > 2000")
    ]) { library, _ in
      let command = try Command("backend", "check", library, "--level", "load")
      #expect(command.status == 1 && command.output.contains("the next major version alone"), "\(command.output)")
    }
  }

  @Test func unclaimedRequestsHaveToBeDeclined() throws {
    try TemplateLibrary.with(replacing: [("if (op->n_attrs > 0)", "if (op->n_attrs > 5)")]) { library, _ in
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
    try TemplateLibrary.with(replacing: host) { library, _ in
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
      #expect(command.status == 2 && command.error.contains("is not a shared library"), "\(command.error)")
      let pipe = folder.appending(path: "pipe.so").path
      #expect(mkfifo(pipe, 0o600) == 0)
      let waiting = try Command("backend", "check", pipe)
      #expect(waiting.status == 2 && waiting.error.contains("is not a regular file"), "\(waiting.error)")
      let manifest = folder.appending(path: "wrong.toml")
      try Data("manifest = 1\n[backend]\nid = \"builtin\"\n".utf8).write(to: manifest)
      let wrong = try Command("backend", "check", manifest.path)
      #expect(wrong.status == 2 && wrong.error.contains("wrong.toml:3:6: expected an id of its own"), "\(wrong.error)")
      let bound = folder.appending(path: "bound.toml")
      try """
      manifest = 1
      [backend]
      id = "bound"
      version = "1"
      [library]
      names = ["libmezzo-nowhere.so.7", "./libmezzo-nowhere.so"]
      [[bind]]
      name = "relu"
      op = "relu"
      sig = "x:f32 -> y:f32"
      when = "contiguous(x) and contiguous(y)"
      symbol = "rectify"
      args = [["size", "count(x)"], ["ptr", "x"], ["ptr", "y"]]
      """.write(to: bound, atomically: true, encoding: .utf8)
      let unbound = try Command("backend", "check", bound.path)
      #expect(unbound.status == 2 && unbound.error.contains("none of its libraries can be opened"), "\(unbound.error)")
      #expect(unbound.error.contains("install the library") && unbound.output.isEmpty, "\(unbound)")
      let new = try Command("backend", "new", "--lang", "c", "builtin")
      #expect(new.status == 64 && new.error.contains("found 'builtin'"), "\(new.error)")
    }
  }

  /// A library whose end is missing kills whoever opens it.
  @Test func aTruncatedLibraryIsNotOpened() throws {
    try TemplateLibrary.with { library, folder in
      let whole = try Data(contentsOf: URL(filePath: library))
      let part = folder.appending(path: "part.so")
      try whole.prefix(whole.count / 2).write(to: part)
      let command = try Command("backend", "check", part.path)
      #expect(command.status == 2 && command.error.contains("is truncated"), "\(command.error)")
    }
  }

  @Test func anIdThatIsTakenIsAFailure() throws {
    try TemplateLibrary.with(replacing: [(#".id = "template""#, #".id = "builtin""#)]) { library, _ in
      let command = try Command("backend", "check", library, "--level", "load")
      #expect(command.status == 1 && command.output.contains("its id is taken"), "\(command.output)")
    }
  }

  @Test func aRuleThatNoCaseReachesIsNotConforming() throws {
    let narrow = [("contiguous(x) and contiguous(y)", "contiguous(x) and contiguous(y) and rank(x) == 11")]
    try TemplateLibrary.with(replacing: narrow) { library, _ in
      let command = try Command("backend", "check", library, "--level", "numerics")
      #expect(command.status == 1 && command.error.contains("is not known to conform: no case reaches its rule relu"))
      #expect(command.output.contains("No case of the kit reaches the rule relu"), "\(command.output)")
      #expect(command.output.contains("rank(x) == 11"), "\(command.output)")
    }
    // What multiples meet is tried.
    let wide = [("contiguous(x) and contiguous(y)", "contiguous(x) and contiguous(y) and dim(x, -1) > 3000")]
    try TemplateLibrary.with(replacing: wide) { library, _ in
      let command = try Command("backend", "check", library, "--level", "numerics")
      #expect(command.status == 0, "\(command.output)")
    }
  }
}
