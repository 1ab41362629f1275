import Mezzo

/// A stretch of a run that belongs together: a phase, in it a layer, in it layers of its own, and last an operation.
struct Flame {
  var name: String
  var depth: Int
  /// In nanoseconds from the beginning of the profile.
  var begin: Double
  var end: Double
  /// Of an operation, its place in the profile.
  var operation: Int?

  /// The operations of a run, under the layers that they stand in a row for.
  static func layers(_ calls: [Profile.Call], of profile: Profile) -> [Flame] {
    var done: [Flame] = []
    var open: [Flame] = []
    for call in calls {
      let operation = profile.operations[call.operation]
      let path = [operation.phase.rawValue] + operation.layer.split(separator: ".").map(String.init)
      let common = zip(open.map(\.name), path).prefix { $0 == $1 }.count
      done += open[common...]
      open.removeLast(open.count - common)
      for depth in common..<path.count {
        open.append(Flame(name: path[depth], depth: depth, begin: call.begin, end: call.begin))
      }
      for index in open.indices { open[index].end = call.begin + call.duration }
      done.append(
        Flame(
          name: operation.name, depth: path.count, begin: call.begin, end: call.begin + call.duration,
          operation: call.operation))
    }
    return (done + open).sorted { ($0.begin, $0.depth) < ($1.begin, $1.depth) }
  }
}
