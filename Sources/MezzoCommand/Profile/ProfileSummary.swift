import Mezzo

/// The plan of a profile that took the most time: its typical run, and what each kind of operation took in all its runs.
struct ProfileSummary {
  /// Operations of one name, dtype and backend.
  struct Row: Encodable {
    var operation: String
    var dtype: String
    var backend: String
    /// In one run.
    var calls: Int
    /// In one run, the mean.
    var milliseconds: Double
    /// Of the run.
    var share: Double
    var operationsPerSecond: Double
    var bytesPerSecond: Double
    /// Of what the ceiling allows at this ratio of operations and bytes.
    var ofRoof: Double
    /// Operations for each byte.
    var intensity: Double
  }

  var profile: Profile
  var ceiling: Ceiling
  var runs: [Profile.Run]
  /// The run of median duration, with its calls.
  var typical: Profile.Run
  var calls: [Profile.Call]
  var rows: [Row]
  /// What the typical run takes beside its operations, in milliseconds.
  var betweenMilliseconds: Double

  var medianMilliseconds: Double { typical.duration / 1e6 }

  /// `nil` where nothing ran.
  init?(_ profile: Profile, ceiling: Ceiling) {
    let runs = profile.dominantRuns.sorted { $0.duration < $1.duration }
    guard !runs.isEmpty else { return nil }
    self.profile = profile
    self.ceiling = ceiling
    self.runs = runs
    typical = runs[runs.count / 2]
    calls = profile.calls(of: typical)
    // A sample of the runs is as good as all.
    let sample = stride(from: 0, to: runs.count, by: max(runs.count / 20, 1)).map { runs[$0] }
    let sampled = profile.calls(of: sample).flatMap { $0 }
    let total = sample.reduce(0) { $0 + $1.duration }
    betweenMilliseconds = (typical.duration - calls.reduce(0) { $0 + $1.duration }) / 1e6
    let kinds = Dictionary(grouping: sampled) { call in
      let operation = profile.operations[call.operation]
      return [operation.name, operation.dtype, operation.backend]
    }
    rows = kinds.map { kind, calls in
      let seconds = calls.reduce(0) { $0 + $1.duration } / 1e9
      let arithmetic = calls.reduce(0) { $0 + profile.operations[$1.operation].arithmetic }
      let bytes = calls.reduce(0) { $0 + profile.operations[$1.operation].bytes }
      let floor = max(arithmetic / ceiling.operations(for: kind[1]), bytes / ceiling.memory)
      return Row(
        operation: kind[0], dtype: kind[1], backend: kind[2],
        calls: Int((Double(calls.count) / Double(sample.count)).rounded()),
        milliseconds: seconds * 1e3 / Double(sample.count), share: seconds * 1e9 / total,
        operationsPerSecond: arithmetic / seconds, bytesPerSecond: bytes / seconds, ofRoof: floor / seconds,
        intensity: bytes > 0 ? arithmetic / bytes : 0)
    }.sorted { ($0.milliseconds, $1.operation) > ($1.milliseconds, $0.operation) }
  }

  var table: TextTable {
    TextTable(
      header: ["operation", "dtype", "backend", "calls", "time", "share", "Gop/s", "GB/s", "of the roof"],
      rows: rows.map { row in
        [
          row.operation, row.dtype, row.backend, "\(row.calls)", Format.milliseconds(row.milliseconds),
          Format.percent(row.share), Format.fixed(row.operationsPerSecond / 1e9, 1),
          Format.fixed(row.bytesPerSecond / 1e9, 1), Format.percent(row.ofRoof),
        ]
      })
  }
}
