#if os(Linux)
  import Foundation
  import Testing

  /// The progress bar where a person sees it.
  @Suite(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/script"), "script makes the terminal"))
  struct ProgressTests {
    /// What `mezzo train` writes to a terminal of its own, as standard error.
    private func train(_ environment: [String: String]) throws -> String {
      try ImageFiles.with { files in
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/script")
        let program = try Command.executable.path
        process.arguments = [
          "-qefc", "'\(program)' train --data '\(files.path)' --layers 8 --batch 20 --epochs 2 > /dev/null",
          "/dev/null",
        ]
        let own: Set = ["TERM", "CI", "NO_COLOR"]
        process.environment = ProcessInfo.processInfo.environment.filter {
          !$0.key.hasPrefix("MEZZO_") && !own.contains($0.key)
        }.merging(environment) { $1 }
        let output = Pipe()
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        try process.run()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        // The terminal itself puts a return before each new line.
        return String(decoding: bytes, as: UTF8.self).replacingOccurrences(of: "\r\n", with: "\n")
      }
    }

    @Test func onATerminalOneLineIsDrawnAnew() throws {
      let text = try train(["TERM": "xterm"])
      #expect(text.split(separator: "\n").count { $0.contains("epoch ") } == 1, "\(text)")
      #expect(text.contains("\u{1B}[K\r") && text.contains("epoch 2/2  3/3") && text.hasSuffix("\n"), "\(text)")
    }

    @Test(arguments: [["TERM": "xterm", "CI": "true"], ["TERM": "dumb"]])
    func whereNobodyWatchesThereIsALineAnEpoch(environment: [String: String]) throws {
      let lines = try train(environment).split(separator: "\n").filter { $0.contains("epoch ") }
      #expect(lines.count == 2)
      #expect(lines.allSatisfy { !$0.contains("\r") && !$0.contains("\u{1B}[K") }, "\(lines)")
    }
  }
#endif
