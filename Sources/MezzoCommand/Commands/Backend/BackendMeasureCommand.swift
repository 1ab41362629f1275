import ArgumentParser
import Mezzo

struct BackendMeasureCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "measure",
    abstract: "Measure what a backend that comes with Mezzo costs on this machine.",
    discussion: """
      The manifests of openblas, blis, onednn-gemm and xnnpack are part of Mezzo, but how fast their libraries are differs \
      from build to build and from processor to processor: what they declare is careful. This tries one of them with the \
      conformance kit in a process of its own, beside the built-in backend, and keeps what it took: routes follow it from \
      the next program on. Backends of others are measured when they are probed.

        mezzo backend measure openblas
        mezzo explain --policy float64      # who does what now
      """)

  @Argument(help: "Backends' ids. (default: all that take part)")
  var backends: [String] = []

  @OptionGroup var output: OutputOptions

  private struct Report: Encodable {
    var backend: String
    var costs: [BackendFiles.Cost]
  }

  func run() async throws {
    output.begin()
    var registry = BackendRegistry()
    registry.discover(bundled: [])
    let installed = Manifest.shipped.map(\.id).filter { id in
      registry.entries.contains { $0.name == id && !$0.isAbsent }
    }
    let reports = try (backends.isEmpty ? installed : backends).map { id in
      Report(backend: id, costs: try BackendFiles.measure(id))
    }
    if backends.isEmpty {
      for (id, reason) in registry.waiting { Console.note("\(id) was not measured: \(reason)") }
    }
    if output.json { return try printJSON(reports) }
    for report in reports {
      print(report.backend)
      let width = report.costs.map(\.rule.count).max() ?? 0
      for cost in report.costs {
        let times = "\(Router.duration(cost.measured)), declared \(Router.duration(cost.declared))"
        print("  \(cost.rule.padded(to: width))  \(times)")
      }
    }
  }
}
