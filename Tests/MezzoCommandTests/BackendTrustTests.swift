import Foundation
import Testing

/// `mezzo backend list`, `trust` and `retry` on a backend that lies in a user's folder.
@Suite struct BackendTrustTests {
  /// A user's folders, with nothing in them.
  private struct User {
    let folder: URL
    var backends: URL { folder.appending(path: "data/mezzo/backends.d") }

    var environment: [String: String] {
      [
        "HOME": folder.path, "XDG_CONFIG_HOME": folder.appending(path: "config").path,
        "XDG_DATA_HOME": folder.appending(path: "data").path,
        "MEZZO_CACHE_DIR": folder.appending(path: "cache").path,
      ]
    }

    func run(_ arguments: String...) throws -> Command {
      try Command(arguments: arguments, backends: nil, environment: environment)
    }

    /// How the backend in that file is listed.
    func entry(of file: String) throws -> [String: Any] {
      let list = try run("backend", "list", "--json").jsonList()
      return try #require(list.first { $0["path"] as? String == file }, "\(list)")
    }

    /// Ends `mezzo backend list` while a probe waits, as the file `wait` makes it, and sees that the probe ends too.
    func interrupt(whileItWaitsFor wait: String) throws {
      let files = FileManager.default
      #expect(files.createFile(atPath: wait, contents: nil))
      defer { try? files.removeItem(atPath: wait) }
      let process = Process()
      process.executableURL = try Command.executable
      process.arguments = ["backend", "list"]
      process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("MEZZO_") }
        .merging(environment) { $1 }
      process.standardOutput = FileHandle.nullDevice
      process.standardError = FileHandle.nullDevice
      try process.run()
      var started: String?
      for _ in 0..<3000 where started == nil {
        usleep(10_000)
        started = try files.contentsOfDirectory(atPath: folder.path).first { $0.hasPrefix("started-") }
      }
      process.terminate()
      process.waitUntilExit()
      #expect(process.terminationReason == .uncaughtSignal)
      let name = try #require(started, "no probe began")
      try files.removeItem(atPath: folder.appending(path: name).path)
      let probe = try #require(pid_t(name.dropFirst("started-".count)))
      #if os(Linux)
        for _ in 0..<500 where kill(probe, 0) == 0 { usleep(10_000) }
        #expect(kill(probe, 0) != 0, "the probe runs on without its program")
      #endif
    }

