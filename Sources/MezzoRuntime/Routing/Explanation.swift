import MezzoBackend
import MezzoGraph
import MezzoPlugins

/// What a plan does: for each operation who computes it and why, and what memory it needs. Prints as a table.
public struct Explanation: Sendable, CustomStringConvertible {
  public var records: [RouteRecord]
  public var memory: MemorySummary
  /// Backends that could not take part at all though they should, with the reason.
  public var refused: [String]
  /// Whose threads compute, and how many.
  public var threads: ThreadPools
  /// Pins that concern none of the operations, each with the reason.
  public var unmetPins: [RoutingError]

  public init(_ plan: Plan, on runtime: Runtime) {
    let builds = Dictionary(runtime.router.backends.map { ($0.id, $0) }) { first, _ in first }
    records = plan.records.map { record in
      var record = record
      record.backendBuild = builds[record.backend]?.fingerprint
      return record
    }
    memory = plan.memory
    refused = runtime.registry.faults.map { "\($0.name): \($0.reason)" }
    threads = ThreadPools(plan.records, runtime.router)
    unmetPins = runtime.router.unmetPins(plan.records)
  }

  /// Of a run: what is computed once is not in it.
  public var estimatedNanoseconds: Double {
    records.reduce(0) { $0 + ($1.isComputedOnce ? 0 : $1.estimatedNanoseconds) }
  }

  /// The paths of all layers that ask for operations, in the order of their first.
  public var layers: [String] {
    var known: Set<String> = []
    return records.map(\.layer).filter { !$0.isEmpty && known.insert($0).inserted }
  }

  /// Of each backend the candidate that came closest to taking the operation.
  public static func closest(_ candidates: [RouteRecord.Candidate]) -> [RouteRecord.Candidate] {
    Router.closest(candidates)
  }

  /// Records that are alike in everything but their place, with how often they come.
  public var distinct: [(record: RouteRecord, count: Int)] {
    var rows: [(record: RouteRecord, count: Int)] = []
    var places: [String: Int] = [:]
    for record in records {
      let key = [record.layer, record.phase.rawValue, record.operation, record.dtypes, record.backend, record.rule]
        .joined(separator: "\u{1F}")
      if let place = places[key] {
        rows[place].count += 1
      } else {
        places[key] = rows.count
        rows.append((record, 1))
      }
    }
    return rows
  }

  public var description: String {
    let rows = distinct.map { row, count in
      [
        row.layer.isEmpty ? "–" : row.layer, row.phase.rawValue,
        count > 1 ? "\(row.operation) ×\(count)" : row.operation, row.dtypes, "\(row.backend)/\(row.rule)",
        (row.casts + (row.isPacked ? ["packed"] : [])).joined(separator: ", "), row.why,
      ]
    }
    var text = TextTable(
      header: ["layer", "phase", "operation", "dtypes", "backend/rule", "casts", "why"], rows: rows
    ).description
    text += "\nthreads  \(threads)"
    for line in refused { text += "\nrefused  \(line)" }
    for error in unmetPins { text += "\npins     \(error)" }
    return text
  }
}
