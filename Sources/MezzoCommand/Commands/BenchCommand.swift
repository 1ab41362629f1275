import ArgumentParser
import Mezzo

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure training and inference on this machine.",
    discussion: """
      Workloads: W1 a step of training of dense layers, W2 of convolutions, W3 sentences through all-MiniLM-L6-v2 (after \
      'make model'), W4 a step of training of a layer of a transformer's encoder, W5a a dense layer with GELU, W5b a chain \
      of small ones, W6a to W6c rows normalised, softmax and GELU. Data and weights are made up and always the same. Times are medians, with the least and the most beside them.

        mezzo bench
        mezzo bench W1 W4 --policy mixed_bfloat16
        mezzo bench --worker      # for a program that compares: requests on standard input
      """)

  @Argument(help: "Which workloads. (default: all)")
  var workloads: [String] = []

  @Option(help: ArgumentHelp("Only under this policy. (default: all)", valueName: "name"))
  var policy: String?

  @Option(help: "For how long each is run.", transform: Arguments.rate)
  var seconds = 0.5

  @Flag(help: "Answer requests on standard input, one JSON object a line.")
  var worker = false

  @OptionGroup var output: OutputOptions

  private struct Measurement: Encodable {
    var workload: String
    var title: String
    var policy: String
    var medianMilliseconds: Double
    var leastMilliseconds: Double
    var mostMilliseconds: Double
    var iterations: Int
    var operationsPerSecond: OrNull<Double>
  }

  func run() throws {
    output.begin()
    if worker {
      var worker = BenchWorker()
      return try worker.run()
    }
    let kinds =
      try workloads.isEmpty
      ? BenchKind.all.filter { $0.isReady(BenchParameters(nil)) } : workloads.map { try BenchKind.named($0) }
    let variants = policy.map { [$0] } ?? BenchKind.variants
    var measurements: [Measurement] = []
    for kind in kinds {
      for variant in variants {
        if Console.Stream.error.isTerminal { Console.error("\r\u{1B}[K\(kind.name) \(variant)") }
        measurements.append(try measure(kind, variant))
      }
    }
    if Console.Stream.error.isTerminal { Console.error("\r\u{1B}[K") }
    if output.json { try printJSON(measurements) } else { print(table(measurements)) }
  }

  private func measure(_ kind: BenchKind, _ variant: String) throws -> Measurement {
    let parameters = BenchParameters(nil)
    var workload = try kind.make(parameters, BenchSetting(variant: variant, runtime: .shared, seed: 0))
    let run = try BenchRun(&workload, seconds: seconds, most: .max)
    let operations = try kind.operations(parameters)
    return Measurement(
      workload: kind.name, title: kind.title, policy: variant, medianMilliseconds: run.median,
      leastMilliseconds: run.times.min() ?? .nan, mostMilliseconds: run.times.max() ?? .nan,
      iterations: run.times.count, operationsPerSecond: OrNull(operations.map { $0 / run.median * 1e3 }))
  }

  private func table(_ measurements: [Measurement]) -> TextTable {
    TextTable(
      header: ["workload", "", "policy", "median", "least – most", "Gop/s"],
      rows: measurements.map { row in
        [
          row.workload, row.title, row.policy, Self.time(row.medianMilliseconds),
          "\(Self.time(row.leastMilliseconds)) – \(Self.time(row.mostMilliseconds))",
          row.operationsPerSecond.value.map { "\(Int(($0 / 1e9).rounded()))" } ?? "–",
        ]
      })
  }

  /// With three digits.
  private static func time(_ milliseconds: Double) -> String {
    func rounded(_ value: Double) -> String {
      value < 10
        ? "\((value * 100).rounded() / 100)"
        : value < 100 ? "\((value * 10).rounded() / 10)" : "\(Int(value.rounded()))"
    }
    return milliseconds < 1 ? "\(rounded(milliseconds * 1e3)) µs" : "\(rounded(milliseconds)) ms"
  }
}