    func put(_ library: String) throws -> String {
      try FileManager.default.createDirectory(at: backends, withIntermediateDirectories: true)
      let file = backends.appending(path: "50-mine.so")
      try? FileManager.default.removeItem(at: file)
      try FileManager.default.copyItem(atPath: library, toPath: file.path)
      return URL(filePath: file.path).resolvingSymlinksInPath().path
    }
  }

  @Test func aBackendIsApprovedQuarantinedAndTriedAgain() throws {
    try TemplateLibrary.with { right, folder in
      let user = User(folder: folder)
      let file = try user.put(right)

      let unknown = try user.entry(of: file)
      #expect(unknown["state"] as? String == "refused" && unknown["trust"] as? String == "unknown")
      #expect((unknown["reason"] as? String)?.contains("mezzo backend trust \(file)") == true, "\(unknown)")

      let shown = try user.run("backend", "trust", "--dry-run", file)
      #expect(shown.status == 0 && shown.output.contains("sha256") && !shown.output.contains("approved in"))
      #expect(try user.entry(of: file)["state"] as? String == "refused")

      let trusted = try user.run("backend", "trust", file, "--json").json()
      #expect((trusted["approvedIn"] as? String)?.hasSuffix("trust.toml") == true, "\(trusted)")
      let ready = try user.entry(of: file)
      #expect(ready["state"] as? String == "ready" && ready["trust"] as? String == "approved", "\(ready)")
      #expect(ready["name"] as? String == "template" && ready["rules"] as? Int == 2)
      let text = try user.run("backend", "list").output
      #expect(text.contains("template 1.0.0") && text.contains("matmul"), "\(text)")

      // Another file under that name is nobody's choice.
      let broken = try TemplateLibrary.build(
        replacing: [("  float *result = data", "  abort();\n  float *result = data")], in: folder, as: "broken")
      #expect(try user.put(broken) == file)
      #expect(try user.entry(of: file)["trust"] as? String == "unknown")
      #expect(try user.run("backend", "trust", file).status == 0)
      let quarantined = try user.entry(of: file)
      #expect(quarantined["state"] as? String == "quarantined")
      #expect((quarantined["reason"] as? String)?.contains("SIGABRT") == true, "\(quarantined)")
      #expect((quarantined["reason"] as? String)?.contains("mezzo backend retry \(file)") == true)

      let retried = try user.run("backend", "retry", file, "--json")
      #expect(retried.status == 0, "\(retried.error)")
      #expect(try retried.jsonList().map { $0["state"] as? String } == ["quarantined"])
    }
  }

  @Test func aDamagedListOfApprovalsIsToldOfAndKept() throws {
    try TemplateLibrary.with { library, folder in
      let user = User(folder: folder)
      let file = try user.put(library)
      #expect(try user.run("backend", "trust", file).status == 0)
      let trust = folder.appending(path: "config/mezzo/trust.toml")
      let whole = try String(contentsOf: trust, encoding: .utf8)
      let damaged = whole + "\n[[file]]\npath = \"/opt/other.so\"\nsha256 = 12\n"
      try Data(damaged.utf8).write(to: trust)
      let line = damaged.split(separator: "\n", omittingEmptySubsequences: false).count - 1

      let list = try user.run("backend", "list")
      #expect(list.error.contains("trust.toml:\(line):10: expected a string for sha256"), "\(list.error)")
      #expect(try user.entry(of: file)["trust"] as? String == "approved", "the other entries hold")
      // Another approval goes beside it.
      let other = try TemplateLibrary.build(replacing: [("1.0.0", "1.0.1")], in: folder, as: "other")
      let again = try user.run("backend", "trust", other)
      #expect(again.status == 0 && again.error.contains("trust.toml:\(line):10"), "\(again.error)")
      let text = try String(contentsOf: trust, encoding: .utf8)
      #expect(text.hasPrefix(damaged) && text.contains("other.so"), "\(text)")

      // What cannot be read as text is left alone.
      try Data([0xFF, 0xFE, 0x00]).write(to: trust)
      let refused = try user.run("backend", "trust", file)
      #expect(refused.status != 0 && refused.error.contains("trust.toml"), "\(refused.error)")
      #expect(try Data(contentsOf: trust) == Data([0xFF, 0xFE, 0x00]))
    }
  }

  #if os(Linux) && (arch(x86_64) || arch(arm64))
    /// A backend that wants to take the program with it which tries it does not get at it.
    @Test func whoReachesForTheProgramThatTriesItIsInQuarantine() throws {
      let killer = """
        #include <signal.h>
        #include <stdio.h>
        #include <unistd.h>
        int kill(int, int);
        __attribute__((constructor)) static void attack(void) {
          char name[64];
          int host = 0;
          snprintf(name, sizeof name, "/proc/%d/stat", (int)getppid());
          FILE *file = fopen(name, "r");
          if (file && fscanf(file, "%*d %*s %*c %d", &host) == 1 && host > 1) kill(host, SIGKILL);
        }
        """
      try TemplateLibrary.with(replacing: [("#include <stdlib.h>", "#include <stdlib.h>\n\(killer)")]) {
        library, folder in
        let user = User(folder: folder)
        let file = try user.put(library)
        #expect(try user.run("backend", "trust", file).status == 0)
        let entry = try user.entry(of: file)
        #expect(entry["state"] as? String == "quarantined", "\(entry)")
        #expect((entry["reason"] as? String)?.contains("SIGSYS, as it reached for another process") == true, "\(entry)")
      }
    }
  #endif

  /// Whose program was ended once in the middle of a probe is probed again; after the second time in a row, no more.
  @Test func anInterruptedProbeIsRepeatedOnce() throws {
    try Project.with { folder in
      let wait = folder.appending(path: "wait").path
      let waiting = """
        #include <fcntl.h>
        #include <stdio.h>
        #include <unistd.h>
        __attribute__((constructor)) static void wait_here(void) {
          char name[4096];
          if (access("\(wait)", F_OK) != 0) return;
          snprintf(name, sizeof name, "\(folder.path)/started-%d", (int)getpid());
          close(open(name, O_CREAT | O_WRONLY, 0600));
          for (;;) pause();
        }
        """
      let user = User(folder: folder)
      func put(_ version: String) throws -> String {
        let library = try TemplateLibrary.build(
          replacing: [("#include <stdlib.h>", "#include <stdlib.h>\n\(waiting)"), ("1.0.0", version)], in: folder,
          as: "waiting-\(version)")
        let file = try user.put(library)
        #expect(try user.run("backend", "trust", file).status == 0)
        return file
      }
      let file = try put("1.0.1")
      try user.interrupt(whileItWaitsFor: wait)
      let again = try user.entry(of: file)
      #expect(again["state"] as? String == "ready", "\(again)")

      #expect(try put("1.0.2") == file)
      try user.interrupt(whileItWaitsFor: wait)
      // The second one is a probe as well, which waits like the first.
      try user.interrupt(whileItWaitsFor: wait)
      let quarantined = try user.entry(of: file)
      #expect(quarantined["state"] as? String == "quarantined", "\(quarantined)")
      #expect((quarantined["reason"] as? String)?.contains("ended in the middle, 2 times in a row") == true)
      let retried = try user.run("backend", "retry", file, "--json")
      #expect(try retried.jsonList().map { $0["state"] as? String } == ["ready"], "\(retried)")
    }
  }

  @Test func whatIsNotKnownCannotBeRetriedOrApproved() throws {
    try Project.with { folder in
      let user = User(folder: folder)
      let nothing = try user.run("backend", "retry", "nobody")
      #expect(nothing.status == 64 && nothing.error.contains("expected the id or the file of a probed backend"))
      let missing = try user.run("backend", "trust", folder.appending(path: "missing.so").path)
      #expect(missing.status != 0 && missing.error.contains("missing.so"), "\(missing.error)")
      let text = folder.appending(path: "text.toml")
      try Data("manifest = 7".utf8).write(to: text)
      let manifest = try user.run("backend", "trust", text.path)
      #expect(manifest.status != 0 && manifest.error.contains("text.toml:1"), "\(manifest.error)")
      #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "config/trust.toml").path))
    }
  }

  @Test func aManifestShowsWhatItWouldCall() throws {
    try Project.with { folder in
      let manifest = folder.appending(path: "vector.toml")
      try """
      manifest = 1
      [backend]
      id = "vector"
      version = "1"
      [library]
      names = ["libvector.so.1"]
      [[bind]]
      name = "relu"
      op = "relu"
      sig = "x:f32 -> y:f32"
      when = "contiguous(x) and contiguous(y)"
      symbol = "rectify"
      args = [["size", "count(x)"], ["ptr", "x"], ["ptr", "y"]]
      """.write(to: manifest, atomically: true, encoding: .utf8)
      let shown = try User(folder: folder).run("backend", "trust", "--dry-run", manifest.path)
      #expect(shown.status == 0, "\(shown.error)")
      #expect(shown.output.contains("libvector.so.1") && shown.output.contains("relu: relu x:f32 -> y:f32"))
    }
  }
}
