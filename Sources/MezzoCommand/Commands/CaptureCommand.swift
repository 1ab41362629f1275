import ArgumentParser
import Mezzo

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

struct CaptureCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "capture",
    abstract: "Write operations of a running model to files that repeat them on any backend.",
    discussion: """
      Runs 'train', 'embed' or 'similarity' as it stands behind the options, and keeps the operations that fit: what was \
      asked, the operands, the results, and who made them. What the command itself prints goes to standard error.

        mezzo capture --layer '*dense_1' --operation matmul --to cases train --epochs 1 --policy mixed_bfloat16
        mezzo capture --backend onednn --count 3 embed texts.txt
        mezzo backend check fast.so --replay cases/*.mezzocase

      Operands that are quantized, packed or narrower than a byte are in no case: such operations are left out, with a note.

      Exit status: 0 cases were written; 1 nothing fitted, or nothing of it could be kept.
      """)

  @Option(
    help: ArgumentHelp("Layers whose path matches; '*' stands for anything. (default: all)", valueName: "pattern"))
  var layer: String?

  @Option(help: ArgumentHelp("One operation, such as matmul. (default: all)", valueName: "name"), transform: Self.code)
  var operation: OperationCode?

  @Option(
    help: ArgumentHelp("forward, backward, or update. (default: all)", valueName: "phase"), transform: Self.phase)
  var phase: Graph.Phase?

  @Option(help: ArgumentHelp("What this backend computes. (default: all)", valueName: "id"))
  var backend: String?

  @Option(help: ArgumentHelp("Pass over so many that fit. (default: 0)", valueName: "number"))
  var first = 0

  @Option(help: "Keep so many. (default: 1)", transform: Arguments.positive)
  var count = 1

  @Option(help: ArgumentHelp("Where the files go. (default: the current directory)", valueName: "directory"))
  var to = "."

  @Argument(
    parsing: .captureForPassthrough, help: ArgumentHelp("The command that runs the model.", valueName: "command"))
  var command: [String]

  @OptionGroup var output: OutputOptions

  func run() async throws {
    // What stands behind the options is another command's, but for this.
    if ["--help", "-h"].contains(command.first) { throw CleanExit.helpRequest(Self.self) }
    output.begin()
    guard first >= 0 else { throw ValidationError("expected --first from 0 on, found \(first)") }
    // Before the model runs, which may take long; made only when there is something to write.
    let place = access(to, F_OK) == 0 ? to : TextFile.folder(of: to)
    guard access("\(place)/.", W_OK | X_OK) == 0 else {
      throw OutputError(path: to, reason: String(cString: strerror(errno)))
    }
    let recorder = CaseRecorder(
      .init(
        layer: layer.map { PathPattern($0) }, operation: operation, phase: phase, backend: backend, first: first,
        limit: count))
    // What a training fails of is often what is to be captured.
    let failure = try await Observation.$recorder.withValue(recorder) {
      try await ForwardedCommand.run(command, of: [TrainCommand.self, EmbedCommand.self, SimilarityCommand.self])
    }
    if recorder.cases.isEmpty {
      throw failure
        ?? CaptureFailure(matches: recorder.matches, passedBy: recorder.passedBy, leftOut: recorder.leftOut)
    }
    for text in recorder.leftOut { Console.note("left out: \(text)") }
    try show(try write(recorder.cases))
    if let failure { throw failure }
  }

  private struct Written: Encodable {
    var file, request, layer: String
    var phase: Graph.Phase
    var backend, rule: String
  }

  private func write(_ cases: [CapturedCase]) throws -> [Written] {
    mkdir(to, 0o755)
    return try cases.enumerated().map { number, found in
      let source = found.source
      let name = [
        "\(first + number)", source.layer.isEmpty ? "model" : source.layer, source.phase.rawValue,
        found.request.code.name,
      ].joined(separator: "-").map { $0.isLetter || $0.isNumber || "-_.".contains($0) ? $0 : "_" }
      let file = "\(to)/\(String(name)).mezzocase"
      try found.write(to: file)
      return Written(
        file: file, request: found.request.description, layer: source.layer, phase: source.phase,
        backend: source.backend, rule: source.rule)
    }
  }

  private func show(_ written: [Written]) throws {
    if output.json { return try printJSON(written) }
    let rows = written.map { [$0.file, $0.request, $0.layer, $0.phase.rawValue, "\($0.backend)/\($0.rule)"] }
    print(TextTable(header: ["file", "operation", "layer", "phase", "computed by"], rows: rows))
  }

  @Sendable private static func code(_ text: String) throws -> OperationCode {
    guard let code = OperationCode.allCases.first(where: { $0.name == text }) else {
      throw ValidationError("there is no operation '\(text)'; 'mezzo backends --json' lists the names")
    }
    return code
  }

  @Sendable private static func phase(_ text: String) throws -> Graph.Phase {
    guard let phase = Graph.Phase(rawValue: text) else {
      throw ValidationError("expected forward, backward or update, found '\(text)'")
    }
    return phase
  }
}

/// A model ran, and nothing of it was to be captured.
struct CaptureFailure: Error, CustomStringConvertible {
  private static let shown = 12
  var matches: Int
  var passedBy: [String]
  var leftOut: [String]

  var description: String {
    if !leftOut.isEmpty {
      return "what fits cannot be kept: \(leftOut.prefix(Self.shown).joined(separator: "; "))"
    }
    if matches > 0 { return "\(matches) operations fit, so --first passes over all of them; choose a smaller one" }
    guard !passedBy.isEmpty else { return "no operation ran; give the model something to do" }
    let others = passedBy.count > Self.shown ? ", and \(passedBy.count - Self.shown) others" : ""
    return "no operation fits; there ran \(passedBy.prefix(Self.shown).joined(separator: ", "))\(others)"
  }
}
