import ArgumentParser
import Mezzo

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Measures what another program asks for: one JSON object a line on standard input, one a line in answer.
///
/// `hello`, `prepare`, `run`, `memory`, `quit`; see `Docs/Performance.md`.
struct BenchWorker {
  private var workload: (any BenchWorkload)?

  private struct Request: Decodable {
    var cmd: String
    var workload: String?
    var params: ConfigurationValue?
    var variant: String?
    var threads: Int?
    var seed: UInt64?
    var seconds: Double?
    var maxIterations: Int?

    private enum CodingKeys: String, CodingKey {
      case cmd, workload, params, variant, threads, seed, seconds
      case maxIterations = "max_iterations"
    }
  }

  mutating func run() throws {
    while let line = readLine() {
      let answer: ConfigurationValue
      do {
        let request = try JSONDecoder().decode(Request.self, from: Data(line.utf8))
        if request.cmd == "quit" { return }
        answer = try self.answer(request)
      } catch {
        answer = ["ok": false, "why": .string("\(error)")]
      }
      print(Self.text(answer))
      try finishOutput()
    }
  }

  private mutating func answer(_ request: Request) throws -> ConfigurationValue {
    switch request.cmd {
    case "hello":
      return [
        "protocol": 1, "name": "mezzo", "version": .string(RootCommand.configuration.version),
        "variants": .array(BenchKind.variants.map { .string($0) }),
        "workloads": .array(BenchKind.all.map { .string($0.name) }),
      ]
    case "prepare":
      workload = nil
      let kind = try BenchKind.named(request.workload ?? "")
      let runtime =
        try request.threads.map {
          Runtime(
            Runtime.shared.registry, threads: $0, profiler: Observation.profiler, packCache: Runtime.shared.packCache)
        } ?? Observation.runtime()
      let setting = try BenchSetting(
        kind, variant: request.variant ?? "float32", runtime: runtime, seed: request.seed ?? 0)
      workload = try kind.make(BenchParameters(request.params, of: kind), setting)
      return ["ok": true]
    case "run":
      guard var workload else { throw BenchError.notPrepared }
      let run = try BenchRun(
        &workload, seconds: request.seconds ?? 0.5, most: max(request.maxIterations ?? 1000, 1))
      self.workload = workload
      return ["times_ms": .array(run.times.map { .number($0) }), "check": .array(run.check.map(Self.number))]
    case "memory":
      let (now, peak) = ProcessMemory.mebibytes()
      return ["rss_mb": .number(now), "peak_mb": .number(peak)]
    default:
      return ["ok": false, "why": .string("there is no command \(request.cmd)")]
    }
  }

  /// JSON has neither infinities nor NaN.
  private static func number(_ value: Double) -> ConfigurationValue { value.isFinite ? .number(value) : .null }

  private static func text(_ value: ConfigurationValue) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "{\"ok\":false}"
  }
}
